"""Duplicates and near-duplicates: which images must stay on one side of a split.

A perceptual key finds candidates, and a distance between thumbnails decides. A thumbnail is 16x16 values of brightness,
normalised to mean 0 and contrast 1. It is projected on sixteen random directions, each cut into steps of 1.5 standard
deviations, which makes a key of 64 bits (locality-sensitive hashing: Datar et al. 2004, doi 10.1145/997817.997857);
an image has four such keys. Two images are candidates when they share a key and differ in at most `STEPS_APART` of all
64 steps. They are near-duplicates when their thumbnails, all channels, differ by at most `NEAR` of their contrast and
their brightness by at most `NEAR_LEVELS` grey levels.

All sums are of whole numbers below 2^24 and so exact in float32 in any order: the result is equal on every machine.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ganvas.images import Pixels

SIDE = 16
TABLES = 4
DIRECTIONS = 16
STEP = 1.5
STEPS_APART = 8
NEAR = 0.1
NEAR_LEVELS = 12
CRITERION = f"16x16 thumbnails differ by at most {NEAR:g} of their contrast and {NEAR_LEVELS} grey levels of brightness"
# In a run of equal keys each image is compared with so many that follow it. All pairs of a long run would cost the
# square of its length, and a chain of neighbours joins the run as well.
FOLLOWING = 8
CANDIDATES_AT_ONCE = 2**16
PAIRS_AT_ONCE = 256


@dataclass(frozen=True)
class DuplicateGroups:
    """For each image the first one that it repeats."""

    exact: NDArray[np.int64]
    """(N,): the first image with the same decoded pixels; mostly the image itself."""
    near: NDArray[np.int64]
    """(N,): the first image of the same group of duplicates and near-duplicates; mostly the image itself."""


def find_duplicates(pixels: Pixels, digests: NDArray[np.uint64], keys: NDArray[np.uint64]) -> DuplicateGroups:
    """Groups among N images from their digests (N, 2) and perceptual keys (N, 4)."""
    _, first, inverse = np.unique(digests[:, 0], return_index=True, return_inverse=True)
    exact = first[inverse]
    distinct = np.flatnonzero(exact == np.arange(len(exact)))
    # The smallest index of each distinct image's group.
    root = np.arange(len(distinct))
    for table in range(keys.shape[1]):
        table_keys = keys[distinct, table]
        order = np.argsort(table_keys, kind="stable")
        table_keys = table_keys[order]
        for step in range(1, FOLLOWING + 1):
            linked = np.flatnonzero(table_keys[step:] == table_keys[:-step])
            if not len(linked):
                break
            root = _join_near(pixels, keys, distinct, order[linked], order[linked + step], root)
    near = exact.copy()
    near[distinct] = distinct[root]
    return DuplicateGroups(exact, near[exact])


def _join_near(
    pixels: Pixels,
    keys: NDArray[np.uint64],
    distinct: NDArray[np.int64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    root: NDArray[np.int64],
) -> NDArray[np.int64]:
    """`root` after the groups of near-duplicate pairs (first, second) are joined; reads a few pixels at a time."""
    for start in range(0, len(first), CANDIDATES_AT_ONCE):
        a, b = first[start : start + CANDIDATES_AT_ONCE], second[start : start + CANDIDATES_AT_ONCE]
        candidates = few_steps_apart(keys[distinct[a]], keys[distinct[b]]) & (root[a] != root[b])
        a, b = a[candidates], b[candidates]
        for at in range(0, len(a), PAIRS_AT_ONCE):
            left, right = a[at : at + PAIRS_AT_ONCE], b[at : at + PAIRS_AT_ONCE]
            is_near = are_near_duplicates(pixels[distinct[left]], pixels[distinct[right]])
            left, right = left[is_near], right[is_near]
            # Each root is hooked to the smallest root that it is paired with, until no pair has two roots.
            while (root[left] != root[right]).any():
                larger, smaller = np.maximum(root[left], root[right]), np.minimum(root[left], root[right])
                np.minimum.at(root, larger, smaller)
                while ((above := root[root]) != root).any():
                    root = above
    return root


@cache
def _directions() -> NDArray[np.float32]:
    """(256, 64) of -1 and 1, each column with as many of either, so that a mean drops out."""
    # From a hash: the same on every machine and in every numpy.
    words = hashlib.shake_256(b"directions").digest(8 * SIDE * SIDE * TABLES * DIRECTIONS)
    numbers = np.frombuffer(words, "<u8").reshape(SIDE * SIDE, -1)
    ranks = numbers.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return np.where(ranks < SIDE * SIDE // 2, -1, 1).astype(np.float32)


def thumbnails(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, H, W) uint8 -> (N, 256): the mean of each sixteenth by sixteenth, whole levels 0..255."""
    count, height, width = planes.shape
    if height % SIDE or width % SIDE:
        down, across = (_cover(side) for side in (height, width))
        sums = down @ (planes.astype(np.float32) @ across.T)  # (N, H, W) -> (N, 16, 16)
        means: NDArray[np.float32] = np.floor(sums / np.float32(height * width))
        return means.reshape(count, SIDE * SIDE)
    # Each cell is of whole pixels: adding slices takes a third of the time. Sums stay below 2^16.
    rows, columns = height // SIDE, width // SIDE
    bands = planes[:, ::rows].astype(np.uint16)
    for row in range(1, rows):
        bands += planes[:, row::rows]
    cells = bands[:, :, ::columns].copy()
    for column in range(1, columns):
        cells += bands[:, :, column::columns]
    return (cells // np.uint16(rows * columns)).astype(np.float32).reshape(count, SIDE * SIDE)


def _cover(side: int) -> NDArray[np.float32]:
    """(16, side): how much of each old pixel a new one covers, in sixteenths of a pixel; each row sums to `side`."""
    new, old = np.arange(SIDE)[:, None], np.arange(side)[None]
    shared = np.minimum((new + 1) * side, (old + 1) * SIDE) - np.maximum(new * side, old * SIDE)
    return np.asarray(np.clip(shared, 0, None), np.float32)


def brightness(pixels: Pixels) -> NDArray[np.uint8]:
    """(N, C, H, W) uint8 -> (N, H, W): grey as it is, RGB weighted 77, 150, 29; of RGBA the mean of that and alpha.

    So shapes of any one colour on nothing have contrast, black ones as well.
    """
    if pixels.shape[1] == 1:
        return pixels[:, 0]
    grey = pixels[:, 0] * np.uint16(77)
    grey += pixels[:, 1] * np.uint16(150)
    grey += pixels[:, 2] * np.uint16(29)
    grey >>= 8
    if pixels.shape[1] > 3:
        grey += pixels[:, 3]
        grey >>= 1
    return grey.astype(np.uint8)


def perceptual_keys(pixels: Pixels) -> NDArray[np.uint64]:
    """(N, C, H, W) uint8 -> (N, 4): near-duplicates most likely share one of the four."""
    thumbs = thumbnails(brightness(pixels))
    total, squares = thumbs.sum(axis=1), np.einsum("np,np->n", thumbs, thumbs)
    # 256 times the variance, exact in float64. A flat image has none; it is projected to 0.
    deviation = np.sqrt(np.maximum(squares - total.astype(np.float64) ** 2 / SIDE**2, 1))
    along = (thumbs @ _directions()) / deviation[:, None]  # (N, 64), of deviation one
    offsets = np.linspace(0, 1, TABLES * DIRECTIONS, endpoint=False)  # where the steps of each direction begin
    steps = np.clip(np.floor(along / STEP + offsets), -8, 7).astype(np.int8).view(np.uint8) & 15
    return np.ascontiguousarray(steps[:, 0::2] << 4 | steps[:, 1::2]).view(np.uint64).reshape(-1, TABLES)


def few_steps_apart(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Two (N, 4) of keys -> (N,): whether at most 8 of their 64 steps differ."""
    change = first ^ second
    change |= change >> np.uint64(2)
    change |= change >> np.uint64(1)
    change &= np.uint64(0x1111111111111111)  # a one for each step that differs
    change = (change & np.uint64(0x0F0F0F0F0F0F0F0F)) + (change >> np.uint64(4) & np.uint64(0x0F0F0F0F0F0F0F0F))
    counts = change * np.uint64(0x0101010101010101) >> np.uint64(56)
    apart: NDArray[np.bool_] = counts.sum(axis=1) <= STEPS_APART
    return apart


def are_near_duplicates(first: Pixels, second: Pixels) -> NDArray[np.bool_]:
    """Two (N, C, H, W) -> (N,): whether each image is a near-duplicate of its partner."""
    a, b = (
        thumbnails(pixels.reshape(-1, *pixels.shape[2:])).reshape(len(pixels), -1).astype(np.float64)
        for pixels in (first, second)
    )
    level_a, level_b = a.mean(axis=1, keepdims=True), b.mean(axis=1, keepdims=True)
    a, b = a - level_a, b - level_b
    apart = np.square(a - b).sum(axis=1)
    contrast = np.minimum(np.square(a).sum(axis=1), np.square(b).sum(axis=1))
    close: NDArray[np.bool_] = (apart <= NEAR**2 * contrast) & (np.abs(level_a - level_b)[:, 0] <= NEAR_LEVELS)
    return close
