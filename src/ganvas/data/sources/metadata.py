"""A folder with tables that name its images and their labels: `metadata.csv`, `train.csv`, `labels.tsv`, ..."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganvas.data.labels import MISSING, LabelChoice, LabelPart
from ganvas.data.sources.contents import ImageFiles, SourceContents
from ganvas.data.sources.folder import folder_layout, read_class_folders, some_of
from ganvas.data.sources.labelling import LabelTable, TableSearch, find_tables
from ganvas.data.sources.matching import KINDS, Kind
from ganvas.data.sources.partition import part_of_path
from ganvas.data.sources.scan import FolderScan, escaped_name, natural_key
from ganvas.errors import UserError


def read_metadata(listing: FolderScan, scratch: Path, choice: LabelChoice) -> SourceContents:
    """Files in the order of the tables that label them; else by their folders, with a note on each table unread."""
    search = find_tables(listing, choice.columns)
    class_of = _class_folders(listing)
    if not choice.columns and class_of:
        _leave_to_the_folders(search, class_of)
    elif not search.usable and search.unusable:
        raise UserError("; ".join(search.unusable))
    if not search.usable:
        try:
            contents = read_class_folders(listing, scratch, LabelChoice())
        except UserError as error:
            raise UserError("; ".join([str(error), *search.notes()])) from None
        return replace(contents, notes=[*search.notes(), *contents.notes])
    labelled = _Labelled(dict(listing.refused))
    for table in search.usable:
        labelled.add(table)
    return labelled.contents(listing, search, choice)


def _class_folders(listing: FolderScan) -> dict[str, str]:
    """Path of an image -> its class by its folder; empty where the folders hold fewer than two classes."""
    try:
        folders = folder_layout(listing).folders
    except UserError:
        return {}
    class_of = {path: name for folder, name, _ in folders if name is not None for path in listing.images(folder)}
    return class_of if len({*class_of.values()}) > 1 else {}


def _leave_to_the_folders(search: TableSearch, class_of: dict[str, str]) -> None:
    """Keeps, of the usable tables, those that say more than the class folders do."""
    kept = []
    for table in search.usable:
        pairs = {(class_of[match.path], label) for _, label, _, match in table.rows if match.path in class_of}
        named = {match.path for _, _, _, match in table.rows} & class_of.keys()
        if table.is_metadata:
            kept.append(table)
        elif not table.is_certain:
            search.unread[f"the folders label the images; {table.how_to_take}"].append(table.name)
        elif 2 * len(named) < len(class_of):
            search.unread[f"it names only {len(named)} of {len(class_of)} images"].append(table.name)
        elif len({folder for folder, _ in pairs}) == len({label for _, label in pairs}) == len(pairs):
            search.unread["it labels the images as their folders do"].append(table.name)
        else:
            kept.append(table)
    search.usable = kept


@dataclass
class _Labelled:
    """The images that tables name, and what was wrong with their rows."""

    unreadable: dict[str, str]
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Path -> label by its parts, an empty one missing, in the order of the rows."""
    held_out: dict[str, bool] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    refused: list[tuple[str, str]] = field(default_factory=list)
    lost: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """Label -> rows with it that name no image."""
    conflicts: dict[str, str] = field(default_factory=dict)
    """Path of an image with two labels -> the table that gives it another one."""
    repeats: Counter[str] = field(default_factory=Counter)
    matched: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    """(table, how) -> files that were found so."""
    examples: dict[tuple[str, Kind], str] = field(default_factory=dict)

    def add(self, table: LabelTable) -> None:
        """Adds the rows of a table."""
        source = table.name
        for cell, raw, part, match in table.rows:
            label, path = tuple(map(escaped_name, raw)), match.path
            if path in self.unreadable or cell in self.unreadable:
                self.named.add(path or cell)
                continue
            if not cell or not path or not any(label):
                reason = f"has no label in {source}" if path else f"is named in {source} and {match.reason}"
                self.refused.append((cell or f"a row of {source}", reason if cell else "names no file"))
                self.lost[label] += 1
                self.named.add(path)
                continue
            if path in self.labels:
                if self.labels[path] == label:
                    self.repeats[source] += 1
                else:
                    self.conflicts[path] = source
                continue
            self.labels[path] = label
            own = part_of_path(path) if table.parts is None else None
            self.held_out[path] = bool(part if own is None else own)
            for kind in match.kinds:
                if not self.matched[source, kind]:
                    self.examples[source, kind] = f"{escaped_name(cell)} -> {escaped_name(path)}"
                self.matched[source, kind] += 1

    def contents(self, listing: FolderScan, search: TableSearch, choice: LabelChoice) -> SourceContents:
        """The labelled images as the contents of a source."""
        for path, table in self.conflicts.items():
            self.lost[self.labels.pop(path)] += 1
            self.refused.append((path, f"is named twice in {table} with different labels"))
        tables = some_of([found.table.name for found in search.usable])
        self.named |= {*self.labels, *self.conflicts}
        unnamed = sorted({*listing.images_below("")} - self.named)
        notes = [
            f"{name}: {count} files found {KINDS[kind]}, such as {self.examples[name, kind]}"
            for (name, kind), count in self.matched.items()
        ]
        notes += [f"{name}: {count} rows say the same again" for name, count in self.repeats.items()]
        notes += [f"images ignored: {len(unnamed)} (not named in {tables})"] if unnamed else []
        parts, labels, lost = self._by_parts(search.usable[0].column_names)
        held_out = np.array([self.held_out[path] for path in self.labels], np.bool_)
        is_single = len(parts) == 1
        return SourceContents(
            f"labels of {tables}, {_columns(search.usable)}",
            (ImageFiles(listing.root, [*self.labels]),),
            parts[0].classes if is_single else (),
            labels[:, 0] if is_single else labels,
            held_out if held_out.any() and not held_out.all() else None,
            [*listing.refused, *self.refused],
            [name for name in listing.others() if name not in {found.table.name for found in search.usable}],
            listing.skipped,
            [(name, f"none of its {count} rows names an image that can be used") for name, count in lost.items()],
            search.notes() + notes,
            choice,
            () if is_single else parts,
        )

    def _by_parts(self, names: tuple[str, ...]) -> tuple[tuple[LabelPart, ...], NDArray[np.int64], Counter[str]]:
        """(the parts of the labels, the labels (N, P), class -> rows of each class that no image has)."""
        columns = [[label[index] for label in self.labels.values()] for index in range(len(names))]
        classes = [sorted({*column} - {""}, key=natural_key) for column in columns]
        indices = [{"": MISSING} | {name: label for label, name in enumerate(known)} for known in classes]
        labels = np.array(
            [[index[name] for name in column] for index, column in zip(indices, columns, strict=True)], np.int64
        )
        lost: Counter[str] = Counter()
        for label, count in self.lost.items():
            for part, name, index in zip(names, label, indices, strict=True):
                if name not in index:
                    lost[name if len(names) == 1 else f"{part}={name}"] += count
        parts = tuple(
            LabelPart(name=escaped_name(name), classes=tuple(known)) for name, known in zip(names, classes, strict=True)
        )
        return parts, labels.T, lost


def _columns(tables: Iterable[LabelTable]) -> str:
    """The columns that label, each once."""
    names = list(dict.fromkeys(escaped_name(name) for table in tables for name in table.column_names))
    return f"column{'s' * (len(names) > 1)} {some_of(names)}"
