"""Scores a set of images against a real one: features are computed once and shared by every metric."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import ganvas
from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation import pixel_statistics
from ganvas.evaluation.accuracy import UnseenScores
from ganvas.evaluation.advice import advice, disagreements
from ganvas.evaluation.distances import TooFewError
from ganvas.evaluation.evaluator import evaluator_for, refuse_no_held_out, rows_learned
from ganvas.evaluation.features import extractor, label_free
from ganvas.evaluation.labels import classification_accuracy_score, label_scores, unseen_scores
from ganvas.evaluation.measurements import (
    EmbeddedImages,
    Embedders,
    Groups,
    add_distances,
    copy_scores,
    distance_scores,
    diversity_scores,
    label_free_distances,
    label_free_groups,
    linear_accuracy,
    with_sensitivity,
)
from ganvas.evaluation.protocol import AUTO, QUICK_COUNT, Protocol
from ganvas.evaluation.samples import Samples, subsample
from ganvas.evaluation.scorecard import (
    ClassScores,
    EvaluatorRecord,
    Measurement,
    PixelStatistic,
    ProtocolRecord,
    Scorecard,
    TwoSample,
)
from ganvas.evaluation.two_sample import QUICK_IMAGES_SHOWN, two_sample_test

MOST_FOR_STATISTICS, MOST_UNSEEN_REAL = 10_000, 10_000
DURATIONS = {
    "features": 1,
    "labels": 1,
    "distances": 46,
    "label-free distances": 6,
    "linear classifier": 3,
    "statistics": 1,
    "training features": 2,
    "copies": 22,
    "sensitivity to copies": 14,
    "distances of classes": 3,
    "diversity": 1,
}
"""How long each part of a scorecard takes, in hundredths of all, without what is fitted: 10,000 digits, one thread."""
QUICK_DURATIONS = {
    "features": 4,
    "labels": 2,
    "distances": 36,
    "label-free distances": 20,
    "linear classifier": 28,
    "statistics": 10,
}
"""Roughly the same of a quick one."""


@dataclass(frozen=True)
class ScoredSamples:
    """A scorecard, and the images that a page shows beside it."""

    card: Scorecard
    held_out: NDArray[np.int64]
    """Rows of the prepared set: the real images that the samples were scored against."""
    closest: list[tuple[int, int]]
    """(sample, row of the prepared set) of the pairs of a generated and a training image that are closest."""
    tested: NDArray[np.int64]
    """Rows of the samples that a network was asked to distinguish from real images, the most real ones first."""


def score(images: Samples, prepared: PreparedSet, protocol: Protocol) -> ScoredSamples:
    """Scores images against a set. UserError where nothing can be measured; a single metric may say why it cannot."""
    refuse_no_held_out(prepared)
    has_classes = len(prepared.classes) > 1
    evaluator = evaluator_for(prepared) if has_classes or protocol.features == "evaluator" else None
    free = label_free(prepared.channels)
    name = ("evaluator" if has_classes else free.name) if protocol.features == AUTO else protocol.features
    primary = free if name == free.name else extractor(name, evaluator, prepared.channels)
    other = free if name == "evaluator" else primary
    embedders = Embedders(primary, evaluator, other, prepared.label_space if evaluator else None)
    held_out_rows = subsample(np.asarray(prepared.held_out), prepared.labels, max(protocol.count, QUICK_COUNT))
    two_sample, tested = two_sample_scores(images, prepared, held_out_rows, protocol)
    durations = QUICK_DURATIONS if protocol.quick else DURATIONS
    with progress.bar("measuring", sum(durations.values()), "%") as bar:
        card, closest = measure_all(
            images, prepared, protocol, embedders, held_out_rows, lambda part: bar.advance(durations[part])
        )
    card = card.model_copy(update={"two_sample": two_sample})
    if not protocol.quick and images.labels is not None and len(prepared.classes) > 1:
        cas = classification_accuracy_score(images.pixels, images.labels, prepared, protocol.seed + 1)
        card = card.model_copy(update={"classification_accuracy_score": cas})
    card = card.model_copy(update={"disagreements": tuple(disagreements(card)), "advice": advice(card)})
    return ScoredSamples(card, held_out_rows, closest, tested)


def measure_all(
    images: Samples,
    prepared: PreparedSet,
    protocol: Protocol,
    embedders: Embedders,
    held_out_rows: NDArray[np.int64],
    advance: Callable[[str], None],
) -> tuple[Scorecard, list[tuple[int, int]]]:
    """(the scorecard without what is fitted, the closest pairs). advance: called after each part of `DURATIONS`."""
    train, evaluator = np.asarray(prepared.train), embedders.evaluator
    generated = embedders.embed(images.pixels, images.labels)
    held_out = embedders.embed_real(prepared, held_out_rows)
    advance("features")
    # A distance depends on how many images it is taken with. The floor is as many training images as there are
    # generated ones, so where the set is smaller, fewer generated images are compared.
    n = min(len(generated.features), len(train))
    compared = generated.subsample(n)
    floor_rows = subsample(train, prepared.labels, n)
    floor = embedders.embed_real(prepared, floor_rows)
    labels, per_class = None, tuple(ClassScores(name=name) for name in prepared.classes)
    if generated.predictions and held_out.predictions:
        labels, per_class = label_scores(generated.predictions, held_out.predictions, prepared.label_space)
        labels = labels.model_copy(update={"unseen": scores_of_unseen(images, prepared, embedders)})
    advance("labels")
    name = embedders.extractor.name
    distances = {name: distance_scores(embedders.extractor.frechet_name, held_out, compared, floor, protocol.quick)}
    advance("distances")
    main = groups = Groups(compared, held_out, floor)
    if embedders.label_free.name != name:
        groups = label_free_groups(images, prepared, embedders, held_out_rows, floor_rows)
        distances[embedders.label_free.name] = label_free_distances(groups)
    advance("label-free distances")
    if labels is not None:
        labels = labels.model_copy(update={"linear": linear_accuracy(groups, prepared.label_space)})
    advance("linear classifier")
    statistics = statistics_of(images, prepared)
    advance("statistics")
    card = Scorecard(
        ganvas=ganvas.__version__,
        name=images.name,
        images=images.origin,
        classes=prepared.classes,
        protocol=protocol_record(images, prepared, protocol, embedders, len(held_out_rows)),
        evaluator=EvaluatorRecord(**evaluator.info.model_dump()) if evaluator else None,
        labels=labels,
        statistics=statistics,
        distances=distances,
        per_class=per_class,
    )
    if protocol.quick:
        return card, []
    training = floor if n == len(train) else embedders.embed_real(prepared, train)
    advance("training features")
    return add_slow_parts(card, generated, main, training, prepared, embedders, advance)


def add_slow_parts(
    card: Scorecard,
    generated: EmbeddedImages,
    groups: Groups,
    training: EmbeddedImages,
    prepared: PreparedSet,
    embedders: Embedders,
    advance: Callable[[str], None],
) -> tuple[Scorecard, list[tuple[int, int]]]:
    """`measure_all` with what a quick scorecard leaves out: copies, the classes' own distances, diversity."""
    seed, (compared, held_out, floor), per_class = card.protocol.seed, groups, card.per_class
    copies, closest = copy_scores(generated, training, held_out, prepared, seed)
    advance("copies")
    copies = with_sensitivity(copies, embedders, prepared, training, held_out, seed)
    advance("sensitivity to copies")
    if compared.labels is not None and held_out.labels is not None:
        of_classes = (compared, floor, held_out, training)
        space = prepared.label_space
        indices = [(part, label) for part, size in enumerate(space.sizes) for label in range(size)]
        per_class = tuple(
            add_distances(scores, seed, *(group.of_class(space, *index) for group in of_classes))
            for index, scores in zip(indices, per_class, strict=True)
        )
    advance("distances of classes")
    spread = diversity_scores(training.features, compared.features, per_class)
    advance("diversity")
    return card.model_copy(update={"copies": copies, "per_class": per_class, "diversity": spread}), closest


def scores_of_unseen(images: Samples, prepared: PreparedSet, embedders: Embedders) -> UnseenScores | None:
    """Label accuracy on combinations of classes that were never seen in training; None without images of them."""
    if images.unseen is None:
        return None
    rows = np.setdiff1d(prepared.unseen, rows_learned(prepared))
    real = embedders.embed_real(prepared, rows[:MOST_UNSEEN_REAL]).predictions if len(rows) else None
    generated = embedders.embed(images.unseen.pixels, images.unseen.labels).predictions
    assert generated is not None, "label accuracy needs an evaluator"
    return unseen_scores(generated, real, prepared.label_space)


def statistics_of(images: Samples, prepared: PreparedSet) -> dict[str, PixelStatistic]:
    """Statistics of the pixels of the images, beside those of training images."""
    rows = subsample(np.asarray(prepared.train), prepared.labels, MOST_FOR_STATISTICS)
    generated, real = (pixel_statistics.of_images(pixels) for pixels in (images.pixels, prepared.pixels[rows]))
    compared = pixel_statistics.compare_statistics(generated, real)
    return {name: PixelStatistic(**each._asdict()) for name, each in compared.items()}


def two_sample_scores(
    images: Samples, prepared: PreparedSet, held_out_rows: NDArray[np.int64], protocol: Protocol
) -> tuple[TwoSample, NDArray[np.int64]]:
    """(how well a network distinguishes the images from real ones, `tested` of `ScoredSamples`)."""
    try:
        shown = QUICK_IMAGES_SHOWN if protocol.quick else None
        found = two_sample_test(images.pixels, images.labels, prepared, held_out_rows, protocol.seed, shown)
    except TooFewError as error:
        return TwoSample(auc=Measurement(why=str(error)), auc_blurred=Measurement()), np.empty(0, np.int64)
    assert found.auc_blurred is not None, "both are asked for"
    plain, blurred = (Measurement(**estimate._asdict()) for estimate in (found.auc, found.auc_blurred))
    return TwoSample(auc=plain, auc_blurred=blurred, fitted=found.fitted, tested=found.tested), found.order


def protocol_record(
    images: Samples, prepared: PreparedSet, protocol: Protocol, embedders: Embedders, held_out: int
) -> ProtocolRecord:
    """How, and against which images, the samples were scored."""
    manifest, extractor, evaluator = prepared.manifest, embedders.extractor, embedders.evaluator
    return ProtocolRecord(
        features=f"{extractor.name}@{extractor.digest}",
        label_free=f"{embedders.label_free.name}@{embedders.label_free.digest}",
        rewarded=images.rewarded,
        evaluator=evaluator.digest if evaluator else None,
        n=len(images.pixels),
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
