"""What a trained or untrained network looks like: its size, receptive fields, feature maps, first kernels."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganvas.images import Pixels, from_uint8
from ganvas.networks.layers import PatchDCT
from ganvas.networks.pair import Discriminator, Generator, Shape

Floats = np.ndarray[Any, np.dtype[np.float64]]


class LayerReport(NamedTuple):
    """One convolution as it ran."""

    name: str
    receptive_field: int | None
    """Side in pixels of the square of input that one output value depends on; None behind a transposed convolution."""
    output: tuple[int, ...]
    """(C, H, W)."""


def parameter_count(network: nn.Module) -> int:
    """How many numbers the network learns."""
    return sum(parameter.numel() for parameter in network.parameters())


def receptive_field(network: nn.Module, shape: Shape) -> list[LayerReport]:
    """A report of every convolution of a generator, a discriminator or a classifier, in the order in which they run.

    A layer with kernel k, dilation d and stride s, whose inputs lie `jump` pixels apart, adds (k - 1) d jump to the
    field and multiplies the jump by s (Araujo, Norris & Sim 2019, doi 10.23915/distill.00021). The rule is
    exact for a chain of layers and for 1x1 side branches without stride. It ignores fully connected layers, label
    paths, and what normalisation carries over a whole image.
    """
    reports: list[LayerReport] = []
    field, jump, upsampled = 1, 1, False
    counted = (nn.Conv2d, nn.ConvTranspose2d, nn.PixelUnshuffle, nn.AvgPool2d, nn.MaxPool2d)
    with _recording(network, counted) as outputs:
        network(*_example(network, shape))
    for name, layer, output in outputs:
        if isinstance(layer, nn.ConvTranspose2d):
            upsampled = True
        elif isinstance(layer, nn.PixelUnshuffle):  # a patch is a kernel whose stride is its side
            field += (layer.downscale_factor - 1) * jump
            jump *= layer.downscale_factor
        elif isinstance(layer, nn.Conv2d | nn.AvgPool2d | nn.MaxPool2d):
            dilation = _side(layer.dilation) if isinstance(layer, nn.Conv2d) else 1
            field += (_side(layer.kernel_size) - 1) * dilation * jump
            jump *= _side(layer.stride)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            reports.append(LayerReport(name, None if upsampled else field, tuple(output.shape[1:])))
    return reports


def feature_maps(network: nn.Module, pixels: Pixels, label: Sequence[int] | None) -> Mapping[str, Floats]:
    """What the first, a middle and the last convolution compute of an image (C, H, W) uint8: (C', H', W') by name.

    label: the class index of each part.
    The names are low, middle and high; fewer where the network has fewer than three convolutions.
    """
    device = next(network.parameters()).device
    labels = () if label is None else (torch.tensor([list(label)], device=device),)
    with _recording(network, (nn.Conv2d,)) as outputs:
        network(from_uint8(torch.from_numpy(pixels[None])).to(device), *labels)
    count = len(outputs)
    names = ("low", "middle", "high") if count > 2 else ("low", "high")[:count]
    index = {"low": 0, "middle": count // 2, "high": count - 1}
    return {name: outputs[index[name]][2][0].double().cpu().numpy() for name in names}


def first_weight(network: nn.Module) -> Floats:
    """The weight of the first convolution or linear layer, on pixels: (O, I, kH, kW) or (O, I).

    Behind patches of P x P pixels, a kernel of k x k patches is shown as the P k x P k pixels that it reads.
    """
    patchify: nn.PixelUnshuffle | None = None
    for module in network.modules():
        if isinstance(module, nn.PixelUnshuffle):
            patchify = module
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight = module.weight.detach().double()
            if isinstance(patchify, PatchDCT):
                weight = patchify.in_pixels(weight)
            return (F.pixel_shuffle(weight, patchify.downscale_factor) if patchify else weight).cpu().numpy()
    raise AssertionError("a network without a layer")


@contextmanager
def _recording(network: nn.Module, types: tuple[type[nn.Module], ...]) -> Iterator[list[tuple[str, nn.Module, Tensor]]]:
    """A list that fills with (name, layer, output) of every layer of those types that runs inside the block."""
    outputs: list[tuple[str, nn.Module, Tensor]] = []
    hooks = [
        layer.register_forward_hook(lambda layer, _, output, name=name: outputs.append((name, layer, output)))
        for name, layer in network.named_modules()
        if isinstance(layer, types)
    ]
    was_training = network.training
    try:
        with torch.no_grad():
            network.eval()  # so that no running average of a batch normalisation moves
            yield outputs
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()


def _example(network: nn.Module, shape: Shape) -> list[Tensor]:
    """The arguments of one forward pass, a batch of one, on the network's device."""
    device = next(network.parameters()).device
    size = (network.noise_size,) if isinstance(network, Generator) else shape.image
    inputs = [torch.zeros(1, *size, device=device)]
    if shape.classes > 0 and isinstance(network, Generator | Discriminator):
        inputs.append(torch.zeros(1, len(shape.parts), dtype=torch.int64, device=device))
    return inputs


def _side(value: int | tuple[int, ...]) -> int:
    return value if isinstance(value, int) else value[0]
