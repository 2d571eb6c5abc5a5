"""The convolutional pair of the usual tutorials.

Radford et al. 2016 (arXiv 1511.06434) in the form in which tutorials make it conditional: the one-hot label as further
channels of the noise and of the image, batch normalisation in both networks. Written from that description.
"""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.conditioning import join_planes, join_vector
from ganvas.networks.modern import map_sizes
from ganvas.networks.pair import Discriminator, Generator, Pair, Shape
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
            network.apply(first_weights)
        return pair


class DcganGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Dcgan, shape: Shape) -> None:
        super().__init__()
        self.noise_size, self.classes = settings.noise, shape.classes
        maps = map_sizes(shape.size)[::-1]  # smallest first
        widths = [settings.width << stage for stage in reversed(range(len(maps) - 1))]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(settings.noise + shape.classes, widths[0], maps[0], bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ]
        for before, after, below, above in zip(widths, widths[1:], maps, maps[1:], strict=False):
            layers += [doubled(before, after, below, above, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        layers += [doubled(widths[-1], shape.channels, maps[-2], maps[-1], bias=True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the class."""
        joined = join_vector(noise, labels, self.classes)[:, :, None, None]  # (N, Z + K, 1, 1)
        return torch.tanh(self.layers(joined).float())


class DcganDiscriminator(Discriminator):
    """images (N, C, H, W), labels -> logits (N,)."""

    def __init__(self, settings: Dcgan, shape: Shape) -> None:
        super().__init__()
        self.classes = shape.classes
        maps = map_sizes(shape.size)
        widths = [shape.channels + shape.classes, *(settings.width << stage for stage in range(len(maps) - 1))]
        layers: list[nn.Module] = []
        for stage, (before, after) in enumerate(pairwise(widths)):
            normalised = stage > 0  # the paper leaves the image's own layer without
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1, bias=not normalised)]
            layers += [nn.BatchNorm2d(after)] * normalised + [nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(widths[-1], 1, maps[-1])]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the class."""
        logits: Tensor = self.layers(join_planes(images, labels, self.classes))
        return logits.flatten().float()


def doubled(before: int, after: int, below: int, above: int, bias: bool) -> nn.ConvTranspose2d:
    """A transposed convolution from maps of side `below` to `above`, twice as large or one more."""
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, output_padding=above - 2 * below, bias=bias)


def first_weights(layer: nn.Module) -> None:
    """The paper's first weights: normal of deviation 0.02; a normalisation's scale around 1."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
