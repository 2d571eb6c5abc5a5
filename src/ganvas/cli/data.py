"""`ganvas data`: prepare a source once, and report what is in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from ganvas import console
from ganvas.cli import Parameter, flag, schema_flags
from ganvas.data.config import DataConfig
from ganvas.errors import UserError

if TYPE_CHECKING:
    from ganvas.api.keywords import DataOptions
    from ganvas.data import PreparedSet

MOST_CLASSES_ON_SHEET = 40
COLUMNS_ON_SHEET = 12


@schema_flags(DataConfig)
def data(
    source: Annotated[str, Parameter(help="A name (ganvas list sources), a folder, an .npz, a .zip or hf:owner/name.")],
    /,
    *,
    out: Annotated[Path | None, flag("FILE.png", "The sheet of examples (default: beside the prepared set).")] = None,
    **options: object,
) -> int:
    """Prepare SOURCE once, below GANVAS_CACHE or your cache folder, and report what is in it."""
    from ganvas.api.prepare import prepare
    from ganvas.runs.paths import refuse_inside_source, refuse_unwritable

    if out is not None:
        if out.suffix != ".png":
            raise UserError(f"--out {out}: the sample sheet is a FILE.png")
        refuse_unwritable(out)
        refuse_inside_source(source, out)
    prepared = prepare(source, **cast("DataOptions", options))
    for line in prepared.facts():
        console.info(line)
    sheet = write_sheet(prepared, prepared.folder / "samples.png" if out is None else out)
    console.info(f"sample sheet: {sheet}")
    console.info(f"prepared set: {prepared.folder}")
    return 0


def write_sheet(prepared: "PreparedSet", path: Path) -> Path:
    """Writes a row of training images for each class, or combination of classes, with its name; returns the path."""
    import numpy as np

    from ganvas.report import charts

    rows, labels, classes = prepared.train[: 3 * COLUMNS_ON_SHEET], None, tuple[str, ...]()
    if prepared.labels is not None:
        space, train_labels = prepared.label_space, prepared.labels[prepared.train]
        classes, shown = space.names, space.commonest(MOST_CLASSES_ON_SHEET)
        firsts = [np.flatnonzero(train_labels == label)[:COLUMNS_ON_SHEET] for label in shown]
        rows = prepared.train[np.concatenate(firsts)]
        labels = prepared.labels[rows]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        charts.draw_class_grid(prepared.pixels[rows], labels, classes, path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"the sample sheet cannot be written to {path}: {reason}; give --out FILE.png") from None
    return path
