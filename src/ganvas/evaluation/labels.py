"""Whether images show what was asked for, as the evaluator sees it, beside how well it sees real ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas.evaluation import confusion
from ganvas.evaluation.intervals import Estimate, wilson


@dataclass(frozen=True)
class LabelAccuracy:
    """How often an evaluator sees in an image what its label says."""

    accuracy: Estimate
    """Of all images; a Wilson interval over images, the evaluator held fixed."""
    per_class: tuple[Estimate | None, ...]
    """Of each class's; None for a class without images."""
    confusion: NDArray[np.int64]
    """(K, K): asked for row's class, taken for column's."""
    confidence: float
    """The mean calibrated probability that the evaluator gives to the label."""

    @property
    def worst(self) -> int:
        """The class obeyed least."""
        return min(
            (place for place, found in enumerate(self.per_class) if found is not None),
            key=lambda place: self.per_class[place].value,  # type: ignore[union-attr]
        )


def label_accuracy(asked: NDArray[np.int64], probabilities: NDArray[np.float64]) -> LabelAccuracy:
    """From what was asked, (N,), and the evaluator's probabilities (N, K)."""
    classes = probabilities.shape[1]
    counts = confusion(asked, probabilities.argmax(1), classes)
    totals, hits = counts.sum(1), np.diag(counts)
    return LabelAccuracy(
        wilson(int(hits.sum()), int(totals.sum())),
        tuple(wilson(int(hit), int(total)) if total else None for hit, total in zip(hits, totals, strict=True)),
        counts,
        float(probabilities[np.arange(len(asked)), asked].mean()),
    )
