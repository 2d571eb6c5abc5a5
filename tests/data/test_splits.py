import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganvas.data.duplicates import DuplicateGroups
from ganvas.data.splits import split_indices


def alone(count: int) -> DuplicateGroups:
    return DuplicateGroups(np.arange(count), np.arange(count))


def digests(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 2), np.uint64)


def test_a_tenth_of_each_class_is_held_out():
    labels = np.repeat([0, 1, 2], [100, 57, 9])
    parts = split_indices(alone(166), digests(166), labels, None)
    assert np.bincount(labels[parts.held_out], minlength=3).tolist() == [10, 5, 0]


def test_the_split_depends_on_the_images_and_not_on_their_order():
    hashes, order = digests(300), np.random.default_rng(1).permutation(300)
    first = split_indices(alone(300), hashes, None, None).held_out
    second = split_indices(alone(300), hashes[order], None, None).held_out
    assert set(first) == set(order[second])


def test_a_set_without_labels_holds_out_a_tenth():
    assert len(split_indices(alone(57), digests(57), None, None).held_out) == 5


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=1, max_size=120), st.integers(0, 9))
def test_groups_stay_on_one_side_and_every_image_has_one(images, seed):
    group, labels = (np.array(column) for column in zip(*images, strict=True))
    alike = np.array([np.flatnonzero(group == g)[0] for g in group])
    parts = split_indices(DuplicateGroups(np.arange(len(group)), alike), digests(len(group), seed), labels, None)
    assert sorted([*parts.train, *parts.held_out]) == list(range(len(group)))
    assert not set(group[parts.train]) & set(group[parts.held_out])
    assert (np.bincount(labels[parts.held_out], minlength=3) <= np.bincount(labels, minlength=3) // 10).all()


def test_groups_are_held_out_as_often_as_single_images():
    alike = np.arange(20_000) // 2 * 2
    held = split_indices(DuplicateGroups(np.arange(20_000), alike), digests(20_000), None, None).held_out
    assert len(held) == pytest.approx(2000, rel=0.1)


def test_a_sets_own_split_is_kept_but_for_exact_copies():
    own = np.array([False, False, False, True, True])
    equal = np.array([0, 1, 2, 1, 4])
    alike = np.array([0, 1, 2, 1, 0])
    parts = split_indices(DuplicateGroups(equal, alike), digests(5), None, own)
    assert parts.train.tolist() == [0, 2]
    assert parts.held_out.tolist() == [3, 4]
    assert parts.left_out.tolist() == [1]
