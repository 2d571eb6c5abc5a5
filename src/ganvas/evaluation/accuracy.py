"""Accuracies of classifiers, as parts of a scorecard."""

import math

from pydantic import BaseModel, ConfigDict

from ganvas.evaluation.intervals import Estimate


class ScorecardPart(BaseModel):
    """A part of a scorecard. Unknown keys are ignored, so that a later ganvas may add measurements."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)


class Accuracy(ScorecardPart):
    """A classifier's accuracy, beside a reference on real images. Shares from 0 to 1 with Wilson's intervals."""

    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    real_accuracy: float | None = None
    real_low: float | None = None
    real_high: float | None = None

    @property
    def estimate(self) -> Estimate | None:
        """The accuracy with its interval, where there is one."""
        return estimate_of(self.accuracy, self.low, self.high)


class ClassificationAccuracyScore(Accuracy):
    """CAS: the accuracy on real held-out images of a classifier trained on generated images alone."""

    images: int
    """Training images of this classifier, and of the reference trained on real ones."""


class PartScores(Accuracy):
    """Label accuracy of one part of a label that has several."""

    name: str
    classes: int
    """How many it has."""


class UnseenScores(Accuracy):
    """Label accuracy, all parts right, on combinations of classes that no training image shows."""

    combinations: int
    n: int
    """Generated images of them."""
    real_n: int
    """Real images of them, which neither the generator nor the evaluator was trained on."""
    parts: tuple[PartScores, ...]


def estimate_of(value: float | None, low: float | None, high: float | None) -> Estimate | None:
    """A value with its interval; None without a value."""
    # JSON stores an infinite bound as null.
    if value is None:
        return None
    return Estimate(value, -math.inf if low is None else low, math.inf if high is None else high)
