"""Pictures as they are compared: looked at once, by an extractor and by the judge, and shared by every metric."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ganvas.classifying.judging import Seen, TrainedJudge
from ganvas.data.prepared import Prepared
from ganvas.images import Pixels
from ganvas.metrics.features import Extractor, Features
from ganvas.metrics.pictures import thinned


@dataclass(frozen=True)
class Eyes:
    """Who looks at pictures."""

    extractor: Extractor
    judge: TrainedJudge | None
    """None for a set without classes."""


@dataclass(frozen=True)
class Set:
    """N pictures as they are compared."""

    pixels: Pixels
    labels: NDArray[np.int64] | None
    """(N,): what they show or were asked to show."""
    features: Features
    """(N, F)."""
    seen: Seen | None
    """What the judge makes of them, where there is one."""
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """(N,): of a real set, which pictures of the prepared set these are."""

    def of_class(self, label: int) -> Features:
        """The features of one class."""
        assert self.labels is not None
        chosen: Features = self.features[self.labels == label]
        return chosen


def look(pixels: Pixels, labels: NDArray[np.int64] | None, eyes: Eyes, rows: NDArray[np.int64] | None = None) -> Set:
    """Looks at pictures (N, C, H, W); by the judge's features, once for both."""
    seen = eyes.judge.look(pixels) if eyes.judge else None
    features: Features = seen.features if seen and eyes.extractor.name == "judge" else eyes.extractor.features(pixels)
    return Set(pixels, labels, features, seen, np.arange(len(pixels)) if rows is None else rows)


def look_at_real(prepared: Prepared, rows: NDArray[np.int64], eyes: Eyes) -> Set:
    """Looks at some pictures of a prepared set."""
    labels = None if prepared.labels is None else np.asarray(prepared.labels[rows])
    return look(prepared.pixels[rows], labels, eyes, rows)


def fewer(chosen: Set, most: int) -> Set:
    """At most so many of them, evenly from every class."""
    places = thinned(np.arange(len(chosen.features)), chosen.labels, most)
    labels = None if chosen.labels is None else chosen.labels[places]
    return Set(chosen.pixels, labels, chosen.features[places], None, chosen.rows[places])
