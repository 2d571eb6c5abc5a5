"""The tables of a folder that label its images, and why the others do not."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from ganvas.data.sources.columns import (
    AmbiguousLabelError,
    LabelColumn,
    file_column,
    label_columns,
    named_file_column,
    part_column,
)
from ganvas.data.sources.folder import some_of, split_folders
from ganvas.data.sources.formats import IMAGE_SUFFIXES, suffix_of
from ganvas.data.sources.matching import SEVERAL, FileMatcher, Match, shared_folders
from ganvas.data.sources.partition import is_held_out_part
from ganvas.data.sources.scan import FolderScan, escaped_name, path_below
from ganvas.data.sources.table import Table, is_table_name, read_table
from ganvas.errors import UserError, nearest


@dataclass(frozen=True)
class LabelTable:
    """A table with a column of files, and one of labels or one for each part of them."""

    table: Table
    matcher: FileMatcher
    file_index: int
    columns: tuple[LabelColumn, ...]
    """A part of the label each."""
    parts: list[bool | None] | None
    """For each row whether it is held out, where a column says so."""
    is_held_out: bool | None
    """Whether the table is of a held-out part, by its own name or its folder's."""

    @property
    def name(self) -> str:
        """Its path, on one line."""
        return escaped_name(self.table.name)

    @property
    def is_metadata(self) -> bool:
        """Whether it has the name under which a table labels a folder whatever else there is."""
        return stem_of(self.table.name) == "metadata"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns that label."""
        return tuple(column.name for column in self.columns)

    @property
    def how_to_take(self) -> str:
        """The option that asks for these columns."""
        names = ",".join(map(escaped_name, self.column_names))
        is_single = len(self.columns) == 1
        return f"--label-column {names} takes its column" if is_single else f"--label-columns {names} takes its columns"

    @property
    def is_certain(self) -> bool:
        """Whether its columns are asked for, or named as labels are."""
        return all(column.is_certain for column in self.columns)

    @cached_property
    def rows(self) -> list[tuple[str, tuple[str, ...], bool | None, Match]]:
        """(cell that names a file, label by parts, is held out, file) of each row."""
        rows = []
        cells = self.table.column(self.file_index)
        shared = shared_folders(cells)
        labels = zip(*(column.labels for column in self.columns), strict=True)
        for index, (cell, label) in enumerate(zip(cells, labels, strict=True)):
            part = self.parts[index] if self.parts is not None else None
            part = self.is_held_out if part is None else part
            rows.append((cell, label, part, self.matcher.find(cell, shared, part)))
        return rows


@dataclass
class TableSearch:
    """What the tables of a folder are good for."""

    usable: list[LabelTable] = field(default_factory=list)
    unread: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Reason -> the tables that are not read for it."""
    unusable: list[str] = field(default_factory=list)
    """A sentence for each table that could label the images and does not, with what to do."""

    def notes(self) -> list[str]:
        """A line for each reason to leave tables unread."""
        return [f"{some_of(names)} left unread: {reason}" for reason, names in self.unread.items()]


def may_have_tables(listing: FolderScan) -> bool:
    """Whether a folder, or one directly below it, holds a table."""
    return any(
        is_table_name(name) for folder, names in listing.files.items() if folder.count("/") < 2 for name in names
    )


def find_tables(listing: FolderScan, asked: tuple[str, ...]) -> TableSearch:
    """Reads the tables of a folder, and of its splits and folders without images. asked: the columns that label."""
    search = TableSearch()
    matchers: dict[str, FileMatcher] = {}
    known: list[str] = []
    paths, images = listing.paths(), listing.images_below("")
    for path, base in _table_places(listing):
        if re.search("submission", stem_of(path)):
            search.unread["a form for answers, by its name"].append(path)
            continue
        try:
            table = read_table(listing.root, path)
        except UserError as error:
            if stem_of(path) == "metadata":
                raise
            search.unread["no table that can be read"].append(path)
            if may_label(path):
                search.unusable.append(f"{error}; mend or remove it")
            continue
        if table.columns and not table.rows:
            search.unread["it has no rows"].append(path)
            continue
        if base not in matchers:
            matchers[base] = FileMatcher(listing.root, base, paths, images)
        known += table.columns
        _add(search, table, matchers[base], base, asked)
    if asked and known and not search.usable:
        if unknown := [name for name in asked if name not in known]:
            raise UserError(f"there is no column {unknown[0]}: {nearest(unknown[0], {*known})}")
        words = f"the column{'s' * (len(asked) > 1)} {', '.join(asked)}"
        raise UserError("; ".join(search.unusable) or f"no table with {words} names images that are here")
    search.usable.sort(key=lambda found: bool(found.is_held_out))
    _agree_on_parts(search)
    if any(found.is_metadata for found in search.usable):
        for found in search.usable:
            if not found.is_metadata:
                search.unread["metadata labels the images"].append(found.table.name)
        search.usable = [found for found in search.usable if found.is_metadata]
    return search


def may_label(path: str) -> bool:
    """Whether a table's name promises labels."""
    names_labels = re.search("label|metadata|annotation|class|target|train", stem_of(path)) is not None
    return names_labels or _part_of_table(path, "") is not None


def stem_of(path: str) -> str:
    """The name of a table, without folders and suffix, in lower case."""
    return PurePosixPath(path).stem.lower()


def _agree_on_parts(search: TableSearch) -> None:
    """Keeps, of the usable tables, those whose labels have the same parts; a table of one label column wins."""
    single = [found for found in search.usable if len(found.columns) == 1]
    first = (single or search.usable)[:1]
    for found in list(search.usable):
        if len(found.columns) > 1 and found.column_names != first[0].column_names:
            search.usable.remove(found)
            search.unread[f"other columns label the images; {found.how_to_take}"].append(found.table.name)


def _add(search: TableSearch, table: Table, matcher: FileMatcher, base: str, asked: tuple[str, ...]) -> None:
    """Adds one table to what was found."""
    if any(suffix_of(cell) in IMAGE_SUFFIXES and matcher.find(cell).path for cell in table.columns):
        table = table.without_header()
    shared = [shared_folders(table.column(index)) for index in range(len(table.columns))]

    def is_there(index: int, cell: str) -> bool:
        return bool(matcher.find(cell, shared[index], part, by_number=False).path)

    part = _part_of_table(table.name, base)
    name, named = escaped_name(table.name), named_file_column(table)
    file_index = file_column(table, is_there)
    if file_index is None and named is not None:
        cells = table.column(named)
        count = sum(bool(matcher.find(cell, shared[named], part).path) for cell in cells)
        if 2 * count >= len(cells) or stem_of(table.name) == "metadata":
            file_index = named
    lacking = [each for each in asked if each not in table.columns]
    try:
        label = label_columns(table, -1 if file_index is None else file_index, () if lacking else asked)
    except AmbiguousLabelError as error:
        search.unread[f"--label-column takes one of its columns {error}, --label-columns several"].append(table.name)
        if file_index is not None:
            search.unusable.append(
                f"{name} could label the images by {error}: choose one with --label-column NAME, or several as parts "
                "of one label with --label-columns NAME,NAME"
            )
        return
    columns = some_of(list(table.columns)) or "no column"
    if file_index is None:
        if stem_of(table.name) == "metadata":
            raise UserError(
                f"{matcher.root / table.name} needs a column that names files (file_name); it has {columns}"
            )
        search.unread[_why_no_file(table, named, matcher)].append(table.name)
        if label and all(column.is_certain for column in label) and may_label(table.name):
            example = "" if named is None or not table.rows else f" (its {table.columns[named]} begins with "
            example += f"{escaped_name(table.rows[0][named])!r})" if example and named is not None else ""
            search.unusable.append(f"{name} could label the images, and names none that is here{example}")
    elif lacking:
        search.unread[f"it has no column {lacking[0]}"].append(table.name)
    elif not label:
        search.unread[f"none of its columns labels ({columns})"].append(table.name)
    else:
        search.usable.append(LabelTable(table, matcher, file_index, label, part_column(table, file_index), part))


def _why_no_file(table: Table, named: int | None, matcher: FileMatcher) -> str:
    """Why no column of a table names files, as the reason to leave it unread."""
    for row in table.rows[:100] if named is not None else ():
        if matcher.find(row[named or 0]).reason == SEVERAL:
            return (
                f"its {table.columns[named or 0]} {SEVERAL}, such as {escaped_name(row[named or 0])}: add the folders"
            )
    return "it names no file of the set"


def _table_places(listing: FolderScan) -> list[tuple[str, str]]:
    """(path of a table, folder that its paths begin at) at the top, in splits, and in folders without images."""
    base = ""
    while not any(map(is_table_name, listing.files[base])) and len(listing.folders[base]) == 1:
        inner = path_below(base, listing.folders[base][0])
        if inner not in listing.files or is_held_out_part(inner.rpartition("/")[2]) is not None:
            break
        base = inner
    splits = {path_below(base, name) for names in split_folders(listing, base) for name in names}
    places = [(path_below(base, name), base) for name in listing.files[base] if is_table_name(name)]
    for name in listing.folders[base]:
        folder = path_below(base, name)
        tables = [path_below(folder, table) for table in listing.files.get(folder, ()) if is_table_name(table)]
        if tables and (folder in splits or not listing.images_below(folder)):
            places += [(table, folder if folder in splits else base) for table in tables]
    return places


def _part_of_table(path: str, base: str) -> bool | None:
    """Whether a table is of a held-out part: by its folder, or as `train.csv` and `test_labels.csv` are."""
    if (part := is_held_out_part(base.rpartition("/")[2])) is not None:
        return part
    return is_held_out_part(re.sub("labels?|metadata|annotations?|classes|df|info|list", "", stem_of(path)))
