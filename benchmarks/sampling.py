"""What drawing costs: `python benchmarks/sampling.py`.

Seconds of `ganvas sample RUN -n 64` as a whole process, from a cold start, for a run of the default recipe.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pairs import machine

ROUNDS = 5


def main() -> None:
    """Trains for a moment, then draws in processes of their own."""
    print(machine())
    ganvas = [sys.executable, "-m", "ganvas"]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        quiet = {"check": True, "stdout": subprocess.DEVNULL}
        subprocess.run([*ganvas, "train", "digits", "--images", "640", "--threads", "1", "--out", run], **quiet)
        seconds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            subprocess.run([*ganvas, "sample", run, "-n", "64", "--out", Path(folder, "drawn.png")], **quiet)
            seconds.append(time.perf_counter() - started)
    print(f"64 images from a cold start: median {statistics.median(seconds):.2f} s of {ROUNDS}, at most 3 wanted")


if __name__ == "__main__":
    main()
