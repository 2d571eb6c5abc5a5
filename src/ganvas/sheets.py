"""Several images on one sheet, and small images made larger to look at."""

import numpy as np

from ganvas.alpha import on_chequers
from ganvas.images import Pixels


def grid(pixels: Pixels, columns: int, gap: int = 2, background: int = 255) -> Pixels:
    """(N, C, H, W) uint8 -> one image (C, H', W'), filled row by row, `gap` pixels between.

    Transparent images lie on a chequered ground.
    """
    pixels = on_chequers(pixels)
    count, channels, height, width = pixels.shape
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    shape = (channels, rows * (height + gap) + gap, columns * (width + gap) + gap)
    sheet = np.full(shape, background, np.uint8)
    for index, image in enumerate(pixels):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[:, top : top + height, left : left + width] = image
    return sheet


def enlarge(pixels: Pixels, least_side: int) -> Pixels:
    """(..., H, W) -> the same with each pixel repeated, by a whole factor that gives at least `least_side` columns."""
    factor = max(1, -(-least_side // pixels.shape[-1]))
    return pixels.repeat(factor, axis=-1).repeat(factor, axis=-2)
