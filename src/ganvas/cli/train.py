"""`ganvas train`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from ganvas import console, machine
from ganvas.cli import Parameter, flag, schema_flags, switch
from ganvas.config.training import MoreTraining, RunBasics, TrainingConfig
from ganvas.data.config import DataConfig
from ganvas.errors import UserError

if TYPE_CHECKING:
    from ganvas.api.keywords import TrainOptions
    from ganvas.runs.folder import RunFolder


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
    from ganvas.api.train import request_for
    from ganvas.api.train import train as train_source
    from ganvas.runs.folder import RunFolder
    from ganvas.training.dry_run import print_dry_run

    if dry_run:
        request = request_for(source, options, config, start_from, moved_to, track)
        of_old_runs = [f"--{name}".replace("_", "-") for name in MoreTraining.model_fields if name in options]
        if of_old_runs := of_old_runs + ["--source"] * (moved_to is not None):
            raise UserError(f"--dry-run describes a new run: leave out {of_old_runs[0]}")
        print_dry_run(request, out)
        return 0
    choices = cast("TrainOptions", options)
    run = train_source(source, out=out, config=config, start_from=start_from, moved_to=moved_to, track=track, **choices)
    if machine.is_rank_zero():
        report_results(RunFolder(run.folder))
    return 0


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
