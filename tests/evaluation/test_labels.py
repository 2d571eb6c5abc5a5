import numpy as np
import pytest

from ganvas.data.labels import LabelPart, LabelSpace, single_part
from ganvas.evaluation.labels import Predictions, label_scores, unseen_scores

CLASSES = ("a", "b", "c")
SPACE = single_part(CLASSES, (1, 1, 1))


def predictions(labels, predicted, classes=3):
    """An evaluator that is certain."""
    return Predictions(np.array(labels)[:, None], np.eye(classes)[predicted])


REAL = predictions([0, 0, 1, 2], [0, 1, 1, 2])


def test_correct_predictions_are_counted_by_class():
    scores, per_class = label_scores(predictions([0, 0, 1, 1, 1, 2], [0, 1, 1, 1, 2, 2]), REAL, SPACE)
    assert scores.accuracy == scores.confidence == pytest.approx(4 / 6)
    assert [each.accuracy for each in per_class] == [0.5, pytest.approx(2 / 3), 1.0]
    assert [(each.n, each.real_n) for each in per_class] == [(2, 2), (3, 1), (1, 1)]
    assert scores.confusion == ((1, 1, 0), (0, 2, 1), (0, 0, 1))
    assert (scores.worst.name, scores.worst.accuracy) == ("a", 0.5)


def test_accuracies_of_real_images_are_beside_those_of_generated_ones():
    scores, per_class = label_scores(predictions([0, 1, 2], [0, 1, 2]), REAL, SPACE)
    assert scores.real_accuracy == scores.real_confidence == 0.75
    assert scores.real_low < 0.75 < scores.real_high
    assert [each.real_accuracy for each in per_class] == [0.5, 1.0, 1.0]


def test_a_class_without_generated_images_has_no_accuracy():
    scores, per_class = label_scores(predictions([0, 2], [0, 0]), REAL, SPACE)
    assert per_class[1].accuracy is None
    assert per_class[1].n == 0
    assert scores.worst.name == "c"


def test_shuffled_labels_have_the_accuracy_of_chance():
    random = np.random.default_rng(0)
    chance = predictions(random.integers(0, 10, 5000), random.integers(0, 10, 5000), 10)
    scores, _ = label_scores(chance, chance, single_part(tuple("abcdefghij"), [1] * 10))
    assert scores.low < 0.1 < scores.high


def test_images_without_labels_have_the_share_predicted_of_each_class():
    scores, per_class = label_scores(Predictions(None, np.eye(3)[[0, 0, 2, 0]]), REAL, SPACE)
    assert [each.model_dump(exclude_none=True) for each in per_class] == [{"name": name} for name in CLASSES]
    assert scores.predicted == {"a": 0.75, "b": 0.0, "c": 0.25}
    assert (scores.asked, scores.accuracy, scores.real_accuracy) == (False, None, 0.75)


PARTS = LabelSpace(
    parts=(
        LabelPart(name="shape", classes=("star", "disc")),
        LabelPart(name="colour", classes=("red", "blue", "grey")),
    ),
    combinations=((0, 0), (0, 1), (1, 0)),
    counts=(1, 1, 1),
)


def in_parts(labels, predicted):
    shape, colour = (np.array(column) for column in zip(*predicted, strict=True))
    return Predictions(np.array(labels), np.concatenate([np.eye(2)[shape], np.eye(3)[colour]], axis=1))


def test_every_part_has_its_accuracy_and_an_image_counts_where_all_are_right():
    labels = [[0, 0], [0, 1], [1, 0], [1, -1]]
    generated = in_parts(labels, [(0, 0), (1, 1), (1, 2), (1, 2)])
    scores, per_class = label_scores(generated, in_parts(labels, [(0, 0), (0, 1), (1, 0), (1, 0)]), PARTS)
    assert scores.accuracy == scores.confidence == 2 / 4  # the first, and the last, whose colour is not known
    assert scores.real_accuracy == 1
    assert [(part.name, part.accuracy) for part in scores.parts] == [("shape", 3 / 4), ("colour", pytest.approx(2 / 3))]
    assert [(each.name, each.n, each.accuracy) for each in per_class] == [
        ("shape=star", 2, 0.5),
        ("shape=disc", 2, 1.0),
        ("colour=red", 2, 0.5),
        ("colour=blue", 1, 1.0),
        ("colour=grey", 0, None),
    ]
    assert scores.confusion is None


def test_combinations_never_seen_are_scored_beside_real_images_of_them():
    generated = in_parts([[1, 1], [1, 1], [1, 2], [1, 2]], [(1, 1), (0, 1), (1, 2), (1, 2)])
    scores = unseen_scores(generated, in_parts([[1, 1]], [(1, 1)]), PARTS)
    assert (scores.combinations, scores.n, scores.real_n) == (2, 4, 1)
    assert (scores.accuracy, scores.real_accuracy) == (0.75, 1.0)
    assert [part.accuracy for part in scores.parts] == [0.75, 1.0]
    assert unseen_scores(generated, None, PARTS).real_accuracy is None
