"""What is left at auto is chosen by trying: threads, precision and memory layout, and how many images fit a budget.

Everything is measured on networks that are thrown away, before the first step of the run.
"""

import math
import time
from collections.abc import Iterator
from itertools import product

from ganvas import console
from ganvas.config.run import RunConfig, TrainingConfig
from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.machine import emulates_bfloat16, threads
from ganvas.objectives.config import GanObjective
from ganvas.training.engine import ComputeConfig, Engine
from ganvas.training.trainer import build_trainer

SECONDS_A_CHOICE = 0.4
ROUNDS = 2  # of the choices in turn, each judged by its best: another process may hold a core for a moment
SECONDS_FOR_A_RATE = 3.0
OUT_OF_REACH = 1.3  # times slower than the best so far: not timed any more


def choose_compute(run: RunConfig, prepared: PreparedSet) -> ComputeConfig:
    """The fastest of the speeds that the run leaves open; what is given is not measured."""
    choices = list(compute_candidates(run.training))
    if len(choices) == 1:
        return choices[0]
    rates = dict.fromkeys(choices, 0.0)
    with progress.bar(f"finding the fastest of {len(choices)} ways to train,", ROUNDS * len(choices), "tries") as bar:
        for turn in range(ROUNDS):
            for speed in choices:
                best = max(rates.values())
                if turn == 0 or OUT_OF_REACH * rates[speed] > best:
                    rates[speed] = max(
                        rates[speed],
                        images_per_second(run, prepared, speed, SECONDS_A_CHOICE, best / OUT_OF_REACH),
                    )
                bar.advance()
    best_speed = max(rates, key=lambda speed: rates[speed])
    console.info(
        f"speed {describe(best_speed)}: {rates[best_speed]:.0f} images/s, the fastest of {len(choices)} ways tried"
    )
    return best_speed


def compute_candidates(training: TrainingConfig) -> Iterator[ComputeConfig]:
    """Every speed that the settings leave open, the likeliest to be fast first: slower ones are then soon known."""
    counts = [training.threads] if training.threads != "auto" else sorted({1, threads()}, reverse=True)
    useful = ["float32"] if emulates_bfloat16() else ["bfloat16", "float32"]
    precisions = [training.precision] if training.precision != "auto" else useful
    formats = [training.memory_format] if training.memory_format != "auto" else ["channels-last", "contiguous"]
    for count, precision, memory_format in product(counts, precisions, formats):
        yield ComputeConfig(count, precision, memory_format)  # type: ignore[arg-type]


def images_per_second(
    run: RunConfig, prepared: PreparedSet, speed: ComputeConfig, seconds: float, least: float = 0.0
) -> float:
    """Images a second in training steps of this run at this speed.

    Steps differ, for some have a penalty and some no turn of G: each kind is timed, and counted at its true share,
    after one of its kind that is not counted. Where those first ones take more than a second and say that the speed is
    not even `least`, theirs is the answer.
    """
    game = build_trainer(run, prepared, Engine.for_trials(speed))
    shares = step_kinds(run)
    batch, spent, times = run.training.batch, 0.0, 0

    def cost(of: int) -> float:
        started = time.perf_counter()
        game.step(of)
        return time.perf_counter() - started

    cold = {step: cost(step) for step in shares}
    first = batch / sum(share * cold[step] for step, share in shares.items())
    if sum(cold.values()) > 1 and first < least:
        return first
    sums = dict.fromkeys(shares, 0.0)
    while not times or spent < seconds:
        for step in shares:
            taken = cost(step)
            sums[step] += taken
            spent += taken
        times += 1
    return batch * times / sum(share * sums[step] for step, share in shares.items())


def step_kinds(run: RunConfig) -> dict[int, float]:
    """The first step of each kind that there is, and what share of all steps is of its kind."""
    rule = run.objective
    if not isinstance(rule, GanObjective):
        return {0: 1.0}
    penalty = 1 if rule.r1 == rule.r2 == 0 else rule.penalty_every
    turn = rule.generator_every
    both = 1 / math.lcm(penalty, turn)
    shares = [(0, both), (penalty, 1 / penalty - both), (turn, 1 / turn - both), (1, 1 - 1 / penalty - 1 / turn + both)]
    return {step: share for step, share in shares if share > 1e-15}  # less is rounding


def describe(speed: ComputeConfig) -> str:
    """A speed in words."""
    threads = f"{speed.threads} thread{'s' if speed.threads > 1 else ''}"
    return f"{threads}, {speed.precision}, {speed.memory_format}"
