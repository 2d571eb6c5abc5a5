"""What a study has finished, one JSON object a line, so that a killed one goes on where it stopped.

The first line says what was asked and planned; every other is one fit or training. Half a last line is dropped.
"""

from pathlib import Path
from typing import Any

from ganvas import files
from ganvas.errors import UserError

Json = dict[str, Any]
FORMAT = 1


class Journal:
    """The lines of one study. Nothing is written before `begin`."""

    def __init__(self, path: Path) -> None:
        """Reads what is there. UserError if a line before the last is damaged, or it is of another format."""
        self.path = path
        self.lines = _whole_lines(path)
        if self.lines and (self.lines[0].get("format") != FORMAT or "asked" not in self.lines[0]):
            raise UserError(f"{path} is not what this version of ganvas writes; remove it, or choose another --out")

    @property
    def plan(self) -> Json | None:
        """What was planned; None for a new journal."""
        return dict(self.lines[0]["plan"]) if self.lines else None

    @property
    def finished(self) -> list[Json]:
        """Every line but the first."""
        return self.lines[1:]

    def refuse_another(self, asked: Json) -> None:
        """UserError with the difference if the journal was begun otherwise."""
        if not self.lines:
            return
        before = self.lines[0]["asked"]
        different = [
            f"{name} {before.get(name)}, now {asked.get(name)}"
            for name in sorted({*before, *asked})
            if before.get(name) != asked.get(name)
        ]
        if different:
            raise UserError(
                f"{self.path} was begun with {'; '.join(different)}. Give the flags it was begun with, "
                "another --out, or remove it"
            )

    def begin(self, asked: Json, plan: Json) -> None:
        """Writes the first line of a new journal; puts an old one in order, without its half line."""
        self.lines = self.lines or [{"format": FORMAT, "asked": asked, "plan": plan}]
        with files.open_atomic(self.path) as file:
            for line in self.lines:
                files.append_jsonl(file, line)

    def add(self, line: Json) -> None:
        """One more line, on the disk when this returns."""
        self.lines.append(line)
        with self.path.open("ab") as file:
            files.append_jsonl(file, line, synced=True)


def _whole_lines(path: Path) -> list[Json]:
    if not path.exists():
        return []
    try:
        return list(files.read_jsonl(path))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except files.DamagedError as error:
        raise UserError(f"{path}: {error}; remove the file to begin anew") from None
