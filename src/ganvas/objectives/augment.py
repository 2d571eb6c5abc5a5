"""Augmentations: functions of a batch and of a generator of randomness, differentiable in the images."""

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_SHIFT_DIVISOR = 8
"""D sees images moved by up to one part in so many of their side."""


def translate(images: Tensor, ways: Tensor) -> Tensor:
    """Each image (N, C, H, W) moved by its own whole pixels, ways (N, 2) int64 up and left; its edge goes on behind.

    Differentiable augmentation for D's eyes alone (Zhao et al. 2020, arXiv 2006.10738): D sees real and generated
    images moved in the same ways, so that it cannot learn a small set by heart, and G never learns to move them.
    Their changes of colour and their cut-out squares did more harm than good (`docs/notebook.md`). Nothing is turned or
    mirrored, which could make another class.
    """
    channels, height, width = images.shape[1:]
    rows = (torch.arange(height, device=ways.device) + ways[:, 0, None]).clamp(0, height - 1)  # (N, H)
    columns = (torch.arange(width, device=ways.device) + ways[:, 1, None]).clamp(0, width - 1)
    places = (width * rows[:, :, None] + columns[:, None]).flatten(1)  # (N, H * W)
    return images.flatten(2).gather(2, places[:, None].expand(-1, channels, -1)).view(images.shape)


def random_translate(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Moves each image (N, C, H, W) by up to `most` whole pixels each way; its edge goes on where it moved away.

    As a classifier's augmentation it keeps a label wherever a place does not matter.
    """
    # Drawn on the CPU, so that every device moves the same image by the same way.
    return translate(
        images, torch.randint(2 * most + 1, (len(images), 2), generator=generator).to(images.device) - most
    )


def random_affine(
    images: Tensor,
    generator: torch.Generator,
    degrees: float = 10.0,
    scale: float = 0.1,
    shift: float = 1 / 14,
) -> Tensor:
    """Turns, scales and shifts each image (N, C, H, W) a little, by an affine grid; its edge goes on outside.

    degrees: turned by up to so many either way. scale: made smaller or larger by up to this share. shift: by up to this
    share of a side each way. All drawn evenly. Nothing is mirrored: a mirrored 2, or a left hand, is another class.
    """
    # Drawn on the CPU, so that every device warps the same image in the same way.
    draws = 2 * torch.rand((len(images), 4), generator=generator).to(images) - 1  # (N, 4) in [-1, 1]
    angle, size = draws[:, 0] * (degrees * torch.pi / 180), 1 + draws[:, 1] * scale
    cosine, sine = torch.cos(angle) / size, torch.sin(angle) / size
    moved = 2 * shift * draws[:, 2:]  # the grid's side is 2
    rows = [torch.stack([cosine, -sine, moved[:, 0]], 1), torch.stack([sine, cosine, moved[:, 1]], 1)]  # 2 x (N, 3)
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)  # (N, H, W, 2)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
