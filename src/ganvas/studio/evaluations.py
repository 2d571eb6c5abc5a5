"""Scorecards that are asked for on the page: `ganvas evaluate --quick` as a process of its own."""

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal

from ganvas.console import printable
from ganvas.runs.folder import RunFolder
from ganvas.settings import Settings
from ganvas.studio.places import OWN, Places
from ganvas.studio.refusals import ConflictError

MOST_EVALUATIONS = 2
MOST_BYTES = 20_000
MOST_LINES = 12


class Evaluation(Settings):
    """How far the evaluation of a run is that was started here."""

    state: Literal["none", "running", "failed", "done"] = "none"
    printed: tuple[str, ...] = ()
    """What it printed last."""


class Evaluations:
    """The evaluations that this server started."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def start(self, run: RunFolder) -> None:
        """Starts one. ConflictError where it runs already, or enough of them do, or there is nothing to score."""
        name = run.path.name
        if not run.bundle.is_dir():
            raise ConflictError(f"{name} has no finished weights: a run is evaluated after its training")
        with self._lock:
            running = [each for each, process in self._processes.items() if process.poll() is None]
            if name in running:
                raise ConflictError(f"{name} is being evaluated already")
            if len(running) >= MOST_EVALUATIONS:
                raise ConflictError(f"{', '.join(running)} are being evaluated: wait for one of them")
            output = self._output(name)
            output.parent.mkdir(parents=True, exist_ok=True)
            with output.open("wb") as file:
                self._processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "ganvas", "evaluate", str(run.path), "--quick"],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    cwd=self.places.root,
                    start_new_session=True,
                )

    def of(self, run: RunFolder) -> Evaluation:
        """How far it is."""
        process = self._processes.get(run.path.name)
        if process is None:
            return Evaluation()
        code = process.poll()
        state: Literal["running", "failed", "done"] = "running" if code is None else "failed" if code else "done"
        return Evaluation(state=state, printed=self._printed(run.path.name))

    def stop(self, run: RunFolder) -> None:
        """Ends one. ConflictError where none runs."""
        process = self._processes.get(run.path.name)
        if process is None or process.poll() is not None:
            raise ConflictError(f"{run.path.name} is not being evaluated")
        process.send_signal(signal.SIGTERM)

    def _output(self, name: str) -> Path:
        return self.places.runs / OWN / "evaluations" / f"{name}.txt"

    def _printed(self, name: str) -> tuple[str, ...]:
        try:
            with self._output(name).open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - MOST_BYTES))
                lines = file.read(MOST_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            return ()
        said = [self.places.without_paths(printable(line)) for line in lines if line.strip()]
        return tuple(line[:500] for line in said[-MOST_LINES:])
