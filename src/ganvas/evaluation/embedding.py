"""Images with their features: computed once, by an extractor and by the evaluator, and shared by every metric."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.evaluator import Evaluator
from ganvas.evaluation.features import Extractor, Features
from ganvas.evaluation.predict import Logits
from ganvas.evaluation.samples import subsample
from ganvas.images import Pixels


@dataclass(frozen=True)
class EmbeddedImages:
    """N images with their features."""

    pixels: Pixels
    labels: NDArray[np.int64] | None
    """(N,): what they show or were asked to show."""
    features: Features
    """(N, F), of the extractor."""
    logits: Logits | None
    """(N, K), of the evaluator, where they are known."""
    rows: NDArray[np.int64]
    """(N,): of a real set, which images of the prepared set these are."""

    def of_class(self, label: int) -> Features:
        """The features of one class."""
        assert self.labels is not None
        chosen: Features = self.features[self.labels == label]
        return chosen

    def subsample(self, most: int) -> "EmbeddedImages":
        """At most so many of them, evenly from every class; without logits where some are left out."""
        if len(self.features) <= most:
            return self
        chosen = subsample(np.arange(len(self.features)), self.labels, most)
        labels = None if self.labels is None else self.labels[chosen]
        return EmbeddedImages(self.pixels[chosen], labels, self.features[chosen], None, self.rows[chosen])


@dataclass(frozen=True)
class Embedders:
    """The networks that images go through."""

    extractor: Extractor
    evaluator: Evaluator | None
    """None for a set without classes."""

    def embed(
        self, pixels: Pixels, labels: NDArray[np.int64] | None, rows: NDArray[np.int64] | None = None
    ) -> EmbeddedImages:
        """Images (N, C, H, W) uint8 with their features; each network sees them once."""
        embedding = self.evaluator.embed(pixels) if self.evaluator else None
        if embedding and self.extractor.name == "evaluator":
            features = embedding.features
        else:
            features = self.extractor.features(pixels)
        logits = embedding.logits if embedding else None
        return EmbeddedImages(pixels, labels, features, logits, np.arange(len(pixels)) if rows is None else rows)

    def embed_real(self, prepared: PreparedSet, rows: NDArray[np.int64]) -> EmbeddedImages:
        """Some images of a prepared set."""
        labels = None if prepared.labels is None else np.asarray(prepared.labels[rows])
        return self.embed(prepared.pixels[rows], labels, rows)
