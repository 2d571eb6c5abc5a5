"""The memory of a GAN while it trains, and the CPU time of an image: measured, and predicted from the shapes."""

import time
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from ganvas import machine
from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.data.prepared import PreparedSet, in_memory
from ganvas.experiments.experiment import Measurements, Trial, Variant
from ganvas.experiments.gan_trials import SPEED
from ganvas.networks.inspect import parameter_count
from ganvas.networks.pair import Generator, Shape
from ganvas.rng import stream
from ganvas.training.engine import Engine
from ganvas.training.trainer import Trainer, build_trainer, network_shape

IMAGES, SMALLEST = 64, 16
UNTIMED, FEWEST = 2, 6  # steps: the first ones set things up, and reach the peak
MB = 2**20
BYTES = 4  # of a float32
COPIES = 4  # of every weight: itself, its gradient, Adam's two moments


def measure_memory(trial: Trial, variant: Variant) -> Measurements:
    """memory and predicted in MB, CPU milliseconds an image, parameters in millions; of `recipe` at `size` px.

    Where the system does not report memory there is no figure of it.
    """
    asked = configure("noise", variant.choices["recipe"], {"seed": trial.seed})
    small, prepared = (noise_set(size, trial.seed) for size in (SMALLEST, variant.choices["size"]))
    engine, run = Engine.for_trials(SPEED), resolve(asked, prepared, SPEED)
    # A few steps of a small network first: what libraries load once belongs to no network.
    seconds_a_step(build_trainer(resolve(asked, small, SPEED), small, engine), 0)
    forget_peak()
    before = peak()
    trainer = build_trainer(run, prepared, engine)
    seconds = seconds_a_step(trainer, trial.seconds)
    after = peak()
    networks, shape = trainer.networks.values(), network_shape(run, prepared)
    weights = sum(map(parameter_count, networks))
    # Four numbers a weight, and every value that the layers of both networks give for one image.
    values = COPIES * weights + sum(output_values(network, shape) for network in networks)
    metrics = {
        "milliseconds": 1000 * seconds / run.training.batch,
        "parameters": weights / 1e6,
        "predicted": BYTES * values / MB,
    }
    return metrics if before is None or after is None else {"memory": (after - before) / MB, **metrics}


def noise_set(size: int, seed: int) -> PreparedSet:
    """A set of noise in three channels: what a step costs does not depend on the images."""
    generator = stream(seed, "noise pictures", size)
    pixels = torch.randint(256, (IMAGES, 3, size, size), generator=generator, dtype=torch.uint8).numpy()
    return in_memory("noise", pixels)


def seconds_a_step(trainer: Trainer, seconds: float) -> float:
    """CPU seconds a step, without the first ones, over a few steps or for so long."""
    step, taken = 0, 0.0
    while step < FEWEST or taken < seconds:
        began = time.process_time()
        trainer.step(step, 0.0)
        taken += (time.process_time() - began) if step >= UNTIMED else 0.0
        step += 1
    return taken / (step - UNTIMED)


def output_values(network: nn.Module, shape: Shape) -> int:
    """How many numbers the layers give in all for one image without a label."""
    values = 0

    def count(_: nn.Module, __: object, output: Tensor) -> None:
        nonlocal values
        values += output.numel()

    leaves = [layer for layer in network.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(count) for layer in leaves]
    shape_in = (network.noise_size,) if isinstance(network, Generator) else shape.image
    try:
        with torch.no_grad():
            network(torch.zeros(1, *shape_in, device=next(network.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return values


def forget_peak() -> None:
    """Sets the peak back to what is held now, where the system can: elsewhere only a higher one shows."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int | None:
    """The most bytes this process held, since the peak was forgotten where that is possible. None if nothing is known.

    Linux counts it by process in `status`; `getrusage` also remembers the process that started this one.
    """
    lines: list[str] = []
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    peaks = (int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    return next(peaks, None) or machine.peak_memory_bytes()
