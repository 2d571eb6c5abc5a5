import numpy as np
import pytest

from ganvas.evaluation.labels import label_accuracy


def certain(seen, classes=3):
    return np.eye(classes)[seen]


def test_what_is_seen_as_asked_is_counted_by_class():
    asked, seen = np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, 1, 2, 2])
    found = label_accuracy(asked, certain(seen))
    assert found.accuracy.value == 4 / 6
    assert [entry.value for entry in found.per_class] == [0.5, pytest.approx(2 / 3), 1.0]
    assert found.confusion.tolist() == [[1, 1, 0], [0, 2, 1], [0, 0, 1]]
    assert found.worst == 0
    assert found.confidence == pytest.approx(4 / 6)


def test_a_class_that_was_never_asked_for_has_no_figure():
    found = label_accuracy(np.array([0, 2]), certain([0, 0]))
    assert found.per_class[1] is None
    assert found.worst == 2


def test_shuffled_labels_are_obeyed_as_chance_has_it():
    random = np.random.default_rng(0)
    found = label_accuracy(random.integers(0, 10, 5000), certain(random.integers(0, 10, 5000), 10))
    assert found.accuracy.low < 0.1 < found.accuracy.high
