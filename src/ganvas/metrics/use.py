"""Whether a classifier can learn from generated pictures what it would learn from as many real ones.

The classification accuracy score (CAS): Ravuri & Vinyals 2019 (arXiv 1905.10887).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas import progress
from ganvas.classifying import predict
from ganvas.classifying.fitting import fit, images_shown
from ganvas.data.prepared import Prepared
from ganvas.images import Pixels
from ganvas.metrics.intervals import Estimate, wilson
from ganvas.metrics.pictures import thinned


@dataclass(frozen=True)
class Use:
    """Accuracy on held-out pictures of two classifiers alike in all but what they learned from."""

    accuracy: Estimate
    """Learned from generated pictures alone."""
    real_accuracy: Estimate
    """Learned from as many real ones."""
    count: int
    """Pictures that each learned from."""


def use(pixels: Pixels, labels: NDArray[np.int64], prepared: Prepared, seed: int = 1) -> Use:
    """Fits both with the same pictures shown, from the same first weights, and tests them on held-out pictures.

    The intervals are Wilson's over the held-out pictures; one fit each, so the spread between fits is not in them.
    """
    assert prepared.labels is not None
    every, train, held = np.asarray(prepared.labels), np.asarray(prepared.train), np.asarray(prepared.held_out)
    count = min(len(pixels), len(train))
    rows = thinned(np.arange(len(pixels)), labels, count)
    real_rows = thinned(train, every, count)
    shown, classes = images_shown(count, prepared.size), len(prepared.classes)
    found = []
    with progress.bar("fitting to generated and to real pictures", 2 * shown, "pictures") as bar:
        for learned, told, chosen in ((pixels, labels, rows), (prepared.pixels, every, real_rows)):
            network = fit(learned, told, classes, shown, seed, bar.advance, rows=chosen)
            right = predict(network, prepared.pixels[held]).argmax(1) == every[held]
            found.append(wilson(int(right.sum()), len(held)))
    return Use(found[0], found[1], count)
