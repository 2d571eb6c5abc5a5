"""Whether images differ among themselves as much as real ones do."""

import numpy as np
from numpy.typing import NDArray

from ganvas.evaluation.distances import BLOCKS, Floats, TooFewError
from ganvas.evaluation.intervals import Estimate, jackknife

COLLAPSED = 0.5
FEWEST = 4


def rms_distance(features: Floats) -> float:
    """The spread of a set (N, F): the root of the mean squared distance of two of its images, √(2 tr Σ)."""
    rows = np.asarray(features, np.float64)
    # Relative to the first row, so that one image repeated has a spread of exactly 0.
    return float(np.sqrt(2 * (rows - rows[0]).var(axis=0, ddof=1).sum()))


def diversity(real: Floats, fake: Floats) -> Estimate:
    """The spread of generated images over that of real ones: 1 is ideal, 0 is one image repeated.

    Interval: jackknife over blocks of either set. TooFewError below 4 images of either.
    """
    if min(len(real), len(fake)) < FEWEST:
        raise TooFewError(
            f"a spread needs at least {FEWEST} images of either kind, and there are {len(real)} real and "
            f"{len(fake)} generated"
        )
    for what, features in (("real", real), ("generated", fake)):
        assert np.isfinite(features).all(), f"features of {what} images that are no numbers"
    real_spread, fake_spread = rms_distance(real), rms_distance(fake)
    if real_spread == 0:  # identical real images
        ratio = 1.0 if fake_spread == 0 else float("inf")
        return Estimate(ratio, ratio, ratio)
    without_real = _without(real)
    if not without_real.min():  # all real images that differ are in one block, so nothing bounds the ratio
        return Estimate(fake_spread / real_spread, 0.0, float("inf"))
    estimate = jackknife(fake_spread / real_spread, fake_spread / without_real, _without(fake) / real_spread)
    return estimate._replace(low=max(0.0, estimate.low))


def is_collapsed(estimate: Estimate) -> bool:
    """Whether a class has become nearly one image."""
    return estimate.value < COLLAPSED


def _without(features: Floats) -> NDArray[np.float64]:
    """(B,): the spread without each block of rows."""
    rows = np.asarray(features, np.float64)
    blocks = min(BLOCKS, len(rows) // 2)
    block_of = np.arange(len(rows)) % blocks
    return np.array([rms_distance(rows[block_of != block]) for block in range(blocks)])
