"""`ganvas data`: prepare a source once, and say what is in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ganvas.data import PreparedSet
    from ganvas.data.manifest import Manifest

MOST_CLASSES_ON_SHEET = 40
COLUMNS_ON_SHEET = 12


def data(
    source: str,
    /,
    *,
    size: int | None = None,
    crop: str | None = None,
    channels: Literal[1, 3] | None = None,
    attribute: str | None = None,
    background: Literal["white", "black"] = "white",
    accept_refused: bool = False,
    out: Path | None = None,
) -> int:
    """Prepare SOURCE once, and report what is in it.

    Parameters
    ----------
    source
        digits, mnist, fashion-mnist, celeba, a folder of images, a folder of idx files, an .npz, or hf:owner/name.
    size
        Height and width in pixels, 16 to 128; when not given, a crop of up to 128 pixels as it is, else the median
        short side, at most 64.
    crop
        Centre crop before the resize: square (the short side), or a number of pixels.
    channels
        1 (grey) or 3 (RGB); when not given, grey stays grey and anything else becomes RGB.
    attribute
        The yes/no attribute that labels a set in CelebA's layout, such as Smiling.
    background
        What shows through where an image is transparent.
    accept_refused
        Go on although more than a tenth of the images could not be used.
    out
        Where the sample sheet goes; when not given, beside the prepared set.
    """
    from ganvas import console
    from ganvas.cli.places import refuse_inside_source, refuse_unwritable
    from ganvas.data import DataConfig, open_source
    from ganvas.errors import UserError
    from ganvas.settings import parse

    choices = {
        "size": size,
        "crop": crop or "square",
        "channels": channels,
        "attribute": attribute,
        "background": background,
        "accept_refused": accept_refused,
    }
    if out is not None:
        if out.suffix != ".png":
            raise UserError(f"--out {out}: the sample sheet is a FILE.png")
        refuse_unwritable(out)
        refuse_inside_source(source, out)
    prepared = open_source(source, parse(DataConfig, choices))
    for line in report_lines(prepared):
        console.info(line)
    sheet = _write_sheet(prepared, out)
    console.info(f"sample sheet: {sheet}")
    console.info(f"prepared set: {prepared.folder}")
    return 0


def report_lines(prepared: "PreparedSet") -> Iterator[str]:
    """What a prepared set holds, one fact a line."""
    facts = prepared.manifest
    yield f"source: {prepared.name}, {facts.layout}"
    yield f"images: {facts.images} of {facts.size}x{facts.size} px, {_channels(facts.channels)}"
    yield f"fingerprint: {prepared.fingerprint}"
    if not prepared.classes:
        yield "labels: none, so it is trained without labels"
    for item in facts.per_class:
        yield f"class {item.name}: {item.train + item.held_out} images, {item.held_out} of them held out"
    how = "the set's own part" if facts.own_split else "a tenth of each class by the hash of the decoded image"
    yield f"held out: {facts.held_out} images, {how}"
    if facts.small_classes:
        yield f"without a held-out part, being too small: {', '.join(facts.small_classes)}"
    if facts.left_out:
        yield f"left out of training, being exact copies of held-out images: {facts.left_out}"
    yield f"sizes met: {_counts(facts.sizes)}"
    yield f"modes met: {_counts(facts.modes)}"
    yield f"crop: {facts.crop}; resize: {facts.filter}; transparent over {facts.background}"
    if facts.enlarged:
        yield f"enlarged, being smaller than {facts.size} px: {facts.enlarged}"
    if facts.animated:
        yield f"animated, of which the first frame is used: {facts.animated}"
    yield from _doubles(facts)
    yield from facts.notes
    if facts.ignored:
        yield f"files that are no images or not named as any: {len(facts.ignored)}"
        yield from (f"passed over: {name}" for name in facts.ignored)
    yield f"refused: {len(facts.refused)}"
    yield from (f"refused: {item.name}: {item.reason}" for item in facts.refused)


def _doubles(facts: "Manifest") -> Iterator[str]:
    yield f"duplicates: {facts.duplicates}"
    yield from (f"duplicate: {copy} equals {first}" for copy, first in facts.duplicate_examples)
    yield f"near-duplicates: {facts.near_duplicates} ({facts.near_duplicate_threshold})"
    yield from (f"near-duplicate: {copy} is like {first}" for copy, first in facts.near_duplicate_examples)
    shown = len(facts.duplicate_examples) + len(facts.near_duplicate_examples)
    if shown < facts.duplicates + facts.near_duplicates:
        yield f"of the duplicates and near-duplicates {shown} are named here"
    if facts.near_across_split:
        yield f"held-out images with a near-duplicate among those trained on: {facts.near_across_split}"


def _channels(channels: int) -> str:
    return "grey" if channels == 1 else "RGB"


def _counts(counts: dict[str, int], most: int = 10) -> str:
    shown = [f"{name} ({count})" for name, count in list(counts.items())[:most]]
    return ", ".join(shown) + (f", and {len(counts) - most} more" if len(counts) > most else "")


def _write_sheet(prepared: "PreparedSet", out: Path | None) -> Path:
    """A row of training images for each class, with its name."""
    import numpy as np

    from ganvas.errors import UserError
    from ganvas.report import charts

    path = prepared.folder / "samples.png" if out is None else out
    classes = prepared.classes[:MOST_CLASSES_ON_SHEET]
    shown, labels = prepared.train[: 3 * COLUMNS_ON_SHEET], None
    if prepared.labels is not None:
        trained = prepared.labels[prepared.train]
        firsts = [np.flatnonzero(trained == index)[:COLUMNS_ON_SHEET] for index in range(len(classes))]
        shown = prepared.train[np.concatenate(firsts)]
        labels = prepared.labels[shown]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        charts.class_grid(prepared.pixels[shown], labels, classes, path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"the sample sheet cannot be written to {path}: {reason}") from None
    return path
