"""Label accuracy: how often the evaluator predicts the label that an image was asked for, beside real images.

And CAS, the accuracy on real images of a classifier that is fitted to generated images.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.advice import label_warning
from ganvas.evaluation.fit import fit_classifier, fit_images
from ganvas.evaluation.intervals import wilson
from ganvas.evaluation.predict import confusion_matrix, predict
from ganvas.evaluation.samples import subsample
from ganvas.evaluation.scorecard import ClassificationAccuracyScore, ClassScores, LabelScores
from ganvas.images import Pixels


class Predictions(NamedTuple):
    """What the evaluator predicts for N images."""

    labels: NDArray[np.int64] | None
    """(N,), or None for images without labels."""
    probabilities: NDArray[np.float64]
    """(N, K), calibrated."""


def label_scores(
    generated: Predictions, real: Predictions, classes: tuple[str, ...]
) -> tuple[LabelScores, tuple[ClassScores, ...]]:
    """Label accuracy over all images, and of each class; Wilson intervals over images, the evaluator held fixed.

    For generated images without labels, the accuracy on real images and the share predicted to be of each class.
    """
    real_counts, real_confidence = _counts(real)
    overall = accuracy_fields(np.trace(real_counts), real_counts.sum(), "real_")
    if generated.labels is None:
        shares = np.bincount(generated.probabilities.argmax(1), minlength=len(classes)) / len(generated.probabilities)
        predicted = dict(zip(classes, shares.tolist(), strict=True))
        return LabelScores(asked=False, predicted=predicted, **overall), tuple(
            ClassScores(name=name) for name in classes
        )
    counts, confidence = _counts(generated)
    per_class = tuple(
        ClassScores(
            name=name,
            n=int(counts[label].sum()),
            real_n=int(real_counts[label].sum()),
            real_accuracy=accuracy_fields(real_counts[label, label], real_counts[label].sum()).get("accuracy"),
            **accuracy_fields(counts[label, label], counts[label].sum()),
        )
        for label, name in enumerate(classes)
    )
    worst = min((scores for scores in per_class if scores.n), key=lambda scores: scores.accuracy or 0.0)
    share, real_share = (wilson(int(np.trace(each)), int(each.sum())) for each in (counts, real_counts))
    return LabelScores(
        asked=True,
        warning=label_warning(share, real_share),
        confidence=confidence,
        real_confidence=real_confidence,
        worst=ClassScores(name=worst.name, accuracy=worst.accuracy),
        confusion=counts.tolist(),
        **accuracy_fields(np.trace(counts), counts.sum()),
        **overall,
    ), per_class


def _counts(images: Predictions) -> tuple[NDArray[np.int64], float]:
    """((K, K) counts of labels by predictions, the mean probability of the label)."""
    assert images.labels is not None
    counts = confusion_matrix(images.labels, images.probabilities.argmax(1), images.probabilities.shape[1])
    return counts, float(images.probabilities[np.arange(len(images.labels)), images.labels].mean())


def classification_accuracy_score(
    pixels: Pixels, labels: NDArray[np.int64], prepared: PreparedSet, seed: int = 1
) -> ClassificationAccuracyScore:
    """Accuracy on held-out images of a classifier fitted to generated images, and of one fitted to as many real ones.

    The classification accuracy score (CAS) of Ravuri & Vinyals 2019 (arXiv 1905.10887).
    Both see equally many images and start from the same weights. The intervals are Wilson's over the held-out images.
    Each classifier is fitted once, so the intervals do not include the variation between fits.
    """
    assert prepared.labels is not None
    real_labels, train, held_out = (np.asarray(rows) for rows in (prepared.labels, prepared.train, prepared.held_out))
    count = min(len(pixels), len(train))
    images_shown, classes = fit_images(count, prepared.size.side), len(prepared.classes)
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


def accuracy_fields(hits: np.int64, total: np.int64 | int, prefix: str = "") -> dict[str, float]:
    """`accuracy`, `low` and `high` as fields of an `Accuracy`; empty for a class without images."""
    if not total:
        return {}
    share = wilson(int(hits), int(total))
    return {f"{prefix}accuracy": share.value, f"{prefix}low": share.low, f"{prefix}high": share.high}
