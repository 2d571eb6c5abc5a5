"""Whether pictures differ among themselves as much as real ones do."""

import numpy as np
from numpy.typing import NDArray

from ganvas.metrics.distances import TooFewError
from ganvas.metrics.intervals import Estimate, jackknife

COLLAPSED = 0.5
BLOCKS = 20
FEWEST = 4

Floats = NDArray[np.floating]


def spread(features: Floats) -> float:
    """The root of the mean squared distance of two pictures of a set (N, F): √(2 tr Σ)."""
    return float(np.sqrt(2 * np.asarray(features, np.float64).var(axis=0, ddof=1).sum()))


def diversity(real: Floats, fake: Floats) -> Estimate:
    """The spread of generated pictures over that of real ones; 1 is as it should be, 0 one picture repeated.

    Interval: jackknife over blocks of either set. TooFewError below 4 pictures of either.
    """
    if min(len(real), len(fake)) < FEWEST:
        raise TooFewError(
            f"a spread needs at least {FEWEST} pictures of either kind, and there are {len(real)} real and "
            f"{len(fake)} generated"
        )
    below, above = spread(real), spread(fake)
    if below == 0:
        return Estimate(1.0, 1.0, 1.0) if above == 0 else Estimate(float("inf"), float("inf"), float("inf"))
    found = jackknife(above / below, above / _without(real), _without(fake) / below)
    return Estimate(found.value, max(0.0, found.low), found.high)


def is_collapsed(found: Estimate) -> bool:
    """Whether a class has become nearly one picture."""
    return found.value < COLLAPSED


def _without(features: Floats) -> NDArray[np.float64]:
    """(B,): the spread without each block of rows."""
    rows = np.asarray(features, np.float64)
    blocks = min(BLOCKS, len(rows) // 2)
    block_of = np.arange(len(rows)) % blocks
    return np.array([max(spread(rows[block_of != block]), 1e-300) for block in range(blocks)])
