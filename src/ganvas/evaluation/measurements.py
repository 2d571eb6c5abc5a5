"""The parts of a scorecard that are measured in features, which are computed once and shared by every metric."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganvas.data.labels import LabelSpace
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.accuracy import Accuracy
from ganvas.evaluation.copies import copies_verdict, copy_test, sensitivity
from ganvas.evaluation.distances import (
    Neighbours,
    TooFewError,
    frechet,
    kid,
    neighbourhood_scores,
    sliced_wasserstein,
)
from ganvas.evaluation.diversity import COLLAPSED, diversity
from ganvas.evaluation.evaluator import Evaluator, probabilities
from ganvas.evaluation.features import Extractor, Features
from ganvas.evaluation.intervals import Estimate
from ganvas.evaluation.labels import Predictions, accuracy_fields
from ganvas.evaluation.linear import fit_linear
from ganvas.evaluation.predict import all_parts_right
from ganvas.evaluation.samples import Samples, subsample
from ganvas.evaluation.scorecard import (
    ClassScores,
    CopyScores,
    CopySensitivity,
    Distance,
    Distances,
    DiversityScores,
    Measurement,
)
from ganvas.images import Pixels

MOST_LABEL_FREE = 2_000


@dataclass(frozen=True)
class EmbeddedImages:
    """What the metrics know of N images."""

    labels: NDArray[np.int64] | None
    """(N,): what they show or were asked to show, a combination of the classes of its parts."""
    features: Features
    """(N, F), of the extractor."""
    predictions: Predictions | None = None
    """Of the evaluator, where there is one."""

    def of_class(self, space: LabelSpace, part: int, label: int) -> Features:
        """The features of the images of one class of a part of their labels."""
        assert self.labels is not None
        features: Features = self.features[space.values[self.labels, part] == label]
        return features

    def subsample(self, count: int) -> "EmbeddedImages":
        """At most `count` of the images, evenly from every class, without predictions."""
        rows = subsample(np.arange(len(self.features)), self.labels, count)
        return EmbeddedImages(None if self.labels is None else self.labels[rows], self.features[rows])


@dataclass(frozen=True)
class Embedders:
    """The networks that embed images."""

    extractor: Extractor
    evaluator: Evaluator | None
    """None for a set without classes."""
    label_free: Extractor
    """That of the features that no label taught; the same as `extractor` where that is one."""
    space: LabelSpace | None = None
    """Of the set's labels; None without an evaluator."""

    def embed(self, pixels: Pixels, labels: NDArray[np.int64] | None) -> EmbeddedImages:
        """Images (N, C, H, W) uint8 with their features; each network runs once per image."""
        if self.evaluator is None:
            return EmbeddedImages(labels, self.extractor.features(pixels))
        features, logits = self.evaluator.embed(pixels)
        if self.extractor.name != "evaluator":
            features = self.extractor.features(pixels)
        calibrated = probabilities(logits, self.evaluator.info.temperature, self.evaluator.parts)
        assert self.space is not None, "an evaluator has learned labels"
        values = None if labels is None else self.space.values[labels]
        return EmbeddedImages(labels, features, Predictions(values, calibrated))

    def embed_real(self, prepared: PreparedSet, rows: NDArray[np.int64]) -> EmbeddedImages:
        """Some images of a prepared set with their features."""
        labels = None if prepared.labels is None else np.asarray(prepared.labels[rows])
        return self.embed(prepared.pixels[rows], labels)


class Groups(NamedTuple):
    """Images in one extractor's features: generated, real held-out, and as many real training ones as generated."""

    generated: EmbeddedImages
    held_out: EmbeddedImages
    floor: EmbeddedImages


def label_free_groups(
    images: Samples,
    prepared: PreparedSet,
    embedders: Embedders,
    held_out_rows: NDArray[np.int64],
    floor_rows: NDArray[np.int64],
) -> Groups:
    """At most 2,000 images of each kind in the features that no label taught."""
    rows = subsample(np.arange(len(images.pixels)), images.labels, min(len(floor_rows), MOST_LABEL_FREE))
    features = embedders.label_free.features
    real = (
        EmbeddedImages(None if prepared.labels is None else np.asarray(prepared.labels[chosen]), features(pixels))
        for chosen in (
            subsample(held_out_rows, prepared.labels, MOST_LABEL_FREE),
            subsample(floor_rows, prepared.labels, len(rows)),
        )
        for pixels in (prepared.pixels[chosen],)
    )
    labels = None if images.labels is None else images.labels[rows]
    return Groups(EmbeddedImages(labels, features(images.pixels[rows])), *real)


def label_free_distances(groups: Groups) -> Distances:
    """KID and the sliced Wasserstein distance."""
    features = groups.held_out.features, groups.generated.features, groups.floor.features
    return Distances(
        kid=distance(kid, *features, name="KID"),
        sliced_wasserstein=distance(sliced_wasserstein, *features, name="sliced Wasserstein distance"),
    )


def linear_accuracy(groups: Groups, space: LabelSpace) -> Accuracy | None:
    """Label accuracy by a linear classifier that learns from the training images; None for images without labels.

    Of labels of several parts by one for each, which must all be right.
    """
    generated, held_out, training = groups
    if generated.labels is None or held_out.labels is None or training.labels is None:
        return None
    known = space.values[training.labels] >= 0
    if not known.any(0).all():
        return None
    columns = zip(space.values[training.labels].T, known.T, space.sizes, strict=True)
    predictors = [fit_linear(training.features[row], column[row], classes) for column, row, classes in columns]
    fields: dict[str, float] = {}
    for prefix, group, labels in (("", generated, generated.labels), ("real_", held_out, held_out.labels)):
        predicted = np.stack([predict(group.features) for predict in predictors], axis=1)
        right = all_parts_right(predicted, space.values[labels])
        fields |= accuracy_fields(right.sum(), len(labels), prefix)
    return Accuracy(**fields)


def distance_scores(
    name: str, held_out: EmbeddedImages, compared: EmbeddedImages, floor: EmbeddedImages, quick: bool
) -> Distances:
    """Every distance, the Fréchet distance under its name in these features; a quick scorecard has one alone.

    That one is KID where there are too few images for a Fréchet distance.
    """
    groups = (held_out.features, compared.features, floor.features)
    has_frechet = min(len(features) for features in groups) > held_out.features.shape[1]
    if quick and not has_frechet:
        return Distances(kid=distance(kid, *groups, name="KID"))
    first = distance(frechet, *groups, name=name)
    if quick:
        return Distances(frechet=first)
    try:
        generated, real = neighbourhood_scores(*groups[:2]), neighbourhood_scores(groups[0], groups[2])
        near = {
            metric: Distance(**estimate._asdict(), floor=reference.value)
            for metric, estimate, reference in zip(Neighbours._fields, generated, real, strict=True)
        }
    except TooFewError as error:
        near = {metric: Distance(why=str(error)) for metric in Neighbours._fields}
    sliced = distance(sliced_wasserstein, *groups, name="sliced Wasserstein distance")
    return Distances(frechet=first, kid=distance(kid, *groups, name="KID"), sliced_wasserstein=sliced, **near)


def add_distances(
    scores: ClassScores, seed: int, compared: Features, floor: Features, held_out: Features, training: Features
) -> ClassScores:
    """The scores of a class with its distances, diversity and copies; a part that needs more images is left out."""
    more: dict[str, Distance | DiversityScores | CopyScores] = {
        "frechet": distance(frechet, held_out, compared, floor),
        "kid": distance(kid, held_out, compared, floor),
    }
    try:
        spread = diversity(training, compared)
        more["diversity"] = DiversityScores(**spread._asdict(), collapsed=spread.value < COLLAPSED)
        copies = copy_test(compared, training, held_out, seed)
        more["copies"] = CopyScores(p_value=copies.p_value, closer=copies.closer, flagged=copies.flagged)
    except TooFewError:
        pass
    return scores.model_copy(update=more)


def diversity_scores(training: Features, compared: Features, per_class: tuple[ClassScores, ...]) -> DiversityScores:
    """The diversity of all images, and the mean of that of the classes that have one."""
    overall = measure(lambda: diversity(training, compared))
    known = [scores.diversity.value for scores in per_class if scores.diversity]
    ratios = [value for value in known if value is not None]
    return DiversityScores(**overall.model_dump(), within_classes=float(np.mean(ratios)) if ratios else None)


def copy_scores(
    generated: EmbeddedImages, training: EmbeddedImages, held_out: EmbeddedImages, prepared: PreparedSet, seed: int
) -> tuple[CopyScores, list[tuple[int, int]]]:
    """(whether images are copies of training images, the closest pairs as in `ScoredSamples`)."""
    try:
        copies = copy_test(generated.features, training.features, held_out.features, seed, generated.labels)
    except TooFewError as error:
        return CopyScores(verdict=f"Copies cannot be detected: {error}."), []
    across = prepared.manifest.near_across_split
    scores = CopyScores(**copies._asdict(), verdict=copies_verdict(copies), near_duplicates_across_split=across)
    return scores, [(row, int(prepared.train[partner])) for row, partner, _ in copies.pairs]


def with_sensitivity(
    copies: CopyScores,
    embedders: Embedders,
    prepared: PreparedSet,
    training: EmbeddedImages,
    held_out: EmbeddedImages,
    seed: int,
) -> CopyScores:
    """The scores, with what the test would have noticed in this set, and its false alarms."""
    try:
        found, false_alarms = sensitivity(
            lambda planted: embedders.embed(planted, None).features,
            prepared.pixels,
            np.asarray(prepared.train),
            training.features,
            held_out.features,
            seed,
        )
    except TooFewError:
        return copies
    kinds = {kind: CopySensitivity(caught=caught, flagged_from=first) for kind, (caught, first) in found.items()}
    return copies.model_copy(update={"sensitivity": kinds, "false_alarms": false_alarms})


def distance(
    metric: Callable[[Features, Features], Estimate],
    held_out: Features,
    compared: Features,
    floor: Features,
    name: str | None = None,
) -> Distance:
    """A distance of generated images from held-out ones, beside that of as many training images."""
    generated, real = measure(lambda: metric(held_out, compared)), measure(lambda: metric(held_out, floor))
    return Distance(**generated.model_dump(), name=name, floor=real.value, n=len(compared))


def measure(metric: Callable[[], Estimate]) -> Measurement:
    """An estimate; or, with too few images, none and the reason."""
    try:
        return Measurement(**metric()._asdict())
    except TooFewError as error:
        return Measurement(why=str(error))
