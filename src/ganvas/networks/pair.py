"""What every generator and every discriminator is, whichever pair of networks a run chooses.

G(noise, labels) -> images and D(images, labels) -> logits, for images of any height and width from 16 to 128 px. N is
the batch, C the channels, H x W the size in pixels, Z the values of noise per image. A label has P parts, such as a
shape and a colour; most have one. K is the number of classes of all parts together.

A label argument is one of
- None, for a pair that was built without classes;
- (N, P) int64, a class index for each part, -1 where it is missing; (N,) will do for one part;
- (N, K) float, weights of the classes, part by part side by side; those of a part sum to 1, or are all 0 where it is
  missing. With them a label may be a point on the way from one class to another.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from ganvas.sizes import Size


@dataclass(frozen=True)
class Shape:
    """What the data ask of a network: C channels, H x W pixels, K classes (0: no labels)."""

    channels: int
    size: Size
    """A whole number is taken for a square's side."""
    classes: int = 0
    parts: tuple[int, ...] = ()
    """The classes of each part of a label, K in all; by default all are of one part."""

    def __post_init__(self) -> None:
        if isinstance(self.size, int):
            object.__setattr__(self, "size", Size.square(self.size))
        if self.classes and not self.parts:
            object.__setattr__(self, "parts", (self.classes,))
        assert sum(self.parts) == self.classes, f"{self.classes} classes in parts of {self.parts}"

    @property
    def image(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (self.channels, *self.size)


class Generator(nn.Module, ABC):
    """noise (N, Z), labels -> images (N, C, H, W) float32 in [-1, 1]."""

    def __init__(self, noise_size: int, parts: tuple[int, ...]) -> None:
        """parts: the classes of each part of a label; none without labels."""
        super().__init__()
        self.noise_size, self.parts, self.classes = noise_size, parts, sum(parts)

    def __call__(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W), once the labels are checked here: each `forward` then holds its own arithmetic alone."""
        check_labels(labels, self.classes)
        images: Tensor = super().__call__(noise, labels)
        return images

    @abstractmethod
    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W)."""


class DiscriminatorOutput(NamedTuple):
    """What a discriminator computes of N images."""

    logits: Tensor
    """(N,): how real each image looks, before any sigmoid; high is real."""
    class_logits: Tensor | None = None
    """(N, K): which class of each part an image shows, before any softmax over the classes of a part; None of a
    discriminator that does not classify."""


class Discriminator(nn.Module, ABC):
    """images (N, C, H, W) in [-1, 1], labels -> `DiscriminatorOutput`."""

    batch_independent: bool = False
    """Whether an image's logits do not depend on the rest of its batch. Real and generated images may then share one
    forward pass, which is faster. False where batches are normalised or values are dropped out."""

    def __init__(self, parts: tuple[int, ...]) -> None:
        """parts: the classes of each part of a label; none without labels."""
        super().__init__()
        self.parts, self.classes = parts, sum(parts)

    def __call__(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """Logits (N,), and class logits (N, K) where it classifies, once the labels are checked."""
        check_labels(labels, self.classes)
        output: DiscriminatorOutput = super().__call__(images, labels)
        return output

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """Logits (N,), and class logits (N, K) where it classifies."""


def check_labels(labels: Tensor | None, classes: int) -> None:
    """Asserts that labels are given to a network with classes, and to no other."""
    assert (labels is None) == (classes == 0), "labels are for a pair built with classes, and only for it"


@dataclass(frozen=True)
class Pair:
    """A generator and the discriminator it is trained against."""

    generator: Generator
    discriminator: Discriminator
