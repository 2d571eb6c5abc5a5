"""The zero-centred gradient penalty: how steep a discriminator is where the images are.

Mescheder, Geiger & Nowozin 2018 (arXiv 1801.04406, section 4.1): R1 = γ/2 E |∇D(x)|² over real images, R2 the same
over generated ones. This file computes |∇D(x)|² of each image; the step multiplies it by γ/2.

An image's gradient is taken from the sum of the batch's logits, which is right only where a logit depends on its own
image alone. Batch normalisation in the discriminator breaks that while it trains: the values are then gradients of the
batch's sum, and mean nothing image by image. So R1 and R2 need a discriminator without batch normalisation.
"""

import torch
from torch import Tensor


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """|∂ logit / ∂ image|² of each image, (N,) float32, itself differentiable.

    `logits` (N,) must have been computed from `images` (N, C, H, W), and `images` must have required a gradient then.
    """
    # create_graph, because D's weights are updated by the gradient of this gradient. One call for the whole batch is
    # enough: the logit of one image has no gradient in another.
    (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    # In float32: bfloat16 would round each square, and their sum over thousands of pixels, to two or three digits.
    return gradients.float().square().flatten(1).sum(dim=1)  # (N, C, H, W) -> (N,)
