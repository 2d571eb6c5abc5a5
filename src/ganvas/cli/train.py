"""`ganvas train`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ganvas import console, machine
from ganvas.cli import Parameter, flag, schema_flags, switch
from ganvas.cli.flags import parse_choices
from ganvas.config.training import BUDGETS, MAX_IMAGES, RunBasics, TrainingConfig
from ganvas.data.config import DataConfig
from ganvas.errors import UserError
from ganvas.settings import Flag, Settings, leaves, parse

if TYPE_CHECKING:
    from ganvas.runs.folder import RunFolder


class MoreTraining(Settings):
    """How much further a finished run is trained."""

    more_images: Annotated[int | None, Flag("N", "Budget (give one)")] = Field(default=None, ge=1, le=MAX_IMAGES)
    """Train a finished run (--out RUN) further, by so many images."""
    more_minutes: Annotated[float | None, Flag("M", "Budget (give one)")] = Field(default=None, gt=0, le=10**6)
    """Train a finished run (--out RUN) further, by so many minutes."""


@schema_flags(RunBasics, TrainingConfig, MoreTraining, DataConfig)
def train(
    source: Annotated[str, Parameter(help="A name (ganvas list sources), a folder, an .npz, a .zip or hf:owner/name.")],
    /,
    *,
    out: Annotated[
        Path | None, flag("FOLDER", "The run's folder (default: runs/SOURCE-RECIPE-sSEED).", group="Run")
    ] = None,
    config: Annotated[
        Path | None, flag("FILE.toml", "Options, perhaps a recipe; flags win over it.", group="Run")
    ] = None,
    start_from: Annotated[
        str | None, flag("RUN", "A finished run whose weights to start from.", "--from", group="Run")
    ] = None,
    moved_to: Annotated[
        str | None,
        flag("PLACE", "Where the set of the run in --out lies, if it has moved.", "--source", group="Run"),
    ] = None,
    track: Annotated[str | None, flag("NAMES", "Trackers beside the log: tensorboard,wandb.", group="Run")] = None,
    dry_run: Annotated[bool, switch("Print configuration, layers, memory and time; train nothing.", "Run")] = False,
    **options: Annotated[
        dict[str, str],
        flag("VALUE", "Every other option by its full name: ganvas list options.", "--part.name", group="Other"),
    ],
) -> int:
    """Train a generator on SOURCE, or resume where the same command stopped."""
    from ganvas.training.dry_run import print_dry_run
    from ganvas.training.run import TrainRequest
    from ganvas.training.run import train as train_run

    more = parse(MoreTraining, {name: options.pop(name) for name in MoreTraining.model_fields if name in options})
    given = [f"--{name}".replace("_", "-") for name, value in more if value is not None]
    budgets = [f"--{name}" for name, _ in leaves(options) if name.removeprefix("training.") in BUDGETS]
    if given and (others := given[1:] + budgets):
        raise UserError(f"{given[0]} is the budget of a finished run's further training: leave out {others[0]}")
    of_old_runs = given + ["--source"] * (moved_to is not None)
    if of_old_runs and dry_run:
        raise UserError(f"--dry-run describes a new run: leave out {of_old_runs[0]}")
    choices = parse_choices(options, config)
    recipe, trackers = choices.pop("recipe", None), tracker_names(track)
    request = TrainRequest(source, recipe, choices, start_from, trackers, more.more_minutes, more.more_images, moved_to)
    if dry_run:
        print_dry_run(request, out)
        return 0
    folder = train_run(request, out)
    if machine.is_rank_zero():
        report_results(folder)
    return 0


def tracker_names(track: str | None) -> tuple[str, ...]:
    """`tensorboard,wandb` -> its names."""
    if track is None:
        return ()
    if not track.strip():
        raise UserError("--track needs the name of a tracker: tensorboard, wandb")
    return tuple(name.strip() for name in track.split(","))


def report_results(folder: "RunFolder") -> None:
    """Prints a classifier's accuracy, the run's folders, and what to type next."""
    if results := folder.read().results:
        console.info(f"accuracy {results.accuracy:.4f} on {results.held_out} held-out images")
    console.info(f"run {folder.path}")
    for name, path in (("charts", folder.charts), ("previews", folder.previews), ("bundle", folder.bundle)):
        if path.is_dir():
            console.info(f"{name} {path}")
    if folder.previews.is_dir():
        console.info(f"next: ganvas sample {shlex.quote(str(folder.path))} -n 100")
