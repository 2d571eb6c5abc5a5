"""The convolutional pair of the usual tutorials: DCGAN, made conditional by concatenation.

Radford et al. 2016 (arXiv 1511.06434) with the one-hot label as further channels of the noise and of the image
(Mirza & Osindero 2014, arXiv 1411.1784), and batch normalisation in both networks. Written from that description.
"""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.conditioning import join_planes, join_vector
from ganvas.networks.layers import map_sizes
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Pair, Shape
from ganvas.settings import Settings


class Dcgan(Settings):
    """The tutorial pair's choices."""

    kind: Literal["dcgan-concat"] = "dcgan-concat"
    width: int = Field(default=64, ge=4, le=512)
    """Channels of the layer nearest the image; they double at each stage below."""
    noise: int = Field(default=100, ge=1, le=4096)
    """Noise values an image."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, weights normal of deviation 0.02 as in the paper, from torch's own generator."""
        pair = Pair(DcganGenerator(self, shape), DcganDiscriminator(self, shape))
        for network in (pair.generator, pair.discriminator):
            network.apply(init_dcgan_weights)
        return pair


class DcganGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Dcgan, shape: Shape) -> None:
        super().__init__(settings.noise, shape.classes)
        sizes = map_sizes(shape.size)[::-1]  # smallest first
        widths = [settings.width << stage for stage in reversed(range(len(sizes) - 1))]
        # The noise is a map of 1 x 1, which the first kernel turns into the smallest map.
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(settings.noise + shape.classes, widths[0], sizes[0], bias=False),
        ]
        for (before, after), (smaller, larger) in zip(
            pairwise([*widths, shape.channels]), pairwise(sizes), strict=True
        ):
            layers += [nn.BatchNorm2d(before), nn.ReLU()]
            # No bias before a batch normalisation, which would subtract it again: only the last layer has one.
            extra, last = larger - 2 * smaller, larger == shape.size
            layers += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, output_padding=extra, bias=last)]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W)."""
        joined = join_vector(noise, labels, self.classes)[:, :, None, None]  # (N, Z + K, 1, 1)
        return torch.tanh(self.layers(joined).float())


class DcganDiscriminator(Discriminator):
    """images (N, C, H, W), labels -> logits (N,)."""

    def __init__(self, settings: Dcgan, shape: Shape) -> None:
        super().__init__(shape.classes)
        sizes = map_sizes(shape.size)
        widths = [shape.channels + shape.classes, *(settings.width << stage for stage in range(len(sizes) - 1))]
        layers: list[nn.Module] = []
        for stage, (before, after) in enumerate(pairwise(widths)):
            normalised = stage > 0  # the paper leaves D's input layer without
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1, bias=not normalised)]
            layers += [nn.BatchNorm2d(after), nn.LeakyReLU(0.2)] if normalised else [nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, sizes[-1]))

    def forward(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """Logits (N,)."""
        logits: Tensor = self.layers(join_planes(images, labels, self.classes))  # (N, 1, 1, 1)
        return DiscriminatorOutput(logits.flatten().float())


def init_dcgan_weights(layer: nn.Module) -> None:
    """Draws the paper's first weights: normal of deviation 0.02, around 1 for the scale of a normalisation."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
