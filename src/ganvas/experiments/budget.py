"""What `worth` may cost: from minutes, and from speeds measured on this machine, to images shown."""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ganvas import machine
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, RunConfig
from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.evaluation.fit import BATCH, fit_classifier, fit_images
from ganvas.experiments.results import Record
from ganvas.experiments.trials import one_thread
from ganvas.rng import stream
from ganvas.training import autotune

FULL = 1.0
REDUCED = (0.1, 0.01)
FEWEST_OF_A_CLASS = 2
MOST_TESTED, QUICK_TESTED = 10_000, 2_500
MOST_GENERATED = 9  # times the real images: together ten times as many
SHARE_OF_GENERATORS = 0.4  # of the time
SHARE_IN_USE = 0.85  # of the minutes: the last trials leave some cores idle
SECONDS_TO_START = 4.0  # a trial: a process, its libraries, the run, the set
PREDICTING_IS_FASTER = 2  # than fitting, with some to spare: it is one of three passes over the arithmetic
DRAWING_IS_FASTER = 2  # than training, for the same reason, and because a step trains two networks
LONGER_WITH_ALL = 1.5  # times the images shown at a reduced share
FEWEST_SHOWN, FEWEST_TRAINED = 40 * BATCH, 4_000
"""Below these, what a classifier or a generator learned would say more of the budget than of the images."""
SECONDS_FOR_A_RATE, STEPS_FOR_A_RATE = 1.0, 60
Part = tuple[float, int, str]  # share, images, note


class Rates(NamedTuple):
    """Images a second on one thread, measured on this machine."""

    fitting: float
    training: float


class Share(Record):
    """One share of the training set, and what is spent on it for each seed. Counts are of images."""

    share: float
    images: int
    """Real images to learn from."""
    shown: int
    """In each fit, whatever it learns from."""
    generated: int
    """Different generated images that there are."""
    trained: int | None
    """Shown to the generator that is trained anew. None if the run's own serves, which saw the whole set."""
    note: str
    """What a reader has to know of this share."""


class Plan(Record):
    """What is to be done."""

    minutes: float
    shares: tuple[Share, ...]


class Wish(NamedTuple):
    """What a plan has to make room for."""

    seeds: int
    quick: bool
    most_trained: int
    """Images that the run's own generator was shown, beyond which none is trained."""
    tested: int
    """Held-out images that each fit is tested on."""


def subset(prepared: PreparedSet, share: float, seed: int) -> NDArray[np.int64]:
    """Indices of a share of the training images, ascending: that share of each class, at least two of each.

    With one seed, a smaller share lies within every larger one.
    """
    assert prepared.labels is not None
    train = np.asarray(prepared.train)
    labels = np.asarray(prepared.labels)[train]
    chosen = []
    for label, count in enumerate(counts(prepared, share)):
        own = train[labels == label]
        order = torch.randperm(len(own), generator=stream(seed, "worth/subset", label)).numpy()
        chosen.append(own[order[:count]])
    return np.sort(np.concatenate(chosen))


def counts(prepared: PreparedSet, share: float) -> NDArray[np.int64]:
    """(K,): how many images of each class a share of the training set has."""
    everything = class_counts(prepared)
    wanted = np.maximum(np.rint(share * everything), FEWEST_OF_A_CLASS).astype(np.int64)
    return np.asarray(np.minimum(everything, wanted))


def class_counts(prepared: PreparedSet) -> NDArray[np.int64]:
    """(K,): training images of each class."""
    assert prepared.labels is not None
    return np.bincount(np.asarray(prepared.labels)[prepared.train], minlength=len(prepared.classes))


def parts(prepared: PreparedSet, quick: bool) -> list[Part]:
    """(share, images, what a reader has to know) of each share. UserError if a set is too small to take parts of.

    A share that has the same images as the one before it is left out, and the note says so.
    """
    listed = [] if quick else [(FULL, len(prepared.train), "the generator saw the whole set: no verdict")]
    before = len(prepared.train)
    for share in REDUCED:
        images = int(counts(prepared, share).sum())
        raised = int((share * class_counts(prepared) < FEWEST_OF_A_CLASS - 0.5).sum())
        note = f"{raised} classes would have fewer than {FEWEST_OF_A_CLASS} images, and got that many"
        if images == before:
            if not listed or listed[-1][0] == FULL:
                raise UserError(
                    f"{prepared.name} has {len(prepared.train)} training images of {len(prepared.classes)} classes, "
                    f"too few to learn from a part of them: at least {FEWEST_OF_A_CLASS} of each class are needed"
                )
            note = f"{percent(share)} would be the same images, at {FEWEST_OF_A_CLASS} of each class at least"
            listed[-1] = (*listed[-1][:2], note)
            continue
        listed.append((share, images, note if raised else ""))
        before = images
    return listed


def plan(prepared: PreparedSet, rates: Rates, minutes: float, wish: Wish) -> Plan:
    """What each fit and training shows, so that all of it takes about so many minutes.

    UserError if that is too little to mean anything, with the minutes that are enough.
    """
    shares = [share for share, _, _ in parts(prepared, wish.quick)]
    trained, shown = _allotted(shares, rates, minutes, wish)
    if not _are_enough(trained, shown, wish):
        raise UserError(
            f"{minutes:g} minutes are too few for {wish.seeds * sum(map(fits, shares))} fits and "
            f"{wish.seeds * sum(map(trainings, shares))} trainings on this machine: "
            f"give --minutes {enough(prepared, rates, minutes, wish):g} or more"
        )
    most, planned = fit_images(len(prepared.train), prepared.size), []
    for share, images, note in parts(prepared, wish.quick):
        each = max(1, min(most, int(shown * _weight(share))) // BATCH) * BATCH
        generated = max(len(prepared.classes), min(MOST_GENERATED * images, each // 2))
        anew = trained if trainings(share) else None
        planned.append(Share(share=share, images=images, shown=each, generated=generated, trained=anew, note=note))
    return Plan(minutes=minutes, shares=tuple(planned))


def enough(prepared: PreparedSet, rates: Rates, minutes: float, wish: Wish) -> float:
    """So many minutes, or the tenths of a minute beyond that fits and trainings need to mean anything."""
    shares, least = [share for share, _, _ in parts(prepared, wish.quick)], minutes
    while not _are_enough(*_allotted(shares, rates, least, wish), wish):
        least = math.ceil(10 * least * 1.05 + 1) / 10
    return least


def cpu_seconds(shares: Sequence[float], rates: Rates, wish: Wish, trained: float, shown: float) -> float:
    """Of everything, if each generator trains on so many images and each fit of a reduced share shows so many."""
    seconds = 0.0
    for share in shares:
        images = shown * _weight(share)
        seconds += SECONDS_TO_START * (fits(share) + 1)
        seconds += fits(share) * (images + wish.tested / PREDICTING_IS_FASTER) / rates.fitting
        # At most half of the images that a fit shows are drawn.
        seconds += (trainings(share) * trained + images / 2 / DRAWING_IS_FASTER) / rates.training
    return wish.seeds * seconds


def _allotted(shares: Sequence[float], rates: Rates, minutes: float, wish: Wish) -> tuple[int, int]:
    """Images shown in each training, and in each fit of a reduced share."""
    seconds = 60 * minutes * SHARE_IN_USE * at_once(wish.seeds * sum(map(fits, shares)))
    one_image = wish.seeds * sum(map(trainings, shares)) / rates.training
    for_generators = SHARE_OF_GENERATORS * (seconds - cpu_seconds(shares, rates, wish, 0, 0))
    trained = max(0, min(wish.most_trained, int(for_generators / one_image)))
    fixed, with_one = (cpu_seconds(shares, rates, wish, trained, shown) for shown in (0, 1))
    return trained, max(0, int((seconds - fixed) / (with_one - fixed)))


def at_once(trials: int) -> int:
    """How many of the fits run at the same time without slowing each other down; one on an accelerator.

    Some trials wait for others, so more than a third of the fits are never counted on.
    """
    return min(machine.cores(), max(1, trials // 3)) if machine.device() == "cpu" else 1


def _are_enough(trained: int, shown: int, wish: Wish) -> bool:
    return shown >= FEWEST_SHOWN and trained >= min(wish.most_trained, FEWEST_TRAINED)


def fits(share: float) -> int:
    """Ways of learning at a share, for each seed: generated images of the whole set are not augmented."""
    return 4 if share == FULL else 5


def trainings(share: float) -> int:
    """Generators trained for a share, for each seed."""
    return int(share != FULL)


def _weight(share: float) -> float:
    return LONGER_WITH_ALL if share == FULL else 1.0


def measured_rates(run: RunConfig, prepared: PreparedSet, compute: ComputeConfig) -> Rates:
    """How many images a second one thread shows to a classifier, and to this run's networks."""
    threads = torch.get_num_threads()
    try:
        with one_thread():
            torch.set_num_threads(1)
            resolved = resolve(run, prepared, compute)
            training = autotune.images_per_second(resolved, prepared, compute, SECONDS_FOR_A_RATE)
            return Rates(_fitting_rate(prepared), training)
    finally:
        torch.set_num_threads(threads)


def _fitting_rate(prepared: PreparedSet) -> float:
    """Of the later steps of a short fit: the first ones set things up."""
    assert prepared.labels is not None
    rows = np.resize(np.asarray(prepared.train), STEPS_FOR_A_RATE * BATCH)
    times = [time.perf_counter()]
    fit_classifier(
        prepared.pixels,
        np.asarray(prepared.labels),
        len(prepared.classes),
        len(rows),
        advance=lambda _: times.append(time.perf_counter()),
        rows=rows,
    )
    taken = float(np.median(np.diff(times)[STEPS_FOR_A_RATE // 2 :]))
    return BATCH / max(1e-9, taken)


def percent(share: float) -> str:
    """0.01 -> 1 %."""
    return f"{100 * share:g} %"
