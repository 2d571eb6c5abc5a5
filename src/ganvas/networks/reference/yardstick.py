"""The yardstick: a small, good pair to compare the default with. It stays as it is when the default changes.

One strided convolution per resolution, widths that double as sides halve, a label joined to G's noise and projected in
D (Miyato & Koyama 2018, arXiv 1802.05637), and no normalisation.
"""

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.conditioning import LabelEmbedding, projection
from ganvas.networks.layers import pyramid
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Pair, Shape
from ganvas.settings import Settings

SLOPE = 0.2  # of LeakyReLU, below zero


class Yardstick(Settings):
    """The yardstick's choices."""

    kind: Literal["yardstick"] = "yardstick"
    width: int = Field(default=32, ge=4, le=512)
    """Channels of the layer nearest the image; they double at each stage below."""
    noise: int = Field(default=64, ge=1, le=4096)
    """Noise values per image."""
    embedding: int = Field(default=64, ge=1, le=4096)
    """Size of the label embedding that is joined to the noise."""
    features: int = Field(default=128, ge=4, le=4096)
    """Features of the discriminator's last layer, where the label is projected."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, with weights drawn from torch's global generator."""
        return Pair(YardstickGenerator(self, shape), YardstickDiscriminator(self, shape))


class YardstickGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Yardstick, shape: Shape) -> None:
        super().__init__(settings.noise, shape.parts)
        levels = pyramid(shape.size, settings.width, shape.channels)[::-1]  # smallest map first
        self.label_embedding = LabelEmbedding(shape.parts, settings.embedding, joined=True) if shape.parts else None
        self.first_map = levels[0].shape
        inputs = settings.noise + settings.embedding * len(shape.parts)
        self.first = nn.Linear(inputs, levels[0].values)
        # Each stage doubles the side, and adds one row and column where the side above is odd.
        self.stages = nn.ModuleList(
            nn.ConvTranspose2d(
                below.channels, above.channels, 4, stride=2, padding=1, output_padding=above.extra(below)
            )
            for below, above in pairwise(levels)
        )

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W)."""
        if self.label_embedding is not None:
            noise = torch.cat([noise, self.label_embedding(labels)], dim=1)  # (N, Z) -> (N, Z + P * E)
        maps = self.first(noise).unflatten(1, self.first_map)  # (N, Z + P * E) -> (N, W, h, h)
        for stage in self.stages:
            maps = stage(F.leaky_relu(maps, SLOPE))
        return torch.tanh(maps.float())


class YardstickDiscriminator(Discriminator):
    """images (N, C, H, W), labels -> logits (N,)."""

    def __init__(self, settings: Yardstick, shape: Shape) -> None:
        super().__init__(shape.parts)
        levels = pyramid(shape.size, settings.width, shape.channels)
        self.stages = nn.ModuleList(
            nn.Conv2d(above.channels, below.channels, 4, stride=2, padding=1) for above, below in pairwise(levels)
        )
        self.features = nn.Linear(levels[-1].values, settings.features)
        self.real_head = nn.Linear(settings.features, 1)
        self.label_embedding = LabelEmbedding(shape.parts, settings.features) if shape.parts else None

    def forward(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """Logits (N,)."""
        maps = images
        for stage in self.stages:
            maps = F.leaky_relu(stage(maps), SLOPE)
        features = F.leaky_relu(self.features(maps.flatten(1)), SLOPE)  # (N, W, h, h) -> (N, F)
        logits: Tensor = self.real_head(features).squeeze(1).float()  # (N, F) -> (N,)
        if self.label_embedding is not None:
            logits = logits + projection(features, self.label_embedding(labels))
        return DiscriminatorOutput(logits)
