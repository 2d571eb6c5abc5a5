"""Scores a set of images against a real one: features are computed once and shared by every metric."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import ganvas
from ganvas import machine
from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.cas import classification_accuracy_score
from ganvas.evaluation.copies import copy_test, verdict
from ganvas.evaluation.distances import Neighbours, TooFewError, frechet, kid, neighbours
from ganvas.evaluation.diversity import COLLAPSED, diversity
from ganvas.evaluation.embedding import EmbeddedImages, Embedders, embedders_for
from ganvas.evaluation.features import Features
from ganvas.evaluation.intervals import Estimate
from ganvas.evaluation.labels import Predictions, label_scores
from ganvas.evaluation.protocol import QUICK_COUNT, Protocol
from ganvas.evaluation.samples import Samples, subsample
from ganvas.evaluation.scorecard import (
    ClassScores,
    CopyScores,
    Distance,
    Distances,
    DiversityScores,
    EvaluatorRecord,
    LabelScores,
    Measurement,
    ProtocolRecord,
    Scorecard,
)


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
    embedders = embedders_for(prepared, protocol.features)
    evaluator, train = embedders.evaluator, np.asarray(prepared.train)
    held_out_rows = subsample(np.asarray(prepared.held_out), prepared.labels, max(protocol.count, QUICK_COUNT))
    with (
        machine.fastest_threads(lambda: embedders.embed(images.pixels[:64], None)),
        progress.bar("measuring", 2 if protocol.quick else 6, "parts") as bar,
    ):
        generated = embedders.embed(images.pixels, images.labels)
        held_out = embedders.embed_real(prepared, held_out_rows)
        bar.advance()
        # A distance depends on how many images it is taken with. The floor is as many training images as there are
        # generated ones, so where the set is smaller, fewer generated images are compared.
        n = min(len(generated.features), len(train))
        compared = generated.subsample(n)
        floor = embedders.embed_real(prepared, subsample(train, prepared.labels, n))
        labels, per_class = label_and_class_scores(generated, held_out, prepared.classes)
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
        overall = measure(lambda: diversity(training.features, compared.features))
        ratios = [
            scores.diversity.value for scores in per_class if scores.diversity and scores.diversity.value is not None
        ]
        bar.advance()
    cas = None
    if images.labels is not None and len(prepared.classes) > 1:
        cas = classification_accuracy_score(images.pixels, images.labels, prepared, protocol.seed + 1)
    more = {
        "copies": copies,
        "per_class": per_class,
        "diversity": DiversityScores(**overall.model_dump(), within_classes=float(np.mean(ratios)) if ratios else None),
        "classification_accuracy_score": cas,
    }
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


def label_and_class_scores(
    generated: EmbeddedImages, held_out: EmbeddedImages, classes: tuple[str, ...]
) -> tuple[LabelScores | None, tuple[ClassScores, ...]]:
    """Label accuracy of all images and of each class; None and the classes' names alone without an evaluator."""
    if generated.probabilities is None or held_out.probabilities is None:
        return None, tuple(ClassScores(name=name) for name in classes)
    real = Predictions(held_out.labels, held_out.probabilities)
    return label_scores(Predictions(generated.labels, generated.probabilities), real, classes)


def distance_scores(
    name: str, held_out: EmbeddedImages, compared: EmbeddedImages, floor: EmbeddedImages, quick: bool
) -> Distances:
    """Every distance, the Fréchet distance under its name in these features; a quick scorecard has that one alone."""
    groups = (held_out.features, compared.features, floor.features)
    first = distance(frechet, *groups, name=name)
    if quick:
        return Distances(frechet=first)
    try:
        generated, real = neighbours(*groups[:2]), neighbours(groups[0], groups[2])
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


def copy_scores(
    generated: EmbeddedImages, training: EmbeddedImages, held_out: EmbeddedImages, prepared: PreparedSet, seed: int
) -> tuple[CopyScores, list[tuple[int, int]]]:
    """(whether images are copies of training images, the closest pairs as in `ScoredSamples`)."""
    try:
        copies = copy_test(generated.features, training.features, held_out.features, seed, generated.labels)
    except TooFewError as error:
        return CopyScores(verdict=f"Copies cannot be detected: {error}."), []
    across = prepared.manifest.near_across_split
    scores = CopyScores(**copies._asdict(), verdict=verdict(copies), near_duplicates_across_split=across)
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
