"""What the default pair is measured by: a small, good one that stays as it is, however the default moves on.

One strided convolution a stage, widths that double as sides halve, a label joined to the noise and projected in D
(Miyato & Koyama 2018, arXiv 1802.05637), and no normalisation.
"""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.conditioning import LabelEmbedding, projection
from ganvas.networks.modern import map_sizes
from ganvas.networks.pair import Discriminator, Generator, Pair, Shape
from ganvas.settings import Settings


class Yardstick(Settings):
    """The yardstick's choices."""

    kind: Literal["yardstick"] = "yardstick"
    width: int = Field(default=32, ge=4, le=512)
    """Channels of the layer nearest the image; they double at each stage below."""
    noise: int = Field(default=64, ge=1, le=4096)
    """Noise values an image."""
    embedding: int = Field(default=64, ge=1, le=4096)
    """Values that stand for the label beside the noise."""
    features: int = Field(default=128, ge=4, le=4096)
    """Features of D's last layer, where the label is projected."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, with weights drawn from torch's global generator."""
        return Pair(YardstickGenerator(self, shape), YardstickDiscriminator(self, shape))


class YardstickGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Yardstick, shape: Shape) -> None:
        super().__init__()
        self.noise_size = settings.noise
        maps = map_sizes(shape.size)[::-1]  # smallest first
        widths = [settings.width << stage for stage in reversed(range(len(maps) - 1))]
        self.label = LabelEmbedding(shape.classes, settings.embedding) if shape.classes else None
        self.first_map = (widths[0], maps[0], maps[0])
        joined = settings.noise + (settings.embedding if shape.classes else 0)
        self.first = nn.Linear(joined, widths[0] * maps[0] ** 2)
        # A transposed convolution doubles the side; where the side above is odd, one output row more makes it.
        self.stages = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, output_padding=above - 2 * below)
            for before, after, below, above in zip(widths, [*widths[1:], shape.channels], maps, maps[1:], strict=False)
        )

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the class."""
        assert (labels is None) == (self.label is None), "labels are for a pair built with classes, and only for it"
        if self.label is not None:
            noise = torch.cat([noise, self.label(labels)], dim=1)  # (N, Z) -> (N, Z + E)
        maps = self.first(noise).unflatten(1, self.first_map)  # (N, Z + E) -> (N, W, h, h)
        for stage in self.stages:
            maps = stage(nn.functional.leaky_relu(maps, 0.2))
        return torch.tanh(maps.float())


class YardstickDiscriminator(Discriminator):
    """images (N, C, H, W), labels -> logits (N,)."""

    def __init__(self, settings: Yardstick, shape: Shape) -> None:
        super().__init__()
        maps = map_sizes(shape.size)
        widths = [shape.channels, *(settings.width << stage for stage in range(len(maps) - 1))]
        self.stages = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.features = nn.Linear(widths[-1] * maps[-1] ** 2, settings.features)
        self.realness = nn.Linear(settings.features, 1)
        self.label = LabelEmbedding(shape.classes, settings.features) if shape.classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the class."""
        assert (labels is None) == (self.label is None), "labels are for a pair built with classes, and only for it"
        maps = images
        for stage in self.stages:
            maps = nn.functional.leaky_relu(stage(maps), 0.2)
        features = nn.functional.leaky_relu(self.features(maps.flatten(1)), 0.2)  # (N, W, h, h) -> (N, F)
        logits: Tensor = self.realness(features).squeeze(1).float()  # (N, F) -> (N,)
        return logits if self.label is None else logits + projection(features, self.label(labels))
