"""Shuffling moves patches and nothing else, and networks are scored on shuffled and whole images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ganvas.data.prepared import in_memory
from ganvas.experiments import patches
from ganvas.experiments.experiment import Trial, Variant
from ganvas.experiments.patches import PIXELS, fit_to, share_ranked_first, shuffle_patches
from ganvas.experiments.questions.locality import EXPERIMENT
from ganvas.networks.pair import Discriminator, DiscriminatorOutput
from ganvas.rng import stream


def numbered(count, channels, size):
    """Every value of an image is its index."""
    return torch.arange(channels * size**2).reshape(1, channels, size, size).repeat(count, 1, 1, 1).float()


def cut(image, side):
    """The patches of an image (C, H, W), as a set of tuples."""
    parts = image.shape[1] // side
    return {
        tuple(image[:, r * side : (r + 1) * side, c * side : (c + 1) * side].flatten().tolist())
        for r in range(parts)
        for c in range(parts)
    }


def test_the_rows_cover_both_ways_of_learning_and_both_discriminators():
    names = {row.name for row in EXPERIMENT.variants}
    assert len(names) == len(EXPERIMENT.variants)
    assert all({*each.of, *each.against} <= names for each in EXPERIMENT.comparisons)
    lines = {row.line for row in EXPERIMENT.variants if row.x is not None}
    assert lines == {"learned whole", "learned shuffled"}
    assert [row.x for row in EXPERIMENT.variants if row.line == "learned whole"] == [1, 2, 4, 7]
    assert {each.measure for each in EXPERIMENT.comparisons} <= {each.name for each in EXPERIMENT.measures}


@pytest.mark.parametrize("parts", [2, 4, 7])
def test_patches_move_and_stay_what_they_are(parts):
    images = numbered(20, 3, 28)
    broken = shuffle_patches(images, parts, stream(0, "x"))
    assert broken.shape == images.shape
    side = 28 // parts
    assert all(cut(one, side) == cut(images[0], side) for one in broken)
    assert not any(torch.equal(one, images[0]) for one in broken)


def test_every_image_is_shuffled_in_its_own_way_and_the_same_one_for_a_seed():
    images = numbered(20, 1, 28)
    broken = shuffle_patches(images, 4, stream(0, "x"))
    assert len({tuple(one.flatten().tolist()) for one in broken}) == 20
    assert torch.equal(broken, shuffle_patches(images, 4, stream(0, "x")))
    assert not torch.equal(broken, shuffle_patches(images, 4, stream(1, "x")))


def test_no_image_is_left_as_it_was_by_chance():
    # One of 24 orders of four patches is the old one.
    images = numbered(500, 1, 4)
    broken = shuffle_patches(images, 2, stream(0, "x"))
    assert not (broken == images).flatten(1).all(dim=1).any()


def test_every_patch_gets_everywhere():
    images = numbered(400, 1, 4)
    broken = shuffle_patches(images, 2, stream(0, "x"))
    corners = broken[:, 0, ::2, ::2].flatten(1)
    for corner in range(4):
        shares = torch.unique(corners[:, corner], return_counts=True)[1] / 400
        assert len(shares) == 4
        assert shares.min() > 0.15


def test_a_remainder_stays_where_it_is():
    images = numbered(3, 1, 16)
    broken = shuffle_patches(images, 7, stream(0, "x"))
    assert torch.equal(broken[:, :, 14:], images[:, :, 14:])
    assert torch.equal(broken[:, :, :, 14:], images[:, :, :, 14:])
    assert not torch.equal(broken[:, :, :14, :14], images[:, :, :14, :14])


def test_pixels_are_patches_too_and_a_whole_image_is_one():
    images = numbered(3, 2, 8).to(torch.uint8)
    broken = shuffle_patches(images, PIXELS, stream(0, "x"))
    assert broken.dtype == torch.uint8
    assert cut(broken[0], 1) == cut(images[0], 1)
    assert not torch.equal(broken, images)
    same = shuffle_patches(images, 1, stream(0, "x"))
    assert torch.equal(same, images)
    assert same.data_ptr() != images.data_ptr()


class Bright(Discriminator):
    """The brighter the upper left pixel, the more real; a label turns that round."""

    def __init__(self, classes=0):
        super().__init__((classes,) if classes else ())
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, images, labels=None):
        logits = images[:, 0, 0, 0] * self.weight
        return DiscriminatorOutput(logits if labels is None else torch.where(labels == 1, -logits, logits))


def test_pairs_are_ranked_and_a_tie_is_half():
    real = torch.tensor([200, 100, 100, 50], dtype=torch.uint8)[:, None, None, None].expand(4, 1, 2, 2)
    broken = torch.full((4, 1, 2, 2), 100, dtype=torch.uint8)
    discriminator = Bright().train()
    assert share_ranked_first(discriminator, real, broken, None) == pytest.approx((1 + 0.5 + 0.5 + 0) / 4)
    assert share_ranked_first(discriminator, real, broken, None, batch=3) == pytest.approx(0.5)
    assert share_ranked_first(Bright(classes=2), real, broken, torch.tensor([0, 0, 0, 1])) == pytest.approx(0.75)
    assert discriminator.training


@pytest.mark.parametrize(("size", "images"), [(28, 2 * patches.RATE), (56, patches.RATE // 2)])
def test_a_classifier_is_shown_so_many_images_a_second_and_fewer_where_they_are_large(size, images, monkeypatch):
    monkeypatch.setattr(patches, "fit_classifier", lambda pixels, labels, classes, shown, *_, **__: shown)
    prepared = in_memory("noise", np.zeros((6, 1, size, size), np.uint8), np.arange(6) % 2, ("a", "b"))
    assert fit_to(prepared, Trial("x", 0, 2.0, "x", Path())) == images


def test_a_classifier_is_fitted_to_the_training_images_alone(tiny_prepared, monkeypatch):
    monkeypatch.setattr(patches, "fit_classifier", lambda *_, rows, **__: rows)
    trial = Trial("x", 0, 2.0, "x", Path())
    assert np.array_equal(fit_to(tiny_prepared, trial), tiny_prepared.train)


@pytest.mark.parametrize(("learns", "parts"), [(1, 1), (1, 2), (2, 2), (PIXELS, PIXELS)])
def test_a_classifier_gives_its_accuracy_and_the_receptive_field_of_its_last_convolution(tiny_source, learns, parts):
    row = Variant("x", {"sees": "classifier", "learns": learns, "parts": parts})
    result = patches.measure_locality(Trial("x", 0, 0.05, str(tiny_source), Path()), row)
    assert 0 <= result["accuracy"] <= 1
    # 16 px: 5 px at stride 2, 3 at stride 2 and 3 more, in steps of 1, 2 and 4 px.
    assert result["field"] == 5 + 2 * 2 + 2 * 4


@pytest.mark.parametrize("recipe", ["modern", "book-conv"])
def test_a_discriminator_ranks_whole_above_shuffled_images_and_ties_on_equal_ones(tiny_source, small, recipe):
    run = small(recipe)
    chosen = {
        "sees": "discriminator",
        "recipe": recipe,
        "images_a_second": 320,
        "run": {"pair": run["pair"], "training": {"batch": 8}},
    }
    task = Trial("x", 0, 0.1, str(tiny_source), Path())
    result = patches.measure_locality(task, Variant("x", {**chosen, "parts": 2}))
    assert 0 <= result["ranked"] <= 1
    assert result["field"] > 1
    assert patches.measure_locality(task, Variant("x", {**chosen, "parts": 1}))["ranked"] == 0.5


def test_a_discriminator_is_measured_without_labels_too(unlabelled_source, small):
    choices = {
        "sees": "discriminator",
        "recipe": "book-conv",
        "images_a_second": 160,
        "parts": 2,
        "run": {"pair": small("book-conv")["pair"], "training": {"batch": 8}},
    }
    result = patches.measure_locality(Trial("x", 0, 0.1, str(unlabelled_source), Path()), Variant("x", choices))
    assert 0 <= result["ranked"] <= 1
