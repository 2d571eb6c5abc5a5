"""What the loop costs beside the arithmetic: `python benchmarks/loop.py`.

Two ratios, on one thread, of processor seconds (a busy machine takes those from neither side) and of wall-clock ones:
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
from ganvas.config.run import RunConfig, TrainingConfig
from ganvas.data import PreparedSet, open_source
from ganvas.runs.folder import RunFolder
from ganvas.training import autotune, record
from ganvas.training.engine import ComputeConfig, Engine
from ganvas.training.loop import State
from ganvas.training.run import run_training
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
    run = configure("digits", "modern", {"training": {"images": 60_032}})
    prepared = open_source("digits", run.data)
    speed = next(autotune.compute_candidates(TrainingConfig(threads=1, memory_format="channels-last")))
    found = in_turn(
        lambda: seconds_of_loop(run, prepared, speed), lambda: seconds_of_bare_steps(run, prepared, speed), ROUNDS
    )
    report("modern, whole loop over bare steps", found)


def seconds_of_loop(run: RunConfig, prepared: PreparedSet, speed: ComputeConfig) -> Seconds:
    """Everything between the first step and the last, as `ganvas train` does it."""
    steps = run.training.images // run.training.batch
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        engine = Engine.for_trials(speed)
        trainer = build_trainer(run, prepared, engine)
        known = record.new_record(run, {}, prepared, speed, steps, "cpu")
        folder.write(known)
        clock = Clock()
        with contextlib.redirect_stdout(io.StringIO()):
            run_training(run, trainer, engine, State(), known, folder)
        return clock.seconds()


def seconds_of_bare_steps(run: RunConfig, prepared: PreparedSet, speed: ComputeConfig) -> Seconds:
    """As many steps on one step's draws: forward, backward, optimiser and nothing else."""
    from ganvas.data.batches import Batches
    from ganvas.networks.pair import Pair
    from ganvas.training import step as steps_of_play
    from ganvas.training.trainer import batch_drawer, build_optimiser

    engine = Engine.for_trials(speed)
    trainer = build_trainer(run, prepared, engine)
    pair = Pair(trainer.networks["generator"], trainer.networks["discriminator"])
    optimisers = steps_of_play.Optimisers(
        *(build_optimiser(run.optimiser, network) for network in (pair.generator, pair.discriminator))
    )
    batches = Batches(prepared, run.training.batch, run.seed)
    draws = batch_drawer(run, run.objective, prepared, pair, batches, engine, labelled=True)(0)
    clock = Clock()
    for step in range(run.training.images // run.training.batch):
        draws.real.requires_grad_(False)
        steps_of_play.gan_step(pair, optimisers, engine, run.objective, draws, step)
    return clock.seconds()


def book() -> None:
    """Images a second of the book's recipe over those of a bare loop."""
    images = 4_000
    run = configure("digits", "book-conditional", {"training": {"images": images}})
    prepared = open_source("digits", run.data)
    speed = ComputeConfig(1, "float32", "contiguous")
    found = in_turn(lambda: seconds_of_bare_book(images), lambda: seconds_of_loop(run, prepared, speed), ROUNDS)
    for name, place in (("bare", 0), ("ours", 1)):
        print(f"book-conditional, {name}, images/s: {[round(images / each[place].wall) for each in found]}")
    report("book-conditional, bare loop over ours", found)


def seconds_of_bare_book(images: int) -> Seconds:
    """The same arithmetic as a person would write it down: images in [0, 1], one-hot labels, BCE on a sigmoid."""
    torch.set_num_threads(1)
    images = torch.from_numpy(np.array(open_source("digits").pixels[:1000])).float().flatten(1) / 255
    kinds = torch.eye(10)
    judge = nn.Sequential(nn.Linear(794, 200), nn.LeakyReLU(0.02), nn.LayerNorm(200), nn.Linear(200, 1), nn.Sigmoid())
    draw = nn.Sequential(nn.Linear(110, 200), nn.LeakyReLU(0.02), nn.LayerNorm(200), nn.Linear(200, 784), nn.Sigmoid())
    of_judge = torch.optim.Adam(judge.parameters(), lr=1e-4)
    of_draw = torch.optim.Adam(draw.parameters(), lr=1e-4)
    loss, real, fake = nn.BCELoss(), torch.ones(1), torch.zeros(1)
    clock = Clock()
    for step in range(images):
        image, kind = images[step % 1000], kinds[step % 10]
        first, second = (kinds[torch.randint(10, ()).item()] for _ in range(2))
        for shown, target in (
            (torch.cat([image, kind]), real),
            (torch.cat([draw(torch.cat([torch.randn(100), first])).detach(), first]), fake),
        ):
            of_judge.zero_grad()
            loss(judge(shown), target).backward()
            of_judge.step()
        of_draw.zero_grad()
        drawn = draw(torch.cat([torch.randn(100), second]))
        loss(judge(torch.cat([drawn, second])), real).backward()
        of_draw.step()
    return clock.seconds()


if __name__ == "__main__":
    main()
