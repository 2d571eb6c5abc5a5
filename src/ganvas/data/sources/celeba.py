"""CelebA's layout as published, as Kaggle's CSV files, and with its parts in folders: `Anno/ Eval/ Img/`."""

from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ganvas.data.labels import LabelChoice, LabelPart
from ganvas.data.sources.contents import ImageFiles, SourceContents
from ganvas.data.sources.scan import FolderScan, path_below
from ganvas.data.sources.table import read_table
from ganvas.errors import UserError, nearest

IMAGES = "img_align_celeba"
ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITIONS = ("list_eval_partition.txt", "list_eval_partition.csv")


def read_celeba(listing: FolderScan, scratch: Path, choice: LabelChoice) -> SourceContents:
    """Portraits in the order of the attribute table; classes `not Smiling` and `Smiling`, or no labels.

    Several attributes are parts of one label, each with the classes `no` and `yes`.
    """
    table = _find(listing, ATTRIBUTES)
    assert table is not None, "is_celeba has seen it"
    columns, rows = _attributes(listing.root, table)
    folder = _image_folder(listing, rows)
    # The published files are JPEG; the aligned PNG files have the same names but for the suffix.
    present = {PurePosixPath(name).stem: name for name in listing.files[folder]}
    present |= {name: name for name in listing.files[folder]}
    files = {name: path_below(folder, file) for name in rows if (file := _file(name, present))}
    missing = [
        (name, f"is named in {PurePosixPath(table).name} and is not there") for name in rows if name not in files
    ]
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    asked, parts = choice.columns, tuple[LabelPart, ...]()
    if asked:
        if unknown := [name for name in asked if name not in columns]:
            raise UserError(f"there is no attribute {unknown[0]}: {nearest(unknown[0], columns)}")
        chosen = [columns.index(name) for name in asked]
        labels = np.array([[rows[name][column] == "1" for column in chosen] for name in files], np.int64)
        labels = labels.reshape(len(files), len(chosen))
        if len(asked) == 1:
            labels, classes = labels[:, 0], (f"not {asked[0]}", asked[0])
        else:
            parts = tuple(LabelPart(name=name, classes=("no", "yes")) for name in asked)
    partition, names = _find(listing, PARTITIONS), ", ".join(asked)
    unnamed = {*listing.images(folder)} - {*files.values()}
    notes = [] if asked else [f"an attribute labels the set: --attribute {columns[0]}, ..."]
    notes += [f"images ignored: {len(unnamed)} (not named in {PurePosixPath(table).name})"] if unnamed else []
    return SourceContents(
        f"CelebA's layout, {f'labelled by {names}' if asked else 'without labels'}",
        (ImageFiles(listing.root, [*files.values()]),),
        classes,
        labels,
        None if partition is None else _held_out(listing.root, partition, list(files)),
        listing.refused + missing,
        [name for name in listing.others() if name not in (table, partition)],
        listing.skipped,
        notes=notes,
        label_parts=parts,
        choice=LabelChoice(asked),
    )


def is_celeba(listing: FolderScan) -> bool:
    """Whether a folder has CelebA's layout; half of it is refused with what is missing."""
    table = _find(listing, ATTRIBUTES)
    has_images = any(IMAGES in names for names in listing.folders.values())
    if table is None and has_images:
        raise UserError(f"{listing.root} looks like CelebA's layout but {' or '.join(ATTRIBUTES)} is missing")
    if table is not None and not has_images and not any(map(listing.images, listing.files)):
        raise UserError(f"{listing.root} looks like CelebA's layout but {IMAGES}/ is missing")
    return table is not None


def _find(listing: FolderScan, names: tuple[str, ...]) -> str | None:
    """The path of a file that has one of these names, the one that lies least deep."""
    found = [path_below(folder, name) for folder, files in listing.files.items() for name in names if name in files]
    return min(found, key=lambda path: (path.count("/"), path), default=None)


def _image_folder(listing: FolderScan, rows: dict[str, list[str]]) -> str:
    """The folder with the most of the named images: the archive may have been unpacked into one of its own name."""
    stems = {PurePosixPath(name).stem for name in rows}
    counts = Counter(
        {folder: sum(name.rpartition(".")[0] in stems for name in files) for folder, files in listing.files.items()}
    )
    # The archive of the uncropped portraits has the same names.
    return max(counts, key=lambda folder: (counts[folder], IMAGES in folder, -len(folder)))


def _file(name: str, present: dict[str, str]) -> str | None:
    return present.get(name) or present.get(PurePosixPath(name).stem)


def _attributes(root: Path, name: str) -> tuple[list[str], dict[str, list[str]]]:
    """The names of the attributes, and for each image its values, "1" or "-1"."""
    path = root / name
    if name.endswith(".csv"):
        table = read_table(root, name)
        cells = {row[0]: list(row[1:]) for row in table.rows}
        if not cells or len(table.columns) < 2:
            raise UserError(f"{path} must have a column of names and one for each attribute")
        for number, row in enumerate(cells.values(), 2):
            if not {*row} <= {"1", "-1", "0"}:
                raise UserError(f"{path}, row {number}: after the name come {len(row)} values of 1 or -1")
        return list(table.columns[1:]), cells
    lines = _lines(path)
    if len(lines) < 3 or not lines[0].strip().isdigit():
        raise UserError(f"{path} must begin with the number of images and the names of the attributes")
    columns = lines[1].split()
    rows: dict[str, list[str]] = {}
    for number, line in enumerate(lines[2:], 3):
        image, *values = line.split()
        if len(values) != len(columns) or not set(values) <= {"1", "-1"}:
            raise UserError(f"{path}, line {number}: after the name come {len(columns)} values of 1 or -1")
        rows[image] = values
    if len(rows) != int(lines[0]):
        raise UserError(f"{path} announces {int(lines[0])} images and names {len(rows)}: damaged or cut off")
    return columns, rows


def _held_out(root: Path, name: str, images: list[str]) -> NDArray[np.bool_] | None:
    """(N,): 0 is trained on, 1 and 2 are held out; None where all are trained on."""
    path = root / name
    if name.endswith(".csv"):
        partition = {row[0]: row[1] for row in read_table(root, name).rows if len(row) > 1}
    else:
        partition = dict(line.split()[:2] for line in _lines(path) if len(line.split()) >= 2)
    if unknown := [image for image in images if partition.get(image) not in ("0", "1", "2")]:
        raise UserError(f"{path} has no part 0, 1 or 2 for {unknown[0]}")
    is_held_out = np.array([partition[image] != "0" for image in images], np.bool_)
    return is_held_out if is_held_out.any() else None


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return [line for line in text.splitlines() if line.strip()]
