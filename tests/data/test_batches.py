from dataclasses import replace

import numpy as np
import pytest
import torch

from ganvas.data.batches import Batches, FakeLabels

BATCH = 7


@pytest.fixture
def numbered(tiny_prepared):
    """The tiny set with its own index painted on every image, so that a batch shows which images it holds."""
    pixels = np.zeros((len(tiny_prepared.pixels), 1, 16, 16), np.uint8)
    pixels[:] = np.arange(len(pixels), dtype=np.uint8)[:, None, None, None]
    return replace(tiny_prepared, pixels=pixels)


@pytest.fixture
def unequal(numbered):
    """The same with 1 training image of the first class for about 5 of the others, and none of a fourth."""
    labels = np.array(numbered.labels)
    labels[numbered.train] = 1 + labels[numbered.train] % 2
    labels[numbered.train[:8]] = 0
    return replace(numbered, labels=labels, classes=("rare", "b", "c", "absent"))


def indices(batch):
    return ((batch.images[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def epoch(batches, images, first=0):
    steps = range(first * images // BATCH, -(-(first + 1) * images // BATCH))
    used = [index for step in steps for index in indices(batches.at(step))]
    skipped = first * images - steps[0] * BATCH
    return used[skipped : skipped + images]


@pytest.mark.parametrize("sampler", ["epochs", "balanced", "square-root"])
def test_batches_do_not_depend_on_the_order_in_which_steps_are_requested(numbered, sampler):
    batches = Batches(numbered, BATCH, 0, sampler)
    forward = [indices(batches.at(step)) for step in range(40)]
    backward = [indices(batches.at(step)) for step in reversed(range(40))]
    assert forward == backward[::-1]
    assert indices(Batches(numbered, BATCH, 0, sampler).at(33)) == forward[33]


def test_each_image_is_used_once_per_epoch_and_the_next_epoch_has_another_order(numbered):
    batches, images = Batches(numbered, BATCH, 0), len(numbered.train)
    assert images % BATCH  # an epoch ends inside a batch
    first, second = epoch(batches, images), epoch(batches, images, first=1)
    assert sorted(first) == sorted(second) == numbered.train.tolist()
    assert first != second


def test_another_seed_is_another_order(numbered):
    assert indices(Batches(numbered, BATCH, 0).at(0)) != indices(Batches(numbered, BATCH, 1).at(0))


@pytest.mark.parametrize("sampler", ["epochs", "balanced", "square-root"])
def test_held_out_images_are_in_no_batch(numbered, sampler):
    assert len(numbered.held_out)
    batches = Batches(numbered, BATCH, 0, sampler)
    used_rows = {index for step in range(100) for index in indices(batches.at(step))}
    assert used_rows == set(numbered.train.tolist())


@pytest.mark.parametrize("world", [1, 2, 3, 6])
@pytest.mark.parametrize("sampler", ["epochs", "balanced", "square-root"])
def test_the_slices_of_all_processes_concatenate_to_the_global_batch(numbered, sampler, world):
    alone = Batches(numbered, 12, 0, sampler)
    ranks = [Batches(numbered, 12, 0, sampler, rank=rank, world=world) for rank in range(world)]
    for step in (0, 1, 17, 400):
        parts = [each.at(step) for each in ranks]
        assert torch.equal(torch.cat([part.images for part in parts]), alone.at(step).images)
        assert torch.equal(torch.cat([part.labels for part in parts]), alone.at(step).labels)


def test_a_batch_larger_than_the_set_repeats_images(numbered):
    used = indices(Batches(numbered, 2 * len(numbered.train) + 5, 0).at(0))
    counts = np.bincount(used)[numbered.train]
    assert counts.min() == 2
    assert counts.max() == 3


def test_labels_stay_aligned_with_their_images(numbered):
    batch = Batches(numbered, BATCH, 0).at(3)
    assert batch.labels.tolist() == numbered.labels[indices(batch)].tolist()
    assert batch.labels.dtype == torch.int64


def test_an_unlabelled_batch_of_a_labelled_set_has_no_labels(numbered):
    assert Batches(numbered, BATCH, 0, labelled=False).at(0).labels is None


def test_a_batch_is_float32_nchw_in_minus_one_to_one(tiny_prepared):
    images = Batches(tiny_prepared, BATCH, 0).at(0).images
    assert images.shape == (BATCH, 1, 16, 16)
    assert images.dtype == torch.float32
    assert images.min() >= -1
    assert images.max() <= 1


def test_a_balanced_sampler_uses_every_class_equally_often_and_every_image_of_a_class(unequal):
    batches = Batches(unequal, 60, 0, "balanced")
    used = [batches.at(step) for step in range(100)]
    counts = np.bincount(torch.cat([batch.labels for batch in used]), minlength=4)
    assert counts[3] == 0  # a class without images is never used
    assert abs(counts[:3] - 2000).max() < 5 * (6000 * 2 / 9) ** 0.5
    used_rows = np.bincount([index for batch in used for index in indices(batch)], minlength=60)[unequal.train]
    assert used_rows.min() > 0


def test_with_square_roots_a_class_of_four_times_the_images_is_used_twice_as_often(numbered):
    labels = np.zeros(len(numbered.labels), np.int64)
    labels[numbered.train[:5]], labels[numbered.train[5:25]] = 1, 2
    batches = Batches(replace(numbered, labels=labels, classes=("rest", "few", "more")), 60, 0, "square-root")
    counts = np.bincount(torch.cat([batches.at(step).labels for step in range(100)]), minlength=3)
    roots = np.array([len(numbered.train) - 25, 5, 20]) ** 0.5
    assert abs(counts - 6000 * roots / roots.sum()).max() < 5 * 6000**0.5 / 2


@pytest.mark.parametrize(("how", "expected"), [("uniform", [0.25] * 4), ("data", None)])
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
