"""Label accuracy: how often the evaluator predicts the label that an image was asked for, beside real images."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganvas.evaluation.intervals import wilson
from ganvas.evaluation.predict import confusion
from ganvas.evaluation.scorecard import ClassScores, LabelScores


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
    return LabelScores(
        asked=True,
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
    counts = confusion(images.labels, images.probabilities.argmax(1), images.probabilities.shape[1])
    return counts, float(images.probabilities[np.arange(len(images.labels)), images.labels].mean())


def accuracy_fields(hits: np.int64, total: np.int64 | int, prefix: str = "") -> dict[str, float]:
    """`accuracy`, `low` and `high` as fields of an `Accuracy`; empty for a class without images."""
    if not total:
        return {}
    share = wilson(int(hits), int(total))
    return {f"{prefix}accuracy": share.value, f"{prefix}low": share.low, f"{prefix}high": share.high}
