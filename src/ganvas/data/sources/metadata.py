"""A folder whose `metadata.csv` names each image and its label."""

import csv
from pathlib import Path, PurePosixPath

import numpy as np

from ganvas.data.sources.contents import ImageFiles, SourceContents
from ganvas.data.sources.scan import FolderScan, escaped_name, natural_key
from ganvas.errors import UserError


def read_metadata(listing: FolderScan, scratch: Path, attribute: str | None) -> SourceContents:
    """Files in the order of the table. A row whose image is missing is refused by name."""
    present = set(listing.paths())
    refused = list(listing.refused)
    unreadable = dict(refused)
    names: list[str] = []
    labels: list[str] = []
    named: set[str] = set()
    for name, label in _table(listing.root / "metadata.csv"):
        path = PurePosixPath(name.replace("\\", "/"))
        plain = str(path)
        if path.is_absolute() or ".." in path.parts:
            refused.append((name, "leads out of the folder"))
        elif plain in named:
            refused.append((name, "is named twice in metadata.csv"))
        elif plain in present:
            names.append(plain)
            labels.append(escaped_name(label))
        elif plain not in unreadable:
            refused.append((name, "is named in metadata.csv and is not there"))
        named.add(plain)
    classes = sorted(set(labels), key=natural_key)
    index = {name: label for label, name in enumerate(classes)}
    unnamed = sorted(set(listing.images_below("")) - named)
    return SourceContents(
        "metadata.csv",
        (ImageFiles(listing.root, names),),
        tuple(classes),
        np.array([index[label] for label in labels], np.int64),
        refused=refused,
        ignored=[*(name for name in listing.others() if name != "metadata.csv"), *unnamed],
        notes=[f"images ignored: {len(unnamed)} (not named in metadata.csv)"] if unnamed else [],
    )


def _table(path: Path) -> list[tuple[str, str]]:
    """(file_name, label) of each row; other columns are ignored."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            columns = table.fieldnames or []
            if "file_name" not in columns or "label" not in columns:
                raise UserError(f"{path} needs the columns file_name and label; it has {', '.join(columns) or 'none'}")
            rows = [(row["file_name"], row["label"]) for row in table]
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a table of comma-separated values in UTF-8: {error}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    for number, (name, label) in enumerate(rows, 2):
        if not name or not label:
            raise UserError(f"{path} has no {'label' if name else 'file_name'} in row {number}")
    return rows
