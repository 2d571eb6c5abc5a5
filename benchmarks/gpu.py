"""Everything that is claimed of a GPU, in at most 8 minutes: `python benchmarks/gpu.py`.

Prints the card, the time to choose compute settings, milliseconds of a step (recorded as CUDA graphs and launched
kernel by kernel, with and without penalties, deterministic or not), the share of a step in which the GPU works, images
a second of whole `ganvas train` processes at their default intervals, whether two runs and a resumed one end bit for
bit equal, and how long `evaluate` and `sample` take with and without the GPU.

`--short` takes a few steps of everything, on any device, to see that the script works; its figures mean nothing.
"""

import argparse
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from ganvas import machine
from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig
from ganvas.data import open_source
from ganvas.data.config import DataConfig
from ganvas.training import autotune
from ganvas.training.engine import Engine
from ganvas.training.trainer import Trainer, build_trainer

WANTED = {28: 60_000, 64: 25_000, 128: 10_000}  # images a second of a whole training
EVERY = 8  # `modern` has penalties at every eighth step


class Uncaptured(Engine):
    """Launches kernel by kernel."""

    captures_steps = False


def new_trainer(size: int, batch: int, kind: type[Engine], compute: ComputeConfig) -> Trainer:
    """`modern` on the embedded digits, resized."""
    prepared = open_source("digits", DataConfig(size=size))
    run = configure("digits", "modern", {"training": {"batch": batch}, "data": {"size": size}})
    return build_trainer(resolve(run, prepared, compute), prepared, kind(alone=True).configure(compute))


def step_milliseconds(trainer: Trainer, steps: range) -> float:
    """The mean of these steps, after 40 others."""
    for number in range(40):
        trainer.advance(number, 0.0)
    wait()
    began = time.perf_counter()
    for number in steps:
        trainer.advance(number, 0.0)
    wait()
    return 1000 * (time.perf_counter() - began) / len(steps)


def wait() -> None:
    """Until the device has done its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def steps_table(short: bool) -> None:
    """Milliseconds of a step in every way that it can be taken."""
    count = 5 if short else 200
    for size, batch in ((28, 64), (28, 256)) if not short else ((28, 8),):
        for deterministic in ("on", "off"):
            compute = fastest_compute(deterministic)
            for name, kind in (("recorded", Engine), ("kernel by kernel", Uncaptured)):
                trainer = new_trainer(size, batch, kind, compute)
                plain = step_milliseconds(trainer, range(1, EVERY * count, EVERY))
                penalised = step_milliseconds(trainer, range(0, EVERY * count, EVERY))
                print(
                    f"step at {size} px, batch {batch}, {compute.precision}, {name}, deterministic {deterministic}: "
                    f"{plain:.2f} ms, with penalties {penalised:.2f} ms",
                    flush=True,
                )


def fastest_compute(deterministic: Literal["on", "off"] = "on") -> ComputeConfig:
    """bfloat16 on a GPU; float32 where the script is only tried."""
    precision: Literal["bfloat16", "float32"] = "bfloat16" if torch.cuda.is_available() else "float32"
    return ComputeConfig(1, precision, "channels-last", deterministic)


def busy_share(short: bool) -> None:
    """The share of the time in which the GPU runs a kernel, over steps as the loop takes them."""
    if not torch.cuda.is_available():
        print("GPU busy: no GPU")
        return
    trainer = new_trainer(28, 64, Engine, fastest_compute())
    step_milliseconds(trainer, range(100))
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        wait()
        began = time.perf_counter()
        for number in range(20 if short else 200):
            trainer.advance(number, 0.0)
        wait()
        seconds = time.perf_counter() - began
    busy = sum(event.self_device_time_total for event in profile.key_averages()) / 1e6
    print(f"GPU busy: {busy / seconds:.0%} of the time (wanted: at least 70 %)", flush=True)


def choosing_seconds() -> None:
    """How long compute settings take to choose."""
    run, prepared = configure("digits", "modern"), open_source("digits")
    began = time.perf_counter()
    autotune.choose_compute(run, prepared)
    print(f"choosing compute settings: {time.perf_counter() - began:.1f} s (wanted: under 3)", flush=True)


def ganvas(*arguments: object, hide_gpu: bool = False) -> float:
    """Runs a command and returns its seconds."""
    environment = {**os.environ, **({"CUDA_VISIBLE_DEVICES": ""} if hide_gpu else {})}
    command = [sys.executable, "-m", "ganvas", *map(str, arguments)]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - began


def whole_trainings(folder: Path, short: bool) -> None:
    """Images a second of `ganvas train`, by its own log, after its first second."""
    for size, wanted in WANTED.items():
        out = folder / f"train-{size}"
        images = 500 if short else 25 * wanted
        ganvas("train", "digits", "--size", size, "--images", images, "--out", out)
        lines = log_of(out)
        settled = [line for line in lines if line["seconds"] >= min(1.0, lines[-1]["seconds"] / 2)]
        first, last = settled[0], settled[-1]
        rate = (last["images"] - first["images"]) / max(1e-9, last["seconds"] - first["seconds"])
        compute = json.loads((out / "run.json").read_text())["run"]["training"]
        print(f"train at {size} px, {compute['precision']}: {rate:.0f} images/s (wanted: {wanted})", flush=True)


def log_of(run: Path) -> list[Mapping[str, Any]]:
    """The lines of a run's log that have a time."""
    lines = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    return [line for line in lines if "seconds" in line]


def exactness(folder: Path, short: bool) -> None:
    """Whether two runs, and one that is killed and resumed, have the same bundle."""
    images = 6_400 if short else 200_000
    fixed = ["--images", images, "--precision", fastest_compute().precision, "--memory-format", "channels-last"]
    fixed += ["--threads", 1, "--save-every", images // 10]
    for name in ("one", "two"):
        ganvas("train", "digits", *fixed, "--out", folder / name)
    command = [sys.executable, "-m", "ganvas", "train", "digits", *map(str, fixed), "--out", str(folder / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None and not len([*folder.glob("killed/checkpoints/step-*")]) > 1:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    digests = {name: digest(folder / name / "bundle") for name in ("one", "two", "killed")}
    print(f"two runs end bit for bit equal: {digests['one'] == digests['two']}")
    print(f"one killed and resumed ends bit for bit equal: {digests['one'] == digests['killed']}", flush=True)


def digest(bundle: Path) -> str:
    """Of its weights."""
    files = sorted(bundle.glob("*.safetensors"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def commands(folder: Path, short: bool) -> None:
    """Seconds of whole commands, with the GPU and without it."""
    run, count = folder / "one", 200 if short else 10_000
    for name, command in (
        ("evaluate --quick", ["evaluate", run, "--quick", "--out"]),
        (f"sample -n {count}", ["sample", run, "-n", count, "--out"]),
    ):
        ending = ".npz" if name.startswith("sample") else ""
        ganvas(*command, folder / f"warm{ending}")  # fits the evaluator
        seconds = [ganvas(*command, folder / f"{hide}{ending}", hide_gpu=hide) for hide in (False, True)]
        print(f"{name}: {seconds[0]:.1f} s, without the GPU {seconds[1]:.1f} s", flush=True)


def main() -> None:
    """Prints everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    short = parser.parse_args().short
    if not torch.cuda.is_available() and not short:
        sys.exit("no GPU here; --short tries the script without one")
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else machine.cpu_name()
    print(f"{card}, PyTorch {torch.__version__}, Python {platform.python_version()}", flush=True)
    began = time.perf_counter()
    if not short:
        choosing_seconds()
    steps_table(short)
    busy_share(short)
    with tempfile.TemporaryDirectory() as name:
        whole_trainings(Path(name), short)
        exactness(Path(name), short)
        commands(Path(name), short)
    print(f"{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
