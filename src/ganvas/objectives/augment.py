"""Augmentations: functions of a batch and of random draws, differentiable in the images."""

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_SHIFT_DIVISOR = 8
"""D sees images shifted by at most their shorter side divided by this."""


def translate(images: Tensor, shifts: Tensor) -> Tensor:
    """(N, C, H, W): each image shifted up and left by its own whole pixels, shifts (N, 2) int64; its edge is repeated.

    Differentiable augmentation (Zhao et al. 2020, arXiv 2006.10738): D sees real and generated images with the same
    distribution of shifts, so that it cannot memorise a small set, and G has no reason to shift its images. The paper's
    changes of colour and cut-out squares did more harm than good here (`docs/notebook.md`). Images are not rotated or
    mirrored, because that could change their class.
    """
    if images.device.type == "cuda":
        return translate_by_products(images, shifts)
    channels, height, width = images.shape[1:]
    # Indices beyond the image are clamped to its edge, which repeats the edge.
    rows = (torch.arange(height, device=shifts.device) + shifts[:, 0, None]).clamp(0, height - 1)  # (N, H)
    columns = (torch.arange(width, device=shifts.device) + shifts[:, 1, None]).clamp(0, width - 1)  # (N, W)
    index = (width * rows[:, :, None] + columns[:, None]).flatten(1)  # (N, H * W), into a flat image
    return images.flatten(2).gather(2, index[:, None].expand(-1, channels, -1)).view(images.shape)


def translate_by_products(images: Tensor, shifts: Tensor) -> Tensor:
    """The same as `translate`, exactly, by products with matrices of zeros and ones.

    On a GPU the gradient of `gather` adds in no fixed order, or slowly in a fixed one; that of a product is fast and
    always the same.
    """
    height, width = images.shape[2:]
    rows, columns = torch.arange(height, device=shifts.device), torch.arange(width, device=shifts.device)
    from_rows = (rows + shifts[:, 0, None]).clamp(0, height - 1)[:, :, None] == rows  # (N, H, H)
    from_columns = (columns + shifts[:, 1, None]).clamp(0, width - 1)[:, None] == columns[:, None]  # (N, W, W)
    with torch.autocast(images.device.type, enabled=False):  # bfloat16 would round the pixels
        return from_rows[:, None].to(images) @ images @ from_columns[:, None].to(images)


def random_translate(images: Tensor, max_shift: int, generator: torch.Generator) -> Tensor:
    """(N, C, H, W): each image shifted by up to `max_shift` whole pixels each way; its edge is repeated.

    As augmentation of a classifier it keeps the label wherever the class does not depend on the position.
    """
    # Drawn on the CPU, so that every device shifts the same image alike.
    draws = torch.randint(2 * max_shift + 1, (len(images), 2), generator=generator)
    return translate(images, draws.to(images.device) - max_shift)


def random_affine(
    images: Tensor,
    generator: torch.Generator,
    degrees: float = 10.0,
    scale: float = 0.1,
    shift: float = 1 / 14,
) -> Tensor:
    """(N, C, H, W): each image rotated, scaled and shifted a little; its edge is repeated outside.

    degrees: rotation by at most this either way. scale: smaller or larger by at most this share. shift: by at most this
    share of the side each way. All uniform. Images are not mirrored: a mirrored 2, or a left hand, is another class.
    """
    # Drawn on the CPU, so that every device warps the same image alike.
    draws = 2 * torch.rand((len(images), 4), generator=generator).to(images) - 1  # (N, 4) in [-1, 1]
    angle, size = draws[:, 0] * (degrees * torch.pi / 180), 1 + draws[:, 1] * scale
    cosine, sine = torch.cos(angle) / size, torch.sin(angle) / size
    offset = 2 * shift * draws[:, 2:]  # the side of the grid is 2, from -1 to 1
    rows = [torch.stack([cosine, -sine, offset[:, 0]], 1), torch.stack([sine, cosine, offset[:, 1]], 1)]  # 2 x (N, 3)
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)  # (N, H, W, 2)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
