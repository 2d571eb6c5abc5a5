"""The finished trials of an experiment, one JSON object a line, so that a killed one resumes where it stopped.

The first line says what was asked and planned; every other is one trial. A torn last line is dropped.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, JsonValue, ValidationError, model_validator

from ganvas import files
from ganvas.errors import UserError
from ganvas.experiments.experiment import Flags, Measurements
from ganvas.experiments.results import Record


class Header(Record):
    """The first line."""

    format: Literal[1] = 1
    asked: dict[str, JsonValue]
    plan: dict[str, JsonValue]


class TrialLine(Record):
    """One finished trial: its figures, or why it has none."""

    row: str
    """The variant's name."""
    seed: int
    seconds: float
    """CPU seconds."""
    figures: dict[str, float] = Field(default_factory=dict)
    flags: dict[str, tuple[int, str]] = Field(default_factory=dict)
    """Flags (N,) as N and the base64 of their bits."""
    failed: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not (self.figures or self.failed is not None):
            raise ValueError("a trial has figures, or a reason why it has none")
        if any(len(self.unpacked(name)) != count for name, (count, _) in self.flags.items()):
            raise ValueError("flags are cut")
        return self

    @classmethod
    def measured(cls, row: str, seed: int, seconds: float, values: Measurements) -> Self:
        """The line of a trial that gave figures."""
        flags = {
            name: (len(value), base64.b64encode(np.packbits(value).tobytes()).decode("ascii"))
            for name, value in values.items()
            if isinstance(value, np.ndarray)
        }
        figures = {name: float(f"{np.mean(value):.6g}") for name, value in values.items()}
        return cls(row=row, seed=seed, seconds=seconds, figures=figures, flags=flags)

    def unpacked(self, name: str) -> Flags:
        """Flags (N,) by the measure's name."""
        count, bits = self.flags[name]
        return np.unpackbits(np.frombuffer(base64.b64decode(bits, validate=True), np.uint8))[:count].astype(np.bool_)


class Journal:
    """The lines of one experiment. Nothing is written before `begun`."""

    def __init__(self, path: Path) -> None:
        """Reads what is there. UserError if a line before the last is damaged, or it is of another format."""
        self.path = path
        self.header: Header | None = None
        self.finished: list[TrialLine] = []
        number = 1
        try:
            for number, line in enumerate(files.read_jsonl(path) if path.exists() else (), start=1):
                if number == 1:
                    self.header = Header.model_validate(line)
                else:
                    self.finished.append(TrialLine.model_validate(line))
        except files.DamagedError as error:
            raise UserError(f"{path}: {error}; remove the file to begin anew") from None
        except ValidationError:
            if number > 1:
                raise UserError(f"{path}: line {number} is damaged; remove the file to begin anew") from None
            raise UserError(
                f"{path} is not what this version of ganvas writes; remove it, or choose another --out"
            ) from None
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror or error}") from None

    def refuse_another(self, asked: Mapping[str, JsonValue]) -> None:
        """UserError with the difference if the journal was begun otherwise."""
        before = self.header.asked if self.header else asked
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

    @contextmanager
    def begun(self, asked: dict[str, JsonValue], plan: dict[str, JsonValue]) -> Iterator[None]:
        """Until the block ends, no other process may add lines: UserError if one is at work.

        Writes the first line of a new journal. Of an old one it writes every whole line again.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with files.lock(self.path.with_suffix(".lock")):
                now = Journal(self.path)  # since it was read, another process may have ended
                if self.header is None and now.header is not None:
                    raise UserError(f"{self.path} was begun by another process just now; give the command again")
                self.header, self.finished = self.header or Header(asked=asked, plan=plan), now.finished
                with files.open_atomic(self.path) as file:
                    files.append_jsonl(file, self.header.model_dump())
                    for line in self.finished:
                        files.append_jsonl(file, line.model_dump(exclude_defaults=True))
                yield
        except files.LockedError as process:
            raise UserError(
                f"{process} is at work in {self.path.parent}: wait for it, or choose another --out"
            ) from None

    def add(self, line: TrialLine) -> None:
        """One more line, on the disk when this returns."""
        self.finished.append(line)
        with self.path.open("ab") as file:
            files.append_jsonl(file, line.model_dump(exclude_defaults=True), synced=True)
