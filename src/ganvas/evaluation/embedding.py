"""Images as they are compared: looked at once, by an extractor and by the evaluator, and shared by every metric."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.evaluator import Embedding, Evaluator
from ganvas.evaluation.features import Extractor, Features
from ganvas.evaluation.samples import subsample
from ganvas.images import Pixels


@dataclass(frozen=True)
class Embedders:
    """Who looks at images."""

    extractor: Extractor
    judge: Evaluator | None
    """None for a set without classes."""


@dataclass(frozen=True)
class EmbeddedImages:
    """N images as they are compared."""

    pixels: Pixels
    labels: NDArray[np.int64] | None
    """(N,): what they show or were asked to show."""
    features: Features
    """(N, F)."""
    seen: Embedding | None
    """What the evaluator makes of them, where there is one."""
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """(N,): of a real set, which images of the prepared set these are."""

    def of_class(self, label: int) -> Features:
        """The features of one class."""
        assert self.labels is not None
        chosen: Features = self.features[self.labels == label]
        return chosen


def embed(
    pixels: Pixels, labels: NDArray[np.int64] | None, eyes: Embedders, rows: NDArray[np.int64] | None = None
) -> EmbeddedImages:
    """Looks at images (N, C, H, W); by the evaluator's features, once for both."""
    seen = eyes.judge.embed(pixels) if eyes.judge else None
    features: Features = (
        seen.features if seen and eyes.extractor.name == "evaluator" else eyes.extractor.features(pixels)
    )
    return EmbeddedImages(pixels, labels, features, seen, np.arange(len(pixels)) if rows is None else rows)


def embed_real(prepared: PreparedSet, rows: NDArray[np.int64], eyes: Embedders) -> EmbeddedImages:
    """Looks at some images of a prepared set."""
    labels = None if prepared.labels is None else np.asarray(prepared.labels[rows])
    return embed(prepared.pixels[rows], labels, eyes, rows)


def subsample_embedded(chosen: EmbeddedImages, most: int) -> EmbeddedImages:
    """At most so many of them, evenly from every class."""
    places = subsample(np.arange(len(chosen.features)), chosen.labels, most)
    labels = None if chosen.labels is None else chosen.labels[places]
    return EmbeddedImages(chosen.pixels, labels, chosen.features[places], None, chosen.rows[places])
