"""The auxiliary classifier GAN as it is commonly run: D does not get the label but predicts it.

Odena et al. 2017 (arXiv 1610.09585), in the small form that tutorials copy: the label's embedding multiplies the noise,
G upsamples and convolves, D uses strides and dropout. Their batch normalisation has an epsilon of 0.8 (probably meant
as a momentum), which is kept, because this pair is here as people run it.
"""

import math
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.conditioning import LabelEmbedding
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Pair, Shape
from ganvas.networks.reference.dcgan import init_dcgan_weights
from ganvas.settings import Settings
from ganvas.sizes import Size

EPSILON = 0.8
DROPPED = 0.25


class Acgan(Settings):
    """The auxiliary classifier pair's choices."""

    kind: Literal["acgan"] = "acgan"
    width: int = Field(default=64, ge=4, le=512)
    """Channels of the generator's last layer, half of those before; the discriminator starts from a quarter of them."""
    noise: int = Field(default=100, ge=1, le=4096)
    """Noise values per image, and the size of the label's embedding, which multiplies them."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, convolutions normal of deviation 0.02, from torch's own generator."""
        pair = Pair(AcganGenerator(self, shape), AcganDiscriminator(self, shape))
        for network in (pair.generator, pair.discriminator):
            network.apply(init_dcgan_weights)
        return pair


class AcganGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Acgan, shape: Shape) -> None:
        super().__init__(settings.noise, shape.parts)
        self.label_embedding = LabelEmbedding(shape.parts, settings.noise) if shape.parts else None
        width = 2 * settings.width
        first_size, second_size = (Size(*(side // divisor for side in shape.size)) for divisor in (4, 2))
        self.first_map = (width, *first_size)
        self.first = nn.Linear(settings.noise, math.prod(self.first_map))
        # Upsampling before a convolution, in place of a transposed one, leaves no checkerboard (Odena et al. 2016, doi
        # 10.23915/distill.00003). To a size and not by a factor, so that odd sizes are reached too.
        self.layers = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.Upsample(second_size),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width, EPSILON),
            nn.LeakyReLU(0.2),
            nn.Upsample(shape.size),
            nn.Conv2d(width, settings.width, 3, padding=1),
            nn.BatchNorm2d(settings.width, EPSILON),
            nn.LeakyReLU(0.2),
            nn.Conv2d(settings.width, shape.channels, 3, padding=1),
        )

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W)."""
        if self.label_embedding is not None:
            noise = noise * self.label_embedding(labels)  # (N, Z)
        maps = self.first(noise).unflatten(1, self.first_map)  # (N, Z) -> (N, W, h, h)
        return torch.tanh(self.layers(maps).float())


class AcganDiscriminator(Discriminator):
    """images (N, C, H, W) -> logits (N,) that do not depend on the labels, and class logits (N, K)."""

    def __init__(self, settings: Acgan, shape: Shape) -> None:
        super().__init__(shape.parts)
        halvings, size = 0, shape.size
        while max(size) > 2:  # four times at 32 px, as published; rounded up
            halvings, size = halvings + 1, Size(*(-(-side // 2) for side in size))
        widths = [shape.channels, *(max(1, settings.width // 4) << stage for stage in range(halvings))]
        layers: list[nn.Module] = []
        for stage, (before, after) in enumerate(pairwise(widths)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Dropout2d(DROPPED)]
            layers += [nn.BatchNorm2d(after, EPSILON)] if stage > 0 else []  # none behind the input layer, as in DCGAN
        self.layers = nn.Sequential(*layers, nn.Flatten())
        features = widths[-1] * size.height * size.width
        self.real_head = nn.Linear(features, 1)
        self.class_head = nn.Linear(features, shape.classes) if shape.classes else None

    def forward(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """Logits (N,) and class logits (N, K) from the same features."""
        features = self.layers(images)  # (N, C, H, W) -> (N, F)
        class_logits = None if self.class_head is None else self.class_head(features).float()
        return DiscriminatorOutput(self.real_head(features).squeeze(1).float(), class_logits)
