"""The log: one JSON object a line, each step at most once, whatever happened between."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


class Log:
    """Appends records. Opened at a step, it first drops every record that is later or cut off."""

    def __init__(self, path: Path, step: int) -> None:
        kept = [line for line in _whole_lines(path) if json.loads(line)["step"] <= step]
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        unfinished.replace(path)
        self._file = path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, float]) -> None:
        """Appends one record; `step` is among its keys."""
        self._file.write(json.dumps(dict(record)) + "\n")
        self._file.flush()

    def sync(self) -> None:
        """Waits until the disk has every record: a checkpoint must not be ahead of its log."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _whole_lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            if isinstance(json.loads(line).get("step"), int):
                lines.append(line)
        except (ValueError, AttributeError):
            continue  # cut off when the process died
    return lines
