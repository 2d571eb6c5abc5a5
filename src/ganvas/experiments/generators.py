"""Generators trained anew on a part of a set, in this process, by the run's own recipe; and how fast things go here."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from ganvas import machine
from ganvas.config.run import RunConfig
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.fit import BATCH, fit_classifier
from ganvas.experiments.budget import Rates
from ganvas.sampling import BATCH as DRAWN_TOGETHER
from ganvas.sampling import Sampler
from ganvas.training import autotune, health
from ganvas.training.engine import ComputeConfig, Engine
from ganvas.training.trainer import Trainer, build_trainer, learning_rate, steps_for

Advance = Callable[[int], None]
SECONDS_FOR_A_RATE = 1.0
STEPS_OF_A_TRIAL = 60


def trained(
    run: RunConfig, prepared: PreparedSet, images: int, speed: ComputeConfig, advance: Advance = lambda done: None
) -> Trainer:
    """A game played on the training images of `prepared`, from new weights, until so many were shown.

    The learning rate falls over these images as it fell over the run's own. RunFailedError on divergence.
    speed: of the run; how many threads is found out anew.
    """
    batch, steps = run.training.batch, steps_for(images, run.training.batch)
    with threads_kept():
        game = build_trainer(run, prepared, Engine.for_trials(speed))

        def step(number: int) -> None:
            for each in game.optimisers.values():
                each.param_groups[0]["lr"] = learning_rate(run.optimiser, number / steps)
            scores = game.step(number)
            if game.ema:
                game.ema.update(batch, (number + 1) * batch)
            if (number + 1) % health.CHECK_EVERY_STEPS == 0 or number + 1 == steps:
                health.check_finite(scores, game.networks, number + 1)
            advance(batch)

        numbers = iter(range(steps))

        def next_step() -> None:
            if (number := next(numbers, None)) is not None:
                step(number)

        with machine.fastest_threads(next_step):
            for number in numbers:
                step(number)
    return game


def measured(run: RunConfig, prepared: PreparedSet, speed: ComputeConfig, sampler: Sampler) -> Rates:
    """How many images a second are shown to a classifier, shown to this run's networks, and drawn, here and now."""
    with threads_kept():
        choices = [
            ComputeConfig(count, speed.precision, speed.memory_format)
            for count in sorted({1, min(2, machine.threads())})
        ]
        training = max(autotune.images_per_second(run, prepared, each, SECONDS_FOR_A_RATE) for each in choices)
    return Rates(_fitting(prepared), training, _drawing(sampler))


def _fitting(prepared: PreparedSet) -> float:
    """Of the later steps of a short fit: the first ones try numbers of threads."""
    assert prepared.labels is not None
    rows = np.resize(np.asarray(prepared.train), STEPS_OF_A_TRIAL * BATCH)
    times = [time.perf_counter()]
    fit_classifier(
        prepared.pixels,
        np.asarray(prepared.labels),
        len(prepared.classes),
        len(rows),
        advance=lambda done: times.append(time.perf_counter()),
        rows=rows,
    )
    taken = float(np.median(np.diff(times)[STEPS_OF_A_TRIAL // 2 :]))
    return BATCH / max(1e-9, taken)


def _drawing(sampler: Sampler) -> float:
    label = 0 if sampler.classes else None

    def some() -> None:
        for _ in sampler.stream(label, DRAWN_TOGETHER, 0):
            pass

    some()  # the first time sets things up
    began, rounds = time.perf_counter(), 0
    while not rounds or time.perf_counter() - began < SECONDS_FOR_A_RATE / 4:
        some()
        rounds += 1
    return rounds * DRAWN_TOGETHER / (time.perf_counter() - began)


@contextmanager
def threads_kept() -> Iterator[None]:
    """Leaves the number of threads as it was: an engine sets it for the whole process."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
