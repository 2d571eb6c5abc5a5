"""Which column of a table names the files, which labels them, and which deals them to training and held-out parts."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ganvas.data.sources.partition import is_held_out_part
from ganvas.data.sources.table import Table, letters_of
from ganvas.errors import UserError, nearest

# Names of columns by their letters in lower case; those before win.
FILE_NAMES = (
    "filename", "filenames", "file", "files", "imagename", "imagefile", "imagefilename", "imagepath", "filepath",
    "filepaths", "path", "paths", "image", "images", "imageid", "imgid", "imgname", "imgpath", "img", "fname", "photo",
    "name", "id", "uuid", "uid", "key", "index",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "class", "classes", "classname", "labelname", "category", "categoryname", "target", "targets",
    "classlabel", "classid", "labelid", "categoryid", "classindex", "labelindex", "y", "cls", "tag", "species", "breed",
    "diagnosis", "dx", "groundtruth", "gt",
)  # fmt: skip
PART_NAMES = ("split", "set", "subset", "partition", "part", "dataset", "fold", "usage", "phase")
HELD_OUT_FLAGS = ("isvalid", "isval", "isvalidation", "istest", "isheldout")
TRAIN_FLAGS = ("istrain", "istraining", "istrainingimage")
MOST_LABEL_CHARACTERS = 100
SAMPLED_ROWS = 200


@dataclass(frozen=True)
class LabelColumn:
    """The labels of a table's rows."""

    name: str
    labels: list[str]
    is_certain: bool
    """Whether it is asked for, or named as labels are."""


class AmbiguousLabelError(Exception):
    """Several columns could label the images. The text names them."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(", ".join(columns))
        self.columns = tuple(columns)


def file_column(table: Table, is_there: Callable[[int, str], bool]) -> int | None:
    """The column whose cells name files: `is_there(column, cell)` for at least half of a sample; else None.

    The cells must differ: labels 0 to 9 may be names of files, too.
    """
    step = max(1, len(table.rows) // SAMPLED_ROWS)
    found: list[tuple[int, float, int]] = []
    for index, name in enumerate(table.columns):
        cells = [cell for row in table.rows[::step] if (cell := row[index])]
        if len({*cells}) * 2 < len(cells) or not cells:
            continue
        share = sum(is_there(index, cell) for cell in cells) / len(cells)
        if share >= 0.5:
            found.append((_rank(name, FILE_NAMES), -share, index))
    return min(found)[2] if found else None


def named_file_column(table: Table) -> int | None:
    """The column that is named as a column of files is; None without one."""
    ranked = sorted((_rank(name, FILE_NAMES), index) for index, name in enumerate(table.columns))
    return ranked[0][1] if ranked and ranked[0][0] < len(FILE_NAMES) else None


def label_columns(table: Table, file_index: int, asked: Sequence[str]) -> tuple[LabelColumn, ...]:
    """What labels the rows: the columns asked for, each a part of the label; else those that the table leaves no doubt
    about; none without any.

    Without being asked that is a column named as labels are, else the only one that could label; else several that are
    the parts of a label: all columns of words could label, none of numbers could, and the images are at least as many
    as the combinations of their classes. AmbiguousLabelError where several could, and are not so.
    """
    for name in asked:
        if name not in table.columns:
            raise UserError(f"there is no column {name} in {table.name}: {nearest(name, table.columns)}")
    if asked:
        return tuple(_column(table, table.columns.index(name), True) for name in asked)
    try:
        column = label_column(table, file_index)
    except AmbiguousLabelError as error:
        columns = [_column(table, table.columns.index(name), False) for name in error.columns]
        if any(_rank(column.name, LABEL_NAMES) < 99 for column in columns) or not _are_parts(columns):
            raise
        return tuple(columns)
    return () if column is None else (column,)


def _are_parts(columns: Sequence[LabelColumn]) -> bool:
    """Whether several columns that could label are beyond doubt the parts of one label."""
    values = [{*column.labels} - {""} for column in columns]
    are_words = not any(all(map(_is_number, names)) for names in values)
    return are_words and math.prod(map(len, values)) <= len(columns[0].labels)


def label_column(table: Table, file_index: int) -> LabelColumn | None:
    """The column that labels the rows: one named so, else the only one that could; None without any.

    AmbiguousLabelError where several could.
    """
    parts = {index for index, name in enumerate(table.columns) if _is_part_name(name)}
    free = [index for index in range(len(table.columns)) if index != file_index and index not in parts]
    filled = [index for index in free if any(table.column(index))]
    named = sorted((rank, index) for index in filled if (rank := _rank(table.columns[index], LABEL_NAMES)) < 99)
    if named and (table.columns[named[0][1]].lower() == "label" or len(named) == 1):
        return _column(table, named[0][1], True)
    if named:
        return _column(table, _best_of_equal(table, [index for _, index in named]), True)
    if one_hot := _one_hot(table, filled):
        return one_hot
    possible = [index for index in filled if _could_label(table.column(index))]
    if len(possible) > 1:
        raise AmbiguousLabelError([table.columns[index] for index in possible])
    return _column(table, possible[0], False) if possible else None


def part_column(table: Table, file_index: int) -> list[bool | None] | None:
    """For each row whether its image is held out, None where it does not say; None without such a column."""
    for index, name in enumerate(table.columns):
        letters, cells = letters_of(name), table.column(index)
        if index == file_index:
            continue
        if letters in HELD_OUT_FLAGS or letters in TRAIN_FLAGS:
            flags = [_yes_or_no(cell) for cell in cells]
            if None not in flags:
                return [flag is (letters in HELD_OUT_FLAGS) for flag in flags]
        if letters in PART_NAMES:
            parts = [is_held_out_part(cell) for cell in cells]
            if 2 * sum(part is not None for part in parts) >= max(1, len(cells)):
                return parts
    return None


def _column(table: Table, index: int, is_certain: bool) -> LabelColumn:
    return LabelColumn(table.columns[index], table.column(index), is_certain)


def _rank(name: str, names: tuple[str, ...]) -> int:
    letters = letters_of(name)
    return names.index(letters) if letters in names else 99


def _is_part_name(name: str) -> bool:
    return letters_of(name) in (*PART_NAMES, *HELD_OUT_FLAGS, *TRAIN_FLAGS)


def _best_of_equal(table: Table, indices: list[int]) -> int:
    """Of columns that label alike, such as numbers and names of classes, the first that is not of numbers."""
    first = table.column(indices[0])
    for index in indices[1:]:
        pairs = {*zip(first, table.column(index), strict=True)}
        if not len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs):
            raise AmbiguousLabelError([table.columns[index] for index in indices])
    return next((index for index in indices if not all(map(_is_number, table.column(index)))), indices[0])


def _one_hot(table: Table, indices: list[int]) -> LabelColumn | None:
    """Columns of 0 and 1, named after the classes, with one 1 in each row."""
    ones = ("1", "1.0")
    columns = [index for index in indices if {*table.column(index)} <= {"0", "0.0", *ones}]
    if len(columns) < 2:
        return None
    set_columns = [[index for index in columns if row[index] in ones] for row in table.rows]
    if any(len(found) != 1 for found in set_columns):
        return None
    names = [table.columns[found[0]] for found in set_columns]
    return LabelColumn(", ".join(table.columns[index] for index in columns[:5]), names, True)


def _could_label(cells: list[str]) -> bool:
    """Whether the cells repeat a few short texts or whole numbers."""
    values = {*cells} - {""}
    is_short = all(len(value) <= MOST_LABEL_CHARACTERS for value in values)
    is_measured = all(map(_is_number, values)) and not all(value.lstrip("+-").isdigit() for value in values)
    is_filled = 2 * sum(map(bool, cells)) >= len(cells)
    return is_filled and 2 <= len(values) <= len(cells) / 2 and is_short and not is_measured


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text))


def _yes_or_no(text: str) -> bool | None:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(text.lower())
