"""Diversity: the spread of generated images over that of real ones."""

import numpy as np
from numpy.typing import NDArray

from ganvas.evaluation.distances import BLOCKS, Floats, refuse_too_few
from ganvas.evaluation.intervals import Estimate, jackknife

COLLAPSED = 0.5  # below this diversity, a class has become nearly one image
FEWEST = 4


def rms_distance(features: Floats) -> float:
    """The spread of a set (N, F): the root mean squared distance between two of its images, √(2 tr Σ)."""
    rows = np.asarray(features, np.float64)
    # Relative to the first row, so that one image repeated has a spread of exactly 0.
    return float(np.sqrt(2 * (rows - rows[0]).var(axis=0, ddof=1).sum()))


def diversity(real: Floats, fake: Floats) -> Estimate:
    """The spread of generated images over that of real ones: 1 is ideal, 0 is one image repeated.

    Interval: jackknife over blocks of either set. TooFewError below 4 images of either.
    """
    refuse_too_few("diversity needs", FEWEST, real=real, generated=fake)
    for features in (real, fake):
        assert np.isfinite(features).all(), "features that are not finite"
    real_spread, fake_spread = rms_distance(real), rms_distance(fake)
    if real_spread == 0:  # identical real images
        ratio = 1.0 if fake_spread == 0 else float("inf")
        return Estimate(ratio, ratio, ratio)
    without_real = _without(real)
    if not without_real.min():  # all real images that differ are in one block: the ratio has no upper bound
        return Estimate(fake_spread / real_spread, 0.0, float("inf"))
    estimate = jackknife(fake_spread / real_spread, fake_spread / without_real, _without(fake) / real_spread)
    return estimate._replace(low=max(0.0, estimate.low))


def _without(features: Floats) -> NDArray[np.float64]:
    """(B,): the spread without each block of rows."""
    rows = np.asarray(features, np.float64)
    blocks = min(BLOCKS, len(rows) // 2)
    block_of = np.arange(len(rows)) % blocks
    return np.array([rms_distance(rows[block_of != block]) for block in range(blocks)])
