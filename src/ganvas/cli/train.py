"""`ganvas train`."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ganvas.errors import UserError
from ganvas.progress import say


def train(  # the flags a person uses most; every other knob is --part.name
    source: str,
    /,
    *,
    recipe: str | None = None,
    out: Path | None = None,
    images: int | None = None,
    minutes: float | None = None,
    epochs: float | None = None,
    seed: int | None = None,
    labels: str | None = None,
    size: int | None = None,
    crop: str | None = None,
    channels: int | None = None,
    attribute: str | None = None,
    batch: int | None = None,
    save_every: int | None = None,
    threads: str | None = None,
    precision: str | None = None,
    memory_format: str | None = None,
    config: Path | None = None,
    start_from: Annotated[str | None, Parameter(name="--from")] = None,
    track: str | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    **knobs: dict[str, str],
) -> int:
    """Train a generator on SOURCE, or go on where the same command stopped.

    Parameters
    ----------
    source
        A known name (ganvas list), a folder of class folders, an .npz, or hf:owner/name; ./NAME is always a path.
    recipe
        What everything not given comes from (default: modern).
    out
        The run's folder (default: runs/SOURCE-RECIPE-sSEED).
    images
        Budget in pictures shown.
    minutes
        Budget in minutes of training; a few timed steps turn it into pictures.
    epochs
        Budget in passes over the training pictures.
    seed
        Every random draw follows from it (default: 0).
    labels
        on or off: whether the networks are told the classes.
    size
        Height and width to train at, 16 to 128 pixels.
    crop
        Centre crop before the resize: square, or a number of pixels.
    channels
        1 (grey) or 3 (RGB).
    attribute
        The yes/no attribute that labels a set in CelebA's layout.
    batch
        Pictures a step.
    save_every
        Pictures from one checkpoint to the next.
    threads
        auto or a number.
    precision
        auto, float32 or bfloat16.
    memory_format
        auto, contiguous or channels-last.
    config
        A TOML file of knobs; flags win over it.
    start_from
        A finished run whose weights to begin with.
    track
        Trackers to send the log to: tensorboard, wandb.
    dry_run
        Print the whole configuration, the networks and what the run would take; train nothing.
    knobs
        Every other choice as --part.name VALUE, such as --pair.width 48; --dry-run lists them all.
    """
    from ganvas.runs.spec import merged
    from ganvas.training.forecast import forecast
    from ganvas.training.train import Asked
    from ganvas.training.train import train as train_run

    short = {
        "seed": seed,
        "labels": labels,
        "data": {"size": size, "crop": crop, "channels": channels, "attribute": attribute},
        "training": {
            "images": images,
            "minutes": minutes,
            "epochs": epochs,
            "batch": batch,
            "save_every": save_every,
            "threads": threads,
            "precision": precision,
            "memory_format": memory_format,
        },
    }
    from_file = read_config(config) if config else {}
    recipe = recipe or from_file.pop("recipe", None) or "modern"
    choices = merged(merged(from_file, given(knobs)), given(short))
    trackers = tuple(name.strip() for name in track.split(",")) if track else ()
    asked = Asked(source, recipe, choices, start_from, trackers)
    if dry_run:
        forecast(asked, out)
        return 0
    folder = train_run(asked, out)
    say(f"run {folder.path}")
    for what, place in (("charts", folder.charts), ("previews", folder.previews), ("bundle", folder.bundle)):
        if place.is_dir():
            say(f"{what} {place}")
    if folder.previews.is_dir():
        say(f"next: ganvas sample {folder.path} -n 100")
    return 0


def given(values: dict[str, Any]) -> dict[str, Any]:
    """The choices that were made: without those left at None, and without the parts in which none was made."""
    nested = {name: given(value) if isinstance(value, dict) else value for name, value in values.items()}
    return {name: value for name, value in nested.items() if value is not None and value != {}}


def read_config(path: Path) -> dict[str, Any]:
    """A TOML file's knobs. UserError if it cannot be read or is no TOML."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UserError(f"--config {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"--config {path} is not TOML: {error}") from None
