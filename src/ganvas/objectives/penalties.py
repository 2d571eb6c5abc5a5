"""Zero-centred gradient penalties: how steep a discriminator is where the images are.

Mescheder, Geiger & Nowozin 2018 (arXiv 1801.04406). Their R1 is γ/2 times the mean of `r1` over a batch, R2 the same
on fakes; the factor is the step's.

An image's gradient is taken from the sum of the batch's logits, which is right only where a logit depends on its own
image. Batch normalisation in the discriminator breaks that while it trains: the numbers are then gradients of the
batch's sum, not of an image's logit, and mean nothing image by image.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# D(images, labels) -> logits (N,)
Judge = Callable[[Tensor, Tensor | None], Tensor]


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """|∂ logit / ∂ image|² of each image, (N,) float32, itself differentiable.

    `logits` (N,) must have been computed from `images` (N, C, H, W), and `images` must have required a gradient then.
    """
    (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slopes.float().square().flatten(1).sum(dim=1)


def r1(discriminator: Judge, real: Tensor, labels: Tensor | None = None) -> Tensor:
    """The penalty on real images (N, C, H, W), with a forward pass of its own: (N,)."""
    images = real.detach().requires_grad_()
    return gradient_penalty(discriminator(images, labels), images)


def r2(discriminator: Judge, fake: Tensor, labels: Tensor | None = None) -> Tensor:
    """The same penalty on generated images. No gradient reaches the generator: it is D that is held back, (N,)."""
    return r1(discriminator, fake, labels)
