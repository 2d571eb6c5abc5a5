"""95 % intervals of shares, means and other statistics."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NORMAL_QUANTILE = 1.959963984540054  # of 0.975


class Estimate(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(hits: int, total: int) -> Estimate:
    """The share hits/total with the score interval of Wilson 1927, which holds near 0 and 1 too."""
    assert 0 <= hits <= total > 0, "a share needs a total"
    share, square = hits / total, NORMAL_QUANTILE**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = NORMAL_QUANTILE * math.sqrt(share * (1 - share) / total + square / (4 * total**2)) / (1 + square / total)
    # Rounding must not exclude the share itself.
    return Estimate(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def mean(values: NDArray[np.float64]) -> Estimate:
    """The mean of values (N,), N at least 2, with Student's t interval."""
    assert len(values) > 1, "one value has no spread"
    middle = float(np.mean(values))
    half = student_quantile(len(values) - 1) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Estimate(middle, middle - half, middle + half)


def subtract(first: Estimate, second: Estimate) -> Estimate:
    """first - second of two independent estimates, with the interval recovered from theirs (Newcombe 1998, method 10).

    Either end of it lies as far from the difference as the two ends that pull it there, added as squares.
    """
    value = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, value - below, value + above)


def jackknife(value: float, *replicates: NDArray[np.float64]) -> Estimate:
    """A statistic with the interval from leaving out one block at a time, of each independent sample in turn.

    replicates: for each sample (B,), the statistic without block b. The variance is the sum over samples of
    (B - 1)/B Σ (r - mean r)² (Tukey 1958; Shao & Tu 1995, chapter 2). The interval is for the mean of the statistic
    over samples of equal size: a bias that depends on that size stays in it, and in the floor as well.
    """
    variance = sum((len(r) - 1) / len(r) * float(np.square(r - r.mean()).sum()) for r in replicates)
    half = student_quantile(sum(len(r) - 1 for r in replicates)) * math.sqrt(variance)
    return Estimate(value, value - half, value + half)


def student_quantile(degrees: int, probability: float = 0.975) -> float:
    """The quantile of Student's t with so many degrees of freedom, by bisection of `student_below`."""
    assert degrees >= 1, "at least one degree of freedom"
    assert 0.5 < probability < 1, "a quantile above the middle"
    low, high = 0.0, 1.0
    while student_below(high, degrees) < probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if student_below(middle, degrees) < probability else (low, middle)
    return (low + high) / 2


def student_below(t: float, degrees: int) -> float:
    """P(T ≤ t), t ≥ 0, by the finite sums for whole degrees of freedom (Abramowitz & Stegun 26.7.3 and 26.7.4)."""
    angle, is_odd = math.atan2(t, math.sqrt(degrees)), degrees % 2 == 1
    sine, cosine = math.sin(angle), math.cos(angle)
    term, total = cosine if is_odd else 1.0, 0.0
    for k in range(3 if is_odd else 2, degrees + 1, 2):
        total += term
        term *= cosine**2 * (k - 1) / k
    return 0.5 + (angle + sine * total) / math.pi if is_odd else 0.5 + sine * total / 2
