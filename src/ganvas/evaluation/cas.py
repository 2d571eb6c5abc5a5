"""The classification accuracy score (CAS): what a classifier learns from generated images alone.

Ravuri & Vinyals 2019 (arXiv 1905.10887).
"""

import numpy as np
from numpy.typing import NDArray

from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation import predict
from ganvas.evaluation.fit import fit_classifier, fit_images
from ganvas.evaluation.intervals import wilson
from ganvas.evaluation.samples import subsample
from ganvas.evaluation.scorecard import ClassificationAccuracyScore
from ganvas.images import Pixels


def classification_accuracy_score(
    pixels: Pixels, labels: NDArray[np.int64], prepared: PreparedSet, seed: int = 1
) -> ClassificationAccuracyScore:
    """Accuracy on held-out images of a classifier fitted to generated images, and of one fitted to as many real ones.

    Both are shown as many images, from the same first weights. The intervals are Wilson's over the held-out images;
    one fit each, so the spread between fits is not in them.
    """
    assert prepared.labels is not None
    real_labels, train, held_out = (np.asarray(rows) for rows in (prepared.labels, prepared.train, prepared.held_out))
    count = min(len(pixels), len(train))
    shown, classes = fit_images(count, prepared.size), len(prepared.classes)
    rows, real_rows = subsample(np.arange(len(pixels)), labels, count), subsample(train, real_labels, count)
    accuracies = []
    with progress.bar("fitting to generated and to real images", 2 * shown, "images") as bar:
        for images, targets, chosen in ((pixels, labels, rows), (prepared.pixels, real_labels, real_rows)):
            network = fit_classifier(images, targets, classes, shown, seed, bar.advance, rows=chosen)
            correct = predict(network, prepared.pixels[held_out]).argmax(1) == real_labels[held_out]
            accuracies.append(wilson(int(correct.sum()), len(held_out)))
    generated, real = accuracies
    return ClassificationAccuracyScore(
        accuracy=generated.value,
        low=generated.low,
        high=generated.high,
        real_accuracy=real.value,
        real_low=real.low,
        real_high=real.high,
        images=count,
    )
