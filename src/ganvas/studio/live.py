"""A run's log as columns for charts, and what is new in it as events, for a page that watches it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

from ganvas import files
from ganvas.report.log import read_log
from ganvas.runs.folder import RunFolder
from ganvas.settings import Settings
from ganvas.studio.summaries import Summaries, is_number, preview_images

MOST_POINTS = 2_000
PART_BYTES = 64 << 10
SECONDS_BETWEEN_LOOKS = 0.25
LOOKS_BETWEEN_STATES = 4


class LogEvent(Settings):
    """Something that a run decided on its way."""

    images: int
    text: str


class LogColumns(Settings):
    """A log, a list a figure; None where a record lacks it."""

    images: tuple[int, ...]
    columns: dict[str, tuple[float | None, ...]]
    events: tuple[LogEvent, ...]
    end: str
    """What to ask the stream of events to begin after."""


class Position(NamedTuple):
    """A place in a log: of which file, since a log is replaced when a run is resumed, and after how many bytes."""

    file: int
    offset: int

    def __str__(self) -> str:
        return f"{self.file}-{self.offset}"


def position_of(text: str | None) -> Position | None:
    """`17-4096` -> a position; None for anything else."""
    file, _, offset = (text or "").partition("-")
    is_one = all(part.isascii() and part.isdigit() and len(part) < 21 for part in (file, offset))
    return Position(int(file), int(offset)) if is_one else None


def end_of(log: Path) -> Position:
    """Where a log ends now, after its last whole line."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            start = max(0, size - PART_BYTES)
            file.seek(start)
            return Position(log.stat().st_ino, start + file.read(PART_BYTES).rfind(b"\n") + 1)
    except OSError:
        return Position(0, 0)


def log_columns(folder: RunFolder) -> LogColumns:
    """The whole log, neighbours averaged where it has more than 2,000 records. UserError if it was damaged."""
    end = end_of(folder.log)
    records = read_log(folder.log, at_most=MOST_POINTS) if folder.log.is_file() else []
    records = [record for record in records if is_number(record.get("images"))]
    lines = [record for record in records if "event" not in record or len(record) > 4]
    names = sorted({name for line in lines for name, value in line.items() if is_number(value)} - {"images", "step"})
    return LogColumns(
        images=tuple(int(line["images"]) for line in lines),
        columns={name: tuple(number_or_none(line.get(name)) for line in lines) for name in names},
        events=tuple(
            LogEvent(images=int(record["images"]), text=str(record["event"])[:500])
            for record in records
            if "event" in record
        ),
        end=str(end),
    )


def number_or_none(value: Any) -> float | None:
    """A finite number as it is; None for anything else."""
    return value if is_number(value) else None


def new_records(log: Path, after: Position) -> tuple[list[dict[str, Any]], Position]:
    """(the whole lines after a position, at most 64 KB of them; the position behind them)."""
    try:
        with log.open("rb") as file:
            file.seek(after.offset)
            content = file.read(PART_BYTES)
    except OSError:
        return [], after
    whole = content.rfind(b"\n") + 1
    if not whole and len(content) == PART_BYTES:  # no line of ours is so long
        whole = len(content)
    records = [record for line in content[:whole].splitlines() if (record := files.json_object(line)) is not None]
    shown = [{key: value for key, value in record.items() if is_number(value) or key == "event"} for record in records]
    return shown, Position(after.file, after.offset + whole)


class LiveEvent(NamedTuple):
    """An event of the stream: `lines`, `previews`, `state` or `reset`."""

    kind: str
    data: Any
    position: Position


async def follow(
    folder: RunFolder, summaries: Summaries, after: Position | None, ending: threading.Event | None = None
) -> AsyncIterator[LiveEvent]:
    """What happens in a run from a position on. Whoever reads slowly is waited for, and nothing is kept.

    It ends when the server does, which `ending` says, or when the run is removed.

    `reset`: the log was replaced or cut, and what the reader has of it is no longer true.
    """
    position, previews, state, looks = after or end_of(folder.log), list[int](), "", 0
    while not (ending and ending.is_set()) and folder.path.is_dir():
        # An event is due within a second of its line. A look costs two calls of the system.
        if now := await asyncio.to_thread(looked_at, folder.log):
            if now[0] != position.file or now[1] < position.offset:
                is_first = position.file == 0
                position = Position(now[0], 0)
                if not is_first:
                    yield LiveEvent("reset", None, position)
            while now[1] > position.offset:
                records, position = await asyncio.to_thread(new_records, folder.log, before := position)
                if records:
                    yield LiveEvent("lines", records, position)
                if position == before:  # the rest is half a line
                    break
        found = await asyncio.to_thread(preview_images, folder)
        if found != previews:
            yield LiveEvent("previews", found, position)
            previews = found
        if looks % LOOKS_BETWEEN_STATES == 0:
            summary = await asyncio.to_thread(summaries.one, folder)
            if (shown := summary.model_dump_json(exclude={"changed"})) != state:
                yield LiveEvent("state", summary, position)
                state = shown
        looks += 1
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


def looked_at(log: Path) -> tuple[int, int] | None:
    """(inode, bytes) of a log; None where there is none."""
    try:
        found = log.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size
