"""Scores a set of images against a real one: features are computed once and shared by every metric."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import ganvas
from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.copies import copies_verdict, copy_test
from ganvas.evaluation.distances import Neighbours, TooFewError, frechet, kid, neighbourhood_scores
from ganvas.evaluation.diversity import COLLAPSED, diversity
from ganvas.evaluation.evaluator import Evaluator, evaluator_for, probabilities, refuse_no_held_out
from ganvas.evaluation.features import Extractor, Features, extractor
from ganvas.evaluation.intervals import Estimate
from ganvas.evaluation.labels import Predictions, classification_accuracy_score, label_scores
from ganvas.evaluation.protocol import QUICK_COUNT, Protocol
from ganvas.evaluation.samples import Samples, subsample
from ganvas.evaluation.scorecard import (
    ClassScores,
    CopyScores,
    Distance,
    Distances,
    DiversityScores,
    EvaluatorRecord,
    Measurement,
    ProtocolRecord,
    Scorecard,
)
from ganvas.images import Pixels


@dataclass(frozen=True)
class EmbeddedImages:
    """What the metrics know of N images."""

    labels: NDArray[np.int64] | None
    """(N,): what they show or were asked to show."""
    features: Features
    """(N, F), of the extractor."""
    predictions: Predictions | None = None
    """Of the evaluator, where there is one."""

    def of_class(self, label: int) -> Features:
        """The features of one class."""
        assert self.labels is not None
        features: Features = self.features[self.labels == label]
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

    def embed(self, pixels: Pixels, labels: NDArray[np.int64] | None) -> EmbeddedImages:
        """Images (N, C, H, W) uint8 with their features; each network runs once per image."""
        if self.evaluator is None:
            return EmbeddedImages(labels, self.extractor.features(pixels))
        features, logits = self.evaluator.embed(pixels)
        if self.extractor.name != "evaluator":
            features = self.extractor.features(pixels)
        calibrated = probabilities(logits, self.evaluator.info.temperature)
        return EmbeddedImages(labels, features, Predictions(labels, calibrated))

    def embed_real(self, prepared: PreparedSet, rows: NDArray[np.int64]) -> EmbeddedImages:
        """Some images of a prepared set with their features."""
        labels = None if prepared.labels is None else np.asarray(prepared.labels[rows])
        return self.embed(prepared.pixels[rows], labels)


@dataclass(frozen=True)
class ScoredSamples:
    """A scorecard, and the images that a page shows beside it."""

    card: Scorecard
    held_out: NDArray[np.int64]
    """Rows of the prepared set: the real images that the samples were scored against."""
    closest: list[tuple[int, int]]
    """(sample, row of the prepared set) of the pairs of a generated and a training image that are closest."""


def score(images: Samples, prepared: PreparedSet, protocol: Protocol) -> ScoredSamples:
    """Scores images against a set. UserError where nothing can be measured; a single metric may say why it cannot."""
    refuse_no_held_out(prepared)
    needs_evaluator = len(prepared.classes) > 1 or protocol.features == "evaluator"
    evaluator = evaluator_for(prepared) if needs_evaluator else None
    embedders = Embedders(extractor(protocol.features, evaluator), evaluator)
    train = np.asarray(prepared.train)
    held_out_rows = subsample(np.asarray(prepared.held_out), prepared.labels, max(protocol.count, QUICK_COUNT))
    with progress.bar("measuring", 2 if protocol.quick else 6, "parts") as bar:
        generated = embedders.embed(images.pixels, images.labels)
        held_out = embedders.embed_real(prepared, held_out_rows)
        bar.advance()
        # A distance depends on how many images it is taken with. The floor is as many training images as there are
        # generated ones, so where the set is smaller, fewer generated images are compared.
        n = min(len(generated.features), len(train))
        compared = generated.subsample(n)
        floor = embedders.embed_real(prepared, subsample(train, prepared.labels, n))
        labels, per_class = None, tuple(ClassScores(name=name) for name in prepared.classes)
        if generated.predictions and held_out.predictions:
            labels, per_class = label_scores(generated.predictions, held_out.predictions, prepared.classes)
        bar.advance()
        card = Scorecard(
            ganvas=ganvas.__version__,
            name=images.name,
            images=images.origin,
            classes=prepared.classes,
            protocol=protocol_record(prepared, protocol, embedders, len(generated.features), len(held_out_rows)),
            evaluator=EvaluatorRecord(**evaluator.info.model_dump()) if evaluator else None,
            labels=labels,
            distances=distance_scores(embedders.extractor.frechet_name, held_out, compared, floor, protocol.quick),
            per_class=per_class,
        )
        if protocol.quick:
            return ScoredSamples(card, held_out_rows, [])
        bar.advance()
        training = floor if n == len(train) else embedders.embed_real(prepared, train)
        bar.advance()
        copies, closest = copy_scores(generated, training, held_out, prepared, protocol.seed)
        bar.advance()
        if compared.labels is not None and held_out.labels is not None:
            groups = (compared, floor, held_out, training)
            per_class = tuple(
                add_distances(scores, protocol.seed, *(group.of_class(label) for group in groups))
                for label, scores in enumerate(per_class)
            )
        more: dict[str, object] = {
            "copies": copies,
            "per_class": per_class,
            "diversity": diversity_scores(training.features, compared.features, per_class),
        }
        bar.advance()
    if images.labels is not None and len(prepared.classes) > 1:
        cas = classification_accuracy_score(images.pixels, images.labels, prepared, protocol.seed + 1)
        more["classification_accuracy_score"] = cas
    return ScoredSamples(card.model_copy(update=more), held_out_rows, closest)


def protocol_record(
    prepared: PreparedSet, protocol: Protocol, embedders: Embedders, count: int, held_out: int
) -> ProtocolRecord:
    """How, and against which images, the samples were scored."""
    manifest, extractor, evaluator = prepared.manifest, embedders.extractor, embedders.evaluator
    return ProtocolRecord(
        features=f"{extractor.name}@{extractor.digest}",
        evaluator=evaluator.digest if evaluator else None,
        n=count,
        reference=f"{held_out} held-out images of {prepared.name}",
        fingerprint=prepared.fingerprint,
        split="the set's own" if manifest.own_split else "a tenth of each class by hash",
        size=prepared.size,
        channels=prepared.channels,
        crop=manifest.crop,
        filter=manifest.filter,
        quick=protocol.quick,
        seed=protocol.seed,
    )


def distance_scores(
    name: str, held_out: EmbeddedImages, compared: EmbeddedImages, floor: EmbeddedImages, quick: bool
) -> Distances:
    """Every distance, the Fréchet distance under its name in these features; a quick scorecard has that one alone."""
    groups = (held_out.features, compared.features, floor.features)
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
    return Distances(frechet=first, kid=distance(kid, *groups, name="KID"), **near)


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
