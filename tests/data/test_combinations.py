import numpy as np
import pytest

from ganvas.data.combinations import UsedLabels, choose_combinations, strata, train_every_class, used_labels
from ganvas.data.labels import LabelPart
from ganvas.data.sources.contents import SourceContents
from ganvas.data.splits import Split
from ganvas.errors import UserError

SHAPE, COLOUR = (
    LabelPart(name="shape", classes=("star", "disc", "ring")),
    LabelPart(name="colour", classes=("red", "blue")),
)


def labels_of(values, parts=(SHAPE, COLOUR)):
    contents = SourceContents("a test", (), labels=np.array(values), label_parts=parts)
    return used_labels(contents, np.ones(len(values), np.bool_))


def full(count=4):
    """Every combination of 3 shapes and 2 colours, `count` images each."""
    return labels_of([[shape, colour] for shape in range(3) for colour in range(2)] * count)


def test_a_class_that_no_image_has_is_left_out_and_missing_parts_stay_missing():
    found = labels_of([[2, -1], [0, 1], [2, 1]])
    assert [part.classes for part in found.parts] == [("star", "ring"), ("blue",)]
    assert found.values.tolist() == [[1, -1], [0, 0], [1, 0]]
    assert found.missing == {"colour": 1}


def test_labels_of_one_part_are_their_classes():
    contents = SourceContents("a test", (), ("a", "b", "c"), np.array([2, 0, 2]))
    found = used_labels(contents, np.array([True, True, True]))
    assert (found.parts[0].classes, found.rows.tolist(), found.is_single) == (("a", "c"), [1, 0, 1], True)


def test_a_tenth_is_held_out_of_each_common_combination_and_of_the_rare_ones_together():
    found = labels_of([[0, 0]] * 10 + [[1, 0]] * 9 + [[2, 1]] * 2)
    assert strata(found).tolist() == [0] * 10 + [3] * 11


def test_a_class_without_a_training_image_gets_its_held_out_ones_with_their_near_duplicates():
    found = labels_of([[0, 0], [0, 1], [1, 0], [1, 1]])
    split = Split(np.array([0]), np.array([1, 2, 3]), np.empty(0, np.int64))
    moved = train_every_class(split, found, near=np.array([0, 1, 2, 2]))
    # Blue moves 1 and 3, and with 3 its near-duplicate 2, so that shape 1 is trained on as well.
    assert (moved.train.tolist(), moved.held_out.tolist()) == ([0, 1, 2, 3], [])


@pytest.mark.parametrize(("share", "count"), [(0.1, 1), (0.34, 2), (0.5, 3)])
def test_a_share_of_the_combinations_is_held_out_and_every_class_still_trained_on(share, count):
    found = full()
    chosen, hidden = choose_combinations(found, np.arange(24), share, "shapes")
    assert len(chosen) == count
    assert hidden.sum() == 4 * count
    left = found.values[~hidden]
    assert {*left[:, 0].tolist()} == {0, 1, 2}
    assert {*left[:, 1].tolist()} == {0, 1}
    again, _ = choose_combinations(found, np.arange(24)[::-1], share, "shapes")
    assert chosen.tolist() == again.tolist()


def test_combinations_are_taken_from_different_classes_where_they_can():
    values = [[shape, colour] for shape in range(6) for colour in range(6)]
    parts = tuple(LabelPart(name=name, classes=tuple("abcdef")) for name in ("one", "two"))
    found = labels_of(values, parts)
    chosen, _ = choose_combinations(found, np.arange(36), 4 / 36, "letters")
    assert all(len({*column.tolist()}) == 4 for column in found.combinations[chosen].T)


def test_a_combination_with_a_missing_part_is_never_held_out():
    found = labels_of([[0, -1], [0, 0], [0, 1], [1, 0], [1, 1]])
    chosen, _ = choose_combinations(found, np.arange(5), 0.5, "shapes")
    assert (found.combinations[chosen] >= 0).all()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (UsedLabels((), np.empty((0, 0), np.int64), None), "pets has no labels"),
        (labels_of([[0], [1]], (SHAPE,)), "pets has labels of one part"),
        (labels_of([[0, 0], [1, 1]]), "no combination of pets can be spared"),
    ],
)
def test_where_no_combination_can_be_held_out_a_sentence_says_why(found, message):
    with pytest.raises(UserError, match=message):
        choose_combinations(found, np.arange(2), 0.1, "pets")
