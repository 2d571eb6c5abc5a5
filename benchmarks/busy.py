"""Training beside other work: `python benchmarks/busy.py [--seconds 45] [--sizes 28 64] [--rounds 1]`.

`ganvas train digits` with one thread, with one a core, and with `--threads auto`, beside no, one and two processes that
do nothing but take a core, and with one that starts and stops in the middle. Prints images a second, and for `auto` the
worst window of 30 s after the first 10 s of a load, over the better fixed number beside the same load: at least 0.85 is
wanted, in the median of the rounds. Every run is a process of its own, and the fixed numbers are measured before and
after each run with `auto`, since a shared machine swings by a quarter. About 15 minutes a round and size.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep

from pairs import machine

Line = tuple[float, int]  # seconds of training, images
SETTLING, WINDOW = 10.0, 30.0
ENOUGH = 0.85


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that take a core each."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def read_log(path: Path) -> list[Line]:
    """The (seconds, images) of a log's whole lines."""
    lines = path.read_text().splitlines()[:-1] if path.is_file() else []
    records = [json.loads(line) for line in lines]
    return [(record["seconds"], record["images"]) for record in records if "seconds" in record]


def trained(size: int, threads: str, loads: Sequence[tuple[float, int]]) -> list[list[Line]]:
    """Trains beside one load after the other, (seconds, busy processes) each -> the log's lines of each part."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "run" / "log.jsonl"
        seldom, often = str(10**9), str(256 if size == 28 else 64)
        options = ["--size", size, "--threads", threads, "--precision", "float32", "--memory-format", "channels-last"]
        options += ["--images", seldom, "--training.log-every", often, "--training.preview-every", seldom]
        options += ["--save-every", seldom, "--watch", "off", "--out", Path(folder) / "run"]
        command = [sys.executable, "-m", "ganvas", "train", "digits", *map(str, options)]
        ends = [0.0]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not read_log(log):
                assert process.poll() is None, "the training has ended"
                sleep(0.2)
            for seconds, count in loads:
                with busy(count):
                    end = monotonic() + seconds
                    while monotonic() < end:
                        sleep(0.2)
                    ends.append(read_log(log)[-1][0])
        finally:
            process.kill()
            process.wait()
        lines = read_log(log)
    return [[line for line in lines if begin <= line[0] < end] for begin, end in pairwise(ends)]


def settled_rate(lines: Sequence[Line]) -> float:
    """Images a second after the first 10 s of a part."""
    settled = [line for line in lines if line[0] >= lines[0][0] + SETTLING]
    return (settled[-1][1] - settled[0][1]) / (settled[-1][0] - settled[0][0])


def worst_window(lines: Sequence[Line]) -> float:
    """The fewest images a second in a window of 30 s, or what there is, after the first 10 s of a part."""
    settled = [line for line in lines if line[0] >= lines[0][0] + SETTLING]
    window = min(WINDOW, settled[-1][0] - settled[0][0])
    rates = []
    for first in settled:
        later = [line for line in settled if line[0] >= first[0] + window]
        if later:
            rates.append((later[0][1] - first[1]) / (later[0][0] - first[0]))
    return min(rates)


def measure(size: int, seconds: float, rounds: int) -> bool:
    """One size: prints the table and returns whether `auto` is fast enough everywhere."""
    cores = str(os.cpu_count())
    shares: dict[str, list[float]] = {}
    print(f"{size} px: beside | 1 thread | {cores} threads | auto | worst window of auto over the best fixed number")
    for count in (0, 1, 2):
        rates: dict[str, list[float]] = {"1": [], cores: [], "auto": []}
        shares[f"{count} busy"] = found = []
        for _ in range(rounds):
            before = fixed_rates(size, count, cores)
            (lines,) = trained(size, "auto", [(seconds, count)])
            after = fixed_rates(size, count, cores)
            for threads in ("1", cores):
                rates[threads] += [(before[threads] + after[threads]) / 2]
            rates["auto"] += [settled_rate(lines)]
            found += [worst_window(lines) / max(rates["1"][-1], rates[cores][-1])]
        columns = (" ".join(f"{rate:.0f}" for rate in each) for each in rates.values())
        print(" | ".join([f"{count} busy", *columns, text(found)]), flush=True)
    for _ in range(rounds):
        before = [max(fixed_rates(size, count, cores).values()) for count in (0, 1)]
        parts = trained(size, "auto", [(seconds, 0), (seconds, 1), (seconds, 0)])
        after = [max(fixed_rates(size, count, cores).values()) for count in (0, 1)]
        beside = (before[1] + after[1]) / 2
        for name, best, lines in zip(("before", "beside", "after"), (before[0], beside, after[0]), parts, strict=True):
            shares.setdefault(f"{name} one that comes and goes", []).append(worst_window(lines) / best)
    for name in ("before", "beside", "after"):
        print(f"{name} one that comes and goes: {text(shares[f'{name} one that comes and goes'])}", flush=True)
    return min(statistics.median(each) for each in shares.values()) >= ENOUGH


def fixed_rates(size: int, count: int, cores: str) -> dict[str, float]:
    """Images a second with each fixed number of threads, beside so many busy processes, in the 10 s after the first."""
    return {threads: settled_rate(trained(size, threads, [(SETTLING + 10, count)])[0]) for threads in ("1", cores)}


def text(shares: Sequence[float]) -> str:
    """`0.97` or `0.97, 0.93`."""
    return ", ".join(f"{share:.2f}" for share in shares)


def main() -> None:
    """The table of every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--sizes", type=int, nargs="+", default=[28, 64])
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    os.environ.pop("OMP_NUM_THREADS", None)
    print(machine())
    fast_enough = [measure(size, asked.seconds, asked.rounds) for size in asked.sizes]
    print("wanted: at least 0.85 in every window", "- met" if all(fast_enough) else "- missed")


if __name__ == "__main__":
    main()
