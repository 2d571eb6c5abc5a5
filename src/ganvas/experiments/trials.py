"""The trials of an experiment: each once, in a process of its own on one thread, as many at a time as there are cores.

Finished trials are kept in a journal. An interrupted experiment resumes from it, and repeats what failed.
"""

import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import Field, JsonValue

import ganvas
from ganvas import console, machine
from ganvas.console import progress
from ganvas.data import DataConfig, open_source, workers
from ganvas.data.prepared import refuse_several_parts
from ganvas.errors import RunFailedError, UserError
from ganvas.evaluation.evaluator import evaluator_for
from ganvas.experiments import analysis
from ganvas.experiments.experiment import SQUARES, Experiment, Measurements, Trial, Variant
from ganvas.experiments.journal import Journal, TrialLine
from ganvas.experiments.results import ExperimentResults
from ganvas.networks.evaluator import EvaluatorConfig
from ganvas.settings import Settings
from ganvas.sizes import Size
from ganvas.training import health

RESULTS = "results.jsonl"
QUICK_SEEDS, QUICK_SHARE = 2, 1 / 6
Task = TypeVar("Task")
Result = TypeVar("Result")


class Effort(Settings):
    """How much is spent on a question."""

    quick: bool = False
    """Two seeds, and a sixth of the time each."""
    seeds: int | None = Field(default=None, ge=2, le=100)
    """How often every variant is tried; two at the least, for an interval."""
    budget: float | None = Field(default=None, gt=0, le=86_400)
    """CPU seconds of each training."""

    def of(self, experiment: Experiment) -> tuple[range, float]:
        """Seeds and seconds."""
        seeds = self.seeds or (QUICK_SEEDS if self.quick else experiment.seeds)
        return range(seeds), self.budget or experiment.seconds * (QUICK_SHARE if self.quick else 1)


def run_experiment(experiment: Experiment, source: str, effort: Effort, folder: Path) -> ExperimentResults:
    """Does what is missing and returns all of it. UserError if another experiment was begun in `folder`."""
    journal = Journal(folder / RESULTS)
    prepared = open_source(source, SQUARES)
    refuse_several_parts(prepared, f"the study {experiment.name}")
    if experiment.needs_evaluator and prepared.labels is None:
        raise UserError(f"{prepared.name} has no labels, and the study {experiment.name} asks about them")
    if experiment.needs_evaluator and len(prepared.held_out) < (needed := EvaluatorConfig().features + 1):
        raise UserError(
            f"{prepared.name} gives {len(prepared.held_out)} held-out images, and the distance that the study "
            f"{experiment.name} measures needs {needed}: take a larger set"
        )
    seeds, seconds = effort.of(experiment)
    asked: dict[str, JsonValue] = {"study": experiment.name, "seeds": len(seeds), "seconds": seconds}
    asked |= {"set": prepared.name, "fingerprint": prepared.fingerprint[:16]}
    journal.refuse_another(asked)
    if experiment.needs_evaluator:  # fitted here, once for every size, and not in each trial
        for size in {variant.choices.get("size") for variant in experiment.variants}:
            evaluator_for(
                prepared if size is None else open_source(source, DataConfig(crop="square", size=Size.square(size)))
            )
    with journal.begun(asked, software_and_machine()):
        carry_out(experiment, source, seeds, seconds, journal)
    return results_of(experiment, journal)


def carry_out(experiment: Experiment, source: str, seeds: Sequence[int], seconds: float, journal: Journal) -> None:
    """Does the trials that the journal lacks, those that others wait for first."""
    done = analysis.read_results(journal.finished).figures
    missing = [
        (variant, Trial(variant.name, seed, seconds, source, journal.path.parent))
        for seed in seeds
        for variant in experiment.variants
        if (variant.name, seed) not in done
    ]
    if not missing:
        console.info("every trial was done before")
        return
    at_once = min(len(missing), machine.cores())
    budgets = console.duration(-(-len(missing) // at_once) * seconds)
    console.info(f"{len(missing)} trials, {at_once} at once: their budgets come to {budgets}, scoring on top")
    with progress.bar(experiment.name, len(missing), "trials") as bar:

        def add(line: TrialLine) -> None:
            journal.add(line)
            bar.advance(1)

        for line in in_processes(partial(perform, experiment), [task for task in missing if not task[0].after]):
            add(line)
        failed, waiting = analysis.read_results(journal.finished).failed, []
        for variant, trial in missing:
            if why := failed.get((variant.after, trial.seed)):
                add(TrialLine(row=variant.name, seed=trial.seed, seconds=0.0, failed=why))
            elif variant.after:
                waiting.append((variant, trial))
        for line in in_processes(partial(perform, experiment), waiting):
            add(line)


def results_of(experiment: Experiment, journal: Journal) -> ExperimentResults:
    """What a page is made of, from the journal alone."""
    assert journal.header is not None, "nothing was begun"
    asked, plan = journal.header.asked, journal.header.plan
    seeds, outcome = range(int(str(asked["seeds"]))), analysis.read_results(journal.finished)
    method = (
        f"Set: {asked['set']}. Every variant is tried with {len(seeds)} seeds; a training takes {asked['seconds']:g} "
        "CPU seconds on one thread, unless stated otherwise.",
        "Means of ratios are geometric; intervals of figures are Student's over the seeds, 95 %. Variants are compared "
        f"seed by seed, ratios by their logarithms; p values are after Holm's correction over the "
        f"{len(experiment.comparisons)} comparisons of the study, and each comparison's interval is at the level at "
        "which Holm's procedure tests it, so that it shows a difference exactly where the verdict does.",
        f"{outcome.seconds / 60:.1f} CPU minutes, on {plan['machine']}, PyTorch "
        f"{str(plan['torch']).partition('+')[0]}.",
    )
    source = asked["set"] if asked["set"] == "digits" else f"./{asked['set']}"
    command = f"ganvas study {experiment.name} {source} --seeds {len(seeds)} --budget {asked['seconds']:g}"
    answer = analysis.analyse(experiment, outcome, seeds)
    return analysis.assemble(experiment, experiment.name, answer, outcome, seeds, method, command)


def perform(experiment: Experiment, task: tuple[Variant, Trial]) -> TrialLine:
    """One trial, in the process that was started for it."""
    variant, trial = task
    torch.set_num_threads(1)
    began = time.process_time()
    measurements: Measurements | None = None
    try:
        with console.quiet():  # several processes share one terminal, and only their parent writes to it
            measurements = experiment.measure(trial, variant)
    except RunFailedError as error:
        why = str(error).partition(";")[0]  # what follows is advice about a run's flags
    except (RuntimeError, MemoryError) as error:
        if not health.out_of_memory(error):
            raise
        why = "memory ran out"
    seconds = round(time.process_time() - began, 2)
    if measurements is None:
        return TrialLine(row=variant.name, seed=trial.seed, seconds=seconds, failed=why)
    return TrialLine.measured(variant.name, trial.seed, seconds, measurements)


def in_processes(work: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
    """The result of each task, as they end: a process of its own each, as many at once as there are cores.

    Whoever stops listening, by Ctrl-C too, ends what is running at once. RunFailedError if a process was killed.
    """
    context = multiprocessing.get_context("spawn")
    # Started first, every process has one thread: two would compete for a core and be hundreds of times slower.
    with one_thread():
        count = max(1, min(len(tasks), machine.cores()))
        with ProcessPoolExecutor(count, context, initializer=workers.start_worker, max_tasks_per_child=1) as pool:
            try:
                for future in as_completed([pool.submit(work, task) for task in tasks]):
                    yield future.result()
            except BrokenProcessPool:
                raise RunFailedError(
                    "a trial's process was killed, perhaps for want of memory; the same command resumes"
                ) from None
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in multiprocessing.active_children():
                    child.terminate()  # minutes may be left of what is running, and nobody waits for it any more
                raise


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes that are started inside have one thread for arithmetic."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def software_and_machine() -> dict[str, JsonValue]:
    """Versions and the machine, in words that name nobody."""
    words = f"{platform.system()} {platform.machine()}, {machine.cores()} cores"
    return {"ganvas": ganvas.__version__, "torch": torch.__version__, "machine": words}
