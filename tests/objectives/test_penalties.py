import pytest
import torch
from torch import nn

from ganvas.networks.book import BookConv
from ganvas.networks.pair import Discriminator, Shape
from ganvas.objectives.penalties import gradient_penalty, r1, r2


class Linear(Discriminator):
    """logit = scale · <weight, image>, plus the label, so that its gradient is known."""

    def __init__(self, pixels, scale=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, pixels))
        self.scale = scale

    def forward(self, images, labels=None):
        logits = self.scale * (images.flatten(1) @ self.weight)
        return logits if labels is None else logits + labels


class Quadratic(Discriminator):
    """logit = label · |image|² / 2: its gradient is label · image."""

    def forward(self, images, labels=None):
        return labels * images.square().flatten(1).sum(1) / 2


def test_r1_of_a_linear_discriminator_is_the_square_of_its_weight():
    judge = Linear(12)
    expected = judge.weight.square().sum().item()
    assert r1(judge, torch.randn(5, 3, 2, 2)).tolist() == pytest.approx([expected] * 5)


def test_r2_is_r1_on_fakes_and_lets_no_gradient_through_to_them():
    judge = Linear(12)
    fake = torch.randn(5, 3, 2, 2, requires_grad=True)
    penalty = r2(judge, fake)
    assert torch.equal(penalty, r1(judge, fake))
    penalty.sum().backward()
    assert fake.grad is None


def test_a_discriminator_k_times_as_steep_pays_k_squared():
    images = torch.randn(2, 3, 2, 2)
    assert torch.allclose(r1(Linear(12, scale=3), images), 9 * r1(Linear(12), images))


def test_each_image_pays_for_its_own_gradient_under_its_own_label():
    images = torch.randn(3, 1, 4, 4)
    labels = torch.tensor([1.0, 2.0, 0.0])
    # |label · image|² = label² |image|².
    expected = labels.square() * images.square().flatten(1).sum(1)
    assert torch.allclose(r1(Quadratic(), images, labels), expected)


def test_the_penalty_can_be_minimised():
    judge = Linear(12)
    r1(judge, torch.randn(5, 3, 2, 2)).mean().backward()
    # d |w|² / dw = 2 w.
    assert torch.allclose(judge.weight.grad, 2 * judge.weight)


def test_logits_that_are_there_need_no_second_forward_pass():
    judge = BookConv(width=4, normalisation="none").build(Shape(1, 16)).discriminator
    images = torch.randn(3, 1, 16, 16, requires_grad=True)
    logits = judge(images)
    assert torch.allclose(gradient_penalty(logits, images), r1(judge, images))
    (logits.sum() + gradient_penalty(logits, images).sum()).backward()
    assert all(p.grad is not None for p in judge.parameters())


def test_under_bfloat16_autocast_the_penalty_is_float32_and_near_the_exact_one():
    torch.manual_seed(0)
    judge = BookConv(width=8, normalisation="none").build(Shape(1, 28, 3)).discriminator
    images, labels = torch.randn(4, 1, 28, 28), torch.tensor([0, 1, 2, 0])
    exact = r1(judge, images, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = r1(judge, images, labels)
    rounded.mean().backward()
    assert rounded.dtype == torch.float32
    assert torch.allclose(rounded, exact, rtol=0.1)
    assert all(p.grad is None or p.grad.isfinite().all() for p in judge.parameters())


def test_batch_normalisation_makes_a_images_penalty_depend_on_its_neighbours():
    """The limitation that the module documents, kept as a test: without it the first line would be an equality."""
    torch.manual_seed(0)
    images = torch.randn(4, 1, 16, 16)

    def moves_with_company(name):
        judge = BookConv(width=4, normalisation=name).build(Shape(1, 16)).discriminator
        return not torch.allclose(r1(judge, images)[:2], r1(judge, images[:2]), rtol=1e-3)

    assert moves_with_company("batch")
    assert not moves_with_company("layer")
