"""Whether one variant beats another: paired differences, their intervals, and Holm's correction. Pure."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganvas.evaluation.intervals import student_below, student_quantile

LEVEL = 0.05
MOST_DEGREES = 200  # beyond, Student's t is the normal to three digits, and rounding down only widens


class Difference(NamedTuple):
    """How much more one variant reaches than another: its interval, and what it was taken from."""

    value: float
    low: float
    high: float
    error: float
    """Standard error."""
    degrees: int
    """Of freedom."""

    def p_value(self, than: float = 0.0) -> float:
        """Two-sided p of the true difference being `than`."""
        away = abs(self.value - than)
        if self.error == 0:
            return 0.0 if away else 1.0
        return 2 * (1 - student_below(away / self.error, self.degrees))

    def at_level(self, level: float) -> "Difference":
        """The same with the interval that misses the truth once in 1 / level times: `p_value` is less outside it."""
        half = student_quantile(self.degrees, 1 - level / 2) * self.error
        return self._replace(low=self.value - half, high=self.value + half)


def paired(differences: NDArray[np.float64], variance_of_test: float = 0.0) -> Difference:
    """The mean of one difference a seed (S,), S at least 2, with Student's t interval over the seeds.

    variance_of_test: of that mean, from which images happen to be held out; see `compared`. The two variances are
    added, and their degrees of freedom joined by Satterthwaite 1946, rounded down; without it this is the paired t
    interval with S - 1 degrees. What seed and image share is counted in both, which only widens.
    """
    seeds = len(differences)
    assert seeds > 1, "one seed has no spread"
    value, of_seeds = float(np.mean(differences)), float(np.var(differences, ddof=1)) / seeds
    variance = of_seeds + variance_of_test
    # The second term has as many degrees as there are images: its share in the denominator is next to nothing.
    degrees = seeds - 1
    if of_seeds > 0:
        degrees = int(min(MOST_DEGREES, max(seeds - 1, (seeds - 1) * (variance / of_seeds) ** 2)))
    elif variance_of_test > 0:
        degrees = MOST_DEGREES
    error = math.sqrt(variance)
    half = student_quantile(degrees) * error
    return Difference(value, value - half, value + half, error, degrees)


def compared(more: NDArray[np.bool_], less: NDArray[np.bool_]) -> Difference:
    """How much more accurate `more` is than `less`, both (S, N): paired by seed and by held-out image.

    more, less: whether a classifier of each seed was right about each image. The variance from drawing so many images
    is at least that of one image in N, so that a few held-out images, all alike by luck, do not pass for certainty.
    """
    assert more.shape == less.shape, "the same seeds and images"
    differences, count = more.mean(axis=1) - less.mean(axis=1), more.shape[1]  # (S, N) -> (S,)
    gained = more.mean(axis=0) - less.mean(axis=0)  # (S, N) -> (N,)
    spread = float(np.var(gained, ddof=1)) if count > 1 else 1.0
    return paired(np.asarray(differences, np.float64), max(spread / count, 1 / count / count))


def holm_levels(p_values: Sequence[float], level: float = LEVEL) -> list[float]:
    """The level at which Holm's procedure tests each: its interval at this level holds 0 unless it is rejected.

    The k-th smallest of m is tested at level / (m - k), k from 0; those after the first that is not rejected are tested
    at the level at which that one failed.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    levels, current, rejects = [0.0] * len(p_values), level, True
    for rank, index in enumerate(order):
        if rejects:
            current = level / (len(p_values) - rank)
            rejects = p_values[index] <= current
        levels[index] = current
    return levels


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in their order: those at most α are rejected with at most α chance of any false one.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, before = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        before = max(before, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = before
    return adjusted
