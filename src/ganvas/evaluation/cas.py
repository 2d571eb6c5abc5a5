"""Whether a classifier can learn from generated images what it would learn from as many real ones.

The classification accuracy score (CAS): Ravuri & Vinyals 2019 (arXiv 1905.10887).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation import predict
from ganvas.evaluation.fit import fit_classifier, fit_images
from ganvas.evaluation.intervals import Estimate, wilson
from ganvas.evaluation.samples import subsample
from ganvas.images import Pixels


@dataclass(frozen=True)
class ClassificationAccuracyScore:
    """Accuracy on held-out images of two classifiers alike in all but what they learned from."""

    accuracy: Estimate
    """Learned from generated images alone."""
    real_accuracy: Estimate
    """Learned from as many real ones."""
    count: int
    """Images that each learned from."""


def classification_accuracy_score(
    pixels: Pixels, labels: NDArray[np.int64], prepared: PreparedSet, seed: int = 1
) -> ClassificationAccuracyScore:
    """Fits both with the same images shown, from the same first weights, and tests them on held-out images.

    The intervals are Wilson's over the held-out images; one fit each, so the spread between fits is not in them.
    """
    assert prepared.labels is not None
    every, train, held = np.asarray(prepared.labels), np.asarray(prepared.train), np.asarray(prepared.held_out)
    count = min(len(pixels), len(train))
    rows = subsample(np.arange(len(pixels)), labels, count)
    real_rows = subsample(train, every, count)
    shown, classes = fit_images(count, prepared.size), len(prepared.classes)
    found = []
    with progress.bar("fitting to generated and to real images", 2 * shown, "images") as bar:
        for learned, told, chosen in ((pixels, labels, rows), (prepared.pixels, every, real_rows)):
            network = fit_classifier(learned, told, classes, shown, seed, bar.advance, rows=chosen)
            right = predict(network, prepared.pixels[held]).argmax(1) == every[held]
            found.append(wilson(int(right.sum()), len(held)))
    return ClassificationAccuracyScore(found[0], found[1], count)
