"""The trials of a study: each in a process of its own on one thread, as many at once as there are cores, each once.

What is finished stands in results.jsonl; a study that was broken off goes on from there, and tries again what failed.
"""

import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import Field

import ganvas
from ganvas import console, machine
from ganvas.console import progress
from ganvas.data import DataConfig, open_source, workers
from ganvas.errors import RunFailedError, UserError, nearest
from ganvas.evaluation.evaluator import evaluator_for
from ganvas.experiments import analysis
from ganvas.experiments.experiment import Experiment, Trial
from ganvas.experiments.journal import Journal
from ganvas.experiments.questions import EXPERIMENTS
from ganvas.networks.evaluator import EvaluatorConfig
from ganvas.settings import Settings
from ganvas.training import health

RESULTS = "results.jsonl"
QUICK_SEEDS, QUICK_SHARE = 2, 1 / 6
Json = dict[str, Any]
T = TypeVar("T")


class Effort(Settings):
    """How much is spent on a question."""

    quick: bool = False
    """Two seeds, and a sixth of the time each."""
    seeds: int | None = Field(default=None, ge=2, le=100)
    """How often every row is tried; two at the least, for an interval."""
    budget: float | None = Field(default=None, gt=0, le=86_400)
    """Processor seconds of each training."""

    def of(self, question: Experiment) -> tuple[range, float]:
        """Seeds and seconds."""
        seeds = self.seeds or (QUICK_SEEDS if self.quick else question.seeds)
        return range(seeds), self.budget or question.seconds * (QUICK_SHARE if self.quick else 1)


def find_experiment(name: str) -> Experiment:
    """The question of that name. UserError with the nearest one."""
    if name not in EXPERIMENTS:
        raise UserError(f"there is no study {name!r}; {nearest(name, EXPERIMENTS)}")
    return EXPERIMENTS[name]


def run_experiment(question: Experiment, source: str, effort: Effort, folder: Path) -> Json:
    """Does what is missing and returns the card of the whole. UserError if another study was begun in `folder`."""
    journal = Journal(folder / RESULTS)
    prepared = open_source(source)
    if prepared.labels is None and question.needs_evaluator:
        raise UserError(f"{prepared.name} has no labels, and the study {question.name} asks about them")
    held, needed = len(prepared.held_out), EvaluatorConfig().features + 1
    if question.needs_evaluator and held < needed:
        raise UserError(
            f"{prepared.name} gives {held} held-out images, and the distance that the study {question.name} measures "
            f"needs {needed}: take a larger set"
        )
    seeds, seconds = effort.of(question)
    asked = {"study": question.name, "seeds": len(seeds), "seconds": seconds, "set": prepared.name}
    asked["fingerprint"] = prepared.fingerprint[:16]
    journal.refuse_another(asked)
    try:
        results = analysis.read(journal.finished)
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{journal.path} is damaged; remove the file to begin anew") from None
    if question.needs_evaluator:  # here, once for every size, and not in each trial
        for size in {row.choices.get("size") for row in question.rows}:
            evaluator_for(prepared if size is None else open_source(source, DataConfig(size=size)))
    folder.mkdir(parents=True, exist_ok=True)
    journal.begin(asked, {"ganvas": ganvas.__version__, "torch": torch.__version__, "machine": machine_description()})
    missing = [
        Trial(question.name, row.name, seed, seconds, source, folder)
        for seed in seeds
        for row in question.rows
        if (row.name, seed) not in results.found
    ]
    if missing:
        console.info(planned(missing))
        _do(missing, journal, question.name)
    else:
        console.info("every trial was done before")
    return card(question, journal)


def planned(tasks: Sequence[Trial]) -> str:
    """What is to be done, before the first trial has ended and tells how long they take."""
    at_once = min(len(tasks), machine.cores())
    budgets = -(-len(tasks) // at_once) * max(task.seconds for task in tasks)
    return f"{len(tasks)} trials, {at_once} at once: their budgets come to {console.duration(budgets)}, scoring on top"


def card(question: Experiment, journal: Journal) -> Json:
    """What a page is made of, from the journal alone."""
    assert journal.plan is not None, "nothing was begun"
    asked = journal.lines[0]["asked"]
    seeds = range(asked["seeds"])
    results = analysis.read(journal.finished)
    return {
        "name": question.name,
        "claim": question.claim,
        "limits": list(question.limits),
        "axis": question.axis,
        "measures": [vars(measure) for measure in question.measures],
        "asked": asked,
        "made": journal.plan,
        "trials": len(seeds) * len(question.rows),
        "done": sum((row.name, seed) in results.found for row in question.rows for seed in seeds),
        "processor_seconds": round(results.seconds),
        **analysis.analyse(question, results, seeds),
    }


def perform(task: Trial) -> Json:
    """One trial, in the process that was made for it: its figures, or why there are none."""
    torch.set_num_threads(1)
    question = find_experiment(task.question)
    row = next(row for row in question.rows if row.name == task.row)
    line: Json = {"row": task.row, "seed": task.seed}
    began = time.process_time()
    try:
        found = question.measure(task, row)
        line["figures"] = {name: float(f"{value:.6g}") for name, value in found.items()}
    except RunFailedError as error:
        line["failed"] = str(error).partition(";")[0]
    except (RuntimeError, MemoryError) as error:
        if not health.out_of_memory(error):
            raise
        line["failed"] = "memory ran out"
    line["seconds"] = round(time.process_time() - began, 2)
    return line


def _do(tasks: Sequence[Trial], journal: Journal, title: str) -> None:
    """All of them; each line is on the disk when its trial ends."""
    with progress.bar(f"study {title}", len(tasks), "trials") as bar:
        for line in in_processes(perform, tasks):
            journal.add(line)
            bar.advance(1)


def in_processes(work: Callable[[T], Json], tasks: Sequence[T]) -> Iterator[Json]:
    """What `work` gives for each task, as they end: a process of its own each, as many at once as there are cores.

    Whoever stops listening, by Ctrl-C too, ends what is under way at once. RunFailedError if a process was killed.
    """
    context = multiprocessing.get_context("spawn")
    # Started first, every process has one thread: two would fight over a core and be hundreds of times slower.
    with one_thread():
        count = max(1, min(len(tasks), machine.cores()))
        with ProcessPoolExecutor(count, context, initializer=workers.start_worker, max_tasks_per_child=1) as pool:
            try:
                for future in as_completed([pool.submit(work, task) for task in tasks]):
                    yield future.result()
            except BrokenProcessPool:
                raise RunFailedError(
                    "a trial's process was killed, perhaps for want of memory; the same command goes on"
                ) from None
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in multiprocessing.active_children():
                    child.terminate()  # minutes may be left of what is under way, and nobody waits for it any more
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


def machine_description() -> str:
    """The machine, in words that name nobody."""
    return f"{platform.system()} {platform.machine()}, {machine.cores()} cores"
