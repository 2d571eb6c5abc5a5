"""`ganvas data`: prepare a source once, and report what is in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganvas import console
from ganvas.cli import Parameter, flag, schema_flags
from ganvas.data.config import DataConfig
from ganvas.errors import UserError
from ganvas.settings import parse

if TYPE_CHECKING:
    from ganvas.data import PreparedSet

MOST_CLASSES_ON_SHEET = 40
COLUMNS_ON_SHEET = 12


@schema_flags(DataConfig)
def data(
    source: Annotated[str, Parameter(help="A name (ganvas list sources), a folder, an .npz or hf:owner/name.")],
    /,
    *,
    out: Annotated[Path | None, flag("FILE.png", "The sheet of examples (default: beside the prepared set).")] = None,
    **options: object,
) -> int:
    """Prepare SOURCE once, below GANVAS_CACHE or your cache folder, and report what is in it."""
    from ganvas.data import open_source
    from ganvas.runs.paths import refuse_inside_source, refuse_unwritable

    if out is not None:
        if out.suffix != ".png":
            raise UserError(f"--out {out}: the sample sheet is a FILE.png")
        refuse_unwritable(out)
        refuse_inside_source(source, out)
    prepared = open_source(source, parse(DataConfig, options))
    for line in report_lines(prepared):
        console.info(line)
    sheet = write_sheet(prepared, prepared.folder / "samples.png" if out is None else out)
    console.info(f"sample sheet: {sheet}")
    console.info(f"prepared set: {prepared.folder}")
    return 0


def report_lines(prepared: "PreparedSet") -> Iterator[str]:
    """What a prepared set holds, one fact a line. A fact that is not worth a line is left out."""
    facts = prepared.manifest
    size = facts.size
    how = "the set's own part" if facts.own_split else "a tenth of each class by the hash of the decoded image"
    yield f"source: {prepared.name}, {facts.layout}"
    yield f"images: {facts.images} of {size}x{size} px, {'grey' if facts.channels == 1 else 'RGB'}"
    yield f"fingerprint: {prepared.fingerprint}"
    if not prepared.classes:
        yield "labels: none, so it is trained without labels"
    for row in facts.per_class:
        yield f"class {row.name}: {row.train + row.held_out} images, {row.held_out} of them held out"
    yield f"held out: {facts.held_out} images, {how}"
    if facts.small_classes:
        yield f"classes too small for a held-out part: {', '.join(facts.small_classes)}"
    if facts.left_out:
        yield f"left out of training: {facts.left_out} (exact copies of held-out images)"
    yield f"original sizes: {_counts(facts.sizes)}"
    yield f"original colour modes: {_counts(facts.modes)}"
    if facts.levels:
        stretched = ", stretched to 0..255" * facts.stretched
        yield f"levels: {', '.join(map(str, facts.levels))}{stretched}"
    yield f"crop: {facts.crop}; resize: {facts.filter}; transparent over {facts.background}"
    if facts.enlarged:
        yield f"enlarged: {facts.enlarged} (smaller than {size} px)"
    if facts.animated:
        yield f"animated: {facts.animated} (only the first frame is used)"
    yield f"duplicates: {facts.duplicates}"
    yield from (f"duplicate: {copy} equals {first}" for copy, first in facts.duplicate_examples)
    yield f"near-duplicates: {facts.near_duplicates} ({facts.near_duplicate_threshold})"
    yield from (f"near-duplicate: {copy} is like {first}" for copy, first in facts.near_duplicate_examples)
    named = len(facts.duplicate_examples) + len(facts.near_duplicate_examples)
    if named < facts.duplicates + facts.near_duplicates:
        yield f"duplicates and near-duplicates named here: {named}"
    if facts.near_across_split:
        yield f"held-out images with a near-duplicate in the training part: {facts.near_across_split}"
    yield from facts.notes
    if facts.ignored:
        yield f"files ignored: {len(facts.ignored)} (not images)"
        yield from (f"ignored: {name}" for name in facts.ignored)
    yield f"refused: {len(facts.refused)}"
    yield from (f"refused: {item.name}: {item.reason}" for item in facts.refused)


def _counts(counts: dict[str, int], most: int = 10) -> str:
    first = [f"{name} ({count})" for name, count in list(counts.items())[:most]]
    return ", ".join(first) + (f", and {len(counts) - most} more" if len(counts) > most else "")


def write_sheet(prepared: "PreparedSet", path: Path) -> Path:
    """Writes a row of training images for each class, with its name, and returns the path."""
    import numpy as np

    from ganvas.report import charts

    classes = prepared.classes[:MOST_CLASSES_ON_SHEET]
    rows, labels = prepared.train[: 3 * COLUMNS_ON_SHEET], None
    if prepared.labels is not None:
        train_labels = prepared.labels[prepared.train]
        firsts = [np.flatnonzero(train_labels == label)[:COLUMNS_ON_SHEET] for label in range(len(classes))]
        rows = prepared.train[np.concatenate(firsts)]
        labels = prepared.labels[rows]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        charts.draw_class_grid(prepared.pixels[rows], labels, classes, path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"the sample sheet cannot be written to {path}: {reason}") from None
    return path
