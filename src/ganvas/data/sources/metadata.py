"""A folder whose `metadata.csv` names each image and its label."""

import csv
from pathlib import Path, PurePosixPath

import numpy as np

from ganvas.data.sources.contents import ImageFiles, SourceContents, refuse_attribute
from ganvas.data.sources.scan import FolderSource, escaped_name, is_image_name, natural_order
from ganvas.errors import UserError


class MetadataTable(FolderSource):
    """`metadata.csv` with the columns file_name and label; other columns are passed over."""

    def contents(self, scratch: Path) -> SourceContents:
        """Files in the order of the table. A row whose image is missing is refused by name."""
        refuse_attribute(self.attribute, "a folder with metadata.csv")
        present = set(self.listing.paths())
        refused = list(self.listing.refused)
        unreadable = dict(refused)
        names: list[str] = []
        labels: list[str] = []
        named: set[str] = set()
        for name, label in self._rows():
            path = PurePosixPath(name.replace("\\", "/"))
            plain = str(path)
            if path.is_absolute() or ".." in path.parts:
                refused.append((name, "leads out of the folder"))
            elif plain in named:
                refused.append((name, "is named twice in metadata.csv"))
            elif plain not in present:
                if plain not in unreadable:
                    refused.append((name, "is named in metadata.csv and is not there"))
            else:
                names.append(plain)
                labels.append(escaped_name(label))
            named.add(plain)
        classes = natural_order(set(labels))
        numbers = {name: number for number, name in enumerate(classes)}
        unnamed = sorted(name for name in present - named if is_image_name(PurePosixPath(name).name))
        return SourceContents(
            "metadata.csv",
            (ImageFiles(self.listing.root, names),),
            tuple(classes),
            np.array([numbers[label] for label in labels], np.int64),
            refused=refused,
            ignored=[*(name for name in self.listing.others() if name != "metadata.csv"), *unnamed],
            notes=[f"images ignored: {len(unnamed)} (not named in metadata.csv)"] if unnamed else [],
        )

    def _rows(self) -> list[tuple[str, str]]:
        path = self.listing.root / "metadata.csv"
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                table = csv.DictReader(file, strict=True)
                columns = table.fieldnames or []
                if "file_name" not in columns or "label" not in columns:
                    raise UserError(
                        f"{path} needs the columns file_name and label; it has {', '.join(columns) or 'none'}"
                    )
                rows = [(row["file_name"], row["label"]) for row in table]
        except (csv.Error, UnicodeDecodeError) as error:
            raise UserError(f"{path} is not a table of comma-separated values in UTF-8: {error}") from None
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
        for number, (name, label) in enumerate(rows, 2):
            if not name or not label:
                raise UserError(f"{path} has no {'label' if name else 'file_name'} in row {number}")
        return rows
