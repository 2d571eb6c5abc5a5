"""SNGAN: a residual pair with spectral normalisation, projection and conditional batch normalisation.

Miyato et al. 2018 (arXiv 1802.05957) and Miyato & Koyama 2018 (arXiv 1802.05637), written from the papers. The weight
of every layer of D is divided by its largest singular value, so that D is Lipschitz without a gradient penalty. The
label is projected on D's pooled features, and chooses scale and shift of every normalisation in G.
"""

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.conditioning import LabelEmbedding
from ganvas.networks.layers import pyramid, spectral_norm
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Pair, Shape
from ganvas.settings import Settings
from ganvas.sizes import Size


class Sngan(Settings):
    """The spectral pair's choices."""

    kind: Literal["sngan-projection"] = "sngan-projection"
    width: int = Field(default=64, ge=4, le=512)
    """Channels of the layer nearest the image; they double at each stage below."""
    noise: int = Field(default=128, ge=1, le=4096)
    """Noise values per image."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, with weights drawn from torch's global generator."""
        return Pair(SnganGenerator(self, shape), SnganDiscriminator(self, shape))


class SnganGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Sngan, shape: Shape) -> None:
        super().__init__(settings.noise, shape.parts)
        # The blocks end in maps of the image's size, which one more convolution turns into the image.
        levels = pyramid(shape.size, 2 * settings.width, channels=settings.width)[::-1]  # smallest map first
        self.first_map = levels[0].shape
        self.first = nn.Linear(settings.noise, levels[0].values)
        self.blocks = nn.ModuleList(
            UpBlock(below.channels, above.channels, above.size, shape.parts) for below, above in pairwise(levels)
        )
        width = settings.width
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, shape.channels, 3, padding=1))

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W)."""
        maps = self.first(noise).unflatten(1, self.first_map)  # (N, Z) -> (N, W, h, h)
        for block in self.blocks:
            maps = block(maps, labels)
        return torch.tanh(self.last(maps).float())


class UpBlock(nn.Module):
    """Maps (N, before, h, w), labels -> (N, after, *size): a residual block whose shortcut is upsampled too.

    Normalisation and ReLU come before each convolution, not behind it (He et al. 2016, arXiv 1603.05027).
    """

    def __init__(self, before: int, after: int, size: Size, parts: tuple[int, ...]) -> None:
        super().__init__()
        self.upsample = nn.Upsample(size)
        self.first_norm, self.second_norm = LabelNorm(before, parts), LabelNorm(after, parts)
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1)

    def forward(self, maps: Tensor, labels: Tensor | None) -> Tensor:
        """(N, after, *size)."""
        inner = self.first(self.upsample(F.relu(self.first_norm(maps, labels))))
        inner = self.second(F.relu(self.second_norm(inner, labels)))
        # A 1x1 convolution gives the same before and after repeating pixels; before, it is a quarter of the arithmetic.
        out: Tensor = inner + self.upsample(self.shortcut(maps))
        return out


class LabelNorm(nn.Module):
    """Batch normalisation whose scale and shift the label chooses (Dumoulin et al. 2017, arXiv 1610.07629)."""

    def __init__(self, features: int, parts: tuple[int, ...]) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(features, affine=not parts)
        self.scale = LabelEmbedding(parts, features) if parts else None
        self.shift = LabelEmbedding(parts, features) if parts else None
        if self.scale is not None and self.shift is not None:
            nn.init.normal_(self.scale.weight, 1 / len(parts), 0.02)  # scales of several parts add up
            nn.init.zeros_(self.shift.weight)

    def forward(self, maps: Tensor, labels: Tensor | None) -> Tensor:
        """(N, F, H, W) -> the same shape."""
        maps = self.norm(maps)  # to mean 0 and variance 1 per channel, where there are classes
        if self.scale is None or self.shift is None:
            return maps
        out: Tensor = maps * self.scale(labels)[:, :, None, None] + self.shift(labels)[:, :, None, None]
        return out


class SnganDiscriminator(Discriminator):
    """images (N, C, H, W), labels -> logits (N,)."""

    def __init__(self, settings: Sngan, shape: Shape) -> None:
        super().__init__(shape.parts)
        levels = pyramid(shape.size, settings.width, shape.channels)
        width = levels[-1].channels
        self.blocks = nn.ModuleList(
            DownBlock(above.channels, below.channels, reads_image=above is levels[0])
            for above, below in pairwise(levels)
        )
        self.real_head = spectral_norm(nn.Linear(width, 1))
        self.label_embedding = LabelEmbedding(shape.parts, width) if shape.parts else None
        if self.label_embedding is not None:  # a linear layer of the one-hot label, and bounded like the others
            spectral_norm(self.label_embedding)

    def forward(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """Logits (N,)."""
        maps = images
        for block in self.blocks:
            maps = block(maps)
        features = F.relu(maps).sum(dim=(2, 3))  # (N, W, h, h) -> (N, W), a sum as in the paper, not a mean
        logits: Tensor = self.real_head(features).squeeze(1).float()
        if self.label_embedding is not None:
            # The plain inner product of the paper; `conditioning.projection` divides it by √W.
            logits = logits + (features * self.label_embedding(labels)).sum(dim=1).float()
        return DiscriminatorOutput(logits)


class DownBlock(nn.Module):
    """Maps (N, before, H, W) -> (N, after, H/2, W/2), rounded down: a residual block whose shortcut is pooled too."""

    def __init__(self, before: int, after: int, reads_image: bool) -> None:
        super().__init__()
        self.reads_image = reads_image
        self.first = spectral_norm(nn.Conv2d(before, after, 3, padding=1))
        self.second = spectral_norm(nn.Conv2d(after, after, 3, padding=1))
        self.shortcut = spectral_norm(nn.Conv2d(before, after, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, after, H/2, W/2)."""
        # ReLU comes before a convolution, but not before the first one: it would remove half of the image.
        inner = self.first(maps if self.reads_image else F.relu(maps))
        inner = F.avg_pool2d(self.second(F.relu(inner)), 2)
        # Pooled before its 1x1 convolution, for the reason given in `UpBlock`.
        out: Tensor = inner + self.shortcut(F.avg_pool2d(maps, 2))
        return out
