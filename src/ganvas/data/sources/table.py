"""Tables as people have them: CSV with any usual separator, TSV, and a JSON object a line."""

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganvas.data.sources.formats import suffix_of
from ganvas.errors import UserError

TABLE_SUFFIXES = ("csv", "tsv", "jsonl", "ndjson")
MAX_TABLE_BYTES = 128 * 2**20
MOST_COLUMNS = 1000


@dataclass(frozen=True)
class Table:
    """The cells of a table as text, without the spaces around them."""

    name: str
    """Its path below the folder of the set."""
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    """Each as long as `columns`; a missing value is empty."""
    first_number: int = 2
    """The number of the first row in the file."""

    def column(self, index: int) -> list[str]:
        """The cells of a column."""
        return [row[index] for row in self.rows]

    def without_header(self) -> "Table":
        """The same for a file whose first line is a row as well."""
        names = tuple(f"column {number}" for number in range(1, len(self.columns) + 1))
        return Table(self.name, names, [self.columns, *self.rows], 1)


def is_table_name(name: str) -> bool:
    """Whether a file is read as a table, by its suffix."""
    return suffix_of(name) in TABLE_SUFFIXES


def read_table(root: Path, name: str) -> Table:
    """The table in a file below the root; a UserError where it is none."""
    path = root / name
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TABLE_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_TABLE_BYTES:
        raise UserError(f"{path} is larger than {MAX_TABLE_BYTES >> 20} MB, the most that is read as a table")
    is_json = suffix_of(name) in ("jsonl", "ndjson")
    what = "JSON objects, one a line," if is_json else "comma-separated values"
    try:
        # Spreadsheets write "Unicode text" as UTF-16, with a mark at the start.
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        columns, rows = _json_rows(text) if is_json else _csv_rows(text, suffix_of(name))
    except (csv.Error, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a table of {what} in UTF-8: {error}") from None
    return Table(name, columns, rows)


def _csv_rows(text: str, suffix: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    first = text.partition("\n")[0]
    # In many countries a spreadsheet separates the values of a .csv with semicolons.
    separator = "\t" if suffix == "tsv" else max(",;\t|", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    columns = _stripped(next(lines, []))
    if len(columns) > MOST_COLUMNS:
        raise ValueError(f"{len(columns)} columns are more than {MOST_COLUMNS}")
    rows = []
    for line in lines:
        row = _stripped(line)
        if any(row[len(columns) :]):
            raise ValueError(f"line {lines.line_num} has {len(row)} values for {len(columns)} columns")
        if any(row):
            rows.append((*row[: len(columns)], *[""] * (len(columns) - len(row))))
    return columns, rows


def _json_rows(text: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    records: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        record = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError(f"line {number} is no object")
        columns |= dict.fromkeys(record)
        if len(columns) > MOST_COLUMNS:
            raise ValueError(f"the objects have more than {MOST_COLUMNS} keys")
        records.append(record)
    return _stripped(columns), [tuple(_cell(record.get(key)) for key in columns) for record in records]


def _cell(value: object) -> str:
    """A JSON value as text; lists and objects name and label nothing."""
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value).strip()
        case _:
            return ""


def _stripped(cells: Iterable[str]) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in cells)


def letters_of(name: str) -> str:
    """A column's name without what is a matter of taste: `Image ID` and `image_id` are one."""
    return re.sub(r"[\W_]+", "", name.casefold())
