"""The picture convention: float32 NCHW in [-1, 1] inside, uint8 in 0..255 at the borders.

A picture crosses the float border twice, both times in this file.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Pixels = NDArray[np.uint8]  # (N, C, H, W), C = 1 (grey) or 3 (RGB)


def from_uint8(pixels: "Tensor") -> "Tensor":
    """(N, C, H, W) uint8 in 0..255 -> float32 in [-1, 1]."""
    return pixels.float().div_(127.5).sub_(1)


def to_uint8(images: "Tensor") -> "Tensor":
    """(N, C, H, W) float in [-1, 1] -> uint8 in 0..255, rounded; what lies outside is clipped."""
    import torch

    return images.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def grid(pixels: Pixels, columns: int, gap: int = 2, background: int = 255) -> Pixels:
    """(N, C, H, W) uint8 -> one picture (C, H', W'), filled row by row, `gap` pixels between."""
    count, channels, height, width = pixels.shape
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    sheet = np.full(
        (channels, rows * (height + gap) + gap, columns * (width + gap) + gap),
        background,
        np.uint8,
    )
    for index, picture in enumerate(pixels):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[:, top : top + height, left : left + width] = picture
    return sheet


def enlarge(pixels: Pixels, least_side: int) -> Pixels:
    """Repeats pixels by a whole factor so that a small picture (..., H, W) is at least `least_side` wide."""
    factor = max(1, -(-least_side // pixels.shape[-1]))
    return pixels.repeat(factor, axis=-1).repeat(factor, axis=-2)


def save_png(picture: Pixels, path: Path) -> None:
    """Writes one picture (C, H, W) uint8 as PNG, whole or not at all."""
    from PIL import Image

    channels_last = np.ascontiguousarray(picture[0] if picture.shape[0] == 1 else picture.transpose(1, 2, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    Image.fromarray(channels_last).save(unfinished, format="PNG")
    unfinished.replace(path)
