"""The layers that the networks are built from, and the sizes of their maps."""

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from ganvas.errors import UserError
from ganvas.sizes import Size

Activation = Literal["leaky-relu", "gelu", "sigmoid"]
Normalisation = Literal["batch", "layer", "instance", "none"]

SMALLEST_MAP = 8
"""Maps are halved until their longer side is at most this, in pixels."""
FEW_CHANNELS = 8
"""Below so many output channels a transposed convolution of PyTorch wastes most of its work: see `Upsample2x`."""


class Level(NamedTuple):
    """The maps of one resolution: (N, channels, *size)."""

    channels: int
    size: Size

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (self.channels, *self.size)

    @property
    def values(self) -> int:
        """How many numbers the maps of one image hold."""
        return self.channels * self.size.height * self.size.width

    def extra(self, below: "Level") -> tuple[int, int]:
        """Rows and columns, 0 or 1 each, that twice the size of the level below lacks: halving rounds down."""
        return self.size.height - 2 * below.size.height, self.size.width - 2 * below.size.width


def pyramid(size: Size, width: int, channels: int) -> list[Level]:
    """The levels from the image (channels, size) down to the smallest map: a discriminator's; reversed, a generator's.

    Sides halve, rounded down, until both are at most 8 px: 28x28 -> 14x14, 7x7; 64x48 -> 32x24, 16x12, 8x6. Channels
    start at `width` below the image and double, so that a layer between two levels costs the same arithmetic at any
    depth.
    """
    levels = [Level(channels, size)]
    while max(last := levels[-1].size) > SMALLEST_MAP:
        levels.append(Level(width << (len(levels) - 1), Size(last.height // 2, last.width // 2)))
    return levels


def activation(name: Activation, slope: float) -> nn.Module:
    """The nonlinearity of that name. `slope` is that of LeakyReLU below zero; the others do not use it."""
    if name == "leaky-relu":
        return nn.LeakyReLU(slope)
    return nn.GELU() if name == "gelu" else nn.Sigmoid()


class VectorBatchNorm(nn.BatchNorm1d):
    """BatchNorm1d on (N, F), with an error message for a person where the batch is a single vector."""

    def forward(self, values: Tensor) -> Tensor:
        """(N, F) -> (N, F)."""
        if self.training and len(values) == 1:
            raise UserError(
                "batch normalisation of a vector has nothing to average over in a batch of one image: "
                "take a batch of 2 or more, or layer normalisation"
            )
        return super().forward(values)


def normalisation(name: Normalisation, features: int, dimensions: Literal[1, 2]) -> nn.Module:
    """A layer that normalises vectors (N, features) or, with 2 dimensions, maps (N, features, H, W).

    "layer" normalises each image over all its values, "instance" each map of each image over its pixels, "batch"
    each feature over the batch (and pixels). For maps, "batch" with one image in the batch equals "instance" while
    training. A vector has no pixels: there "instance" takes the vector for one map, without a learned scale.
    """
    if name == "none":
        return nn.Identity()
    if dimensions == 2:
        if name == "batch":
            return nn.BatchNorm2d(features)
        # One group of all channels is layer normalisation that does not fix the side of the map, as LayerNorm would.
        return nn.GroupNorm(1, features) if name == "layer" else nn.InstanceNorm2d(features, affine=True)
    if name == "batch":
        return VectorBatchNorm(features)
    return nn.LayerNorm(features, elementwise_affine=name == "layer")


def spectral_norm(layer: nn.Module) -> nn.Module:
    """The layer with its weight divided by its largest singular value (Miyato et al. 2018, arXiv 1802.05957)."""
    return parametrizations.spectral_norm(layer)


class Upsample2x(nn.ConvTranspose2d):
    """(N, before, H, W) -> (N, after, 2H + extra, 2W + extra): a transposed convolution, faster than PyTorch's.

    `extra` is 0 or 1; as a pair, of rows and of columns.

    A transposed convolution with a 4x4 kernel, stride 2 and padding 1 computes each output pixel from 2x2 input pixels;
    which 4 of the 16 weights it uses depends on whether its row and its column are even. So the layer equals a 2x2
    convolution with four sets of filters, whose outputs are interleaved into pixels (sub-pixel convolution, Shi et al.
    2016, arXiv 1609.05158; equivalence in arXiv 1609.07009) and cropped by one pixel. The plain convolution is faster
    in bfloat16, and in any precision for few output channels; in float32 for many, PyTorch's own layer is faster.
    """

    def __init__(self, before: int, after: int, extra: int | tuple[int, int] = 0) -> None:
        super().__init__(before, after, 4, stride=2, padding=1, output_padding=extra)

    def reset_parameters(self) -> None:
        """Draws weights uniform in ±1/√inputs, PyTorch's rule for convolutions, for the inputs that a pixel really has.

        They are 4 per input channel. For this layer PyTorch itself counts 16 per output channel.
        """
        limit = 1 / math.sqrt(4 * self.in_channels)
        assert self.bias is not None
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -limit, limit)

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Maps of twice the side, by the faster of the two ways."""
        low_precision = maps.dtype == torch.bfloat16 or torch.is_autocast_enabled(maps.device.type)
        if low_precision or self.out_channels < FEW_CHANNELS:
            return self.as_convolution(maps)
        return super().forward(maps, output_size)

    def as_convolution(self, maps: Tensor) -> Tensor:
        """The same maps, computed by a plain 2x2 convolution and interleaving."""
        assert self.bias is not None
        batch, before, height, width = maps.shape
        after, (extra_rows, extra_columns) = self.out_channels, self.output_padding
        # The transposed kernel runs backwards, hence the flip. Filters are ordered by (row parity, column parity,
        # channel), so that the channels of one pixel stay side by side when they are interleaved: 10 % faster overall.
        filters = self.weight.reshape(before, after, 2, 2, 2, 2).flip(2, 4).permute(3, 5, 1, 0, 2, 4)
        filters = filters.reshape(4 * after, before, 2, 2)
        phases = F.conv2d(maps, filters, self.bias.repeat(4), padding=1)  # (N, before, H, W) -> (N, 4A, H + 1, W + 1)
        phases = phases.permute(0, 2, 3, 1)  # -> (N, H + 1, W + 1, 4A)
        phases = phases.reshape(batch, height + 1, width + 1, 2, 2, after).transpose(2, 3)
        pixels = phases.reshape(batch, 2 * height + 2, 2 * width + 2, after).permute(0, 3, 1, 2)
        cropped = pixels[:, :, 1 : 1 + 2 * height + extra_rows, 1 : 1 + 2 * width + extra_columns]
        # One copy into the layout that the next layer wants; a view would make every later layer skip over the crop.
        return cropped.contiguous(memory_format=torch.channels_last)


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
        # With one head as a dimension of its own, (N, 1, H * W, inner): ONNX has no other form of it.
        query, key, value = self.query_key_value(tokens).unsqueeze(1).chunk(3, dim=3)
        attended: Tensor = self.output(F.scaled_dot_product_attention(query, key, value).squeeze(1))
        return maps + attended.transpose(1, 2).reshape(maps.shape)


class HalfResolution(nn.Module):
    """The layer that stands for two others as long as a network works at half the resolution.

    Whether it still does is part of the network's state: one that is read from disk goes on as it was.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.in_use = layer, True

    def get_extra_state(self) -> Tensor:
        """(): 1 while the layer is in use."""
        return torch.tensor(int(self.in_use), device="cpu")  # on the CPU for the reason given in `blur_matrix`

    def set_extra_state(self, state: Tensor) -> None:
        """The inverse."""
        self.in_use = bool(state)


def linear_gain(activation: nn.Module) -> float:
    """g for which activation(x) - activation(-x) = g x: how two layers of opposite signs pass a value through."""
    one = torch.ones((), device="cpu")
    return float(activation(one) - activation(-one))


def blur_matrix(side: int) -> Tensor:
    """(S, S): a matrix B for which B @ maps is the maps of height S blurred down with the kernel [1, 2, 1] / 4.

    maps @ B.T, of width S, are blurred across.

    The pixels at the edge are repeated outside. The kernel is zero at the highest frequency, so that it removes the
    checkerboard that upsampling leaves behind (Zhang 2019, arXiv 1904.11486). Two matrix products for one channel of
    28 px take a tenth of the time of the convolution.
    """
    # On the CPU even inside `torch.device("meta")`: the buffer is not saved, so that no file would fill it later.
    identity = torch.eye(side, device="cpu")
    return 0.5 * identity + 0.25 * (torch.cat([identity[:1], identity[:-1]]) + torch.cat([identity[1:], identity[-1:]]))


def flatten_channels_last(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H * W * C), pixel by pixel: no copy where maps lie channels last.

    In the order (C, H, W) the gradient comes back in another layout than the maps', which PyTorch handles 30 times
    slower.
    """
    return maps.permute(0, 2, 3, 1).flatten(1)


def unflatten_channels_last(values: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """(N, H * W * C) -> (N, C, H, W) of shape (C, H, W), channels last: the inverse of `flatten_channels_last`."""
    channels, height, width = shape
    return values.view(-1, height, width, channels).permute(0, 3, 1, 2)


class PatchDCT(nn.PixelUnshuffle):
    """Images (N, C, H, W) -> (N, C * P * P, H / P, W / P): the cosine transform of each patch of P x P pixels.

    The discrete cosine transform (Ahmed, Natarajan & Rao 1974, doi 10.1109/T-C.1974.223784) with coefficient (i, j)
    multiplied by 1 / (1 + i + j), and all of them by one factor that keeps the variance of white noise. The map is
    invertible, so that the layer behind it can compute what it could from pixels; but its gradient is largest in the
    low frequencies, which it therefore learns first. Images have most of their energy there: their amplitudes fall as
    one over the frequency (Field 1987, doi 10.1364/JOSAA.4.002379).
    """

    basis: Tensor  # (P * P, P * P): row (i, j) holds the pixels of that cosine

    def __init__(self, patch: int) -> None:
        super().__init__(patch)
        index = torch.arange(patch, device="cpu")  # on the CPU for the reason given in `blur_matrix`
        cosines = torch.cos(math.pi * (index + 0.5) * index[:, None] / patch)  # (frequency, pixel)
        cosines /= cosines.square().sum(dim=1, keepdim=True).sqrt()
        gain = 1 / (1.0 + index[:, None] + index)  # (i, j)
        gain /= gain.square().mean().sqrt()
        basis = torch.einsum("ij,ix,jy->ijxy", gain, cosines, cosines).flatten(2).flatten(0, 1)
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Coefficients (N, C * P * P, H / P, W / P), channels last."""
        batch, channels, height, width = images.shape
        patch = self.downscale_factor
        patches = images.reshape(batch, channels, height // patch, patch, width // patch, patch)
        patches = patches.permute(0, 2, 4, 1, 3, 5).reshape(-1, patch**2)  # one patch of one channel in a row
        coefficients = F.linear(patches, self.basis).view(batch, height // patch, width // patch, -1)
        return coefficients.permute(0, 3, 1, 2)

    def in_pixels(self, weight: Tensor) -> Tensor:
        """(O, C * P * P, h, w): the weight that computes from `PixelUnshuffle` what `weight` computes from this."""
        by_cosine = weight.reshape(len(weight), -1, len(self.basis), *weight.shape[2:])
        return torch.einsum("ocwhv,wp->ocphv", by_cosine, self.basis.to(weight)).flatten(1, 2)
