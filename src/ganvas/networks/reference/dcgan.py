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
from ganvas.networks.layers import pyramid
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Pair, Shape
from ganvas.settings import Settings


class Dcgan(Settings):
    """The tutorial pair's choices."""

    kind: Literal["dcgan-concat"] = "dcgan-concat"
    width: int = Field(default=64, ge=4, le=512)
    """Channels of the layer nearest the image; they double at each stage below."""
    noise: int = Field(default=100, ge=1, le=4096)
    """Noise values per image."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, weights normal of deviation 0.02 as in the paper, from torch's own generator."""
        pair = Pair(DcganGenerator(self, shape), DcganDiscriminator(self, shape))
        for network in (pair.generator, pair.discriminator):
            network.apply(init_dcgan_weights)
        return pair


class DcganGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Dcgan, shape: Shape) -> None:
        super().__init__(settings.noise, shape.parts)
        levels = pyramid(shape.size, settings.width, shape.channels)[::-1]  # smallest map first
        # The noise is a map of 1 x 1, which the first kernel turns into the smallest map.
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(settings.noise + shape.classes, levels[0].channels, levels[0].size, bias=False)
        ]
        for below, above in pairwise(levels):
            # No bias before a batch normalisation, which would subtract it again: only the last layer has one.
            extra, bias = above.extra(below), above is levels[-1]
            layers += [
                nn.BatchNorm2d(below.channels),
                nn.ReLU(),
                nn.ConvTranspose2d(below.channels, above.channels, 4, 2, 1, output_padding=extra, bias=bias),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W)."""
        joined = join_vector(noise, labels, self.parts)[:, :, None, None]  # (N, Z + K, 1, 1)
        return torch.tanh(self.layers(joined).float())


class DcganDiscriminator(Discriminator):
    """images (N, C, H, W), labels -> logits (N,)."""

    def __init__(self, settings: Dcgan, shape: Shape) -> None:
        super().__init__(shape.parts)
        levels = pyramid(shape.size, settings.width, shape.channels + shape.classes)
        layers: list[nn.Module] = []
        for above, below in pairwise(levels):
            first = above is levels[0]  # the paper leaves D's input layer without normalisation
            layers += [nn.Conv2d(above.channels, below.channels, 4, stride=2, padding=1, bias=first)]
            layers += [nn.LeakyReLU(0.2)] if first else [nn.BatchNorm2d(below.channels), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(levels[-1].channels, 1, levels[-1].size))

    def forward(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """Logits (N,)."""
        logits: Tensor = self.layers(join_planes(images, labels, self.parts))  # (N, 1, 1, 1)
        return DiscriminatorOutput(logits.flatten().float())


def init_dcgan_weights(layer: nn.Module) -> None:
    """Draws the paper's first weights (section 4): normal of deviation 0.02; around 1 for a normalisation's scale."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
