"""Trainings as processes of their own: started from the page, stopped, resumed and removed.

A training is the same command that a person types. It is in a session of its own and prints to a file, so that neither
the page nor the end of the server reaches it.
"""

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from ganvas import files
from ganvas.config.recipes import RECIPES, configure
from ganvas.console import printable
from ganvas.errors import UserError, nearest
from ganvas.runs.folder import RunFolder
from ganvas.runs.source import recorded_place
from ganvas.settings import Settings
from ganvas.studio.holders import holder_of, lock_holders
from ganvas.studio.places import Places
from ganvas.studio.presets import changed, preset_of
from ganvas.studio.refusals import ConflictError
from ganvas.studio.summaries import RunSummary

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
OPTION = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
MOST_TRAININGS = 4
LAST_BYTES = 4_000


class NewTraining(Settings):
    """A training that the page asks for."""

    source: str = Field(min_length=1, max_length=1000)
    """A known set, or a path below the folder."""
    recipe: str = Field(default="modern", max_length=100)
    name: str | None = Field(default=None, max_length=100)
    """The run's folder; None for SET-RECIPE-sSEED."""
    options: dict[str, str | int | float | bool] = Field(default_factory=dict, max_length=200)
    """By their full names, such as `training.minutes`."""


class Trainings:
    """The trainings that this server started, and what may be done with any run."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def start(self, asked: NewTraining) -> str:
        """Starts a training and returns its run's name. UserError for a wrong choice, before anything is written."""
        source = self.places.source(asked.source)
        run = configure(source, asked.recipe, nested_options(asked.options))
        name = asked.name or f"{re.sub('[^A-Za-z0-9._-]+', '-', Path(source).stem).strip('.-')[:60] or 'set'}" + (
            f"-{asked.recipe}-s{run.seed}"
        )
        if not NAME.fullmatch(name):
            raise UserError(
                "a run's name has letters, digits, dots, - and _, 100 at most, and begins with none of these"
            )
        flags = {
            "recipe": asked.recipe,
            **{key: str(value).lower() for key, value in asked.options.items() if isinstance(value, bool)},
        }
        flags |= {key: str(value) for key, value in asked.options.items() if not isinstance(value, bool)}
        with self._lock:
            if (self.places.runs / name).exists() or self.is_starting(name):
                raise ConflictError(f"there is a run {name} already: choose another name, or resume it")
            self._begin(name, source, flags)
        return name

    def start_beside(self, run: RunFolder, preset: str, minutes: float) -> str:
        """Starts a short training like a run with one thing changed, and returns its name."""
        record = run.read()
        flags = changed(record, preset_of(record, preset), minutes)
        place = recorded_place(run)
        if place is None:
            raise ConflictError(f"the set of {run.path.name} is no longer where it was")
        with self._lock:
            wanted = f"{run.path.name[:70]}-{preset}"
            names = (wanted if number == 1 else f"{wanted}-{number}" for number in itertools.count(1))
            name = next(name for name in names if not ((self.places.runs / name).exists() or self.is_starting(name)))
            self._begin(name, place, flags)
        return name

    def resume(self, run: RunFolder) -> None:
        """Goes on with an unfinished run. ConflictError where it is trained already, or finished."""
        name, record = run.path.name, run.read()
        with self._lock:
            if self.is_starting(name) or holder_of(run.path / ".lock", lock_holders()) is not None:
                raise ConflictError(f"{name} is being trained already")
            if record.has_ended:
                raise ConflictError(f"{name} is {record.status}: there is nothing to resume")
            place = recorded_place(run)
            if place is None:
                raise ConflictError(
                    f"the set of {name} is no longer where it was; resume it with ganvas train --source"
                )
            flags = {key.removeprefix("--"): value for key, value in record.asked.as_flags().items()}
            flags.pop("SOURCE", None)
            self._begin(name, place, flags)

    def stop(self, run: RunFolder) -> None:
        """Asks a training to save and end. ConflictError where no process trains the run."""
        name = run.path.name
        own, holders = self._processes.get(name), lock_holders()
        process = holder_of(run.path / ".lock", holders) if holders is not None else None
        if process is None and own is not None and own.poll() is None:
            process = own.pid
        if process is None or process == os.getpid():
            raise ConflictError(f"{name} is not being trained")
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)

    def remove(self, run: RunFolder, confirmed: str) -> None:
        """Removes a run for good. ConflictError while it is trained, or unless its name is repeated."""
        name = run.path.name
        if confirmed != name:
            raise ConflictError(f"to remove {name}, repeat its name")
        with self._lock:
            if self.is_starting(name) or holder_of(run.path / ".lock", lock_holders()) is not None:
                raise ConflictError(f"{name} is being trained: stop it first")
            # Renamed first: half of a run must not look like one.
            leaving = files.old_of(run.path)
            files.remove(leaving)
            run.path.rename(leaving)
        files.remove(leaving)
        files.remove(self.places.console_of(name))

    def is_starting(self, name: str) -> bool:
        """Whether this server's process of that name is alive."""
        process = self._processes.get(name)
        return process is not None and process.poll() is None

    def without_record(self) -> list[RunSummary]:
        """What was started here and has no record: it prepares its set, or has failed, and then why."""
        found = []
        for name, process in list(self._processes.items()):
            if process.poll() is not None and process.returncode in (0, -signal.SIGTERM):
                continue
            if not (self.places.runs / name / "run.json").exists():
                state = "starting" if process.poll() is None else "died"
                found.append(RunSummary(name=name, state=state, reason=self.last_line(name)))
        return found

    def last_line(self, name: str) -> str:
        """What a training that was started here printed last."""
        try:
            with self.places.console_of(name).open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - LAST_BYTES))
                lines = file.read(LAST_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        last = next((line for line in reversed(lines) if line.strip()), "")
        return self.places.without_paths(printable(last.removeprefix("ganvas: ")))[:500]

    def _begin(self, name: str, source: str, flags: Mapping[str, str]) -> None:
        if sum(process.poll() is None for process in self._processes.values()) >= MOST_TRAININGS:
            raise ConflictError(f"{MOST_TRAININGS} trainings were started here and still run: stop one first")
        output = self.places.console_of(name)
        output.parent.mkdir(parents=True, exist_ok=True)
        options = [f"--{key}={value}" for key, value in flags.items()]
        command = [sys.executable, "-m", "ganvas", "train", source, f"--out={self.places.runs / name}", *options]
        with output.open("wb") as file:
            self._processes[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=self.places.root,
                start_new_session=True,
            )


def nested_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """{"training.minutes": 3} -> {"training": {"minutes": 3}}. UserError for a name that is none."""
    nested: dict[str, Any] = {}
    for name, value in options.items():
        part, _, field = name.rpartition(".")
        if not OPTION.fullmatch(name) or name in ("source", "recipe"):
            raise UserError(f"there is no option {printable(name)[:100]!r}")
        (nested.setdefault(part, {}) if part else nested)[field] = value
    return nested


def check_recipe(name: str) -> str:
    """The name of a recipe. UserError for any other, with the nearest."""
    if name not in RECIPES:
        raise UserError(f"there is no recipe {printable(name)[:100]!r}; {nearest(name[:100], RECIPES)}")
    return name
