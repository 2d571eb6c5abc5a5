"""What a comparison may cost: from minutes, and from speeds measured here, to images shown."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.evaluation.fit import BATCH, fit_images
from ganvas.rng import stream

FULL = 1.0
REDUCED = (0.1, 0.01)
FEWEST_OF_A_CLASS = 2
MOST_TESTED, QUICK_TESTED = 10_000, 2_500
MOST_GENERATED = 9  # times the real ones: together ten times as many
SHARE_OF_GENERATORS = 0.4  # of the time
SHARE_IN_USE = 0.9  # of the minutes: the rest starts things up and writes
SECONDS_TO_BEGIN = 0.5  # a fit or a training: trying numbers of threads
PREDICTING_IS_FASTER = 2  # than learning, with some to spare: it is one of three passes over the arithmetic
LONGER_WITH_ALL = 1.5  # times the images shown at a reduced size
FEWEST_SHOWN, FEWEST_TRAINED = 40 * BATCH, 4_000
"""Below these, what a classifier or a generator learned would say more of the budget than of the images."""
Part = tuple[float, int, str]  # share, images, note


class Rates(NamedTuple):
    """Images a second, measured on this machine."""

    fitting: float
    training: float
    drawing: float


class Size(NamedTuple):
    """One share of the training set, and what is spent on it for each seed. Counts are of images."""

    share: float
    images: int
    """Real ones to learn from."""
    rows: str
    """What is fitted: see ROWS in studies/worth."""
    shown: int
    """In each fit, whatever its row."""
    generated: int
    """Different generated ones that there are."""
    trained: int | None
    """Shown to the generator that is trained anew; None where the run's own serves, which saw the whole set."""
    note: str
    """What a reader has to know of this size."""

    def fit_seconds(self, rates: Rates, tested: int) -> float:
        """Of one fit and its test."""
        return SECONDS_TO_BEGIN + (self.shown + tested / PREDICTING_IS_FASTER) / rates.fitting


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
    everything = trained_on(prepared)
    wanted = np.maximum(np.rint(share * everything), FEWEST_OF_A_CLASS).astype(np.int64)
    return np.asarray(np.minimum(everything, wanted))


def trained_on(prepared: PreparedSet) -> NDArray[np.int64]:
    """(K,): training images of each class."""
    assert prepared.labels is not None
    return np.bincount(np.asarray(prepared.labels)[prepared.train], minlength=len(prepared.classes))


def reduced(prepared: PreparedSet, quick: bool) -> list[Part]:
    """(share, images, what a reader has to know) of each size. UserError where a set is too small to take parts of.

    A share that has the same images as the one before it is left out, and that is said.
    """
    found = [] if quick else [(FULL, len(prepared.train), "the generator saw the whole set: no verdict")]
    before = len(prepared.train)
    for share in REDUCED:
        images = int(counts(prepared, share).sum())
        raised = int((share * trained_on(prepared) < FEWEST_OF_A_CLASS - 0.5).sum())
        note = f"{raised} classes would have fewer than {FEWEST_OF_A_CLASS} images, and got that many"
        if images == before:
            if len(found) == 0 or found[-1][0] == FULL:
                raise UserError(
                    f"{prepared.name} has {len(prepared.train)} training images of {len(prepared.classes)} classes, "
                    f"too few to learn from a part of them: at least {FEWEST_OF_A_CLASS} of each class are needed"
                )
            last = found.pop()
            note = f"{percent(share)} would be the same images, at {FEWEST_OF_A_CLASS} of each class at least"
            found.append((*last[:2], note))
            continue
        found.append((share, images, note if raised else ""))
        before = images
    return found


class Wish(NamedTuple):
    """What a plan has to make room for."""

    seeds: int
    quick: bool
    most_trained: int
    """Images that the run's own generator was shown, beyond which none is trained."""
    tested: int
    """Held-out images that each fit is tested on."""


def planned(prepared: PreparedSet, rates: Rates, minutes: float, wish: Wish) -> list[Size]:
    """The sizes and what each fit and training shows, so that all of it takes about so many minutes.

    UserError where that would be too little to mean anything, with the minutes that would do.
    """
    parts = reduced(prepared, wish.quick)
    trained, shown = _allotted(parts, rates, minutes, wish)
    if not _are_enough(trained, shown, wish):
        least = enough(prepared, rates, minutes, wish)
        fits, trainings = (
            wish.seeds * sum(map(many, (share for share, _, _ in parts))) for many in (_rows, _trainings)
        )
        raise UserError(
            f"{minutes:g} minutes are too few for {fits} fits and {trainings} trainings on this machine: "
            f"give --minutes {least:g} or more"
        )
    most = fit_images(len(prepared.train), prepared.size)
    sizes = []
    for share, images, note in parts:
        each = max(1, min(most, int(shown * _weight(share))) // BATCH) * BATCH
        generated = max(len(prepared.classes), min(MOST_GENERATED * images, each // 2))
        rows = "abcd" if share == FULL else "abcde"
        sizes.append(Size(share, images, rows, each, generated, None if share == FULL else trained, note))
    return sizes


def enough(prepared: PreparedSet, rates: Rates, minutes: float, wish: Wish) -> float:
    """So many minutes, or the tenths of a minute beyond that fits and trainings need to mean anything."""
    parts, least = reduced(prepared, wish.quick), minutes
    while not _are_enough(*_allotted(parts, rates, least, wish), wish):
        least = math.ceil(10 * least * 1.05 + 1) / 10
    return least


def _allotted(parts: list[Part], rates: Rates, minutes: float, wish: Wish) -> tuple[int, int]:
    """Images shown in each training, and in each fit of a reduced size."""
    shares = [share for share, _, _ in parts]
    seconds = 60 * minutes * SHARE_IN_USE
    trainings, fits = (wish.seeds * sum(map(many, shares)) for many in (_trainings, _rows))
    trained = min(wish.most_trained, int(SHARE_OF_GENERATORS * seconds * rates.training / trainings))
    seconds -= trainings * (SECONDS_TO_BEGIN + trained / rates.training)
    seconds -= fits * (SECONDS_TO_BEGIN + wish.tested / rates.fitting / PREDICTING_IS_FASTER)
    # At most half of what a fit shows is drawn.
    one = sum(wish.seeds * _weight(k) * (_rows(k) / rates.fitting + 0.5 / rates.drawing) for k in shares)
    return trained, max(0, int(seconds / one))


def _are_enough(trained: int, shown: int, wish: Wish) -> bool:
    return shown >= FEWEST_SHOWN and trained >= min(wish.most_trained, FEWEST_TRAINED)


def _rows(share: float) -> int:
    return 4 if share == FULL else 5


def _trainings(share: float) -> int:
    return int(share != FULL)


def _weight(share: float) -> float:
    return LONGER_WITH_ALL if share == FULL else 1.0


def work_seconds(size: Size, rates: Rates, tested: int) -> Mapping[str, float]:
    """What each part of one seed's work at a size is expected to take: `train`, `draw`, and `fit`, each fit."""
    return {
        "train": SECONDS_TO_BEGIN + (size.trained or 0) / rates.training,
        "draw": size.generated / rates.drawing,
        "fit": size.fit_seconds(rates, tested),
    }


class Plan(NamedTuple):
    """What is to be done, and what it was reckoned from."""

    minutes: float
    rates: Rates
    sizes: list[Size]

    def to_json(self) -> dict[str, Any]:
        """As a journal keeps it."""
        sizes = [size._asdict() for size in self.sizes]
        return {"minutes": self.minutes, "rates": self.rates._asdict(), "sizes": sizes}


def read_plan(plan: Mapping[str, Any]) -> Plan:
    """The plan of a journal. KeyError or TypeError for another thing."""
    return Plan(float(plan["minutes"]), Rates(**plan["rates"]), [Size(**size) for size in plan["sizes"]])


def percent(share: float) -> str:
    """0.01 -> 1 %."""
    return f"{100 * share:g} %"
