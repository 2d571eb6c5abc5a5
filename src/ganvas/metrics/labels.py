"""Whether pictures show what was asked for, as the judge sees it, beside how well it sees real ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas.classifying import confusion
from ganvas.metrics.intervals import Estimate, wilson


@dataclass(frozen=True)
class Labels:
    """How often a judge sees in a picture what its label says."""

    accuracy: Estimate
    """Of all pictures; a Wilson interval over pictures, the judge held fixed."""
    per_class: tuple[Estimate | None, ...]
    """Of each class's; None for a class without pictures."""
    confusion: NDArray[np.int64]
    """(K, K): asked for row's class, taken for column's."""
    confidence: float
    """The mean calibrated probability that the judge gives to the label."""

    @property
    def worst(self) -> int:
        """The class obeyed least."""
        return min(
            (place for place, found in enumerate(self.per_class) if found is not None),
            key=lambda place: self.per_class[place].value,  # type: ignore[union-attr]
        )


def labels_obeyed(asked: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Labels:
    """From what was asked, (N,), and the judge's probabilities (N, K)."""
    classes = probabilities.shape[1]
    counts = confusion(asked, probabilities.argmax(1), classes)
    totals, hits = counts.sum(1), np.diag(counts)
    return Labels(
        wilson(int(hits.sum()), int(totals.sum())),
        tuple(wilson(int(hit), int(total)) if total else None for hit, total in zip(hits, totals, strict=True)),
        counts,
        float(probabilities[np.arange(len(asked)), asked].mean()),
    )
