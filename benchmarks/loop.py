"""What the loop costs beside the arithmetic: `python benchmarks/loop.py`.

Two ratios, on one thread, of CPU seconds (a busy machine takes those from neither side) and of wall-clock ones:
- a `modern` step at 28 px as the loop plays it (batches, noise, average, log, previews, checks, checkpoints at their
  default intervals) over the same step played bare on draws made beforehand; 1.05 is allowed;
- the book's conditional recipe, one image at a time, over a bare loop of the same arithmetic written with
  torch.nn and torch.optim alone; images a second, at least 1 is wanted.
"""

import contextlib
import io
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from pairs import in_turn, machine, ratios
from torch import nn

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, ResolvedRun, TrainingConfig
from ganvas.data import PreparedSet, open_source
from ganvas.data.batches import Batches
from ganvas.networks.pair import Pair
from ganvas.runs.folder import RunFolder
from ganvas.runs.record import Asked, State, new_record
from ganvas.training import autotune
from ganvas.training.engine import Engine
from ganvas.training.inputs import Inputs, drawer, step_inputs
from ganvas.training.run import run_training
from ganvas.training.step import Optimisers, gan_step
from ganvas.training.trainer import build_trainer

ROUNDS = 5


class Seconds(NamedTuple):
    """What something took."""

    processor: float
    wall: float


class Clock:
    """Started when it is made."""

    def __init__(self) -> None:
        self.processor, self.wall = time.process_time(), time.perf_counter()

    def seconds(self) -> Seconds:
        """Since then."""
        return Seconds(time.process_time() - self.processor, time.perf_counter() - self.wall)


def report(name: str, measured: list[tuple[Seconds, Seconds]]) -> None:
    """Prints first/second in both kinds of seconds."""
    for kind in Seconds._fields:
        ratios(f"{name}, {kind} seconds", [(getattr(a, kind), getattr(b, kind)) for a, b in measured])


def main() -> None:
    """Prints both ratios."""
    print(machine())
    modern()
    book()


def modern() -> None:
    """The whole loop over its bare step."""
    prepared = open_source("digits")
    compute = next(autotune.compute_candidates(TrainingConfig(memory_format="channels-last"), 1))
    run = resolve(configure("digits", "modern"), prepared, compute, images=60_032)
    measured = in_turn(lambda: seconds_of_loop(run, prepared), lambda: seconds_of_bare_steps(run, prepared), ROUNDS)
    report("modern, whole loop over bare steps", measured)


def seconds_of_loop(run: ResolvedRun, prepared: PreparedSet) -> Seconds:
    """Everything between the first step and the last, as `ganvas train` does it."""
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        engine = Engine.for_trials(run.compute)
        trainer = build_trainer(run, prepared, engine)
        record = new_record(Asked(source=run.source, recipe=run.recipe), run, prepared, "cpu")
        folder.write(record)
        clock = Clock()
        with contextlib.redirect_stdout(io.StringIO()):
            run_training(trainer, engine, State(), record, folder)
        return clock.seconds()


def seconds_of_bare_steps(run: ResolvedRun, prepared: PreparedSet) -> Seconds:
    """As many steps on the inputs of one step: forward, backward, optimiser and nothing else."""
    engine = Engine.for_trials(run.compute)
    trainer = build_trainer(run, prepared, engine)
    pair = Pair(trainer.networks["generator"], trainer.networks["discriminator"])
    optimisers = Optimisers(trainer.optimisers["generator"], trainer.optimisers["discriminator"])
    batches = Batches(prepared, run.training.batch, run.seed)
    draw = drawer(run, run.objective, prepared, pair.generator.noise_size, batches, engine)
    inputs = step_inputs(Inputs(draw, prepared, engine).at(0))
    clock = Clock()
    for step in range(run.steps):
        inputs.real.requires_grad_(False)
        gan_step(pair, optimisers, engine, run.objective, inputs, step)
    return clock.seconds()


def book() -> None:
    """Images a second of the book's recipe over those of a bare loop."""
    images = 4_000
    prepared = open_source("digits")
    run = resolve(configure("digits", "book-conditional"), prepared, ComputeConfig(1, "float32", "contiguous"), images)
    measured = in_turn(lambda: seconds_of_bare_book(images), lambda: seconds_of_loop(run, prepared), ROUNDS)
    for name, index in (("bare", 0), ("ours", 1)):
        print(f"book-conditional, {name}, images/s: {[round(images / pair[index].wall) for pair in measured]}")
    report("book-conditional, bare loop over ours", measured)


def seconds_of_bare_book(images: int) -> Seconds:
    """The same arithmetic as a person would write it down: images in [0, 1], one-hot labels, BCE on a sigmoid."""
    torch.set_num_threads(1)
    pixels = torch.from_numpy(np.array(open_source("digits").pixels[:1000])).float().flatten(1) / 255
    one_hot = torch.eye(10)
    D = nn.Sequential(nn.Linear(794, 200), nn.LeakyReLU(0.02), nn.LayerNorm(200), nn.Linear(200, 1), nn.Sigmoid())
    G = nn.Sequential(nn.Linear(110, 200), nn.LeakyReLU(0.02), nn.LayerNorm(200), nn.Linear(200, 784), nn.Sigmoid())
    d_optimiser = torch.optim.Adam(D.parameters(), lr=1e-4)
    g_optimiser = torch.optim.Adam(G.parameters(), lr=1e-4)
    loss, real, fake = nn.BCELoss(), torch.ones(1), torch.zeros(1)
    clock = Clock()
    for step in range(images):
        image, label = pixels[step % 1000], one_hot[step % 10]
        first, second = (one_hot[torch.randint(10, ()).item()] for _ in range(2))
        for values, target in (
            (torch.cat([image, label]), real),
            (torch.cat([G(torch.cat([torch.randn(100), first])).detach(), first]), fake),
        ):
            d_optimiser.zero_grad()
            loss(D(values), target).backward()
            d_optimiser.step()
        g_optimiser.zero_grad()
        generated = G(torch.cat([torch.randn(100), second]))
        loss(D(torch.cat([generated, second])), real).backward()
        g_optimiser.step()
    return clock.seconds()


if __name__ == "__main__":
    main()
