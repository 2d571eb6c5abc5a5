"""`ganvas train`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganvas import console, machine
from ganvas.cli import Parameter, flag, switch
from ganvas.cli.flags import SHORT, parse_choices
from ganvas.errors import UserError

if TYPE_CHECKING:
    from ganvas.runs.folder import RunFolder

Text = str | None


def train(
    source: Annotated[str, Parameter(help="A name (ganvas list sources), a folder, an .npz or hf:owner/name.")],
    /,
    *,
    recipe: Annotated[Text, flag("NAME", "What everything not given comes from (default: modern).")] = None,
    out: Annotated[Path | None, flag("FOLDER", "The run's folder (default: runs/SOURCE-RECIPE-sSEED).")] = None,
    images: Annotated[Text, flag("N", "Budget in images shown.")] = None,
    minutes: Annotated[Text, flag("M", "Budget in minutes; timed steps turn it into images.")] = None,
    epochs: Annotated[Text, flag("E", "Budget in passes over the training images.")] = None,
    seed: Annotated[Text, flag("S", "Every random draw follows from it (default: 0).")] = None,
    labels: Annotated[Text, flag("on|off", "Whether the networks are told the classes.")] = None,
    size: Annotated[Text, flag("PIXELS", "Height and width to train at, 16 to 128.")] = None,
    crop: Annotated[Text, flag("square|PIXELS", "Centre crop before the resize (default: square).")] = None,
    channels: Annotated[Text, flag("1|3", "Grey or RGB (default: as the source is).")] = None,
    attribute: Annotated[Text, flag("NAME", "What labels a set in CelebA's layout: Smiling.")] = None,
    accept_refused: Annotated[bool | None, switch("Go on though over a tenth cannot be used.")] = None,
    batch: Annotated[Text, flag("N", "Pictures a step.")] = None,
    save_every: Annotated[Text, flag("N", "Pictures from one checkpoint to the next.")] = None,
    score_every: Annotated[Text, flag("N", "Pictures from one quick score to the next; keeps the best.")] = None,
    watch: Annotated[Text, flag("on|warn|off", "Warn of a lost game, and stop it later.")] = None,
    threads: Annotated[Text, flag("auto|N", "Processor threads; auto measures.")] = None,
    precision: Annotated[Text, flag("auto|float32|bfloat16", "Of the arithmetic; auto measures.")] = None,
    memory_format: Annotated[Text, flag("auto|contiguous|channels-last", "Of images; auto measures.")] = None,
    config: Annotated[Path | None, flag("FILE.toml", "Knobs, perhaps a recipe; flags win over it.")] = None,
    start_from: Annotated[Text, flag("RUN", "A finished run whose weights to begin with.", "--from")] = None,
    track: Annotated[Text, flag("NAMES", "Trackers beside the log: tensorboard,wandb.")] = None,
    dry_run: Annotated[bool, switch("Print configuration, layers, memory and time; train nothing.")] = False,
    **options: Annotated[dict[str, str], flag("VALUE", "Any other: ganvas list knobs.", "--part.name")],
) -> int:
    """Train a generator on SOURCE, or go on where the same command stopped."""
    short = {name: value for name, value in locals().items() if name in SHORT}  # first: nothing else is local yet
    from ganvas.training.dry_run import print_dry_run
    from ganvas.training.run import TrainRequest
    from ganvas.training.run import train as train_run

    made = parse_choices(short, options, config)
    in_file = made.pop("recipe", "modern")
    asked = TrainRequest(source, in_file if recipe is None else recipe, made, start_from, names(track))
    if dry_run:
        print_dry_run(asked, out)
        return 0
    folder = train_run(asked, out)
    if machine.is_rank_zero():
        told(folder)
    return 0


def names(track: str | None) -> tuple[str, ...]:
    """`tensorboard,wandb` -> its names."""
    if track is None:
        return ()
    if not track.strip():
        raise UserError("--track needs the name of a tracker: tensorboard, wandb")
    return tuple(name.strip() for name in track.split(","))


def told(folder: "RunFolder") -> None:
    """Says what a classifier reached, where everything of a run lies, and what to type next."""
    if results := folder.read().results:
        console.info(f"accuracy {results.accuracy:.4f} on {results.held_out} held-out images")
    console.info(f"run {folder.path}")
    for what, place in (("charts", folder.charts), ("previews", folder.previews), ("bundle", folder.bundle)):
        if place.is_dir():
            console.info(f"{what} {place}")
    if folder.previews.is_dir():
        console.info(f"next: ganvas sample {shlex.quote(str(folder.path))} -n 100")
