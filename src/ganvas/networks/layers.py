"""Layers that are chosen by name, and what a network looks like from outside: its size and its receptive fields."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from ganvas.errors import UserError
from ganvas.networks.pair import Discriminator, Generator, Shape

Activation = Literal["leaky-relu", "gelu", "sigmoid"]
Normalisation = Literal["batch", "layer", "instance", "none"]


class LayerReport(NamedTuple):
    """One convolution as it ran."""

    name: str
    receptive_field: int | None
    """Side in pixels of the square of input that one output value sees; None for a transposed convolution."""
    output: tuple[int, ...]
    """(C, H, W)."""


class VectorBatchNorm(nn.BatchNorm1d):
    """BatchNorm1d on (N, F), which says in a sentence why it cannot train on one picture at a time."""

    def forward(self, values: Tensor) -> Tensor:
        """See the class."""
        if self.training and len(values) == 1:
            raise UserError(
                "batch normalisation of a vector has nothing to average over in a batch of one picture: "
                "take a batch of 2 or more, or layer normalisation"
            )
        return super().forward(values)


def activation(name: Activation, slope: float) -> nn.Module:
    """The nonlinearity of that name; `slope` is LeakyReLU's, below zero, and counts for it alone."""
    if name == "leaky-relu":
        return nn.LeakyReLU(slope)
    return nn.GELU() if name == "gelu" else nn.Sigmoid()


def normalisation(name: Normalisation, features: int, dimensions: Literal[1, 2]) -> nn.Module:
    """A layer that normalises vectors (N, features) or, with 2 dimensions, maps (N, features, H, W).

    "layer" normalises each picture over all its values, "instance" each map of each picture over its pixels, "batch"
    each feature over the batch (and pixels). For maps, "batch" with one picture in the batch is "instance" while
    training. A vector has no pixels: there "instance" takes the vector for one map, without a learned scale.
    """
    if name == "none":
        return nn.Identity()
    if dimensions == 2:
        if name == "batch":
            return nn.BatchNorm2d(features)
        # One group of all channels: layer normalisation at any picture size.
        return nn.GroupNorm(1, features) if name == "layer" else nn.InstanceNorm2d(features, affine=True)
    if name == "batch":
        return VectorBatchNorm(features)
    return nn.LayerNorm(features, elementwise_affine=name == "layer")


def spectral(layer: nn.Module) -> nn.Module:
    """The layer with its weight divided by its largest singular value (Miyato et al. 2018, arXiv 1802.05957)."""
    return parametrizations.spectral_norm(layer)


def parameters(module: nn.Module) -> int:
    """How many numbers the module learns."""
    return sum(parameter.numel() for parameter in module.parameters())


def receptive_field(module: nn.Module, shape: Shape) -> list[LayerReport]:
    """Every convolution of a generator, a discriminator or a classifier, in the order in which they run.

    A receptive field is counted along that order, through convolutions and pooling: it is exact for a chain of layers
    and for 1x1 side branches without stride. Fully connected layers and label paths are not looked at, and what
    normalisation over a whole picture carries from afar is not counted.
    """
    seen: list[LayerReport] = []
    field, jump = 1, 1  # pixels that one value sees; pixels between two neighbouring values
    upsampled = False

    def look(name: str, layer: nn.Module, output: Tensor) -> None:
        nonlocal field, jump, upsampled
        if isinstance(layer, nn.ConvTranspose2d):
            upsampled = True
        else:
            assert isinstance(layer, nn.Conv2d | nn.AvgPool2d | nn.MaxPool2d)
            dilation = _side(layer.dilation) if isinstance(layer, nn.Conv2d) else 1
            field += (_side(layer.kernel_size) - 1) * dilation * jump
            jump *= _side(layer.stride)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            seen.append(LayerReport(name, None if upsampled else field, tuple(output.shape[1:])))

    watched = (nn.Conv2d, nn.ConvTranspose2d, nn.AvgPool2d, nn.MaxPool2d)
    hooks = [
        layer.register_forward_hook(lambda layer, _, output, name=name: look(name, layer, output))
        for name, layer in module.named_modules()
        if isinstance(layer, watched)
    ]
    was_training = module.training
    try:
        with torch.no_grad():
            # In eval mode, so that looking moves no running average.
            module.eval()(*_example(module, shape))
    finally:
        module.train(was_training)
        for hook in hooks:
            hook.remove()
    return seen


def _example(module: nn.Module, shape: Shape) -> list[Tensor]:
    """One input that the module accepts, on its device."""
    device = next(module.parameters()).device
    if isinstance(module, Generator):
        inputs = [torch.zeros(1, module.noise_size, device=device)]
    else:
        inputs = [torch.zeros(1, *shape.picture, device=device)]
    if shape.classes > 0 and isinstance(module, Generator | Discriminator):
        inputs.append(torch.zeros(1, dtype=torch.int64, device=device))
    return inputs


def _side(value: int | tuple[int, ...]) -> int:
    return value if isinstance(value, int) else value[0]
