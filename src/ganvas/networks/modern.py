"""The default pair: small, conditional, without normalisation, cheap where images are large.

Most of the arithmetic of a convolutional network is at high resolution, and on a CPU arithmetic is what costs time. So
G has one layer per resolution, with widths that double as the sides halve. D either first turns each patch of 4x4
pixels into one position of a small map, which suits strokes and flat areas, or halves the image by strided convolutions
from its pixels on, which sees the grain and the shapes of natural images.

- The label is joined to G's noise as an embedding, and enters D by projection (Miyato & Koyama 2018, arXiv 1802.05637).
  A label of several parts has an embedding of each: joined side by side in G, added up in D.
- D also classifies (Odena et al. 2017, arXiv 1610.09585), and by default learns the classes from real images alone,
  whose labels are right. Features that separate classes help D to separate real from generated.
- A D of patches reads each as cosine coefficients with high frequencies weakened (`PatchDCT`), so that it learns coarse
  structure first and does not chase grain.
- Nothing is normalised. Batch normalisation would make a logit depend on the whole batch, and a gradient penalty per
  image would then mean nothing (Mescheder et al. 2018, arXiv 1801.04406).
"""

from itertools import pairwise
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from ganvas.networks.conditioning import LabelEmbedding, projection
from ganvas.networks.layers import (
    Level,
    PatchDCT,
    Upsample2x,
    activation,
    blur_matrix,
    flatten_channels_last,
    pyramid,
    unflatten_channels_last,
)
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Pair, Shape
from ganvas.settings import Settings

LARGEST_PATCH = 4
NARROW = 32  # channels, where the width is left open
SLOPE = 0.2  # of LeakyReLU, below zero


def _width(value: object) -> object:
    text = str(value)
    if text == "auto" or (text.isascii() and text.isdecimal() and 4 <= int(text) <= 512):
        return text if text == "auto" else int(text)
    raise ValueError("width must be a whole number from 4 to 512, or auto")


class Modern(Settings):
    """The modern pair's choices."""

    kind: Literal["modern"] = "modern"
    width: Annotated[Literal["auto"] | Annotated[int, Field(ge=4, le=512)], BeforeValidator(_width)] = NARROW
    """Channels of the layer nearest the image; they double at each stage below; auto: 32; for small colour
    images 48, in runs of 100,000 of them 64."""
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
    stem: Literal["auto", "patches", "strided"] = "patches"
    """How the discriminator begins: 4x4 patches, or strided convolutions; auto: strided for small colour images, and
    in runs of 100,000 images for natural ones."""
    patch_dct: bool = True
    """Whether the discriminator reads 4x4 patches as cosine (DCT) coefficients, high frequencies weakened, or as
    pixels."""
    blur: Literal["auto", "on", "colour", "off"] = "auto"
    """Whether generated images are smoothed by one pixel, against speckle, or their colour alone; auto: on where
    augment is, else colour for the colour images for which stem auto is strided."""
    attention: bool = False
    """Whether the generator's first feature map passes through self-attention."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, with weights drawn from torch's global generator. auto: as for digits."""
        return Pair(ModernGenerator(self, shape), ModernDiscriminator(self, shape))

    def levels(self, shape: Shape) -> list[Level]:
        """The maps of both networks, the image first."""
        return pyramid(shape.size, NARROW if self.width == "auto" else self.width, shape.channels)


class Attention(nn.Module):
    """maps (N, C, H, W) -> the same shape: maps + self-attention(maps), which is zero at first.

    Zhang et al. 2019 (arXiv 1805.08318), with the scaled dot product of Vaswani et al. 2017 (arXiv 1706.03762,
    equation 1).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.query_key_value = nn.Linear(channels, 3 * inner)
        self.output = nn.Linear(inner, channels)
        # Zero, so that the layer starts as the identity. Zhang et al. start a factor in front of it at zero.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W)."""
        tokens = maps.flatten(2).transpose(1, 2)  # (N, C, H, W) -> (N, H * W, C)
        query, key, value = self.query_key_value(tokens).chunk(3, dim=2)
        attended: Tensor = self.output(F.scaled_dot_product_attention(query, key, value))
        return maps + attended.transpose(1, 2).reshape(maps.shape)


class ModernGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Modern, shape: Shape) -> None:
        super().__init__(settings.noise, shape.parts)
        self.activation = activation(settings.generator_activation, SLOPE)
        levels = settings.levels(shape)[::-1]  # smallest map first
        channels, side = levels[0]
        self.label_embedding = LabelEmbedding(shape.parts, settings.embedding, joined=True) if shape.parts else None
        self.first_map = (channels, side, side)
        inputs = settings.noise + settings.embedding * len(shape.parts)
        self.first = nn.Linear(inputs, channels * side**2)
        # The side above is twice the side below, or one more where halving rounded down.
        self.stages = nn.ModuleList(
            Upsample2x(below.channels, above.channels, extra=above.size - 2 * below.size)
            for below, above in pairwise(levels)
        )
        self.blur: Tensor | None
        once = blur_matrix(shape.size)
        blurs = {"on": once, "colour": once @ once}  # colour twice
        self.register_buffer("blur", blurs.get(settings.blur), persistent=False)
        self.blurs_colour_alone = settings.blur == "colour"
        # Built last, so that the seed draws the same other weights with it and without it.
        self.attention = Attention(channels) if settings.attention else None

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W)."""
        if self.label_embedding is not None:
            noise = torch.cat([noise, self.label_embedding(labels)], dim=1)  # (N, Z) -> (N, Z + P * E)
        maps = unflatten_channels_last(self.first(noise), self.first_map)  # (N, Z + P * E) -> (N, W, h, h)
        if self.attention is not None:
            maps = self.attention(maps)
        for stage in self.stages:
            maps = stage(self.activation(maps))  # (N, W, h, h) -> (N, W / 2, 2h, 2h), at last (N, C, H, W)
        if self.blur is not None:
            smooth = self.blur @ maps @ self.blur.T
            # What all colours share, the brightness, comes back. Colour in photographs is smoother than brightness,
            # which is why JPEG stores it at half the resolution.
            maps = smooth + (maps - smooth).mean(1, keepdim=True) if self.blurs_colour_alone else smooth
        # tanh in float32, also under autocast: near ±1 bfloat16 has but two values per grey level of an image.
        return torch.tanh(maps.float())


class ModernDiscriminator(Discriminator):
    """images (N, C, H, W), labels -> logits (N,), and class logits (N, K) where there are classes."""

    batch_independent = True

    def __init__(self, settings: Modern, shape: Shape) -> None:
        super().__init__(shape.parts)
        levels = settings.levels(shape)
        self.activation = activation(settings.discriminator_activation, SLOPE)
        strided = settings.stem == "strided"
        self.patch = 1 if strided else min(LARGEST_PATCH, 2 ** (len(levels) - 1))
        # The stem replaces the first halving, or with patches log2 P of them.
        widths = [level.channels for level in levels[1 if strided else self.patch.bit_length() - 1 :]]
        self.patchify: nn.Module
        if strided:
            self.patchify = nn.Identity()
            self.stem = nn.Conv2d(shape.channels, widths[0], 4, stride=2, padding=1)
        else:
            self.patchify = PatchDCT(self.patch) if settings.patch_dct else nn.PixelUnshuffle(self.patch)
            self.stem = nn.Conv2d(shape.channels * self.patch**2, widths[0], 3, padding=1)
        self.stages = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)
        )
        # In patches, rounded up, then halved by each strided convolution.
        side = -(-shape.size // self.patch) >> (len(self.stages) + strided)
        self.features = nn.Linear(widths[-1] * side**2, settings.features)
        self.real_head = nn.Linear(settings.features, 1)
        self.label_embedding = LabelEmbedding(shape.parts, settings.features) if shape.parts else None
        self.class_head = nn.Linear(settings.features, shape.classes) if shape.classes else None

    def forward(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """Logits (N,), whether the images are real and show their labels; class logits (N, K)."""
        missing = -images.shape[2] % self.patch
        if missing:  # the side becomes a whole number of patches
            images = F.pad(images, (0, missing, 0, missing))
        maps = self.stem(self.patchify(images))  # (N, C, H, W) -> (N, W, H/4, W/4), or (N, W, H/2, W/2)
        for stage in self.stages:
            maps = stage(self.activation(maps))
        flat = flatten_channels_last(self.activation(maps))  # (N, W, h, h) -> (N, h * h * W)
        features = self.activation(self.features(flat))  # -> (N, F)
        logits: Tensor = self.real_head(features).squeeze(1).float()  # (N, F) -> (N,)
        if self.label_embedding is None or self.class_head is None:
            return DiscriminatorOutput(logits)
        logits = logits + projection(features, self.label_embedding(labels))
        return DiscriminatorOutput(logits, self.class_head(features).float())
