"""What a game holds in memory while it trains and what an image costs it: measured, and foretold from its shapes."""

import time
from pathlib import Path

import torch
from torch import Tensor, nn

from ganvas import machine
from ganvas.config.recipes import configure
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
NUMBER = 4  # bytes of a float32
COPIES = 4  # of every weight: itself, its gradient, Adam's two moments


def measured(task: Trial, row: Variant) -> Measurements:
    """memory and predicted in MB, processor milliseconds an image, parameters in millions; of `recipe` at `size` px.

    Where the system says nothing about memory there is no figure of it.
    """
    engine = Engine.for_trials(SPEED)
    run = configure("noise", row.choices["recipe"], {"seed": task.seed})
    small, prepared = (images(size, task.seed) for size in (SMALLEST, row.choices["size"]))
    played(build_trainer(run, small, engine), 0)  # what libraries load once belongs to no network
    forget_peak()
    before = peak()
    game = build_trainer(run, prepared, engine)
    seconds = played(game, task.seconds)
    after = peak()
    found = {
        "milliseconds": 1000 * seconds / run.training.batch,
        "parameters": sum(map(parameter_count, game.networks.values())) / 1e6,
        "predicted": predicted(game, network_shape(run, prepared)) / MB,
    }
    return found if before is None or after is None else {"memory": (after - before) / MB, **found}


def images(size: int, seed: int) -> PreparedSet:
    """A set of noise in three channels: what a step costs does not depend on what it sees."""
    chance = stream(seed, "noise pictures", size)
    pixels = torch.randint(256, (IMAGES, 3, size, size), generator=chance, dtype=torch.uint8).numpy()
    return in_memory("noise", pixels)


def played(game: Trainer, seconds: float) -> float:
    """Plays a few steps, or for so long; processor seconds a step, without the first ones."""
    step, taken = 0, 0.0
    while step < FEWEST or taken < seconds:
        began = time.process_time()
        game.step(step)
        taken += (time.process_time() - began) if step >= UNTIMED else 0.0
        step += 1
    return taken / (step - UNTIMED)


def predicted(game: Trainer, shape: Shape) -> float:
    """Bytes: four numbers a weight, and every value that the layers of both networks give for one image."""
    weights = sum(map(parameter_count, game.networks.values()))
    return float(NUMBER * (COPIES * weights + sum(values(each, shape) for each in game.networks.values())))


def values(network: nn.Module, shape: Shape) -> int:
    """How many numbers the layers give in all for one image without a label."""
    given = 0

    def count(_: nn.Module, __: object, output: Tensor) -> None:
        nonlocal given
        given += output.numel()

    leaves = [layer for layer in network.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(count) for layer in leaves]
    asked = (network.noise_size,) if isinstance(network, Generator) else shape.image
    try:
        with torch.no_grad():
            network(torch.zeros(1, *asked, device=next(network.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return given


def forget_peak() -> None:
    """Lets the peak begin anew from what is held now, where the system can: elsewhere only a higher one shows."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak() -> int | None:
    """The most bytes this process held, since the peak was forgotten where that is possible. None if nothing is known.

    Linux counts it by process in `status`; `getrusage` also remembers the process that started this one.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return machine.peak_memory_bytes()
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return found[0] if found else machine.peak_memory_bytes()
