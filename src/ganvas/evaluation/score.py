"""Scores a set of images against a real one: features are computed once and shared by every metric."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import Field, field_validator

import ganvas
from ganvas import machine
from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.errors import nearest
from ganvas.evaluation import features
from ganvas.evaluation.cas import classification_accuracy_score
from ganvas.evaluation.copies import copy_test, verdict
from ganvas.evaluation.distances import Neighbours, TooFewError, frechet, kid, neighbours
from ganvas.evaluation.diversity import diversity, is_collapsed
from ganvas.evaluation.embedding import EmbeddedImages, Embedders
from ganvas.evaluation.evaluator import Evaluator, evaluator_for, refuse_no_held_out
from ganvas.evaluation.features import Features
from ganvas.evaluation.intervals import Estimate
from ganvas.evaluation.labels import Predictions, label_scores, unlabelled_scores
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
from ganvas.settings import Settings

QUICK_COUNT = 2_000
Closest = list[tuple[int, int, float]]


class Protocol(Settings):
    """How images are scored. Two scorecards compare where all of this, and the real set, are equal."""

    count: int = Field(default=10_000, ge=10, le=1_000_000)
    """Images scored, at most."""
    features: str = "evaluator"
    """What distances are taken in."""
    quick: bool = False
    """Label accuracy and the Fréchet distance alone."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """Of the images that a run draws, and of the fits."""

    @field_validator("features")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in features.NAMES:
            raise ValueError(f"there are no features {name!r}; {nearest(name, features.NAMES)}")
        return name


@dataclass(frozen=True)
class ScoredSamples:
    """A scorecard, and the images that a page shows beside it."""

    card: Scorecard
    held_out: EmbeddedImages
    closest: Closest
    """(generated, row of the prepared set, distance) of the images nearest to training images."""


def score(images: Samples, prepared: PreparedSet, protocol: Protocol) -> ScoredSamples:
    """Scores images against a set. UserError where nothing can be measured; a single metric may say why it cannot."""
    embedders = embedders_for(prepared, protocol)
    evaluator = embedders.evaluator
    train = np.asarray(prepared.train)
    with (
        machine.fastest_threads(lambda: embedders.embed(images.pixels[:64], None)),
        progress.bar("measuring", 2 if protocol.quick else 6, "parts") as bar,
    ):
        generated = embedders.embed(images.pixels, images.labels)
        most = max(protocol.count, QUICK_COUNT)
        held_out = embedders.embed_real(prepared, subsample(np.asarray(prepared.held_out), prepared.labels, most))
        bar.advance()
        # A distance depends on how many images it is taken with. The floor is as many training images as there are
        # generated ones, so where the set is smaller, fewer generated images are compared.
        n = min(len(generated.features), len(train))
        compared = generated.subsample(n)
        floor = embedders.embed_real(prepared, subsample(train, prepared.labels, n))
        labels, per_class = label_and_class_scores(generated, held_out, evaluator, prepared.classes)
        bar.advance()
        card = Scorecard(
            ganvas=ganvas.__version__,
            name=images.name,
            images=images.origin,
            classes=prepared.classes,
            protocol=protocol_record(prepared, protocol, embedders, len(generated.features), len(held_out.features)),
            evaluator=EvaluatorRecord(**evaluator.info.model_dump()) if evaluator else None,
            labels=labels,
            distances=distance_scores(embedders.extractor.frechet_name, held_out, compared, floor, protocol.quick),
            per_class=per_class,
        )
        if protocol.quick:
            return ScoredSamples(card, held_out, [])
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
        spreads = [scores.diversity.estimate for scores in per_class if scores.diversity]
        ratios = [spread.value for spread in spreads if spread]
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
    return ScoredSamples(card.model_copy(update=more), held_out, closest)


def embedders_for(prepared: PreparedSet, protocol: Protocol) -> Embedders:
    """The evaluator of a set, where it has classes, and the extractor that the protocol names."""
    refuse_no_held_out(prepared)
    needs_evaluator = len(prepared.classes) > 1 or protocol.features == "evaluator"
    evaluator = evaluator_for(prepared) if needs_evaluator else None
    return Embedders(features.extractor(protocol.features, evaluator), evaluator)


def protocol_record(
    prepared: PreparedSet, protocol: Protocol, embedders: Embedders, count: int, held_out: int
) -> ProtocolRecord:
    """How it was measured, and against what."""
    manifest, evaluator = prepared.manifest, embedders.evaluator
    return ProtocolRecord(
        features=embedders.extractor.protocol,
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
    generated: EmbeddedImages, held_out: EmbeddedImages, evaluator: Evaluator | None, classes: tuple[str, ...]
) -> tuple[LabelScores | None, tuple[ClassScores, ...]]:
    """Label accuracy of all images and of each class, as far as there is an evaluator and there are labels."""
    unknown = tuple(ClassScores(name=name) for name in classes)
    if evaluator is None or generated.logits is None or held_out.logits is None or held_out.labels is None:
        return None, unknown
    probabilities = evaluator.probabilities(generated.logits)
    real = Predictions(held_out.labels, evaluator.probabilities(held_out.logits))
    if generated.labels is None:
        return unlabelled_scores(probabilities, real, classes), unknown
    return label_scores(Predictions(generated.labels, probabilities), real, classes)


def distance_scores(
    name: str, held_out: EmbeddedImages, compared: EmbeddedImages, floor: EmbeddedImages, quick: bool
) -> Distances:
    """Every distance; the Fréchet distance, under its name in these features, alone in a quick scorecard."""
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
    """The scores of a class with its distances, diversity and copies; with too few images, a part is left out."""
    more: dict[str, Distance | DiversityScores | CopyScores] = {
        "frechet": distance(frechet, held_out, compared, floor),
        "kid": distance(kid, held_out, compared, floor),
    }
    try:
        spread = diversity(training, compared)
        more["diversity"] = DiversityScores(**spread._asdict(), collapsed=is_collapsed(spread))
        copies = copy_test(compared, training, held_out, seed)
        more["copies"] = CopyScores(p_value=copies.p_value, closer=copies.closer, flagged=copies.flagged)
    except TooFewError:
        pass
    return scores.model_copy(update=more)


def copy_scores(
    generated: EmbeddedImages, training: EmbeddedImages, held_out: EmbeddedImages, prepared: PreparedSet, seed: int
) -> tuple[CopyScores, Closest]:
    """Whether images are copies of training images, and the closest ones."""
    try:
        copies = copy_test(generated.features, training.features, held_out.features, seed, generated.labels)
    except TooFewError as error:
        return CopyScores(verdict=f"Copies cannot be detected: {error}."), []
    across = prepared.manifest.near_across_split
    scores = CopyScores(**copies._asdict(), verdict=verdict(copies), near_duplicates_across_split=across)
    return scores, [(row, int(training.rows[nearest_row]), away) for row, nearest_row, away in copies.pairs]


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
    """An estimate; or, where images are too few, none and the reason."""
    try:
        return Measurement(**metric()._asdict())
    except TooFewError as error:
        return Measurement(why=str(error))
