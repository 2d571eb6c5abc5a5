"""Measures what a run leaves open: the fastest compute settings, and how many images fit a budget in minutes.

Everything is measured on networks that are thrown away, before the first step of the run.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from ganvas import console
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, ResolvedRun, RunConfig, TrainingConfig
from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.machine import device, emulates_bfloat16, threads
from ganvas.objectives.config import GanObjective
from ganvas.training.capture import STEPS_BEFORE
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer

SECONDS_PER_CANDIDATE = {"cpu": 0.4, "cuda": 0.1, "mps": 0.1}  # by device
# Each candidate is timed in two rounds, and its better one counts: another process may hold a core for a moment.
ROUNDS = 2
SECONDS_FOR_A_RATE = 1.0  # a budget in minutes is planned anew where the pace turns out otherwise
# A candidate this many times slower than the best so far is not timed again.
HOPELESS_RATIO = 1.3


def plan(
    run: RunConfig, prepared: PreparedSet, world: int = 1, always_measure: bool = False
) -> tuple[ResolvedRun, float | None]:
    """The run with nothing left open, and the images a second that its budget was planned with.

    What depends on the data follows from rules; compute and minutes are measured.
    world: processes that share each batch. always_measure: a rate even where the budget needs none.
    """
    compute, rate = choose_compute(run, prepared)
    training = run.training
    if rate is None and (training.minutes is not None or always_measure):
        rate = images_per_second(resolve(run, prepared, compute), prepared, compute, SECONDS_FOR_A_RATE)
    rate = None if rate is None else rate * world
    if training.epochs is not None:
        images = round(training.epochs * len(prepared.train))
    elif training.minutes is not None and rate is not None:
        images = round(rate * training.minutes * 60)
    else:
        assert training.images is not None, "a recipe has a budget"
        images = training.images
    resolved = resolve(run, prepared, compute, images)
    for reason in resolved.reasons:
        console.info(reason)
    return resolved, rate


def choose_compute(run: RunConfig, prepared: PreparedSet) -> tuple[ComputeConfig, float | None]:
    """The fastest of the compute settings that the run leaves open, and its images a second.

    Precision and layout are compared first, on the fewest threads, whose rate depends least on what else the machine
    does; then the number of threads to begin with. Measures nothing where nothing is open: the rate is None then.
    """
    counts = thread_counts(run.training)
    settings = list(compute_candidates(run.training, counts[0]))
    if len(settings) == len(counts) == 1:
        return settings[0], None
    rates: dict[ComputeConfig, float] = {}
    trials = len(settings) + len(counts) - 1
    with progress.bar("benchmarking compute settings,", ROUNDS * trials, "trials") as bar:

        def fastest(candidates: list[ComputeConfig]) -> ComputeConfig:
            for turn, compute in product(range(ROUNDS), candidates):
                best = max(rates.values(), default=0.0)
                if turn == 0 or HOPELESS_RATIO * rates[compute] > best:
                    seconds, least = SECONDS_PER_CANDIDATE[device()], best / HOPELESS_RATIO
                    rate = images_per_second(resolve(run, prepared, compute), prepared, compute, seconds, least)
                    rates[compute] = max(rates.get(compute, 0.0), rate)
                bar.advance()
            return max(rates, key=lambda compute: rates[compute])

        chosen = fastest(settings)
        chosen = fastest([replace(chosen, threads=count) for count in counts[1:]])
    console.info(f"compute: {chosen}: {rates[chosen]:.0f} images/s, the fastest of {trials} settings")
    return chosen, rates[chosen]


def thread_counts(training: TrainingConfig) -> list[int]:
    """The numbers of CPU threads to try, ascending; only the usual one on another device, where they hardly matter."""
    if training.threads != "auto":
        return [int(training.threads)]
    return sorted({1, threads()}) if device() == "cpu" else [threads()]


def compute_candidates(training: TrainingConfig, threads: int) -> Iterator[ComputeConfig]:
    """All settings of precision and layout left open, the probably fastest first: slower ones are given up soon."""
    # Emulated bfloat16 is many times slower than float32, and one trial of it would take seconds.
    sensible = ["float32"] if emulates_bfloat16() else ["bfloat16", "float32"]
    precisions = [training.precision] if training.precision != "auto" else sensible
    formats = [training.memory_format] if training.memory_format != "auto" else ["channels-last", "contiguous"]
    for precision, memory_format in product(precisions, formats):
        yield ComputeConfig(threads, precision, memory_format, training.deterministic)  # type: ignore[arg-type]


def images_per_second(
    run: ResolvedRun, prepared: PreparedSet, compute: ComputeConfig, seconds: float, least: float = 0.0
) -> float:
    """Images a second in training steps of this run with these compute settings, timed for about so many seconds.

    Steps differ: some have a gradient penalty, some no update of G. Each kind is timed, after one step to warm up, and
    counted at its true share. Where the warm-up takes over a second and does not reach `least`, its rate is returned.
    """
    engine = Engine.for_trials(compute)
    trainer = build_trainer(run, prepared, engine)
    shares = step_kinds(run)
    batch, spent, rounds = run.training.batch, 0.0, 0

    def step_seconds(step: int) -> float:
        started = time.perf_counter()
        trainer.step(step, 0.0)
        engine.synchronise()  # a GPU takes its work now and does it later
        return time.perf_counter() - started

    # A GPU records each kind of step after a few of them: the warm-up ends with the first replay.
    warm_up = STEPS_BEFORE + 1 if engine.captures_steps else 1
    first_times = {step: [step_seconds(step) for _ in range(warm_up)][-1] for step in shares}
    first_rate = batch / sum(share * first_times[step] for step, share in shares.items())
    if sum(first_times.values()) > 1 and first_rate < least:
        return first_rate
    totals = dict.fromkeys(shares, 0.0)
    while not rounds or spent < seconds:
        for step in shares:
            taken = step_seconds(step)
            totals[step] += taken
            spent += taken
        rounds += 1
    return batch * rounds / sum(share * totals[step] for step, share in shares.items())


def step_kinds(run: ResolvedRun) -> dict[int, float]:
    """The number of the first step of each kind, and what share of all steps is of that kind."""
    objective = run.objective
    if not isinstance(objective, GanObjective):
        return {0: 1.0}
    penalty = 1 if objective.r1 == objective.r2 == 0 else objective.penalty_every
    update = objective.generator_every
    both = 1 / math.lcm(penalty, update)
    shares = [
        (0, both),
        (penalty, 1 / penalty - both),
        (update, 1 / update - both),
        (1, 1 - 1 / penalty - 1 / update + both),
    ]
    return {step: share for step, share in shares if share > 1e-15}  # less is rounding
