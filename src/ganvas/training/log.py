"""The log of a run: one JSON object a line, each step at most once, whatever happened between."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from ganvas import files


class Log:
    """Appends records. Opened at a step, it first drops every record that is later or cut off."""

    def __init__(self, path: Path, step: int) -> None:
        with files.open_atomic(path) as kept, path.open("rb") if path.is_file() else nullcontext(()) as lines:
            for line in lines:
                record = files.json_object(line)
                if record is not None and isinstance(record.get("step"), int) and record["step"] <= step:
                    kept.write(line.rstrip() + b"\n")
        self._file = path.open("ab")

    def write(self, record: Mapping[str, float]) -> None:
        """Appends one record; `step` is among its keys."""
        files.append_jsonl(self._file, record)

    def sync(self) -> None:
        """Waits until the disk has every record: a checkpoint must not be ahead of its log."""
        files.sync(self._file)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
