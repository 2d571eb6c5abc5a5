"""The warp that a classifier is augmented with: small, differentiable, drawn from its generator, never mirrored."""

import torch

from ganvas.objectives.augment import random_affine
from ganvas.rng import stream


def random_images(count=4, size=28, channels=1):
    return torch.rand((count, channels, size, size), generator=stream(0, "pictures")) * 2 - 1


def test_a_warp_of_nothing_changes_nothing():
    images = random_images()
    same = random_affine(images, stream(0, "warp"), degrees=0, scale=0, shift=0)
    assert torch.allclose(same, images, atol=1e-5)


def test_the_same_generator_warps_in_the_same_way_and_another_in_another():
    images = random_images(channels=3)
    assert torch.equal(random_affine(images, stream(0, "warp")), random_affine(images, stream(0, "warp")))
    assert not torch.equal(random_affine(images, stream(0, "warp")), random_affine(images, stream(1, "warp")))
    assert random_affine(images, stream(0, "warp")).shape == images.shape


def test_it_stays_within_the_values_that_were_there_and_carries_gradients():
    images = random_images().requires_grad_(True)
    found = random_affine(images, stream(0, "warp"))
    assert found.min() >= images.min()
    assert found.max() <= images.max()
    found.sum().backward()
    assert images.grad is not None
    assert (images.grad.abs().sum(dim=(1, 2, 3)) > 0).all()


def test_what_shifts_is_at_most_a_fourteenth_of_a_side():
    images = torch.full((200, 1, 28, 28), -1.0)
    images[:, :, 14, 14] = 1.0
    found = random_affine(images, stream(0, "warp"), degrees=0, scale=0)
    rows, columns = (found[:, 0] > -0.9).nonzero(as_tuple=True)[1:]
    assert (rows - 14).abs().max() <= 3
    assert (columns - 14).abs().max() <= 3
    assert len(rows.unique()) > 2


def test_nothing_is_mirrored():
    """An image that is light on its left stays so."""
    images = torch.full((200, 1, 28, 28), -1.0)
    images[..., :10] = 1.0
    found = random_affine(images, stream(0, "warp"))
    assert (found[..., :14].mean(dim=(1, 2, 3)) > found[..., 14:].mean(dim=(1, 2, 3))).all()


def test_turns_go_both_ways_and_no_further_than_they_may():
    """Of a bar across, the two ends rise or fall by at most the sine of ten degrees."""
    images = torch.full((300, 1, 41, 41), -1.0)
    images[:, :, 20] = 1.0
    found = random_affine(images, stream(0, "warp"), scale=0, shift=0)
    rise = found[:, 0, :, 38].argmax(1) - found[:, 0, :, 2].argmax(1)  # over 36 columns
    assert rise.min() < -3
    assert rise.max() > 3
    assert rise.abs().max() <= 36 * 0.18 + 1
