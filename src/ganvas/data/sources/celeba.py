"""CelebA's published layout: `img_align_celeba/`, `list_attr_celeba.txt`, perhaps `list_eval_partition.txt`."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganvas.data.sources.contents import ImageFiles, SourceContents
from ganvas.data.sources.scan import FolderScan
from ganvas.errors import UserError, nearest

IMAGES = "img_align_celeba"
ATTRIBUTES = "list_attr_celeba.txt"
PARTITION = "list_eval_partition.txt"


def read_celeba(listing: FolderScan, scratch: Path, attribute: str | None) -> SourceContents:
    """Portraits in the order of the attribute table; classes `not Smiling` and `Smiling`, or no labels."""
    columns, rows = _table(listing.root / ATTRIBUTES)
    # The archive of the portraits unpacks to one folder or, where it was unpacked into one, two.
    inner = f"{IMAGES}/{IMAGES}"
    folder = inner if inner in listing.files else IMAGES
    present = set(listing.files[folder])
    names = [name for name in rows if name in present]
    missing = [(name, f"is named in {ATTRIBUTES} and is not there") for name in rows if name not in present]
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    if attribute is not None:
        if attribute not in columns:
            raise UserError(f"there is no attribute {attribute}: {nearest(attribute, columns)}")
        column = columns.index(attribute)
        labels = np.array([rows[name][column] == "1" for name in names], np.int64)
        classes = (f"not {attribute}", attribute)
    held_out: NDArray[np.bool_] | None = None
    if PARTITION in listing.files[""]:  # 0 is trained on, 1 and 2 are held out
        path = listing.root / PARTITION
        partition = dict(line.split()[:2] for line in _lines(path) if len(line.split()) >= 2)
        if unknown := [name for name in names if partition.get(name) not in ("0", "1", "2")]:
            raise UserError(f"{path} has no part 0, 1 or 2 for {unknown[0]}")
        is_held_out = np.array([partition[name] != "0" for name in names], np.bool_)
        held_out = is_held_out if is_held_out.any() else None
    return SourceContents(
        f"CelebA's layout, {f'labelled by {attribute}' if attribute else 'without labels'}",
        (ImageFiles(listing.root, [f"{folder}/{name}" for name in names]),),
        classes,
        labels,
        held_out,
        listing.refused + missing,
        ignored=sorted(present - rows.keys()),
        notes=[] if attribute else [f"an attribute labels the set: --attribute {columns[0]}, ..."],
        attribute=attribute,
    )


def _table(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """The names of the attributes, and for each image its values, "1" or "-1"."""
    lines = _lines(path)
    if len(lines) < 3 or not lines[0].strip().isdigit():
        raise UserError(f"{path} must begin with the number of images and the names of the attributes")
    columns = lines[1].split()
    rows: dict[str, list[str]] = {}
    for number, line in enumerate(lines[2:], 3):
        name, *row = line.split()
        if len(row) != len(columns) or not set(row) <= {"1", "-1"}:
            raise UserError(f"{path}, line {number}: after the name come {len(columns)} values of 1 or -1")
        rows[name] = row
    if len(rows) != int(lines[0]):
        raise UserError(f"{path} announces {int(lines[0])} images and names {len(rows)}: damaged or cut off")
    return columns, rows


def is_celeba(listing: FolderScan) -> bool:
    """Whether a folder has CelebA's layout; half of it is refused with what is missing."""
    table, folder = ATTRIBUTES in listing.files[""], IMAGES in listing.folders[""]
    if table != folder:
        missing = IMAGES + "/" if table else ATTRIBUTES
        raise UserError(f"{listing.root} looks like CelebA's layout but {missing} is missing")
    return table


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return [line for line in text.splitlines() if line.strip()]
