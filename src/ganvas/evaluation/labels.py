"""Label accuracy: how often the evaluator predicts the label that an image was asked for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas.evaluation import confusion
from ganvas.evaluation.intervals import Estimate, wilson


@dataclass(frozen=True)
class LabelAccuracy:
    """How often an evaluator's prediction is the label."""

    accuracy: Estimate
    """Over all images; a Wilson interval over images, the evaluator held fixed."""
    per_class: tuple[Estimate | None, ...]
    """Of each class; None for a class without images."""
    confusion: NDArray[np.int64]
    """(K, K): a row for the label, a column for the prediction."""
    confidence: float
    """The mean calibrated probability of the label."""

    @property
    def worst(self) -> int:
        """The class with the lowest accuracy."""
        known = [(estimate.value, label) for label, estimate in enumerate(self.per_class) if estimate is not None]
        return min(known)[1]


def label_accuracy(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> LabelAccuracy:
    """From labels (N,) and the evaluator's probabilities (N, K)."""
    counts = confusion(labels, probabilities.argmax(1), probabilities.shape[1])
    totals, hits = counts.sum(1), np.diag(counts)
    return LabelAccuracy(
        wilson(int(hits.sum()), int(totals.sum())),
        tuple(wilson(int(hit), int(total)) if total else None for hit, total in zip(hits, totals, strict=True)),
        counts,
        float(probabilities[np.arange(len(labels)), labels].mean()),
    )
