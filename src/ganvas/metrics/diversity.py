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
    rows = np.asarray(features, np.float64)
    # From the first: one picture repeated has a spread of 0, not of what rounding leaves of it.
    return float(np.sqrt(2 * (rows - rows[0]).var(axis=0, ddof=1).sum()))


def diversity(real: Floats, fake: Floats) -> Estimate:
    """The spread of generated pictures over that of real ones; 1 is as it should be, 0 one picture repeated.

    Interval: jackknife over blocks of either set. TooFewError below 4 pictures of either.
    """
    if min(len(real), len(fake)) < FEWEST:
        raise TooFewError(
            f"a spread needs at least {FEWEST} pictures of either kind, and there are {len(real)} real and "
            f"{len(fake)} generated"
        )
    for what, features in (("real", real), ("generated", fake)):
        assert np.isfinite(features).all(), f"features of {what} pictures that are no numbers"
    below, above = spread(real), spread(fake)
    if below == 0:
        return Estimate(1.0, 1.0, 1.0) if above == 0 else Estimate(float("inf"), float("inf"), float("inf"))
    without_real = _without(real)
    if not without_real.min():  # all that differs is in one block, and nothing bounds the ratio
        return Estimate(above / below, 0.0, float("inf"))
    found = jackknife(above / below, above / without_real, _without(fake) / below)
    return Estimate(found.value, max(0.0, found.low), found.high)


def is_collapsed(found: Estimate) -> bool:
    """Whether a class has become nearly one picture."""
    return found.value < COLLAPSED


def _without(features: Floats) -> NDArray[np.float64]:
    """(B,): the spread without each block of rows."""
    rows = np.asarray(features, np.float64)
    blocks = min(BLOCKS, len(rows) // 2)
    block_of = np.arange(len(rows)) % blocks
    return np.array([spread(rows[block_of != block]) for block in range(blocks)])
