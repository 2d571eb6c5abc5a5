"""One value inside a discriminator: the pixels that it sees, and the sum that it is; and where its score looks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganvas.images import Pixels, from_uint8
from ganvas.networks.inspect import Floats, first_weight
from ganvas.networks.pair import Discriminator, DiscriminatorOutput

NOISES = 4  # images of noise that show which pixels a value may depend on: of one image, some might not matter


class Term(NamedTuple):
    """What one channel of a layer's input adds to a value: the sum of `inputs` times `kernel`."""

    channel: int
    inputs: Floats
    """(h, w): 0 beyond the edges."""
    kernel: Floats
    """(h, w)."""

    @property
    def total(self) -> float:
        """The sum of the products."""
        return float((self.inputs * self.kernel).sum())


class UnitSum(NamedTuple):
    """A value of a convolution: the sum of its terms and its bias."""

    value: float
    bias: float
    terms: list[Term]
    """One for each channel, the one that adds or takes away most first."""
    seen: tuple[int, int, int, int]
    """The pixels that it depends on: first row, first column, and those behind the last."""


class RanLayer(NamedTuple):
    """A convolution as it ran."""

    layer: nn.Conv2d
    inputs: Tensor
    """(N, C, H, W)."""
    output: Tensor
    """(N, C', H', W')."""


def ran(network: nn.Module, images: Tensor, labels: Sequence[int] | None) -> tuple[Any, list[RanLayer]]:
    """(the output, every convolution in the order in which it ran) for images (N, C, H, W) of one label."""
    layers: list[RanLayer] = []
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, output: layers.append(RanLayer(layer, inputs[0], output)))
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d)
    ]
    try:
        with _evaluating(network):
            return network(images, *_label_arguments(labels, len(images))), layers
    finally:
        for hook in hooks:
            hook.remove()


def opinion(network: Discriminator, pixels: Pixels, label: Sequence[int] | None) -> DiscriminatorOutput:
    """What a discriminator says of images (N, C, H, W) uint8 of one label."""
    with torch.no_grad():
        output: DiscriminatorOutput = ran(network, from_uint8(torch.from_numpy(pixels)), label)[0]
    return output


def score_gradient(network: Discriminator, pixels: Pixels, label: Sequence[int] | None) -> Floats:
    """(H, W) of an image (C, H, W) uint8: how much D's score changes with a pixel, added up over its channels."""
    images = from_uint8(torch.from_numpy(pixels[None])).requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(ran(network, images, label)[0].logits.sum(), images)
    return gradient[0].abs().sum(0).double().numpy()


def unit_sum(
    network: Discriminator, pixels: Pixels, label: Sequence[int] | None, layer: int, unit: int, row: int, column: int
) -> UnitSum:
    """The value of a unit of the convolution that runs as number `layer`, at a place of its map, of (C, H, W) uint8.

    Behind patches, the first one's terms are in pixels: see `first_weight`.
    """
    images = from_uint8(torch.from_numpy(pixels[None]))
    with torch.no_grad():
        found = ran(network, images, label)[1][layer]
        convolution, inputs = found.layer, found.inputs
        weight = convolution.weight[unit].double().numpy()  # (C / groups, h, w)
        strides, paddings, dilations = _pairs(convolution.stride), _pairs(convolution.padding), convolution.dilation
        patch = next((each.downscale_factor for each in network.modules() if isinstance(each, nn.PixelUnshuffle)), 1)
        if layer == 0 and patch > 1:
            weight = first_weight(network)[unit]
            below, right = (-side % patch for side in pixels.shape[1:])
            inputs = F.pad(images, (0, right, 0, below))
            strides, paddings = _scaled(strides, patch), _scaled(paddings, patch)
    count = len(weight)
    first = unit // (convolution.out_channels // convolution.groups) * count
    padded = F.pad(inputs[0, first : first + count], (paddings[1], paddings[1], paddings[0], paddings[0]))
    rows, columns = (
        place * stride + dilation * np.arange(side)
        for place, stride, dilation, side in zip((row, column), strides, dilations, weight.shape[1:], strict=True)
    )
    window = padded.double().numpy()[:, rows[:, None], columns]
    terms = [Term(first + channel, window[channel], weight[channel]) for channel in range(count)]
    terms.sort(key=lambda term: -abs(term.total))
    bias = 0.0 if convolution.bias is None else float(convolution.bias[unit].detach())
    seen = pixels_seen(network, pixels.shape, label, layer, row, column)
    return UnitSum(float(found.output[0, unit, row, column]), bias, terms, seen)


def pixels_seen(
    network: nn.Module, image: Sequence[int], label: Sequence[int] | None, layer: int, row: int, column: int
) -> tuple[int, int, int, int]:
    """The pixels of an image (C, H, W) that a place of a convolution's map depends on: see `UnitSum.seen`."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(NOISES, *image, generator=generator).requires_grad_()
    with torch.enable_grad():
        value = ran(network, images, label)[1][layer].output[:, :, row, column].square().sum()
        (gradient,) = torch.autograd.grad(value, images)
    reached = gradient.abs().sum((0, 1)) > 0  # (H, W)
    rows, columns = (torch.nonzero(reached.any(dim))[:, 0].tolist() or [0] for dim in (1, 0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


def swap_quadrants(pixels: Pixels, order: Sequence[int]) -> Pixels:
    """(C, H, W) whose quadrant k is that of number order[k]: 0 and 1 above, 2 and 3 below.

    What halves leave over of an odd side stays where it is.
    """
    height, width = (side // 2 for side in pixels.shape[1:])
    places = [np.s_[:, y : y + height, x : x + width] for y in (0, height) for x in (0, width)]
    swapped = pixels.copy()
    for place, source in zip(places, order, strict=True):
        swapped[place] = pixels[places[source]]
    return swapped


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def _label_arguments(label: Sequence[int] | None, count: int) -> tuple[Tensor, ...]:
    return () if label is None else (torch.tensor([list(label)] * count),)


def _pairs(sides: object) -> tuple[int, int]:
    assert isinstance(sides, tuple), "a padding in words"
    return int(sides[0]), int(sides[1])


def _scaled(sides: tuple[int, int], factor: int) -> tuple[int, int]:
    return sides[0] * factor, sides[1] * factor
