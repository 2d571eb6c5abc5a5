"""The classification accuracy score (CAS): what a classifier learns from generated images alone.

Ravuri & Vinyals 2019 (arXiv 1905.10887).
"""

import numpy as np
from numpy.typing import NDArray

from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.fit import fit_classifier, fit_images
from ganvas.evaluation.labels import accuracy_fields
from ganvas.evaluation.predict import predict
from ganvas.evaluation.samples import subsample
from ganvas.evaluation.scorecard import ClassificationAccuracyScore
from ganvas.images import Pixels


def classification_accuracy_score(
    pixels: Pixels, labels: NDArray[np.int64], prepared: PreparedSet, seed: int = 1
) -> ClassificationAccuracyScore:
    """Accuracy on held-out images of a classifier fitted to generated images, and of one fitted to as many real ones.

    Both see equally many images and start from the same weights. The intervals are Wilson's over the held-out images.
    Each classifier is fitted once, so the intervals do not include the variation between fits.
    """
    assert prepared.labels is not None
    real_labels, train, held_out = (np.asarray(rows) for rows in (prepared.labels, prepared.train, prepared.held_out))
    count = min(len(pixels), len(train))
    images_shown, classes = fit_images(count, prepared.size), len(prepared.classes)
    rows, real_rows = subsample(np.arange(len(pixels)), labels, count), subsample(train, real_labels, count)
    fields: dict[str, float] = {}
    with progress.bar("fitting to generated and to real images", 2 * images_shown, "images") as bar:
        for prefix, images, targets, chosen in (
            ("", pixels, labels, rows),
            ("real_", prepared.pixels, real_labels, real_rows),
        ):
            network = fit_classifier(images, targets, classes, images_shown, seed, bar.advance, rows=chosen)
            correct = predict(network, prepared.pixels[held_out]).argmax(1) == real_labels[held_out]
            fields |= accuracy_fields(correct.sum(), len(held_out), prefix)
    return ClassificationAccuracyScore(images=count, **fields)
