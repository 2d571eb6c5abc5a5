"""The pairs of *Make Your First GAN With PyTorch*: fully connected, and convolutional.

The book has other conventions than ganvas. They are translated here and nowhere else:

- its images lie in [0, 1]: a discriminator here takes [-1, 1] and reads (x + 1) / 2, a generator returns 2 sigmoid - 1;
- its discriminators end in a sigmoid: here they return the logit before it, and the loss applies the sigmoid;
- its labels are one-hot vectors, joined to the noise and to the image.

The convolutional pair is the book's at 128 px. At any size from 16 to 128 px it follows one rule (`geometry`).
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganvas.networks.conditioning import join_planes, join_vector
from ganvas.networks.layers import Activation, Normalisation, activation, normalisation, spectral_norm
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Pair, Shape
from ganvas.settings import Settings


class BookGenerator(Generator):
    """noise (N, Z), labels -> (N, C, H, W) in [-1, 1], through `layers`, which take the joined vector (N, Z + K)."""

    def __init__(self, layers: nn.Sequential, noise_size: int, parts: tuple[int, ...]) -> None:
        super().__init__(noise_size, parts)
        self.layers = layers

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W)."""
        values: Tensor = self.layers(join_vector(noise, labels, self.parts))
        return torch.sigmoid(values.float()) * 2 - 1  # the book's [0, 1] -> [-1, 1]


class BookDiscriminator(Discriminator):
    """images (N, C, H, W), labels -> logits (N,), through `layers`.

    They take the image with the label as K planes, (N, C + K, H, W); or `flat`, as one vector (N, C * H * W + K).
    """

    def __init__(self, layers: nn.Sequential, parts: tuple[int, ...], flat: bool) -> None:
        super().__init__(parts)
        self.layers, self.flat = layers, flat

    def forward(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """Logits (N,)."""
        images = (images + 1) / 2  # [-1, 1] -> the book's [0, 1]
        if self.flat:
            joined = join_vector(images.flatten(1), labels, self.parts)
        else:
            joined = join_planes(images, labels, self.parts)
        logits: Tensor = self.layers(joined)  # (N, 1)
        return DiscriminatorOutput(logits.flatten().float())


class BookMLP(Settings):
    """The book's fully connected pair: one hidden layer on each side, its label joined as a one-hot vector."""

    kind: Literal["book-mlp"] = "book-mlp"
    hidden: int = Field(default=200, ge=1, le=4096)
    """Values in the hidden layer of each network."""
    noise: int = Field(default=100, ge=1, le=1024)
    """Noise values per image."""
    activation: Activation = "leaky-relu"
    """Activation function of the hidden layers; sigmoid is the book's before its second refinement."""
    slope: float = Field(default=0.02, ge=0, le=1)
    """LeakyReLU's slope below zero."""
    normalisation: Normalisation = "layer"
    """Normalisation after the activation; none is the book's before its third refinement, batch needs 2 or more."""

    def build(self, shape: Shape) -> Pair:
        """A pair for images of that shape, with weights drawn from torch's global generator."""
        assert shape.size.is_square, "the book's images are squares"
        pixels = math.prod(shape.image)
        generator = self._layers(self.noise + shape.classes, pixels)
        generator["image"] = nn.Unflatten(1, shape.image)
        discriminator = self._layers(pixels + shape.classes, 1)
        return Pair(
            BookGenerator(nn.Sequential(generator), self.noise, shape.parts),
            BookDiscriminator(nn.Sequential(discriminator), shape.parts, flat=True),
        )

    def _layers(self, inputs: int, outputs: int) -> "OrderedDict[str, nn.Module]":
        return OrderedDict(
            hidden=nn.Linear(inputs, self.hidden),
            activation=activation(self.activation, self.slope),
            normalisation=normalisation(self.normalisation, self.hidden, dimensions=1),
            output=nn.Linear(self.hidden, outputs),
        )


@dataclass(frozen=True)
class Geometry:
    """The sizes of a convolutional pair: see `geometry`."""

    kernel: int
    """Side of every kernel, in pixels. Every stride is 2."""
    stages: int
    """Convolutions in the discriminator, and transposed ones in the generator."""
    first_map: int
    """Side of the generator's first map, in pixels."""
    padding: int
    """Pixels that the generator's last stage cuts from each side."""
    output_padding: int
    """1 where that is one pixel too many: one row and column are added again at the bottom and the right."""


def geometry(size: int) -> Geometry:
    """The sizes of a pair for images of 16 to 128 px, by a rule that gives the book's sizes at 128 px.

    Kernel: the even number nearest to size / 16, at least 4. Stages: 3, or 2 where 3 would start the generator from a
    map smaller than 4 x 4. First map: the smallest from which the generator reaches the size; the padding of its last
    stage cuts the excess evenly. The receptive field of the discriminator's last map is then 50 px at 128 px, 22 at 64
    and 10 at 28.
    """
    kernel = max(4, (size + 16) // 32 * 2)
    stages = 3 if _first_map(size, kernel, 3) >= 4 else 2
    first_map = _first_map(size, kernel, stages)
    excess = (first_map << stages) + ((1 << stages) - 1) * (kernel - 2) - size
    return Geometry(kernel, stages, first_map, padding=(excess + 1) // 2, output_padding=excess % 2)


def _first_map(size: int, kernel: int, stages: int) -> int:
    # A transposed convolution of stride 2 turns side m into 2 m + kernel - 2. After s stages that is
    # 2^s m + (2^s - 1) (kernel - 2); solved for the size, and rounded up.
    growth = 1 << stages
    return -(-(size - (growth - 1) * (kernel - 2)) // growth)


class BookConv(Settings):
    """The book's convolutional pair: kernels of stride 2, its label joined to the noise and as one-hot planes."""

    kind: Literal["book-conv"] = "book-conv"
    width: int = Field(default=256, ge=1, le=1024)
    """Channels between the layers of each network; 256 is the book's, and slow on a CPU."""
    ends: int = Field(default=3, ge=1, le=64)
    """Channels that the generator starts from and the discriminator ends in."""
    noise: int = Field(default=100, ge=1, le=1024)
    """Noise values per image."""
    activation: Activation = "leaky-relu"
    """Activation function after every convolution; gelu is the book's own variation."""
    slope: float = Field(default=0.2, ge=0, le=1)
    """LeakyReLU's slope below zero."""
    normalisation: Literal[Normalisation, "spectral"] = "batch"
    """Normalisation after a convolution; spectral: of the discriminator's weights; the generator keeps batch."""
    edges: Literal["auto", "unread", "padded"] = "auto"
    """Unpadded, the discriminator never reads the last rows and columns (up to 7): 6 at 128 px, as published. Padded
    as the generator's last stage is, it reads them all. auto: as published at 128 px, padded at other sizes."""

    def build(self, shape: Shape) -> Pair:
        """A pair for images of that shape, with weights drawn from torch's global generator."""
        assert shape.size.is_square, "the book's images are squares"
        generator = BookGenerator(self._generator_layers(shape), self.noise, shape.parts)
        return Pair(generator, BookDiscriminator(self._discriminator_layers(shape), shape.parts, flat=False))

    def _generator_layers(self, shape: Shape) -> nn.Sequential:
        plan = geometry(shape.size.height)
        norm: Normalisation = "batch" if self.normalisation == "spectral" else self.normalisation
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            linear=nn.Linear(self.noise + shape.classes, self.ends * plan.first_map**2),
            linear_activation=activation(self.activation, self.slope),
            first_map=nn.Unflatten(1, (self.ends, plan.first_map, plan.first_map)),
        )
        maps = [self.ends, *[self.width] * (plan.stages - 1), shape.channels]
        for stage in range(1, plan.stages + 1):
            last = stage == plan.stages
            layers[f"convolution{stage}"] = nn.ConvTranspose2d(
                maps[stage - 1],
                maps[stage],
                plan.kernel,
                stride=2,
                padding=plan.padding if last else 0,
                output_padding=plan.output_padding if last else 0,
            )
            layers[f"normalisation{stage}"] = normalisation(norm, maps[stage], dimensions=2)
            if not last:
                layers[f"activation{stage}"] = activation(self.activation, self.slope)
        return nn.Sequential(layers)

    def _discriminator_layers(self, shape: Shape) -> nn.Sequential:
        plan = geometry(shape.size.height)
        spectral = self.normalisation == "spectral"
        norm: Normalisation = "none" if self.normalisation == "spectral" else self.normalisation
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        maps = [shape.channels + shape.classes, *[self.width] * (plan.stages - 1), self.ends]
        pads = self.edges == "padded" or (self.edges == "auto" and shape.size.height != 128)
        side = shape.size.height
        for stage in range(1, plan.stages + 1):
            padding = plan.padding if stage == 1 and pads else 0
            convolution = nn.Conv2d(maps[stage - 1], maps[stage], plan.kernel, stride=2, padding=padding)
            layers[f"convolution{stage}"] = spectral_norm(convolution) if spectral else convolution
            if stage < plan.stages:  # the book leaves the last convolution without
                layers[f"normalisation{stage}"] = normalisation(norm, maps[stage], dimensions=2)
            layers[f"activation{stage}"] = activation(self.activation, self.slope)
            side = (side + 2 * padding - plan.kernel) // 2 + 1  # of a convolution with stride 2
        layers["flatten"] = nn.Flatten()
        linear = nn.Linear(self.ends * side**2, 1)
        layers["linear"] = spectral_norm(linear) if spectral else linear
        return nn.Sequential(layers)
