"""When two images are nearly the same: a perceptual key that finds candidates, and the measure that decides.

An image is seen as a 16x16 thumbnail of its brightness with its mean taken away and its contrast set to one. Sixteen
random directions through that space, each cut into steps of one and a half standard deviations, make a key of 64 bits
(locality-sensitive hashing: Datar et al. 2004, doi 10.1145/997817.997857); four such keys are kept. Two images are
candidates when they share one of the four and differ in at most `STEPS_APART` of the 64 steps. They are near-duplicates
when their thumbnails, all channels, differ by at most `NEAR` of their contrast and their brightness by at most
`NEAR_LEVELS` grey levels.

All sums are of whole numbers below 2^24 and so exact in float32, whatever the order: every machine finds the same.
"""

import hashlib
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


@cache
def _cover(size: int) -> NDArray[np.float32]:
    """(16, size): how much of each old pixel a new one covers, in sixteenths of a pixel; each row sums to `size`."""
    new, old = np.arange(SIDE)[:, None], np.arange(size)[None]
    shared = np.minimum((new + 1) * size, (old + 1) * SIDE) - np.maximum(new * size, old * SIDE)
    return np.asarray(np.clip(shared, 0, None), np.float32)


@cache
def _directions() -> NDArray[np.float32]:
    """(256, 64) of -1 and 1, each column with as many of either, so that a mean drops out."""
    # From a hash: the same on every machine and in every numpy.
    words = hashlib.shake_256(b"directions").digest(8 * SIDE * SIDE * TABLES * DIRECTIONS)
    numbers = np.frombuffer(words, "<u8").reshape(SIDE * SIDE, -1)
    ranks = numbers.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return np.where(ranks < SIDE * SIDE // 2, -1, 1).astype(np.float32)


@cache
def _offsets() -> NDArray[np.float64]:
    """(64,): where the steps of each direction begin."""
    return np.linspace(0, 1, DIRECTIONS * TABLES, endpoint=False)


def thumbnails(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, H, W) uint8 -> (N, 256): the mean of each sixteenth by sixteenth, whole levels 0..255."""
    size = planes.shape[-1]
    if size % SIDE == 0:
        return _whole_means(planes).reshape(len(planes), SIDE * SIDE)
    cover = _cover(size)
    sums = cover @ (planes.astype(np.float32) @ cover.T)  # (N, H, W) -> (N, 16, 16)
    return np.floor(sums / np.float32(size * size)).reshape(len(planes), SIDE * SIDE)


def _whole_means(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`thumbnails` where each cell is of whole pixels, by a third of the work. Sums stay below 2^16."""
    count, step = len(planes), planes.shape[-1] // SIDE
    rows = planes.reshape(count, SIDE, step, -1)
    bands = rows[:, :, 0].astype(np.uint16)
    for row in range(1, step):
        bands += rows[:, :, row]
    columns = bands.reshape(count, SIDE, SIDE, step)
    sums = columns[..., 0].copy()
    for column in range(1, step):
        sums += columns[..., column]
    return (sums // np.uint16(step * step)).astype(np.float32)


def brightness(pixels: Pixels) -> NDArray[np.uint8]:
    """(N, C, H, W) uint8 -> (N, H, W): grey as it is, RGB weighted 77, 150, 29."""
    if pixels.shape[1] == 1:
        return pixels[:, 0]
    grey = pixels[:, 0] * np.uint16(77)
    grey += pixels[:, 1] * np.uint16(150)
    grey += pixels[:, 2] * np.uint16(29)
    return (grey >> 8).astype(np.uint8)


def perceptual_keys(pixels: Pixels) -> NDArray[np.uint64]:
    """(N, C, H, W) uint8 -> (N, 4): near-duplicates most likely share one of the four."""
    thumbs = thumbnails(brightness(pixels))
    total, squares = thumbs.sum(axis=1), np.einsum("np,np->n", thumbs, thumbs)
    # 256 times the variance, exact in float64; a flat image has none and keeps to the middle.
    deviation = np.sqrt(np.maximum(squares - total.astype(np.float64) ** 2 / SIDE**2, 1))
    along = (thumbs @ _directions()) / deviation[:, None]  # (N, 64), of deviation one
    steps = np.clip(np.floor(along / STEP + _offsets()), -8, 7).astype(np.int8).view(np.uint8) & 15
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
    """Two (N, C, H, W) -> (N,): whether each image nearly equals its partner."""
    a, b = _signature(first), _signature(second)
    level_a, level_b = a.mean(axis=1, keepdims=True), b.mean(axis=1, keepdims=True)
    a, b = a - level_a, b - level_b
    apart = np.square(a - b).sum(axis=1)
    contrast = np.minimum(np.square(a).sum(axis=1), np.square(b).sum(axis=1))
    close: NDArray[np.bool_] = (apart <= NEAR**2 * contrast) & (np.abs(level_a - level_b)[:, 0] <= NEAR_LEVELS)
    return close


def _signature(pixels: Pixels) -> NDArray[np.float64]:
    count, channels, height, width = pixels.shape
    return thumbnails(pixels.reshape(-1, height, width)).reshape(count, channels * SIDE * SIDE).astype(np.float64)
