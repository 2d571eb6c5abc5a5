"""Layers that are chosen by name, and what a network looks like from outside: its size and its receptive fields."""

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from ganvas.errors import UserError
from ganvas.networks.pair import Discriminator, Generator, Shape

Activation = Literal["leaky-relu", "gelu", "sigmoid"]
Normalisation = Literal["batch", "layer", "instance", "none"]


FEW_MAPS = 8
"""So few maps come out of `Doubling` that a transposed convolution wastes most of its work."""


class LayerReport(NamedTuple):
    """One convolution as it ran."""

    name: str
    receptive_field: int | None
    """Side in pixels of the square of input that one output value sees; None for a layer that enlarges."""
    output: tuple[int, ...]
    """(C, H, W)."""


class VectorBatchNorm(nn.BatchNorm1d):
    """BatchNorm1d on (N, F), which says in a sentence why it cannot train on one image at a time."""

    def forward(self, values: Tensor) -> Tensor:
        """See the class."""
        if self.training and len(values) == 1:
            raise UserError(
                "batch normalisation of a vector has nothing to average over in a batch of one image: "
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

    "layer" normalises each image over all its values, "instance" each map of each image over its pixels, "batch"
    each feature over the batch (and pixels). For maps, "batch" with one image in the batch is "instance" while
    training. A vector has no pixels: there "instance" takes the vector for one map, without a learned scale.
    """
    if name == "none":
        return nn.Identity()
    if dimensions == 2:
        if name == "batch":
            return nn.BatchNorm2d(features)
        # One group of all channels: layer normalisation at any image size.
        return nn.GroupNorm(1, features) if name == "layer" else nn.InstanceNorm2d(features, affine=True)
    if name == "batch":
        return VectorBatchNorm(features)
    return nn.LayerNorm(features, elementwise_affine=name == "layer")


class Upsample2x(nn.ConvTranspose2d):
    """Maps (N, before, H, W) -> (N, after, 2H, 2W), or one row and column more: a transposed convolution, but faster.

    A transposed convolution of side 4, stride 2 and padding 1 makes each output pixel of four inputs, chosen by whether
    its row and its column are even. So it is a 2x2 convolution with four sets of filters, shuffled into pixels
    (Shi et al. 2016, arXiv 1609.07009) and cropped by one: the same function, which runs as a plain convolution does.
    That is the faster way in bfloat16, and in any precision to a few maps; to many in float32, PyTorch's own is.
    """

    def __init__(self, before: int, after: int, extra: int = 0) -> None:
        super().__init__(before, after, 4, stride=2, padding=1, output_padding=extra)

    def reset_parameters(self) -> None:
        """As PyTorch draws a convolution's weights, for the four inputs that a pixel has; its own reckons with 16."""
        limit = 1 / math.sqrt(4 * self.in_channels)
        assert self.bias is not None
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -limit, limit)

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        """See the class."""
        low = maps.dtype == torch.bfloat16 or torch.is_autocast_enabled(maps.device.type)
        return self.shuffled(maps) if low or self.out_channels < FEW_MAPS else super().forward(maps, output_size)

    def shuffled(self, maps: Tensor) -> Tensor:
        """By a plain convolution."""
        assert self.bias is not None
        batch, before, height, width = maps.shape
        after, extra = self.out_channels, self.output_padding[0]
        # Filters set by set, so that the channels of a pixel stay side by side when they move: a tenth faster in all.
        sets = self.weight.reshape(before, after, 2, 2, 2, 2).flip(2, 4).permute(3, 5, 1, 0, 2, 4)
        places = F.conv2d(maps, sets.reshape(4 * after, before, 2, 2), self.bias.repeat(4), padding=1)
        places = places.permute(0, 2, 3, 1)  # (N, 4A, H + 1, W + 1) -> (N, H + 1, W + 1, 4A)
        places = places.reshape(batch, height + 1, width + 1, 2, 2, after).transpose(2, 3)
        fine = places.reshape(batch, 2 * height + 2, 2 * width + 2, after).permute(0, 3, 1, 2)
        inner = fine[:, :, 1 : 1 + 2 * height + extra, 1 : 1 + 2 * width + extra]
        # One copy into the layout that the next layer wants, in place of a crop that every later pass has to step over.
        return inner.contiguous(memory_format=torch.channels_last)


def blur_matrix(size: int) -> Tensor:
    """(S, S): a matrix B for which B @ maps @ B.T averages every place with its neighbours by 1, 2, 1 each way.

    The edge goes on outside. What changes sign from pixel to pixel, as the dots do that enlarging leaves behind,
    becomes nothing (Zhang 2019, arXiv 1904.11486). For one map of 28 px products take a tenth of a convolution's time.
    """
    near = torch.eye(size, device="cpu")  # on no device it would stay empty: no file fills it
    return 0.5 * near + 0.25 * (torch.cat([near[:1], near[:-1]]) + torch.cat([near[1:], near[-1:]]))


def flatten_channels_last(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H * W * C), pixel by pixel: free where maps lie channels last.

    In the other order the gradient comes back in another layout than the maps', which PyTorch handles 30 times slower.
    """
    return maps.permute(0, 2, 3, 1).flatten(1)


def unflatten_channels_last(values: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """(N, H * W * C) -> (N, C, H, W) of shape (C, H, W), lying channels last: what `flattened` undoes."""
    channels, height, width = shape
    return values.view(-1, height, width, channels).permute(0, 3, 1, 2)


class PatchDCT(nn.PixelUnshuffle):
    """Images (N, C, H, W) -> (N, C * P * P, H / P, W / P): how strong each cosine wave is in each patch of P x P.

    The discrete cosine transform (Ahmed, Natarajan & Rao 1974, doi 10.1109/T-C.1974.223784), wave (i, j) weakened to
    1 / (1 + i + j), and all scaled so that noise keeps its size. The layer behind it can do what it could do with the
    pixels, but learns first what is smooth over a patch, as images are: their amplitudes fall as one over the
    frequency (Field 1987, doi 10.1364/JOSAA.4.002379), and here once more.
    """

    basis: Tensor  # (P * P, P * P): the pixels of a wave in each row

    def __init__(self, patch: int) -> None:
        super().__init__(patch)
        place = torch.arange(patch, device="cpu")  # on no device it would stay empty: no file fills it
        waves = torch.cos(math.pi * (place + 0.5) * place[:, None] / patch)  # wave i in row i
        waves /= waves.square().sum(dim=1, keepdim=True).sqrt()
        strength = 1 / (1.0 + place[:, None] + place)
        strength /= strength.square().mean().sqrt()
        basis = torch.einsum("ij,ix,jy->ijxy", strength, waves, waves).flatten(2).flatten(0, 1)
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        batch, channels, height, width = images.shape
        patch = self.downscale_factor
        patches = images.reshape(batch, channels, height // patch, patch, width // patch, patch)
        patches = patches.permute(0, 2, 4, 1, 3, 5).reshape(-1, patch**2)  # pixels of one patch in a row
        strengths = F.linear(patches, self.basis).view(batch, height // patch, width // patch, -1)
        return strengths.permute(0, 3, 1, 2)

    def in_pixels(self, weight: Tensor) -> Tensor:
        """(O, C * P * P, h, w) weights of the layer behind it -> the same layer's on patches that are folded only."""
        waves = weight.reshape(len(weight), -1, len(self.basis), *weight.shape[2:])
        return torch.einsum("ocwhv,wp->ocphv", waves, self.basis.to(weight)).flatten(1, 2)


def spectral_norm(layer: nn.Module) -> nn.Module:
    """The layer with its weight divided by its largest singular value (Miyato et al. 2018, arXiv 1802.05957)."""
    return parametrizations.spectral_norm(layer)


def parameter_count(module: nn.Module) -> int:
    """How many numbers the module learns."""
    return sum(parameter.numel() for parameter in module.parameters())


def receptive_field(module: nn.Module, shape: Shape) -> list[LayerReport]:
    """Every convolution of a generator, a discriminator or a classifier, in the order in which they run.

    A receptive field is counted along that order, through convolutions, pooling and folding: it is exact for a chain of
    layers and for 1x1 side branches without stride. Fully connected layers and label paths are not looked at, and what
    normalisation over a whole image carries from afar is not counted.
    """
    seen: list[LayerReport] = []
    field, jump = 1, 1  # pixels that one value sees; pixels between two neighbouring values
    upsampled = False

    def look(name: str, layer: nn.Module, output: Tensor) -> None:
        nonlocal field, jump, upsampled
        if isinstance(layer, nn.ConvTranspose2d):
            upsampled = True
        elif isinstance(layer, nn.PixelUnshuffle):
            field += (layer.downscale_factor - 1) * jump
            jump *= layer.downscale_factor
        else:
            assert isinstance(layer, nn.Conv2d | nn.AvgPool2d | nn.MaxPool2d)
            dilation = _side(layer.dilation) if isinstance(layer, nn.Conv2d) else 1
            field += (_side(layer.kernel_size) - 1) * dilation * jump
            jump *= _side(layer.stride)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            seen.append(LayerReport(name, None if upsampled else field, tuple(output.shape[1:])))

    watched = (nn.Conv2d, nn.ConvTranspose2d, nn.PixelUnshuffle, nn.AvgPool2d, nn.MaxPool2d)
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
        inputs = [torch.zeros(1, *shape.image, device=device)]
    if shape.classes > 0 and isinstance(module, Generator | Discriminator):
        inputs.append(torch.zeros(1, dtype=torch.int64, device=device))
    return inputs


def _side(value: int | tuple[int, ...]) -> int:
    return value if isinstance(value, int) else value[0]
