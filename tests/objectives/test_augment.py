import pytest
import torch

from ganvas.objectives.augment import random_translate, translate, translate_by_products
from ganvas.rng import stream


def test_an_image_moves_by_whole_pixels_and_its_edge_goes_on():
    image = torch.arange(25.0).view(1, 1, 5, 5)
    moved = {tuple(random_translate(image, 1, stream(k, "test"))[0, 0].flatten().tolist()) for k in range(100)}
    assert len(moved) == 9  # one pixel each way, and none
    padded = torch.nn.functional.pad(image, (1,) * 4, mode="replicate")[0, 0]
    expected = {
        tuple(padded[top : top + 5, left : left + 5].flatten().tolist()) for top in range(3) for left in range(3)
    }
    assert moved == expected


def test_each_image_of_a_batch_moves_its_own_way():
    images = torch.rand(1, 3, 8, 8).expand(64, -1, -1, -1)
    moved = random_translate(images, 2, stream(0, "test"))
    assert moved.shape == images.shape
    assert len(torch.unique(moved.flatten(1), dim=0)) > 15  # of 25


def test_a_largest_shift_of_zero_changes_nothing():
    images = torch.rand(3, 1, 8, 8)
    assert torch.equal(random_translate(images, 0, stream(0, "test")), images)


def test_a_gradient_reaches_the_images():
    images = torch.rand(3, 1, 8, 8, requires_grad=True)
    random_translate(images, 2, stream(0, "test")).sum().backward()
    assert float(images.grad.sum()) == 3 * 64


def test_an_image_is_shifted_up_and_left_and_its_edge_is_repeated():
    images = torch.rand(2, 3, 6, 8)
    shifted = translate(images, torch.tensor([[2, 0], [0, -1]]))
    assert torch.equal(shifted[0, :, :4], images[0, :, 2:])
    assert torch.equal(shifted[0, :, 4:], images[0, :, -1:].expand(-1, 2, -1))
    assert torch.equal(shifted[1, :, :, 1:], images[1, :, :, :-1])
    assert torch.equal(shifted[1, :, :, :1], images[1, :, :, :1])


def test_a_moved_image_passes_its_gradient_back_to_where_it_came_from():
    images = torch.rand(1, 1, 4, 4, requires_grad=True)
    weights = torch.arange(16.0).view(1, 1, 4, 4)
    (translate(images, torch.tensor([[1, 0]])) * weights).sum().backward()
    expected = torch.zeros(4, 4)
    expected[1:] = weights[0, 0, :3]
    expected[3] += weights[0, 0, 3]  # the edge is repeated once
    assert torch.equal(images.grad[0, 0], expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_shifting_by_products_is_the_same_with_the_same_gradient(channels):
    images = torch.rand(5, channels, 12, 12, generator=torch.Generator().manual_seed(0), requires_grad=True)
    shifts = torch.randint(-4, 5, (5, 2), generator=torch.Generator().manual_seed(1))
    weights = torch.rand(images.shape, generator=torch.Generator().manual_seed(2))
    gradients = []
    for shift in (translate, translate_by_products):
        (gradient,) = torch.autograd.grad((shift(images, shifts) * weights).sum(), images)
        gradients.append(gradient)
    assert torch.equal(translate(images, shifts), translate_by_products(images, shifts))
    torch.testing.assert_close(*gradients)
