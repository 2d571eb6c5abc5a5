"""Label accuracy: how often the evaluator predicts the label that an image was asked for, beside real images.

And CAS, the accuracy on real images of a classifier that is fitted to generated images.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganvas.console import progress
from ganvas.data.labels import LabelSpace
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.accuracy import ClassificationAccuracyScore, PartScores, UnseenScores
from ganvas.evaluation.advice import label_warning
from ganvas.evaluation.evaluator import predicted_classes
from ganvas.evaluation.fit import fit_classifier, fit_images
from ganvas.evaluation.intervals import wilson
from ganvas.evaluation.predict import all_parts_right, confusion_matrix, predict
from ganvas.evaluation.samples import subsample
from ganvas.evaluation.scorecard import ClassScores, LabelScores
from ganvas.images import Pixels


class Predictions(NamedTuple):
    """What the evaluator predicts for N images."""

    labels: NDArray[np.int64] | None
    """(N, P): the class of each part of the labels, -1 for a missing one; or None for images without labels."""
    probabilities: NDArray[np.float64]
    """(N, K), calibrated, those of the parts side by side."""


class Hits(NamedTuple):
    """Which labels of N images the evaluator predicts."""

    labels: NDArray[np.int64]
    """(N, P)."""
    predicted: NDArray[np.int64]
    """(N, P)."""
    confidence: float
    """The mean probability of the label, all its parts together."""

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,): whether every part is predicted."""
        return all_parts_right(self.predicted, self.labels)

    def of_part(self, part: int, label: int | None = None) -> tuple[np.int64, np.int64]:
        """(images whose class in a part is predicted, images where it is known), of one class or of all."""
        column = self.labels[:, part]
        counted = column >= 0 if label is None else column == label
        return (self.predicted[:, part] == column)[counted].sum(), counted.sum()

    def confusion(self, classes: int) -> NDArray[np.int64]:
        """(K, K) counts of labels of one part by predictions."""
        return confusion_matrix(self.labels[:, 0], self.predicted[:, 0], classes)


def label_scores(
    generated: Predictions, real: Predictions, space: LabelSpace
) -> tuple[LabelScores, tuple[ClassScores, ...]]:
    """Label accuracy over all images, and of each class; Wilson intervals over images, the evaluator held fixed.

    An image counts where every part of its label is predicted; each part is scored alone, too. For generated images
    without labels, the accuracy on real images and the share predicted to be of each class.
    """
    real_hits = _hits(real, space.sizes)
    overall = accuracy_fields(real_hits.right.sum(), len(real_hits.right), "real_")
    if generated.labels is None:
        columns = predicted_classes(generated.probabilities, space.sizes).T
        shares = [
            np.bincount(each, minlength=size) / len(each) for each, size in zip(columns, space.sizes, strict=True)
        ]
        predicted = dict(zip(space.classes, np.concatenate(shares).tolist(), strict=True))
        return LabelScores(asked=False, predicted=predicted, **overall), tuple(
            ClassScores(name=name) for name in space.classes
        )
    hits = _hits(generated, space.sizes)
    indices = [(part, label) for part, size in enumerate(space.sizes) for label in range(size)]
    per_class = tuple(
        ClassScores(
            name=name,
            n=int(hits.of_part(*index)[1]),
            real_n=int(real_hits.of_part(*index)[1]),
            real_accuracy=accuracy_fields(*real_hits.of_part(*index)).get("accuracy"),
            **accuracy_fields(*hits.of_part(*index)),
        )
        for index, name in zip(indices, space.classes, strict=True)
    )
    worst = min((scores for scores in per_class if scores.n), key=lambda scores: scores.accuracy or 0.0)
    share, real_share = (wilson(int(each.right.sum()), len(each.right)) for each in (hits, real_hits))
    return LabelScores(
        asked=True,
        warning=label_warning(share, real_share),
        confidence=hits.confidence,
        real_confidence=real_hits.confidence,
        worst=ClassScores(name=worst.name, accuracy=worst.accuracy),
        confusion=hits.confusion(space.sizes[0]).tolist() if space.is_single else None,
        parts=None if space.is_single else _part_scores(hits, real_hits, space),
        **accuracy_fields(hits.right.sum(), len(hits.right)),
        **overall,
    ), per_class


def unseen_scores(generated: Predictions, real: Predictions | None, space: LabelSpace) -> UnseenScores:
    """Label accuracy on combinations of classes that no training image shows; `real` are real images of them."""
    hits = _hits(generated, space.sizes)
    real_hits = None if real is None else _hits(real, space.sizes)
    overall = {} if real_hits is None else accuracy_fields(real_hits.right.sum(), len(real_hits.right), "real_")
    return UnseenScores(
        combinations=len(np.unique(hits.labels, axis=0)),
        n=len(hits.right),
        real_n=0 if real_hits is None else len(real_hits.right),
        parts=_part_scores(hits, real_hits, space),
        **accuracy_fields(hits.right.sum(), len(hits.right)),
        **overall,
    )


def _part_scores(hits: Hits, real: Hits | None, space: LabelSpace) -> tuple[PartScores, ...]:
    return tuple(
        PartScores(
            name=part.name,
            classes=len(part.classes),
            **accuracy_fields(*hits.of_part(index)),
            **({} if real is None else accuracy_fields(*real.of_part(index), "real_")),
        )
        for index, part in enumerate(space.parts)
    )


def _hits(images: Predictions, parts: tuple[int, ...]) -> Hits:
    assert images.labels is not None
    first = np.cumsum([0, *parts[:-1]])
    columns = np.where(images.labels >= 0, images.labels + first, 0)
    of_label = np.where(images.labels >= 0, np.take_along_axis(images.probabilities, columns, axis=1), 1.0)
    return Hits(images.labels, predicted_classes(images.probabilities, parts), float(of_label.prod(axis=1).mean()))


def classification_accuracy_score(
    pixels: Pixels, labels: NDArray[np.int64], prepared: PreparedSet, seed: int = 1
) -> ClassificationAccuracyScore:
    """Accuracy on held-out images of a classifier fitted to generated images, and of one fitted to as many real ones.

    The classification accuracy score (CAS) of Ravuri & Vinyals 2019 (arXiv 1905.10887). Of labels of several parts an
    image counts where all are predicted.
    Both see equally many images and start from the same weights. The intervals are Wilson's over the held-out images.
    Each classifier is fitted once, so the intervals do not include the variation between fits.
    """
    assert prepared.labels is not None
    real_labels, train, held_out = (np.asarray(rows) for rows in (prepared.labels, prepared.train, prepared.held_out))
    count, values, parts = min(len(pixels), len(train)), prepared.label_space.values, prepared.label_space.sizes
    images_shown = fit_images(count, prepared.size.side)
    rows, real_rows = subsample(np.arange(len(pixels)), labels, count), subsample(train, real_labels, count)
    fields: dict[str, float] = {}
    with progress.bar("fitting to generated and to real images", 2 * images_shown, "images") as bar:
        for prefix, images, targets, chosen in (
            ("", pixels, labels, rows),
            ("real_", prepared.pixels, real_labels, real_rows),
        ):
            network = fit_classifier(images, values[targets], parts, images_shown, seed, bar.advance, rows=chosen)
            predicted = predicted_classes(predict(network, prepared.pixels[held_out]), parts)
            correct = all_parts_right(predicted, values[real_labels[held_out]])
            fields |= accuracy_fields(correct.sum(), len(held_out), prefix)
    return ClassificationAccuracyScore(images=count, **fields)


def accuracy_fields(hits: np.int64, total: np.int64 | int, prefix: str = "") -> dict[str, float]:
    """`accuracy`, `low` and `high` as fields of an `Accuracy`; empty for a class without images."""
    if not total:
        return {}
    share = wilson(int(hits), int(total))
    return {f"{prefix}accuracy": share.value, f"{prefix}low": share.low, f"{prefix}high": share.high}
