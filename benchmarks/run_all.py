"""Runs every benchmark in turn: `make bench`. Each prints its own ratios."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHMARKS = ("loop.py", "step.py", "sampling.py", "prepare.py")


def main() -> None:
    """One process each, so that none inherits another's threads or memory."""
    for name in BENCHMARKS:
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, HERE / name], check=True)


if __name__ == "__main__":
    main()
