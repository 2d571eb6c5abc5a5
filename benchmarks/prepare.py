"""What preparing costs: `python benchmarks/prepare.py [--faces FOLDER]`.

Prints the ratio of preparing 60,000 PNGs of 28 px (and, where given, a folder of faces) to a bare loop that only
decodes them with Pillow in as many processes; how long opening and the check for change take; and anonymous memory
while preparing and training on 1,000,000 images beside that for 10,000.
"""

import argparse
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

PROCESSES = 2
PAIRS = 5


def main() -> None:
    """Runs all three parts in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, help="a folder of faces to prepare as well")
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganvas-benchmark-") as folder:
        os.environ["GANVAS_CACHE"] = str(Path(folder, "cache"))
        digits = Path(folder, "digits")
        write_pngs(digits, choices.images)
        compare(f"{choices.images} PNGs of 28 px", digits)
        opening(digits)
        if choices.faces:
            compare("faces", choices.faces)
        memory(Path(folder), choices.many)


def write_pngs(folder: Path, count: int) -> None:
    """Digits, each moved by another few pixels, in ten class folders."""
    from ganvas.data import DataConfig, open_source

    digits = open_source("digits", DataConfig())
    assert digits.labels is not None
    for index in range(count):
        row, shift = index % len(digits.pixels), index // len(digits.pixels)
        target = folder / str(digits.labels[row])
        target.mkdir(parents=True, exist_ok=True)
        moved = np.roll(digits.pixels[row, 0], (shift % 5, shift // 5), (0, 1))
        Image.fromarray(moved).save(target / f"{index}.png")


def bare(names: list[str]) -> None:
    """Only decodes."""
    for name in names:
        with Image.open(name) as image:
            image.load()


def bare_loop(folder: Path) -> None:
    """Decodes every file of a folder in as many processes as preparing uses."""
    names = [str(path) for path in sorted(folder.glob("*/*"))]
    chunks = [names[start : start + 256] for start in range(0, len(names), 256)]
    with multiprocessing.Pool(PROCESSES) as pool:
        for _ in pool.imap_unordered(bare, chunks):
            pass


def prepare_anew(source: Path) -> None:
    """Prepares with an empty cache."""
    from ganvas.data import DataConfig, open_source

    shutil.rmtree(os.environ["GANVAS_CACHE"], ignore_errors=True)
    open_source(str(source), DataConfig(), processes=PROCESSES)


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(title: str, source: Path) -> None:
    """Prints the median of paired ratios."""
    bare_loop(source)
    pairs = [(seconds(lambda: prepare_anew(source)), seconds(lambda: bare_loop(source))) for _ in range(PAIRS)]
    for ours, theirs in pairs:
        print(f"{title}: prepared in {ours:.2f} s, only decoded in {theirs:.2f} s, ratio {ours / theirs:.2f}")
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    print(f"{title}: median ratio {ratio:.2f} (wanted: at most 1.3)")


def opening(source: Path) -> None:
    """Prints what it takes to see that a source has not changed, and to open its prepared set."""
    from ganvas.data import DataConfig, cache, open_source, sources

    prepared = open_source(str(source), DataConfig())
    checks = [seconds(lambda: sources.find_source(str(source)).state()) for _ in range(PAIRS)]
    opens = [seconds(lambda: cache.load_prepared(prepared.folder)) for _ in range(PAIRS)]
    print(f"checking that {len(prepared.pixels)} files have not changed: {statistics.median(checks):.3f} s (at most 1)")
    print(f"opening the prepared set: {1000 * statistics.median(opens):.1f} ms (at most 50)")


PREPARE = """
import sys
from ganvas.data import DataConfig, open_source
open_source(sys.argv[1], DataConfig(), processes=2)
"""
TRAIN = "train {} --out {} --images 6400 --threads 1 --precision float32 --memory-format contiguous"


def memory(folder: Path, many: int) -> None:
    """Prints the highest anonymous memory of all processes that prepare, and train on, few and many images."""
    peaks: dict[str, list[int]] = {"preparing": [], "training on": []}
    for count in (10_000, many):
        source, run = folder / f"idx-{count}", folder / f"run-{count}"
        write_idx(source, count)
        for doing, arguments in (
            ("preparing", ["-c", PREPARE, str(source)]),
            ("training on", ["-m", "ganvas", *TRAIN.format(source, run).split()]),
        ):
            peaks[doing].append(peak_anonymous_memory([sys.executable, *arguments]))
            print(f"{doing} {count} images from idx files: {peaks[doing][-1] / 2**20:.0f} MB anonymous")
        shutil.rmtree(source)
        shutil.rmtree(os.environ["GANVAS_CACHE"], ignore_errors=True)
    for doing, (few, lots) in peaks.items():
        print(f"{doing} {many} instead: {(lots - few) / 2**20:.0f} MB more (at most 100)")


def write_idx(folder: Path, count: int) -> None:
    """Random strokes, so that no two images are alike and some areas are flat."""
    folder.mkdir()
    random = np.random.default_rng(0)
    with (folder / "train-images-idx3-ubyte").open("wb") as file:
        file.write(bytes((0, 0, 8, 3)) + b"".join(side.to_bytes(4, "big") for side in (count, 28, 28)))
        for _ in range(0, count, 10_000):
            images = np.zeros((10_000, 28, 28), np.uint8)
            images[:, 4:24, 4:24] = random.integers(0, 256, (10_000, 5, 5), np.uint8).repeat(4, 1).repeat(4, 2)
            file.write(images.tobytes())
    labels = bytes((0, 0, 8, 1)) + count.to_bytes(4, "big") + bytes(index % 10 for index in range(count))
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)


def peak_anonymous_memory(command: list[str]) -> int:
    """Bytes: RssAnon of a process and its children together, looked at fifty times a second."""
    process = subprocess.Popen(command)
    peak = 0
    while process.poll() is None:
        family = [process.pid, *children(process.pid)]
        peak = max(peak, sum(anonymous_memory(pid) for pid in family))
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(process.returncode)
    return peak


def children(pid: int) -> list[int]:
    """The processes that one started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def anonymous_memory(pid: int) -> int:
    """Bytes."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)


if __name__ == "__main__":
    main()
