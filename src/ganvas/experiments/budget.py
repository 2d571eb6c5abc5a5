"""What `worth` may cost: from minutes, and from speeds measured on this machine, to images shown."""

import math
import time
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from ganvas import console, machine
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, RunConfig
from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.evaluation.fit import BATCH, fit_classifier, fit_images
from ganvas.experiments.results import Record
from ganvas.experiments.trials import one_thread
from ganvas.rng import stream
from ganvas.settings import Settings
from ganvas.training import autotune

FULL = 1.0
REDUCED = (0.1, 0.01)
FEWEST_OF_A_CLASS = 2
MINUTES, QUICK_MINUTES = 15.0, 4.0
MOST_TESTED, QUICK_TESTED = 10_000, 2_500
MOST_GENERATED = 9  # times the real images: together ten times as many
SHARE_OF_GENERATORS = 0.5  # of the time
SHARE_IN_USE = 0.85  # of the minutes: the last trials leave some cores idle
SECONDS_TO_START = 4.0  # a trial: a process, its libraries, the run, the set
# Predicting is one of the three passes of a fit, and drawing is at most one of a training step: a third, rounded up.
FORWARD_COST = 1 / 2
FEWEST_SHOWN, FEWEST_TRAINED = 40 * BATCH, 4_000
"""With fewer images, a classifier or a generator says more of the budget than of the data."""
SECONDS_FOR_A_RATE, STEPS_FOR_A_RATE = 1.0, 60


class Worth(Settings):
    """How much `worth` spends on its question."""

    quick: bool = False
    """Reduced shares alone, and fewer images shown."""
    seeds: int = Field(default=3, ge=1, le=50)
    """How often everything is done, each time with another part of the set, another generator, other first weights."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """The first of the seeds."""
    minutes: float | None = Field(default=None, gt=0, le=10_000)
    """For everything together. Unless given, some minutes that grow on a slow or busy machine."""

    @property
    def most_tested(self) -> int:
        """Held-out images that each fit is tested on, at most."""
        return QUICK_TESTED if self.quick else MOST_TESTED


class Rates(NamedTuple):
    """Images a second on one thread, measured on this machine."""

    fitting: float
    training: float


class Share(Record):
    """One share of the training set, and what is spent on it for each seed. Counts are of images."""

    share: float
    images: int
    """Real training images."""
    shown: int = 0
    """In each fit, whatever it learns from."""
    generated: int = 0
    """Different generated images."""
    trained: int | None = None
    """Shown to the generator that is trained anew. None: the run's own generator serves, which saw the whole set."""
    is_whole_training: bool = False
    """Whether that generator is trained as long as the run's own was."""
    note: str = ""
    """What a reader has to know of this share."""

    @property
    def percent(self) -> str:
        """`1 %` of 0.01."""
        return f"{100 * self.share:g} %"

    @property
    def ways(self) -> str:
        """The letters of the ways of learning: generated images of the whole set are not augmented."""
        return "abcd" if self.share == FULL else "abcdef"


class CostPlan(Record):
    """What is spent on every share. It is kept in the journal, so that a resumed comparison follows the same plan."""

    minutes: float
    shares: tuple[Share, ...]

    @property
    def fits(self) -> int:
        """For each seed."""
        return sum(len(share.ways) for share in self.shares)

    @property
    def trainings(self) -> int:
        """For each seed."""
        return sum(share.share != FULL for share in self.shares)


def class_counts(prepared: PreparedSet, share: float = FULL) -> NDArray[np.int64]:
    """(K,): how many images of each class a share of the training set has, at least two where the class has two."""
    assert prepared.labels is not None
    total = np.bincount(np.asarray(prepared.labels)[prepared.train], minlength=len(prepared.classes))
    wanted = np.maximum(np.rint(share * total), FEWEST_OF_A_CLASS).astype(np.int64)
    return np.asarray(np.minimum(total, wanted))


def subset(prepared: PreparedSet, share: float, seed: int) -> NDArray[np.int64]:
    """Indices of a share of the training images, ascending: that share of each class, at least two of each.

    With one seed, a smaller share lies within every larger one.
    """
    assert prepared.labels is not None
    train = np.asarray(prepared.train)
    labels = np.asarray(prepared.labels)[train]
    chosen = []
    for label, count in enumerate(class_counts(prepared, share)):
        rows = train[labels == label]
        order = torch.randperm(len(rows), generator=stream(seed, "worth/subset", label)).numpy()
        chosen.append(rows[order[:count]])
    return np.sort(np.concatenate(chosen))


def list_shares(prepared: PreparedSet, quick: bool) -> list[Share]:
    """The shares, with nothing spent on them yet. UserError if the set is too small to take a part of it."""
    total = class_counts(prepared)
    everything = Share(share=FULL, images=int(total.sum()), note="the generator saw the whole set: no verdict")
    tenth, hundredth = (int(class_counts(prepared, share).sum()) for share in REDUCED)
    if tenth == everything.images:
        raise UserError(
            f"{prepared.name} has {tenth} training images of {len(total)} classes, too few to learn from a part "
            f"of them: at least {FEWEST_OF_A_CLASS} of each class are needed"
        )
    shares = [] if quick else [everything]
    for share, images in zip(REDUCED, (tenth, hundredth), strict=True):
        raised = int((share * total < FEWEST_OF_A_CLASS - 0.5).sum())
        note = f"{raised} classes would have fewer than {FEWEST_OF_A_CLASS} images, and got that many"
        shares.append(Share(share=share, images=images, note=note if raised else ""))
    if tenth == hundredth:
        note = f"{shares[-1].percent} would be the same images, at {FEWEST_OF_A_CLASS} of each class at least"
        shares[-2:] = [Share(share=REDUCED[0], images=tenth, note=note)]
    return shares


def plan_costs(prepared: PreparedSet, rates: Rates, choices: Worth, tested: int, most_trained: int) -> CostPlan:
    """What each fit and each training shows, so that all of it takes about the minutes of the choices.

    tested: held-out images of each fit. most_trained: images that the run's own generator was shown; no generator is
    trained longer. UserError if minutes were given that are too few to mean anything; it names enough.
    """
    minutes = choices.minutes or (QUICK_MINUTES if choices.quick else MINUTES)
    bare = CostPlan(minutes=minutes, shares=tuple(list_shares(prepared, choices.quick)))
    drawn = len(bare.shares) + bare.trainings  # a reduced share also has images of the run's own generator
    fits, trainings, drawings = (choices.seeds * count for count in (bare.fits, bare.trainings, drawn))
    # CPU seconds: of what does not depend on the budget, of an image in every training, and of an image in every fit.
    # At most half of the images that a fit shows are drawn.
    fixed = SECONDS_TO_START * (fits + drawings) + fits * tested * FORWARD_COST / rates.fitting
    of_trained = trainings / rates.training
    of_shown = fits / rates.fitting + drawings * FORWARD_COST / 2 / rates.training
    enough = fixed + max(
        min(most_trained, FEWEST_TRAINED) * of_trained / SHARE_OF_GENERATORS,
        FEWEST_SHOWN * of_shown / (1 - SHARE_OF_GENERATORS),
    )
    seconds_a_minute = 60 * SHARE_IN_USE * at_once(fits)
    if minutes * seconds_a_minute < enough:
        least = math.ceil(10 * enough / seconds_a_minute) / 10
        few = f"{minutes:g} minutes are too few for {fits} fits and {trainings} trainings on this machine"
        if choices.minutes:
            raise UserError(f"{few}: give --minutes {least:g} or more")
        console.info(f"{few}: the budget becomes {least:g} minutes")
        minutes = least
    seconds = minutes * seconds_a_minute - fixed
    trained = min(most_trained, int(SHARE_OF_GENERATORS * seconds / of_trained))
    shown = min(fit_images(len(prepared.train), prepared.size.side), int((seconds - trained * of_trained) / of_shown))
    shown = max(1, shown // BATCH) * BATCH
    shares = []
    for share in bare.shares:
        generated = max(len(prepared.classes), min(MOST_GENERATED * share.images, shown // 2))
        spent = {"shown": shown, "generated": generated}
        if share.share != FULL:
            spent |= {"trained": trained, "is_whole_training": trained == most_trained}
        shares.append(share.model_copy(update=spent))
    return CostPlan(minutes=minutes, shares=tuple(shares))


def at_once(trials: int) -> int:
    """How many trials run at the same time without slowing each other down; one on an accelerator.

    Some trials wait for others, so a plan counts on at most a third of them.
    """
    return min(machine.cores(), max(1, trials // 3)) if machine.device() == "cpu" else 1


def measured_rates(run: RunConfig, prepared: PreparedSet, compute: ComputeConfig) -> Rates:
    """How many images a second one thread shows to a classifier, and to this run's networks."""
    assert prepared.labels is not None
    threads = torch.get_num_threads()
    rows = np.resize(np.asarray(prepared.train), STEPS_FOR_A_RATE * BATCH)
    times: list[float] = []
    try:
        with one_thread():
            torch.set_num_threads(1)
            resolved = resolve(run, prepared, compute)
            training = autotune.images_per_second(resolved, prepared, compute, SECONDS_FOR_A_RATE)
            fit_classifier(
                prepared.pixels,
                np.asarray(prepared.labels),
                len(prepared.classes),
                len(rows),
                advance=lambda _: times.append(time.perf_counter()),
                rows=rows,
            )
    finally:
        torch.set_num_threads(threads)
    # The first half of the steps sets things up: it is not counted.
    taken = float(np.median(np.diff(times)[STEPS_FOR_A_RATE // 2 - 1 :]))
    return Rates(BATCH / max(1e-9, taken), training)
