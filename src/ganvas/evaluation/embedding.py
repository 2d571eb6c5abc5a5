"""Images with their features: computed once, by an extractor and by the evaluator, and shared by every metric."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.evaluator import Evaluator, evaluator_for, refuse_no_held_out
from ganvas.evaluation.features import Extractor, Features, extractor
from ganvas.evaluation.samples import subsample
from ganvas.images import Pixels


@dataclass(frozen=True)
class EmbeddedImages:
    """What the metrics know of N images."""

    labels: NDArray[np.int64] | None
    """(N,): what they show or were asked to show."""
    features: Features
    """(N, F), of the extractor."""
    probabilities: NDArray[np.float64] | None = None
    """(N, K), calibrated, of the evaluator, where there is one."""

    def of_class(self, label: int) -> Features:
        """The features of one class."""
        assert self.labels is not None
        features: Features = self.features[self.labels == label]
        return features

    def subsample(self, count: int) -> "EmbeddedImages":
        """At most `count` of the images, evenly from every class, without probabilities."""
        rows = subsample(np.arange(len(self.features)), self.labels, count)
        return EmbeddedImages(None if self.labels is None else self.labels[rows], self.features[rows])


@dataclass(frozen=True)
class Embedders:
    """The networks that embed images."""

    extractor: Extractor
    evaluator: Evaluator | None
    """None for a set without classes."""

    def embed(self, pixels: Pixels, labels: NDArray[np.int64] | None) -> EmbeddedImages:
        """Images (N, C, H, W) uint8 with their features; each network runs once per image."""
        if self.evaluator is None:
            return EmbeddedImages(labels, self.extractor.features(pixels))
        features, logits = self.evaluator.embed(pixels)
        if self.extractor.name != "evaluator":
            features = self.extractor.features(pixels)
        return EmbeddedImages(labels, features, self.evaluator.probabilities(logits))

    def embed_real(self, prepared: PreparedSet, rows: NDArray[np.int64]) -> EmbeddedImages:
        """Some images of a prepared set with their features."""
        labels = None if prepared.labels is None else np.asarray(prepared.labels[rows])
        return self.embed(prepared.pixels[rows], labels)


def embedders_for(prepared: PreparedSet, features: str) -> Embedders:
    """The evaluator of a set with classes, and the extractor of that name."""
    refuse_no_held_out(prepared)
    needs_evaluator = len(prepared.classes) > 1 or features == "evaluator"
    evaluator = evaluator_for(prepared) if needs_evaluator else None
    return Embedders(extractor(features, evaluator), evaluator)
