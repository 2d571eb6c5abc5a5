"""Augmentations: functions of a batch and of a generator of randomness, differentiable in the pictures."""

import torch
import torch.nn.functional as F
from torch import Tensor

DRAWS = 7
"""Evenly drawn numbers that `adjusted` needs for a picture."""


def adjusted(images: Tensor, draws: Tensor) -> Tensor:
    """Another brightness, contrast and saturation, moved by up to an eighth, a square of half its side cut out.

    Differentiable augmentation for D's eyes alone (Zhao et al. 2020, arXiv 2006.10738): what D sees of real and of fake
    pictures is changed in the same ways, so that it cannot learn a small set by heart, and G never learns the changes.
    Nothing is turned or mirrored, which could make another class.

    images: (N, C, H, W) in [-1, 1]. draws: (N, DRAWS) in [0, 1). The gradient goes back to the pictures.
    """
    brightness, contrast, saturation, *places = draws.to(images)[:, :, None, None].unbind(1)
    images = images + (brightness - 0.5)[:, None]
    if images.shape[1] > 1:
        grey = images.mean(dim=1, keepdim=True)
        images = grey + (images - grey) * (2 * saturation)[:, None]
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = mean + (images - mean) * (0.5 + contrast)[:, None]
    for dimension, place in ((2, places[0]), (3, places[1])):
        side = images.shape[dimension]
        most = side // 8
        ways = (place.view(-1, 1) * (2 * most + 1)).floor() - most + torch.arange(side, device=images.device)
        index = ways.clamp(0, side - 1).long()  # (N, side): its edge goes on where a picture moved away
        index = index[:, None, :, None] if dimension == 2 else index[:, None, None, :]
        images = images.gather(dimension, index.expand_as(images))
    return images * ~(_square(images, places[2], 2) & _square(images, places[3], 3))


def _square(images: Tensor, place: Tensor, dimension: int) -> Tensor:
    """Where a square of half a side around a place lies along one dimension: (N, 1, H, 1) or (N, 1, 1, W) bool."""
    side = images.shape[dimension]
    apart = torch.arange(side, device=images.device) + 0.5 - place.view(-1, 1) * side  # (N, side)
    inside = apart.abs() < side / 4
    return inside[:, None, :, None] if dimension == 2 else inside[:, None, None, :]


def translate(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Moves each picture (N, C, H, W) by up to `most` whole pixels each way; its edge goes on where it moved away.

    As a classifier's augmentation it keeps a label wherever a place does not matter.
    """
    count, channels, height, width = images.shape
    padded = F.pad(images, (most,) * 4, mode="replicate")
    # Drawn on the CPU, so that every device moves the same picture by the same way.
    ways = torch.randint(2 * most + 1, (count, 2), generator=generator).to(images.device)
    rows = (ways[:, 0, None] + torch.arange(height, device=images.device))[:, None, :, None]
    columns = (ways[:, 1, None] + torch.arange(width, device=images.device))[:, None, None, :]
    picture = torch.arange(count, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[None, :, None, None]
    return padded[picture, channel, rows, columns]


def warp(
    images: Tensor,
    generator: torch.Generator,
    degrees: float = 10.0,
    scale: float = 0.1,
    shift: float = 1 / 14,
) -> Tensor:
    """Turns, scales and shifts each picture (N, C, H, W) a little, by an affine grid; its edge goes on outside.

    degrees: turned by up to so many either way. scale: made smaller or larger by up to this share. shift: by up to this
    share of a side each way. All drawn evenly. Nothing is mirrored: a mirrored 2, or a left hand, is another class.
    """
    # Drawn on the CPU, so that every device warps the same picture in the same way.
    draws = 2 * torch.rand((len(images), 4), generator=generator).to(images) - 1  # (N, 4) in [-1, 1]
    angle, size = draws[:, 0] * (degrees * torch.pi / 180), 1 + draws[:, 1] * scale
    cosine, sine = torch.cos(angle) / size, torch.sin(angle) / size
    moved = 2 * shift * draws[:, 2:]  # the grid's side is 2
    rows = [torch.stack([cosine, -sine, moved[:, 0]], 1), torch.stack([sine, cosine, moved[:, 1]], 1)]  # 2 x (N, 3)
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)  # (N, H, W, 2)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
