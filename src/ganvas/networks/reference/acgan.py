"""The auxiliary classifier GAN as it is commonly run: D is not told the label, it has to find it.

Odena et al. 2017 (arXiv 1610.09585), in the small form that tutorials copy: the label's embedding multiplies the noise,
G upsamples and convolves, D strides and drops out. Their normalisation has an epsilon of 0.8, which is kept.
"""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.conditioning import LabelEmbedding
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Pair, Shape
from ganvas.networks.reference.dcgan import first_weights
from ganvas.settings import Settings

EPSILON = 0.8
DROPPED = 0.25


class Acgan(Settings):
    """The auxiliary classifier pair's choices."""

    kind: Literal["acgan"] = "acgan"
    width: int = Field(default=64, ge=4, le=512)
    """Channels of G's layer nearest the image, half of those below; D begins with a quarter and doubles."""
    noise: int = Field(default=100, ge=1, le=4096)
    """Noise values an image, and the size of the label's embedding, which multiplies them."""

    def build(self, shape: Shape) -> Pair:
        """A new pair for this shape, convolutions normal of deviation 0.02, from torch's own generator."""
        pair = Pair(AcganGenerator(self, shape), AcganDiscriminator(self, shape))
        for network in (pair.generator, pair.discriminator):
            network.apply(first_weights)
        return pair


class AcganGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1]."""

    def __init__(self, settings: Acgan, shape: Shape) -> None:
        super().__init__()
        self.noise_size = settings.noise
        self.label = LabelEmbedding(shape.classes, settings.noise) if shape.classes else None
        side, wide = shape.size // 4, 2 * settings.width
        self.first_map = (wide, side, side)
        self.first = nn.Linear(settings.noise, wide * side**2)
        self.layers = nn.Sequential(
            nn.BatchNorm2d(wide),
            nn.Upsample(shape.size // 2),
            nn.Conv2d(wide, wide, 3, padding=1),
            nn.BatchNorm2d(wide, EPSILON),
            nn.LeakyReLU(0.2),
            nn.Upsample(shape.size),
            nn.Conv2d(wide, settings.width, 3, padding=1),
            nn.BatchNorm2d(settings.width, EPSILON),
            nn.LeakyReLU(0.2),
            nn.Conv2d(settings.width, shape.channels, 3, padding=1),
        )

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the class."""
        assert (labels is None) == (self.label is None), "labels are for a pair built with classes, and only for it"
        if self.label is not None:
            noise = noise * self.label(labels)  # (N, Z)
        maps = self.first(noise).unflatten(1, self.first_map)  # (N, Z) -> (N, W, h, h)
        return torch.tanh(self.layers(maps).float())


class AcganDiscriminator(Discriminator):
    """images (N, C, H, W) -> logits (N,), whatever the labels; `evaluator` adds what class it sees."""

    def __init__(self, settings: Acgan, shape: Shape) -> None:
        super().__init__()
        halvings, side = 0, shape.size
        while side > 2:  # four times at 32 px, as published; rounded up
            halvings, side = halvings + 1, -(-side // 2)
        widths = [shape.channels, *(max(1, settings.width // 4) << stage for stage in range(halvings))]
        layers: list[nn.Module] = []
        for stage, (before, after) in enumerate(pairwise(widths)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Dropout2d(DROPPED)]
            layers += [nn.BatchNorm2d(after, EPSILON)] * (stage > 0)
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.realness = nn.Linear(widths[-1] * side**2, 1)
        self.classes = nn.Linear(widths[-1] * side**2, shape.classes) if shape.classes else None

    def judge(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """Real or not, and which class: (N,) and (N, K) logits from one look."""
        assert (labels is None) == (self.classes is None), "labels are for a pair built with classes, and only for it"
        features = self.layers(images)
        classes = None if self.classes is None else self.classes(features).float()
        return DiscriminatorOutput(self.realness(features).squeeze(1).float(), classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the class."""
        return self.judge(images, labels).logits
