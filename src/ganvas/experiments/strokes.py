"""What can be counted in light strokes on a dark ground, image by image: holes, and where strokes end."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ganvas.images import Pixels

Ink = NDArray[np.bool_]  # (N, H, W): where a stroke is
Counts = NDArray[np.int64]  # (N,)
Value = TypeVar("Value", bound=np.generic)
BRIGHT = 128
BESIDE = ((-1, 0), (0, 1), (1, 0), (0, -1))
AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # a full turn, from the one above


def ink(pixels: Pixels) -> Ink:
    """(N, C, H, W) uint8 -> (N, H, W): what is brighter than half."""
    return np.asarray(np.asarray(pixels).mean(axis=1) >= BRIGHT)


def loops(strokes: Ink) -> Counts:
    """(N,) holes: connected pixels of ground, beside or above each other, that are cut off from the frame."""
    ground = np.pad(~strokes, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    outside = np.zeros_like(ground)
    outside[:, 0, 0] = True
    holes = ground & ~flood(outside, ground)
    # Each pixel has a number. They spread until a hole has one, the greatest of its pixels, which are then counted.
    numbers = holes * np.arange(1, holes[0].size + 1, dtype=np.int32).reshape(holes[0].shape)
    return np.asarray((holes & (flood(numbers, holes) == numbers)).sum(axis=(1, 2)))


def ends(strokes: Ink) -> Counts:
    """(N,) ends of strokes: pixels of the skeleton with one neighbour."""
    thin = skeleton(strokes)
    around, _ = neighbour_pixels(thin)
    return np.asarray((thin & (around.sum(axis=0) == 1)).sum(axis=(1, 2)))


def flood(values: NDArray[Value], within: Ink) -> NDArray[Value]:
    """(N, H, W): the greatest value that can be reached from each pixel, by pixels `within` alone; 0 elsewhere."""
    while True:
        more = np.maximum.reduce([values, *(shifted(values, offset, 0) for offset in BESIDE)]) * within
        if np.array_equal(more, values):
            return values
        values = more


def skeleton(strokes: Ink) -> Ink:
    """Strokes thinned to their middle line (Zhang and Suen 1984, Communications of the ACM 27)."""
    thin = strokes.copy()
    while True:
        before = thin
        for first, second in (((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6))):
            around, turns = neighbour_pixels(thin)
            count = around.sum(axis=0)
            removed = (count >= 2) & (count <= 6) & (turns == 1)
            removed &= ~around[list(first)].all(axis=0) & ~around[list(second)].all(axis=0)
            thin = thin & ~removed
        if np.array_equal(thin, before):
            return thin


def neighbour_pixels(strokes: Ink) -> tuple[Ink, Counts]:
    """The eight pixels around each, (8, N, H, W), and how often ground turns to stroke on the way around, (N, H, W)."""
    around = np.stack([shifted(strokes, offset, False) for offset in AROUND])
    turns: Counts = (~around & np.roll(around, -1, axis=0)).sum(axis=0)
    return around, turns


def shifted(maps: NDArray[Value], offset: tuple[int, int], beyond: int) -> NDArray[Value]:
    """(N, H, W): at each pixel the value that lies so many rows and columns off, `beyond` outside."""
    _, height, width = maps.shape
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), constant_values=beyond)
    return padded[:, 1 + offset[0] : 1 + offset[0] + height, 1 + offset[1] : 1 + offset[1] + width]
