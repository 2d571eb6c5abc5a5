"""A small R3GAN (Huang et al. 2024, arXiv 2501.05441): residual blocks without normalisation, in both networks.

From the paper: a block is a 1x1 convolution, a grouped 3x3 one and a 1x1 one around two activations, the last of them
zero at first, as in Fixup (Zhang et al. 2019, arXiv 1901.09321); maps change their size by interpolation; G starts from
learned maps that the noise weighs, and D ends in one weight for each place of a map. Sized for minutes on a CPU: one
block per resolution in place of two, down to 8 px, and tanh at the end of G, as everywhere here.
"""

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.conditioning import LabelEmbedding, projection
from ganvas.networks.layers import Level, pyramid
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Pair, Shape
from ganvas.settings import Settings
from ganvas.sizes import Size

SLOPE = 0.2  # of LeakyReLU, below zero
EXPANSION = 2  # inner channels of a block, over its outer ones
GROUP = 16  # channels of a group of the 3x3 convolution


class R3gan(Settings):
    """The small R3GAN's choices."""

    kind: Literal["r3gan-small"] = "r3gan-small"
    width: int = Field(default=32, ge=4, le=512)
    """Channels of the layer nearest the image; they double at each stage below."""
    blocks: int = Field(default=1, ge=1, le=16)
    """Residual blocks per resolution."""
    noise: int = Field(default=64, ge=1, le=4096)
    """Noise values per image."""
    embedding: int = Field(default=64, ge=1, le=4096)
    """Size of the label embedding that is joined to the noise."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, with weights drawn from torch's global generator."""
        return Pair(R3ganGenerator(self, shape), R3ganDiscriminator(self, shape))


def levels_of(shape: Shape, settings: R3gan) -> list[Level]:
    """The maps of each resolution that has blocks, the image's own first: the pyramid's sides, width at the image."""
    sizes = [level.size for level in pyramid(shape.size, settings.width, shape.channels)]
    return [Level(settings.width << index, size) for index, size in enumerate(sizes)]


def scaled_(layer: nn.Module, gain: float) -> nn.Module:
    """The layer, its weights normal of a variance that keeps that of its inputs, times `gain`; its bias zero."""
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    with torch.no_grad():
        layer.weight.mul_(gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """maps (N, C, H, W) -> the same shape: maps + branch(maps), which is zero at first."""

    def __init__(self, channels: int, depth: int) -> None:
        """depth: blocks of the network. Fixup scales first weights by depth^(-1/(2m - 2)), m = 3 layers a branch."""
        super().__init__()
        inner, gain = EXPANSION * channels, depth**-0.25
        self.widen = scaled_(nn.Conv2d(channels, inner, 1), gain)
        self.mix = scaled_(nn.Conv2d(inner, inner, 3, padding=1, groups=max(1, inner // GROUP)), gain)
        self.narrow = scaled_(nn.Conv2d(inner, channels, 1, bias=False), 0.0)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W)."""
        inner = F.leaky_relu(self.widen(maps), SLOPE)
        branch: Tensor = self.narrow(F.leaky_relu(self.mix(inner), SLOPE))
        return maps + branch


class Resize(nn.Module):
    """(N, C, *before) -> (N, C, *after), bilinear; every pixel counts where maps shrink.

    As products with two matrices, which any precision and any device can do, and repeat exactly.
    """

    down: Tensor  # (height after, height before)
    across: Tensor  # (width after, width before)

    def __init__(self, before: Size, after: Size) -> None:
        super().__init__()
        for name, old, new in zip(("down", "across"), before, after, strict=True):
            identity = torch.eye(old, device="cpu")[None, None]  # on the CPU for the reason given in `blur_matrix`
            matrix = F.interpolate(identity, (new, old), mode="bilinear", align_corners=False, antialias=new < old)
            self.register_buffer(name, matrix[0, 0], persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W)."""
        return self.down @ maps @ self.across.T


class R3ganGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: R3gan, shape: Shape) -> None:
        super().__init__(settings.noise, shape.parts)
        levels = levels_of(shape, settings)[::-1]  # smallest map first
        self.resizes = nn.ModuleList(Resize(before.size, after.size) for before, after in pairwise(levels))
        depth = settings.blocks * len(levels)
        self.label_embedding = LabelEmbedding(shape.parts, settings.embedding, joined=True) if shape.parts else None
        inputs = settings.noise + settings.embedding * len(shape.parts)
        self.weights = nn.Linear(inputs, levels[0].channels)
        self.first_maps = nn.Parameter(torch.randn(levels[0].shape))
        self.stages = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(level.channels, depth) for _ in range(settings.blocks))) for level in levels
        )
        self.transitions = nn.ModuleList(
            scaled_(nn.Conv2d(below.channels, above.channels, 1, bias=False), 1.0) for below, above in pairwise(levels)
        )
        self.last = scaled_(nn.Conv2d(levels[-1].channels, shape.channels, 1), 1.0)

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W)."""
        if self.label_embedding is not None:
            noise = torch.cat([noise, self.label_embedding(labels)], dim=1)  # (N, Z) -> (N, Z + P * E)
        maps = self.stages[0](self.weights(noise)[:, :, None, None] * self.first_maps)  # -> (N, W, h, h)
        for resize, transition, stage in zip(self.resizes, self.transitions, self.stages[1:], strict=True):
            maps = stage(resize(transition(maps)))  # fewer channels first: the cheaper order
        return torch.tanh(self.last(maps).float())


class R3ganDiscriminator(Discriminator):
    """images (N, C, H, W), labels -> logits (N,)."""

    batch_independent = True

    def __init__(self, settings: R3gan, shape: Shape) -> None:
        super().__init__(shape.parts)
        levels = levels_of(shape, settings)
        self.resizes = nn.ModuleList(Resize(before.size, after.size) for before, after in pairwise(levels))
        depth, last = settings.blocks * len(levels), levels[-1]
        self.first = scaled_(nn.Conv2d(shape.channels, levels[0].channels, 1), 1.0)
        self.stages = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(level.channels, depth) for _ in range(settings.blocks))) for level in levels
        )
        self.transitions = nn.ModuleList(
            scaled_(nn.Conv2d(above.channels, below.channels, 1, bias=False), 1.0) for above, below in pairwise(levels)
        )
        self.places = nn.Parameter(torch.randn(last.shape) / last.size.side)
        self.real_head = nn.Linear(last.channels, 1)
        self.label_embedding = LabelEmbedding(shape.parts, last.channels) if shape.parts else None

    def forward(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """Logits (N,)."""
        maps = self.stages[0](self.first(images))
        for resize, transition, stage in zip(self.resizes, self.transitions, self.stages[1:], strict=True):
            maps = stage(transition(resize(maps)))
        features = (maps * self.places).sum((2, 3))  # (N, W, h, h) -> (N, W)
        logits: Tensor = self.real_head(features).squeeze(1).float()
        if self.label_embedding is not None:
            logits = logits + projection(features, self.label_embedding(labels))
        return DiscriminatorOutput(logits)
