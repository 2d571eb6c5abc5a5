"""Whether images differ among themselves as much as real ones do."""

import numpy as np
from numpy.typing import NDArray

from ganvas.evaluation.distances import TooFewError
from ganvas.evaluation.intervals import Estimate, jackknife

COLLAPSED = 0.5
BLOCKS = 20
FEWEST = 4

Floats = NDArray[np.floating]


def rms_distance(features: Floats) -> float:
    """The root of the mean squared distance of two images of a set (N, F): √(2 tr Σ)."""
    rows = np.asarray(features, np.float64)
    # From the first: one image repeated has a spread of 0, not of what rounding leaves of it.
    return float(np.sqrt(2 * (rows - rows[0]).var(axis=0, ddof=1).sum()))


def diversity(real: Floats, fake: Floats) -> Estimate:
    """The spread of generated images over that of real ones; 1 is as it should be, 0 one image repeated.

    Interval: jackknife over blocks of either set. TooFewError below 4 images of either.
    """
    if min(len(real), len(fake)) < FEWEST:
        raise TooFewError(
            f"a spread needs at least {FEWEST} images of either kind, and there are {len(real)} real and "
            f"{len(fake)} generated"
        )
    for what, features in (("real", real), ("generated", fake)):
        assert np.isfinite(features).all(), f"features of {what} images that are no numbers"
    below, above = rms_distance(real), rms_distance(fake)
    if below == 0:
        return Estimate(1.0, 1.0, 1.0) if above == 0 else Estimate(float("inf"), float("inf"), float("inf"))
    without_real = _without(real)
    if not without_real.min():  # all that differs is in one block, and nothing bounds the ratio
        return Estimate(above / below, 0.0, float("inf"))
    found = jackknife(above / below, above / without_real, _without(fake) / below)
    return Estimate(found.value, max(0.0, found.low), found.high)


def is_collapsed(found: Estimate) -> bool:
    """Whether a class has become nearly one image."""
    return found.value < COLLAPSED


def _without(features: Floats) -> NDArray[np.float64]:
    """(B,): the spread without each block of rows."""
    rows = np.asarray(features, np.float64)
    blocks = min(BLOCKS, len(rows) // 2)
    block_of = np.arange(len(rows)) % blocks
    return np.array([rms_distance(rows[block_of != block]) for block in range(blocks)])
