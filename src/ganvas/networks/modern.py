"""The default pair: small, conditional, without normalisation, cheap where images are large.

What costs time on a CPU is arithmetic, and most of it is spent at high resolution. So G has one layer a stage, with
widths that double as the sides halve, and D first folds each 4x4 patch of the image into one place of a small map.
The label is joined to the noise in G as an embedding, and to D by projection (Miyato & Koyama 2018, arXiv 1802.05637).
D also says which class it sees (Odena et al. 2017, arXiv 1610.09585), which real images alone teach it: their labels
are right, and features that tell classes apart are soon features that tell images apart. It sees each patch as
cosine waves, the finer the weaker, so that it learns what is coarse first and does not chase grain.
Nothing is normalised, so that a gradient penalty means what it says (Mescheder et al. 2018, arXiv 1801.04406).
"""

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.conditioning import LabelEmbedding, projection
from ganvas.networks.layers import (
    PatchDCT,
    Upsample2x,
    activation,
    blur_matrix,
    flatten_channels_last,
    unflatten_channels_last,
)
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Pair, Shape
from ganvas.settings import Settings

SMALLEST_MAP = 8
LARGEST_PATCH = 4
SLOPE = 0.2  # of LeakyReLU, below zero


class Modern(Settings):
    """The modern pair's choices."""

    kind: Literal["modern"] = "modern"
    width: int = Field(default=32, ge=4, le=512)
    """Channels of the layer nearest the image; they double at each stage below."""
    noise: int = Field(default=64, ge=1, le=4096)
    """Noise values per image."""
    embedding: int = Field(default=64, ge=1, le=4096)
    """Size of the label embedding that is joined to the noise."""
    features: int = Field(default=128, ge=4, le=4096)
    """Features of the discriminator's last layer, where the label is projected."""
    generator_activation: Literal["leaky-relu", "gelu"] = "gelu"
    """Activation function of the generator."""
    discriminator_activation: Literal["leaky-relu", "gelu"] = "leaky-relu"
    """Activation function of the discriminator."""
    patch_dct: bool = True
    """Whether the discriminator reads 4x4 patches as cosine (DCT) coefficients, high frequencies weakened, or as
    pixels."""
    blur: Literal["auto", "on", "off"] = "auto"
    """Whether generated images are smoothed by one pixel, against speckle; auto: where augment is on."""
    attention: bool = False
    """Whether the generator's first feature map passes through self-attention."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, with weights drawn from torch's global generator."""
        return Pair(ModernGenerator(self, shape), ModernDiscriminator(self, shape))


def map_sizes(size: int) -> list[int]:
    """Sides of the maps from the image down, halved and rounded down until at most 8: 28 -> [28, 14, 7]."""
    found = [size]
    while found[-1] > SMALLEST_MAP:
        found.append(found[-1] // 2)
    return found


class Attention(nn.Module):
    """maps (N, C, H, W) -> the same, and to each place added what it asks of every other: at first, nothing.

    Zhang et al. 2019 (arXiv 1805.08318), with the scaled products of Vaswani et al. 2017 (arXiv 1706.03762).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.ask = nn.Linear(channels, 3 * inner)
        self.tell = nn.Linear(inner, channels)
        nn.init.zeros_(self.tell.weight)
        nn.init.zeros_(self.tell.bias)

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        places = maps.flatten(2).transpose(1, 2)  # (N, C, H, W) -> (N, H * W, C)
        told: Tensor = self.tell(F.scaled_dot_product_attention(*self.ask(places).chunk(3, dim=2)))
        return maps + told.transpose(1, 2).reshape(maps.shape)


class ModernGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Modern, shape: Shape) -> None:
        super().__init__()
        self.noise_size = settings.noise
        self.activation = activation(settings.generator_activation, SLOPE)
        maps = map_sizes(shape.size)[::-1]  # smallest first
        widths = [settings.width << stage for stage in reversed(range(len(maps) - 1))]
        self.label = LabelEmbedding(shape.classes, settings.embedding) if shape.classes else None
        self.first_map = (widths[0], maps[0], maps[0])
        joined = settings.noise + (settings.embedding if shape.classes else 0)
        self.first = nn.Linear(joined, widths[0] * maps[0] ** 2)
        self.stages = nn.ModuleList(
            Upsample2x(before, after, above - 2 * below)
            for before, after, below, above in zip(widths, [*widths[1:], shape.channels], maps, maps[1:], strict=False)
        )
        blur = blur_matrix(shape.size) if settings.blur == "on" else None
        self.blur: Tensor | None
        self.register_buffer("blur", blur, persistent=False)
        # Last, so that with it and without it the other weights are drawn alike.
        self.attention = Attention(widths[0]) if settings.attention else None

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the class."""
        assert (labels is None) == (self.label is None), "labels are for a pair built with classes, and only for it"
        if self.label is not None:
            noise = torch.cat([noise, self.label(labels)], dim=1)  # (N, Z) -> (N, Z + E)
        maps = unflatten_channels_last(self.first(noise), self.first_map)  # (N, Z + E) -> (N, W, h, h)
        if self.attention is not None:
            maps = self.attention(maps)
        for stage in self.stages:
            maps = stage(self.activation(maps))
        if self.blur is not None:
            maps = self.blur @ maps @ self.blur.T
        return torch.tanh(maps.float())


class ModernDiscriminator(Discriminator):
    """images (N, C, H, W), labels -> logits (N,); `evaluator` adds what class it sees."""

    batch_independent = True

    def __init__(self, settings: Modern, shape: Shape) -> None:
        super().__init__()
        halvings = len(map_sizes(shape.size)) - 1
        self.activation = activation(settings.discriminator_activation, SLOPE)
        self.patch = min(LARGEST_PATCH, 2**halvings)
        folded = self.patch.bit_length() - 1  # halvings that the patches save
        widths = [settings.width << stage for stage in range(folded - 1, halvings)]
        side = -(-shape.size // self.patch)
        self.fold = PatchDCT(self.patch) if settings.patch_dct else nn.PixelUnshuffle(self.patch)
        self.stem = nn.Conv2d(shape.channels * self.patch**2, widths[0], 3, padding=1)
        self.stages = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)
        )
        side >>= len(widths) - 1
        self.features = nn.Linear(widths[-1] * side**2, settings.features)
        self.realness = nn.Linear(settings.features, 1)
        self.label = LabelEmbedding(shape.classes, settings.features) if shape.classes else None
        self.classes = nn.Linear(settings.features, shape.classes) if shape.classes else None

    def judge(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """Real or not as what the label says, and which class: (N,) and (N, K) logits from one look."""
        assert (labels is None) == (self.label is None), "labels are for a pair built with classes, and only for it"
        missing = -images.shape[2] % self.patch
        if missing:
            images = F.pad(images, (0, missing, 0, missing))
        maps = self.stem(self.fold(images))  # (N, C, H, W) -> (N, W, H/4, W/4)
        for stage in self.stages:
            maps = stage(self.activation(maps))
        features = self.activation(
            self.features(flatten_channels_last(self.activation(maps)))
        )  # (N, W, h, h) -> (N, F)
        logits: Tensor = self.realness(features).squeeze(1).float()  # (N, F) -> (N,)
        if self.label is None or self.classes is None:
            return DiscriminatorOutput(logits)
        return DiscriminatorOutput(logits + projection(features, self.label(labels)), self.classes(features).float())

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the class."""
        return self.judge(images, labels).logits
