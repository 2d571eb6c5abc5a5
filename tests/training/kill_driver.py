"""Kills a run at each write, sync, rename, mkdir and unlink, resumes it, and tells what came of it, as JSON lines.

python kill_driver.py SOURCE FOLDER CHOICES EVERY: the EVERY-th such points are tried. One process imports what is heavy
and forks for each run, so that a kill is a real SIGKILL and costs a tenth of a second.
"""

import io
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganvas.runs import sealed
from ganvas.runs.folder import RunFolder
from ganvas.training import artifacts
from ganvas.training.run import TrainRequest, train


def in_a_child(work: Callable[[], None]) -> int:
    """Forks, works there, and returns how that ended: 0, or minus the number of a signal."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def watch_calls(recorded: Callable[[], None]) -> None:
    """From now on `seen` is called before each thing that changes a disk."""

    def watched(original: Callable[..., Any], wanted: Callable[..., bool] = lambda *_, **__: True) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            if wanted(*given, **named):
                recorded()
            return original(*given, **named)

        return call

    io.open = watched(io.open, lambda path, mode="r", *_, **__: any(letter in mode for letter in "wax+"))
    for name in ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir"):
        setattr(os, name, watched(getattr(os, name)))


def main(source: str, folder: str, choices: str, every: str) -> None:
    artifacts.draw_charts = lambda *_: None  # drawing takes longest, and a chart is no state
    asked = TrainRequest(source, "modern", json.loads(choices))
    counted = Path(folder) / "count"

    def run(out: Path) -> None:
        train(asked, out)

    def whole() -> None:
        count = [0]
        watch_calls(lambda: count.__setitem__(0, count[0] + 1))
        run(Path(folder) / "whole")
        counted.write_text(str(count[0]))

    run(Path(folder) / "warm")  # whatever is imported, compiled or prepared when it is first used is so from now on
    assert in_a_child(whole) == 0
    points = int(counted.read_text())
    print(json.dumps({"points": points}))
    for point in range(1, points, int(every)):
        out = Path(folder) / f"killed-{point}"

        def killed(point: int = point, out: Path = out) -> None:
            left = [point]

            def recorded() -> None:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            watch_calls(recorded)
            run(out)

        died = in_a_child(killed)
        saved = RunFolder(out).checkpoints()
        for place in saved:
            sealed.verify_sealed(place)
        print(
            json.dumps({"point": point, "died": died, "saved": len(saved), "ended": in_a_child(lambda o=out: run(o))})
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
