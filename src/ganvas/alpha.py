"""Transparency. Images of four channels are RGBA, and inside ganvas their colour is premultiplied by alpha.

Premultiplied colour is what a pixel adds to its ground (Porter & Duff 1984, doi 10.1145/800031.808606): 0 where nothing
is seen, so that no hidden colour is learned or compared. Files hold colour as it is. In between nothing is lost:
`premultiply` of `straighten` gives the same levels.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Levels = NDArray[np.uint8]  # (..., C, H, W)
CHANNELS = 4
TRANSPARENT_BELOW = 128
"""An image is transparent where a pixel of it has less alpha: half of its ground is seen."""
CHEQUERS = 4  # pixels: the side of a square of the ground that shows transparency
LIGHT, DARK = 255, 204


def premultiply(pixels: Levels) -> Levels:
    """(..., C, H, W) as in files -> of four channels the same with colour times alpha, rounded. Others as they are."""
    if pixels.shape[-3] != CHANNELS:
        return pixels
    colour, opacity = pixels[..., :3, :, :], pixels[..., 3:, :, :]
    return np.concatenate([_times(colour, opacity), opacity], axis=-3)


def straighten(pixels: Levels) -> Levels:
    """(..., C, H, W) premultiplied -> as in files: colour over alpha, rounded; 0 where alpha is. Others as they are."""
    if pixels.shape[-3] != CHANNELS:
        return pixels
    colour, opacity = pixels[..., :3, :, :].astype(np.uint16), pixels[..., 3:, :, :]
    divisor = np.maximum(opacity, 1).astype(np.uint16)
    straight = np.minimum((colour * np.uint16(255) + divisor // np.uint16(2)) // divisor, 255).astype(np.uint8)
    return np.concatenate([straight * (opacity > 0), opacity], axis=-3)


def bounded(pixels: Levels) -> Levels:
    """(..., C, H, W), of four channels with colour no more than alpha: a pixel cannot add more than it covers."""
    if pixels.shape[-3] != CHANNELS:
        return pixels
    opacity = pixels[..., 3:, :, :]
    return np.concatenate([np.minimum(pixels[..., :3, :, :], opacity), opacity], axis=-3)


def on_ground(pixels: Levels, ground: Levels | int) -> Levels:
    """(..., 4, H, W) premultiplied, on a ground of this grey level or of levels (H, W) -> (..., 3, H, W)."""
    hidden = _times(np.asarray(ground, np.uint8), 255 - pixels[..., 3:, :, :])
    seen = pixels[..., :3, :, :].astype(np.uint16) + hidden
    return np.asarray(np.minimum(seen, 255), np.uint8)


def on_grounds(pixels: Levels) -> tuple[Levels, ...]:
    """(N, 4, H, W) on black and on white, each (N, 3, H, W); images without alpha alone, as they are."""
    if pixels.shape[-3] != CHANNELS:
        return (pixels,)
    return on_ground(pixels, 0), on_ground(pixels, 255)


def on_chequers(pixels: Levels) -> Levels:
    """(..., 4, H, W) on grey and white squares, (..., 3, H, W), to look at; images without alpha as they are."""
    if pixels.shape[-3] != CHANNELS:
        return pixels
    rows, columns = (np.arange(side) // CHEQUERS for side in pixels.shape[-2:])
    return on_ground(pixels, np.where((rows[:, None] + columns) % 2, DARK, LIGHT).astype(np.uint8))


def both_grounds(images: "Tensor") -> "Tensor":
    """(N, 4, H, W) premultiplied in [-1, 1] -> (N, 6, H, W): its colours on black, then on white; others unchanged."""
    from torch import cat

    if images.shape[1] != CHANNELS:
        return images
    colour, opacity = images[:, :3], images[:, 3:]
    return cat([colour, colour - opacity + 1], 1)


def seen_channels(channels: int) -> int:
    """How many channels `both_grounds` gives for images of so many."""
    return 6 if channels == CHANNELS else channels


def _times(first: Levels, second: Levels) -> Levels:
    """The product of two shares of 255, rounded."""
    return ((first.astype(np.uint32) * second + 127) // 255).astype(np.uint8)
