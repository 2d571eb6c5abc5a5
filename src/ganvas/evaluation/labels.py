"""Label accuracy: how often the evaluator predicts the label that an image was asked for, beside real images."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganvas.evaluation import confusion
from ganvas.evaluation.intervals import wilson
from ganvas.evaluation.scorecard import ClassScores, LabelScores


class Predictions(NamedTuple):
    """N images that an evaluator has classified."""

    labels: NDArray[np.int64]
    """(N,)."""
    probabilities: NDArray[np.float64]
    """(N, K), calibrated."""

    def confusion(self) -> NDArray[np.int64]:
        """(K, K) counts: a row for the label, a column for the prediction."""
        return confusion(self.labels, self.probabilities.argmax(1), self.probabilities.shape[1])

    def confidence(self) -> float:
        """The mean probability of the label."""
        return float(self.probabilities[np.arange(len(self.labels)), self.labels].mean())


def label_scores(
    generated: Predictions, real: Predictions, classes: tuple[str, ...]
) -> tuple[LabelScores, tuple[ClassScores, ...]]:
    """Label accuracy over all images, and of each class; Wilson intervals over images, the evaluator held fixed."""
    counts, real_counts = generated.confusion(), real.confusion()
    per_class = tuple(
        ClassScores(
            name=name,
            n=int(counts[label].sum()),
            real_n=int(real_counts[label].sum()),
            **accuracy_fields(counts[label, label], counts[label].sum()),
            real_accuracy=accuracy_fields(real_counts[label, label], real_counts[label].sum()).get("accuracy"),
        )
        for label, name in enumerate(classes)
    )
    worst = min((scores for scores in per_class if scores.n), key=lambda scores: scores.accuracy or 0.0)
    overall = LabelScores(
        asked=True,
        **accuracy_fields(np.trace(counts), counts.sum()),
        **real_fields(real),
        confidence=generated.confidence(),
        real_confidence=real.confidence(),
        worst=ClassScores(name=worst.name, accuracy=worst.accuracy),
        confusion=counts.tolist(),
    )
    return overall, per_class


def unlabelled_scores(probabilities: NDArray[np.float64], real: Predictions, classes: tuple[str, ...]) -> LabelScores:
    """Of images without labels: the share of them that is predicted to be of each class."""
    shares = np.bincount(probabilities.argmax(1), minlength=len(classes)) / len(probabilities)
    return LabelScores(asked=False, predicted=dict(zip(classes, shares.tolist(), strict=True)), **real_fields(real))


def real_fields(real: Predictions) -> dict[str, float]:
    """real_accuracy with its interval."""
    counts = real.confusion()
    return {f"real_{key}": value for key, value in accuracy_fields(np.trace(counts), counts.sum()).items()}


def accuracy_fields(hits: np.int64, total: np.int64) -> dict[str, float]:
    """accuracy with its interval; empty for a class without images."""
    if not total:
        return {}
    accuracy = wilson(int(hits), int(total))
    return {"accuracy": accuracy.value, "low": accuracy.low, "high": accuracy.high}
