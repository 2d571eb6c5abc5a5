"""What every pair of networks is to the rest of the house.

G(noise, labels) -> images and D(images, labels) -> logits, for square images of any size from 16 to 128 px.

A label argument is one of
- None, for a pair built without labels;
- (N,) int64, class indices;
- (N, K) float, a mixture of the K classes in each row: the way from one class to another.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """What the data ask of a network: C channels, H = W = size pixels, K classes (0: no labels)."""

    channels: int
    size: int
    classes: int = 0

    @property
    def image(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (self.channels, self.size, self.size)


class Generator(nn.Module, ABC):
    """noise (N, noise_size), labels -> images (N, C, H, W) float32, meant for [-1, 1]."""

    noise_size: int

    @abstractmethod
    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the class."""


class DiscriminatorOutput(NamedTuple):
    """What a discriminator says of N images."""

    logits: Tensor
    """(N,): high for real."""
    classes: Tensor | None = None
    """(N, K) logits of the classes it sees, from one that is also a classifier."""


class Discriminator(nn.Module, ABC):
    """images (N, C, H, W) in [-1, 1], labels -> logits (N,): high for real."""

    batch_independent: bool = False
    """Whether it says the same of an image whatever others come with it, so that real and generated ones may come
    together, which is faster: not where batches are normalised or values dropped out."""

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the class."""

    def judge(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """All that it says of the images; a discriminator that also classifies says so here."""
        return DiscriminatorOutput(self(images, labels))


@dataclass(frozen=True)
class Pair:
    """A generator and the discriminator it plays against."""

    generator: Generator
    discriminator: Discriminator
