import pytest
import torch
from torch import nn

from ganvas.networks.book import BookConv
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Shape
from ganvas.objectives.penalties import gradient_penalty


class Linear(Discriminator):
    """logit = scale · <weight, image>, so that its gradient is scale · weight."""

    def __init__(self, pixels, scale=1.0):
        super().__init__(())
        self.weight = nn.Parameter(torch.linspace(-1, 1, pixels))
        self.scale = scale

    def forward(self, images, labels):
        return DiscriminatorOutput(self.scale * (images.flatten(1) @ self.weight))


class Quadratic(Discriminator):
    """logit = label · |image|² / 2: its gradient is label · image."""

    def forward(self, images, labels):
        return DiscriminatorOutput(labels * images.square().flatten(1).sum(1) / 2)


def penalty(discriminator, images, labels=None):
    images = images.detach().requires_grad_()
    return gradient_penalty(discriminator(images, labels).logits, images)


def test_r1_of_a_linear_discriminator_is_the_square_of_its_weight():
    weights = torch.linspace(-1, 1, 12)
    expected = (weights @ weights).item()
    assert penalty(Linear(12), torch.randn(5, 3, 2, 2)).tolist() == pytest.approx([expected] * 5)


def test_a_discriminator_k_times_as_steep_has_k_squared_the_penalty():
    images = torch.randn(2, 3, 2, 2)
    assert torch.allclose(penalty(Linear(12, scale=3), images), 9 * penalty(Linear(12), images))


def test_each_images_penalty_is_of_its_own_gradient_under_its_own_label():
    images = torch.randn(3, 1, 4, 4)
    labels = torch.tensor([1.0, 2.0, 0.0])
    # |label · image|² = label² |image|².
    expected = labels.square() * images.square().flatten(1).sum(1)
    assert torch.allclose(penalty(Quadratic((3,)), images, labels), expected)


def test_the_penalty_can_be_minimised():
    discriminator = Linear(12)
    penalty(discriminator, torch.randn(5, 3, 2, 2)).mean().backward()
    # d |w|² / dw = 2 w.
    assert torch.allclose(discriminator.weight.grad, 2 * discriminator.weight)


def test_the_loss_and_the_penalty_of_one_forward_pass_reach_every_weight():
    discriminator = BookConv(width=4, normalisation="none").build(Shape(1, 16)).discriminator
    images = torch.randn(3, 1, 16, 16, requires_grad=True)
    logits = discriminator(images).logits
    (logits.sum() + gradient_penalty(logits, images).sum()).backward()
    assert all(p.grad is not None for p in discriminator.parameters())


def test_under_bfloat16_autocast_the_penalty_is_float32_and_near_the_exact_one():
    torch.manual_seed(0)
    discriminator = BookConv(width=8, normalisation="none").build(Shape(1, 28, 3)).discriminator
    images, labels = torch.randn(4, 1, 28, 28), torch.tensor([0, 1, 2, 0])
    exact = penalty(discriminator, images, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = penalty(discriminator, images, labels)
    rounded.mean().backward()
    assert rounded.dtype == torch.float32
    assert torch.allclose(rounded, exact, rtol=0.1)
    assert all(p.grad is None or p.grad.isfinite().all() for p in discriminator.parameters())


def test_batch_normalisation_makes_an_images_penalty_depend_on_its_neighbours():
    """The limitation that the module documents, kept as a test: without it the first line would be an equality."""
    torch.manual_seed(0)
    images = torch.randn(4, 1, 16, 16)

    def depends_on_batch(name):
        discriminator = BookConv(width=4, normalisation=name).build(Shape(1, 16)).discriminator
        return not torch.allclose(penalty(discriminator, images)[:2], penalty(discriminator, images[:2]), rtol=1e-3)

    assert depends_on_batch("batch")
    assert not depends_on_batch("layer")
