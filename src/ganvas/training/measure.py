"""What is left at auto is chosen by trying: threads, precision and memory layout, and how many pictures fit a budget.

Everything is measured on networks that are thrown away, before the first step of the run.
"""

import time
from collections.abc import Callable, Iterator
from itertools import product

from ganvas.data.prepared import Prepared
from ganvas.machine import threads
from ganvas.objectives.rules import Simultaneous
from ganvas.runs.spec import Run, Training
from ganvas.training.engine import Engine, Speed
from ganvas.training.game import build

SECONDS_A_CHOICE = 0.4
ROUNDS = 2  # of all choices in turn, each judged by its best: another process may hold a core for a moment
SECONDS_FOR_A_RATE = 3.0


def choose(run: Run, prepared: Prepared, say: Callable[[str], None]) -> Speed:
    """The fastest of the speeds that the run leaves open; what is given is not measured."""
    choices = list(speeds(run.training))
    if len(choices) == 1:
        return choices[0]
    rates = dict.fromkeys(choices, 0.0)
    for speed in choices * ROUNDS:
        rates[speed] = max(rates[speed], images_per_second(run, prepared, speed, SECONDS_A_CHOICE))
    best = max(rates, key=lambda speed: rates[speed])
    say(f"speed {said(best)}: {rates[best]:.0f} pictures/s, the fastest of {len(choices)} ways tried")
    return best


def speeds(training: Training) -> Iterator[Speed]:
    """Every speed that the settings leave open."""
    counts = [training.threads] if training.threads != "auto" else sorted({1, threads()})
    precisions = [training.precision] if training.precision != "auto" else ["float32", "bfloat16"]
    formats = [training.memory_format] if training.memory_format != "auto" else ["contiguous", "channels-last"]
    for count, precision, memory_format in product(counts, precisions, formats):
        yield Speed(count, precision, memory_format)  # type: ignore[arg-type]


def images_per_second(run: Run, prepared: Prepared, speed: Speed, seconds: float) -> float:
    """Pictures a second in training steps of this run at this speed, after a first round that is not counted.

    A round is as long as the penalty's period, so that its cost is counted at its true share.
    """
    round_steps = run.objective.penalty_every if isinstance(run.objective, Simultaneous) else 1
    game = build(run, prepared, Engine.for_trials(speed))
    step, started, counted_from = 0, 0.0, 0
    while True:
        for _ in range(round_steps):
            game.play(step)
            step += 1
        now = time.perf_counter()
        if not started:
            started, counted_from = now, step
        elif now - started >= seconds:
            return (step - counted_from) * run.training.batch / (now - started)


def said(speed: Speed) -> str:
    """A speed in words."""
    threads = f"{speed.threads} thread{'s' if speed.threads > 1 else ''}"
    return f"{threads}, {speed.precision}, {speed.memory_format}"
