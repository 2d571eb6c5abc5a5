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
- Large natural images are trained at half the resolution first, where a step is cheaper (`half_resolution`). Large
  shapes are learned first, as in Karras et al. 2017 (arXiv 1710.10196), but nothing fades in: the layers that take over
  are set to compute what the old ones did (Chen et al. 2015, arXiv 1511.05641).
- Nothing is normalised. Batch normalisation would make a logit depend on the whole batch, and a gradient penalty per
  image would then mean nothing (Mescheder et al. 2018, arXiv 1801.04406).
"""

from itertools import pairwise
from typing import Annotated, Literal, cast

import torch
import torch.nn.functional as F
from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from ganvas.errors import UserError
from ganvas.networks.conditioning import LabelEmbedding, projection
from ganvas.networks.layers import (
    Attention,
    HalfResolution,
    Level,
    PatchDCT,
    Upsample2x,
    activation,
    blur_matrix,
    flatten_channels_last,
    linear_gain,
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


def _share(value: object) -> object:
    try:
        return value if value == "auto" else float(str(value))
    except ValueError:
        raise ValueError("a share must be a number from 0 to 1, or auto") from None


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
    """How the discriminator begins: 4x4 patches, or strided convolutions; auto: strided for small colour images and
    for natural ones, below 33 px in runs of 100,000 images."""
    patch_dct: bool = True
    """Whether the discriminator reads 4x4 patches as cosine (DCT) coefficients, high frequencies weakened, or as
    pixels."""
    blur: Literal["auto", "on", "colour", "off"] = "auto"
    """Whether generated images are smoothed by one pixel, against speckle, or their colour alone; auto: on where
    augment is, else colour for the colour images for which stem auto is strided."""
    attention: bool = False
    """Whether the generator's first feature map passes through self-attention."""
    half_resolution: Annotated[Literal["auto"] | Annotated[float, Field(ge=0, le=1)], BeforeValidator(_share)] = 0.0
    """Share of the training, from its start, at half the resolution; auto: 0.5 for natural images above 32 px."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, with weights drawn from torch's global generator. auto: as for digits.

        UserError if it should begin at half the resolution and cannot.
        """
        if self.is_halved():
            levels = self.levels(shape)
            if self.stem != "strided" or len(levels) < 3 or levels[1].channels < 2 * shape.channels:
                raise UserError(
                    "half the resolution first takes a discriminator with the stem strided, images of 18 px or more, "
                    f"and a width of at least {2 * shape.channels}"
                )
        return Pair(ModernGenerator(self, shape), ModernDiscriminator(self, shape))

    def is_halved(self) -> bool:
        """Whether training begins at half the resolution."""
        return self.half_resolution not in (0, "auto")

    def levels(self, shape: Shape) -> list[Level]:
        """The maps of both networks, the image first."""
        return pyramid(shape.size, NARROW if self.width == "auto" else self.width, shape.channels)


class ModernGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Modern, shape: Shape) -> None:
        super().__init__(settings.noise, shape.parts)
        self.activation = activation(settings.generator_activation, SLOPE)
        levels = settings.levels(shape)[::-1]  # smallest map first
        self.label_embedding = LabelEmbedding(shape.parts, settings.embedding, joined=True) if shape.parts else None
        self.first_map = levels[0].shape
        inputs = settings.noise + settings.embedding * len(shape.parts)
        self.first = nn.Linear(inputs, levels[0].values)
        # The side above is twice the side below, or one more where halving rounded down.
        self.stages = nn.ModuleList(
            Upsample2x(below.channels, above.channels, above.extra(below)) for below, above in pairwise(levels)
        )
        self.blur_down: Tensor | None
        self.blur_across: Tensor | None
        for name, side in (("blur_down", shape.size.height), ("blur_across", shape.size.width)):
            once = blur_matrix(side)
            blurs = {"on": once, "colour": once @ once}  # colour twice
            self.register_buffer(name, blurs.get(settings.blur), persistent=False)
        self.blurs_colour_alone = settings.blur == "colour"
        # Built last, so that the seed draws the same other weights with them and without them.
        self.attention = Attention(levels[0].channels) if settings.attention else None
        self.half_layer = (
            HalfResolution(Upsample2x(levels[-3].channels, shape.channels, levels[-2].extra(levels[-3])))
            if settings.is_halved()
            else None
        )
        self.size = shape.image[1:]

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W)."""
        if self.label_embedding is not None:
            noise = torch.cat([noise, self.label_embedding(labels)], dim=1)  # (N, Z) -> (N, Z + P * E)
        maps = unflatten_channels_last(self.first(noise), self.first_map)  # (N, Z + P * E) -> (N, W, h, h)
        if self.attention is not None:
            maps = self.attention(maps)
        if self.half_layer is not None and self.half_layer.in_use:
            for stage in list(self.stages)[:-2]:
                maps = stage(self.activation(maps))
            image = torch.tanh(self.half_layer.layer(self.activation(maps)).float())  # (N, C, H / 2, W / 2)
            # Pixel by pixel for D, which averages them back; smoothly for people.
            return F.interpolate(image, self.size, mode="nearest" if self.training else "bilinear")
        for stage in self.stages:
            maps = stage(self.activation(maps))  # (N, W, h, h) -> (N, W / 2, 2h, 2h), at last (N, C, H, W)
        if self.blur_down is not None and self.blur_across is not None:
            smooth = self.blur_down @ maps @ self.blur_across.T
            maps = with_brightness(smooth, maps) if self.blurs_colour_alone else smooth
        # tanh in float32, also under autocast: near ±1 bfloat16 has but two values per grey level of an image.
        return torch.tanh(maps.float())

    @torch.no_grad()
    def grow(self) -> None:
        """From half to full resolution: the last two layers compute the image so far, doubled bilinearly."""
        if self.half_layer is None or not self.half_layer.in_use:
            return
        self.half_layer.in_use = False
        layer, (before, last) = cast(Upsample2x, self.half_layer.layer), cast(list[Upsample2x], list(self.stages)[-2:])
        assert before.bias is not None
        assert layer.bias is not None
        assert last.bias is not None
        count = last.out_channels
        kernel = torch.tensor([1.0, 3.0, 3.0, 1.0]).to(last.weight) / 4
        last.weight.zero_()
        for first, sign in ((0, 1), (count, -1)):  # an activation loses one sign; two layers of opposite ones lose none
            before.weight[:, first : first + count] = sign * layer.weight
            before.bias[first : first + count] = sign * layer.bias
            for channel in range(count):
                last.weight[first + channel, channel] = sign * kernel.outer(kernel) / linear_gain(self.activation)
        last.bias.zero_()


def with_brightness(smooth: Tensor, maps: Tensor) -> Tensor:
    """Smooth maps (N, C, H, W) with what all colours of the others share, their brightness, and with their alpha.

    Colour in photographs is smoother than brightness, which is why JPEG stores it at half the resolution.
    """
    if maps.shape[1] <= 3:
        return smooth + (maps - smooth).mean(1, keepdim=True)
    colour = smooth[:, :3] + (maps - smooth)[:, :3].mean(1, keepdim=True)
    return torch.cat([colour, maps[:, 3:]], dim=1)


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
        height, width = (-(-side // self.patch) >> (len(self.stages) + strided) for side in shape.size)
        self.features = nn.Linear(widths[-1] * height * width, settings.features)
        self.real_head = nn.Linear(settings.features, 1)
        self.label_embedding = LabelEmbedding(shape.parts, settings.features) if shape.parts else None
        self.class_head = nn.Linear(settings.features, shape.classes) if shape.classes else None
        self.half_layer: HalfResolution | None = None
        if settings.is_halved():
            self.half_layer = HalfResolution(nn.Conv2d(shape.channels, widths[1], 4, stride=2, padding=1))

    def forward(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """Logits (N,), whether the images are real and show their labels; class logits (N, K)."""
        below, right = (-side % self.patch for side in images.shape[2:])
        if below or right:  # either side becomes a whole number of patches
            images = F.pad(images, (0, right, 0, below))
        stages = list(self.stages)
        if self.half_layer is not None and self.half_layer.in_use:
            maps, stages = self.half_layer.layer(F.avg_pool2d(images, 2)), stages[1:]
        else:
            maps = self.stem(self.patchify(images))  # (N, C, H, W) -> (N, W, H/4, W/4), or (N, W, H/2, W/2)
        for stage in stages:
            maps = stage(self.activation(maps))
        flat = flatten_channels_last(self.activation(maps))  # (N, W, h, h) -> (N, h * h * W)
        features = self.activation(self.features(flat))  # -> (N, F)
        logits: Tensor = self.real_head(features).squeeze(1).float()  # (N, F) -> (N,)
        if self.label_embedding is None or self.class_head is None:
            return DiscriminatorOutput(logits)
        logits = logits + projection(features, self.label_embedding(labels))
        return DiscriminatorOutput(logits, self.class_head(features).float())

    @torch.no_grad()
    def grow(self) -> None:
        """From half to full resolution: the first two layers average 2x2 pixels and compute the logits so far."""
        if self.half_layer is None or not self.half_layer.in_use:
            return
        self.half_layer.in_use = False
        layer, after = cast(nn.Conv2d, self.half_layer.layer), cast(nn.Conv2d, self.stages[0])
        assert self.stem.bias is not None
        assert after.bias is not None
        assert layer.bias is not None
        count = layer.in_channels
        self.stem.weight[: 2 * count] = 0
        self.stem.bias[: 2 * count] = 0
        after.weight.zero_()
        for first, sign in ((0, 1), (count, -1)):  # as in the generator
            for channel in range(count):
                self.stem.weight[first + channel, channel, 1:3, 1:3] = sign / 4
            after.weight[:, first : first + count] = sign * layer.weight / linear_gain(self.activation)
        after.bias.copy_(layer.bias)
