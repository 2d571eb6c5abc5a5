from dataclasses import replace

import numpy as np
import pytest
import torch

from ganvas.data.batches import Batches, FakeLabels, rarest_class_sizes
from ganvas.data.labels import LabelPart, LabelSpace

BATCH = 7


@pytest.fixture
def unequal(tiny_prepared):
    """The same with 1 training image of the first class for about 5 of the others, and none of a fourth."""
    labels = np.array(tiny_prepared.labels)
    labels[tiny_prepared.train] = 1 + labels[tiny_prepared.train] % 2
    labels[tiny_prepared.train[:8]] = 0
    return replace(tiny_prepared, labels=labels, classes=("rare", "b", "c", "absent"))


def epoch(batches, images, first=0):
    steps = range(first * images // BATCH, -(-(first + 1) * images // BATCH))
    used = [index for step in steps for index in batches.rows(step).tolist()]
    skipped = first * images - steps[0] * BATCH
    return used[skipped : skipped + images]


@pytest.mark.parametrize("sampler", ["epochs", "balanced", "square-root"])
def test_batches_do_not_depend_on_the_order_in_which_steps_are_requested(tiny_prepared, sampler):
    batches = Batches(tiny_prepared, BATCH, 0, sampler)
    forward = [batches.rows(step).tolist() for step in range(40)]
    backward = [batches.rows(step).tolist() for step in reversed(range(40))]
    assert forward == backward[::-1]
    assert Batches(tiny_prepared, BATCH, 0, sampler).rows(33).tolist() == forward[33]


def test_each_image_is_used_once_per_epoch_and_the_next_epoch_has_another_order(tiny_prepared):
    batches, images = Batches(tiny_prepared, BATCH, 0), len(tiny_prepared.train)
    assert images % BATCH  # an epoch ends inside a batch
    first, second = epoch(batches, images), epoch(batches, images, first=1)
    assert sorted(first) == sorted(second) == tiny_prepared.train.tolist()
    assert first != second


def test_another_seed_is_another_order(tiny_prepared):
    assert Batches(tiny_prepared, BATCH, 0).rows(0).tolist() != Batches(tiny_prepared, BATCH, 1).rows(0).tolist()


@pytest.mark.parametrize("sampler", ["epochs", "balanced", "square-root"])
def test_held_out_images_are_in_no_batch(tiny_prepared, sampler):
    assert len(tiny_prepared.held_out)
    batches = Batches(tiny_prepared, BATCH, 0, sampler)
    used_rows = {index for step in range(100) for index in batches.rows(step).tolist()}
    assert used_rows == set(tiny_prepared.train.tolist())


@pytest.mark.parametrize("world", [1, 2, 3, 6])
@pytest.mark.parametrize("sampler", ["epochs", "balanced", "square-root"])
def test_the_slices_of_all_processes_concatenate_to_the_global_batch(tiny_prepared, sampler, world):
    alone = Batches(tiny_prepared, 12, 0, sampler)
    ranks = [Batches(tiny_prepared, 12, 0, sampler, rank=rank, world=world) for rank in range(world)]
    for step in (0, 1, 17, 400):
        assert np.concatenate([each.rows(step) for each in ranks]).tolist() == alone.rows(step).tolist()


def test_a_batch_larger_than_the_set_repeats_images(tiny_prepared):
    used = Batches(tiny_prepared, 2 * len(tiny_prepared.train) + 5, 0).rows(0).tolist()
    counts = np.bincount(used)[tiny_prepared.train]
    assert counts.min() == 2
    assert counts.max() == 3


def test_an_unlabelled_batch_of_a_labelled_set_has_no_labels(tiny_prepared):
    assert Batches(tiny_prepared, BATCH, 0, labelled=False).labels is None


def test_a_balanced_sampler_uses_every_class_equally_often_and_every_image_of_a_class(unequal):
    batches = Batches(unequal, 60, 0, "balanced")
    used = np.concatenate([batches.rows(step) for step in range(100)])
    counts = np.bincount(unequal.labels[used], minlength=4)
    assert counts[3] == 0  # a class without images is never used
    assert abs(counts[:3] - 2000).max() < 5 * (6000 * 2 / 9) ** 0.5
    used_rows = np.bincount(used, minlength=60)[unequal.train]
    assert used_rows.min() > 0


def test_with_square_roots_a_class_of_four_times_the_images_is_used_twice_as_often(tiny_prepared):
    labels = np.zeros(len(tiny_prepared.labels), np.int64)
    labels[tiny_prepared.train[:5]], labels[tiny_prepared.train[5:25]] = 1, 2
    batches = Batches(replace(tiny_prepared, labels=labels, classes=("rest", "few", "more")), 60, 0, "square-root")
    used = np.concatenate([batches.rows(step) for step in range(100)])
    counts = np.bincount(labels[used], minlength=3)
    roots = np.array([len(tiny_prepared.train) - 25, 5, 20]) ** 0.5
    assert abs(counts - 6000 * roots / roots.sum()).max() < 5 * 6000**0.5 / 2


@pytest.mark.parametrize(("how", "expected"), [("uniform", [1 / 3, 1 / 3, 1 / 3, 0]), ("data", None)])
def test_fake_labels_follow_the_chosen_distribution(unequal, how, expected):
    used = np.bincount(FakeLabels(unequal, how, 0).draw("labels", 0, 20_000), minlength=4) / 20_000
    if expected is None:
        expected = np.bincount(unequal.labels[unequal.train], minlength=4) / len(unequal.train)
        assert used[3] == 0
    assert abs(used - expected).max() < 5 * 0.5 / 20_000**0.5


def test_fake_labels_depend_on_seed_purpose_and_step_alone(unequal):
    labels = FakeLabels(unequal, "data", 0)
    one = labels.draw("labels", 3, 50)
    assert torch.equal(one, FakeLabels(unequal, "data", 0).draw("labels", 3, 50))
    for other in (labels.draw("labels", 4, 50), labels.draw("labels again", 3, 50)):
        assert not torch.equal(one, other)
    assert not torch.equal(one, FakeLabels(unequal, "data", 1).draw("labels", 3, 50))


def test_a_rare_class_of_a_part_is_drawn_more_often_and_a_rare_combination_is_not(tiny_prepared):
    """90 star red, 9 star blue, 1 disc red: disc has 1 image, blue 9, star 99, red 91."""
    space = LabelSpace(
        parts=(LabelPart(name="shape", classes=("star", "disc")), LabelPart(name="colour", classes=("red", "blue"))),
        combinations=((0, 0), (0, 1), (1, 0)),
        counts=(90, 9, 1),
    )
    assert rarest_class_sizes(space).tolist() == [91, 9, 1]
    missing = space.model_copy(update={"combinations": ((-1, 0), (0, 1), (1, 0))})
    assert rarest_class_sizes(missing).tolist() == [91, 9, 1]
