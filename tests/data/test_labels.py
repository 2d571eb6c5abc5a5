import numpy as np
import pytest
from pydantic import ValidationError

from ganvas.data.label_names import label_in_words, partial_label
from ganvas.data.labels import MISSING, LabelPart, LabelSpace, label_rows, single_part
from ganvas.errors import UserError

SPACE = LabelSpace(
    parts=(LabelPart(name="shape", classes=("star", "disc")), LabelPart(name="colour", classes=("red", "sky, blue"))),
    combinations=((0, MISSING), (0, 0), (0, 1), (1, 0)),
    counts=(1, 5, 0, 3),
)


def test_classes_of_several_parts_stand_side_by_side_and_combinations_have_names():
    assert SPACE.classes == ("shape=star", "shape=disc", "colour=red", "colour=sky, blue")
    assert SPACE.sizes == (2, 2)
    assert SPACE.names == ("star, –", "star, red", "star, sky, blue", "disc, red")
    assert SPACE.seen.tolist() == [True, True, False, True]


def test_classes_are_counted_over_all_combinations_that_have_them():
    assert [sizes.tolist() for sizes in SPACE.class_sizes()] == [[6, 3], [8, 0]]


def test_the_commonest_combinations_were_seen_and_keep_their_order():
    assert SPACE.commonest(2) == [1, 3]
    assert SPACE.commonest(9) == [0, 1, 3]
    assert single_part(("a", "b", "c"), (0, 9, 1)).commonest(2) == [0, 1]


def test_a_label_of_one_part_is_the_case_of_one():
    space = single_part(("cat", "dog"), (3, 4))
    assert (space.classes, space.names, space.combinations) == (("cat", "dog"), ("cat", "dog"), ((0,), (1,)))
    assert partial_label("dog", space, "pets") == (1,)
    assert partial_label(1, space, "pets") == (1,)
    assert label_in_words((1,), space) == "dog"


def test_rows_of_class_indices_become_combinations_in_order():
    combinations, rows = label_rows(np.array([[1, 0], [0, 2], [1, 0], [-1, 2]]))
    assert combinations.tolist() == [[-1, 2], [0, 2], [1, 0]]
    assert rows.tolist() == [2, 1, 2, 0]


@pytest.mark.parametrize(
    ("combinations", "counts"), [(((0, 2),), (1,)), (((0,),), (1,)), (((0, 0),), (1, 2)), (((0, 0),), (-1,))]
)
def test_a_space_that_does_not_fit_its_parts_is_refused(combinations, counts):
    with pytest.raises(ValidationError):
        LabelSpace(parts=SPACE.parts, combinations=combinations, counts=counts)


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("shape=star,colour=red", (0, 0)),
        (" colour = red , shape=disc", (1, 0)),
        ("shape=disc", (1, None)),
        ("colour=sky, blue", (None, 1)),
        ("shape=disc,colour=sky, blue", (1, 1)),
        ("shape=1", (1, None)),  # among words a number is a position, as for a label of one part
        ({"shape": "star", "colour": 0}, (0, 0)),
        ({}, (None, None)),
    ],
)
def test_a_label_names_classes_of_its_parts_and_leaves_others_open(label, meant):
    assert partial_label(label, SPACE, "run") == meant


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("shape=sta", "run knows no class shape='sta'; did you mean star?"),
        ("color=red", "run knows no part 'color' of a label; did you mean colour?"),
        ("shape=star,color=red", "run knows no part 'color' of a label; did you mean colour?"),
        ({"size": "big"}, "run knows no part 'size' of a label; Allowed: colour, shape"),
        ("star", "is written shape=star,colour=red, any part left out, not 'star'; did you mean shape=star?"),
        ("shape=star,shape=disc", "names its shape twice"),
        (1, "is written 'shape=star,colour=red', or as a dict of its parts, not 1"),
        ("shape=7", "label shape=7 is not in 0..1"),
    ],
)
def test_a_label_that_means_nothing_is_refused_in_one_sentence(label, message):
    with pytest.raises(UserError) as caught:
        partial_label(label, SPACE, "run")
    assert message in str(caught.value)


def test_a_partial_label_in_words_can_be_given_again():
    for label in ((0, None), (1, 1), (None, 0)):
        assert partial_label(label_in_words(label, SPACE), SPACE, "run") == label
