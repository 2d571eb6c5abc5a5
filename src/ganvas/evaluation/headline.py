"""The headline of a scorecard in seconds: what is watched during training, and what benchmarks compare recipes by.

Two measures that no generator is rewarded for, the AUC of the classifier two-sample test and KID in label-free
features, beside two that the labels of the set taught: label accuracy and FCD.
"""

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.evaluation.distances import FEWEST_FOR_KID, TooFewError, frechet, kid
from ganvas.evaluation.evaluator import Embedding, evaluator_for, predicted_classes
from ganvas.evaluation.features import Features, label_free
from ganvas.evaluation.predict import all_parts_right
from ganvas.evaluation.samples import Samples, subsample
from ganvas.evaluation.two_sample import FEWEST, QUICK_IMAGES_SHOWN, two_sample_test

COUNT = 2_000  # generated images that are scored


def refuse_unscorable(prepared: PreparedSet) -> None:
    """UserError for a set that has too few images for a headline."""
    for name, images, needed in (
        ("held-out", prepared.held_out, FEWEST_FOR_KID),
        ("training", prepared.train, FEWEST),
    ):
        if len(images) < needed:
            raise UserError(
                f"--score-every needs {needed} {name} images, and {prepared.name} has {len(images)}: leave it out"
            )


class Headline:
    """Scores generated images, always against the same held-out ones."""

    def __init__(self, prepared: PreparedSet, most_held_out: int = COUNT) -> None:
        """Fits the evaluator of the set if it has classes and there is none yet."""
        self.prepared = prepared
        self.evaluator = evaluator_for(prepared) if len(prepared.classes) > 1 else None
        self.label_free = label_free(prepared.channels)
        self.held_out = subsample(np.asarray(prepared.held_out), prepared.labels, most_held_out)
        pixels = prepared.pixels[self.held_out]
        self.labels = None if prepared.labels is None else np.asarray(prepared.labels[self.held_out])
        self.free_features = self.label_free.features(pixels)
        self.features = self.evaluator.embed(pixels).features if self.evaluator else None

    def __call__(self, samples: Samples) -> dict[str, float]:
        """`auc`, and what `distances` gives."""
        return {**self.two_sample(samples), **self.distances(samples)}

    def two_sample(self, samples: Samples, shown: int = QUICK_IMAGES_SHOWN, blur: bool = False) -> dict[str, float]:
        """`auc`, and `auc_blurred` where that is wanted too. shown: as in `two_sample_test`."""
        tested = two_sample_test(
            samples.pixels, samples.labels, self.prepared, self.held_out, 0, shown, blur, bar=False
        )
        soft = {"auc_blurred": tested.auc_blurred.value} if tested.auc_blurred else {}
        return {"auc": tested.auc.value, **soft}

    def distances(self, samples: Samples, seen: Embedding | None = None) -> dict[str, float]:
        """`kid`, and with an evaluator `fcd` and, of images that were asked for by label, `label_accuracy`.

        kid: in label-free features, the mean over the classes, so that an image of another class than the one asked
        for counts. A Fréchet distance that needs more images than there are is left out.
        seen: what the evaluator computes from the images, where that is known.
        """
        free = self.label_free.features(samples.pixels)
        scores = {"kid": kid_within_classes(self.free_features, self.labels, free, samples.labels)}
        if self.evaluator and self.features is not None:
            seen = seen or self.evaluator.embed(samples.pixels)
            with suppress(TooFewError):
                scores["fcd"] = frechet(self.features, seen.features).value
            if samples.labels is not None:
                wanted = self.prepared.label_space.values[samples.labels]
                predicted = predicted_classes(seen.logits, self.evaluator.parts)
                scores["label_accuracy"] = float(all_parts_right(predicted, wanted).mean())
        return scores


def kid_within_classes(
    real: Features, real_labels: NDArray[np.int64] | None, fake: Features, labels: NDArray[np.int64] | None
) -> float:
    """KID of features (N, F) and (M, F), the mean over the classes weighted by their real images.

    Over all images where either has no labels, or a class has too few images of either kind.
    """
    if labels is None or real_labels is None:
        return kid(real, fake).value
    names, counts = np.unique(real_labels, return_counts=True)
    fewest = min(*counts, *((labels == name).sum() for name in names))
    if fewest < FEWEST_FOR_KID:
        return kid(real, fake).value
    values = [kid(real[real_labels == name], fake[labels == name]).value for name in names]
    return float(np.average(values, weights=counts))
