"""The work of one process on some of the images: decode, crop, resize, write, hash."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganvas import alpha, images
from ganvas.data import duplicates
from ganvas.data.sources.contents import ImageFiles, Part, RawImages
from ganvas.images import Background, Pixels
from ganvas.levels import BYTES, WHOLE_RANGE, LevelMapping, LevelStats, scale_to_bytes
from ganvas.sizes import Size, crop_box

if TYPE_CHECKING:
    from PIL.Image import Image

HEADER_BYTES = 128  # of pixels.npy; a fixed length gives every row a fixed place
DIGEST_BYTES = 16


@dataclass(frozen=True)
class DecodePlan:
    """The shape of every prepared image, and the folder that it is written to."""

    folder: Path
    size: Size
    channels: int
    crop: int | None
    """Side of a square in pixels; None for the largest part of the shape of `size`."""
    background: Background
    mapping: LevelMapping = WHOLE_RANGE
    """Which stored levels become 0 and 255."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a prepared image."""
        return self.channels, *self.size

    def enlarges(self, height: int, width: int) -> bool:
        """Whether an image of this size is smaller than what it becomes."""
        box = crop_box(height, width, self.crop, self.size)
        return box.height < self.size.height or box.width < self.size.width

    @property
    def row_files(self) -> tuple[tuple[str, int, int], ...]:
        """The files with a row per image, as (name, bytes before the first row, bytes of a row)."""
        pixels = "pixels.npy", HEADER_BYTES, math.prod(self.shape)
        return pixels, ("digests", 0, DIGEST_BYTES), ("keys", 0, 8 * duplicates.TABLES)


@dataclass
class ImageStats:
    """Facts about image files as they were before preparation."""

    refused: list[tuple[int, str]] = field(default_factory=list)
    """(index, reason)."""
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(width, height) as used, upright."""
    modes: Counter[str] = field(default_factory=Counter)
    coloured: int = 0
    """Images that are not grey."""
    transparent: int = 0
    """Images whose ground is seen through a pixel of them."""
    animated: int = 0
    levels: LevelStats = field(default_factory=LevelStats)
    """The levels as stored."""

    def add(self, other: "ImageStats") -> None:
        """Counts the images of another chunk as well."""
        self.refused += other.refused
        self.sizes.update(other.sizes)
        self.modes.update(other.modes)
        self.coloured += other.coloured
        self.transparent += other.transparent
        self.animated += other.animated
        self.levels.update(other.levels)


def decode_chunk(task: tuple[DecodePlan, int, Part]) -> ImageStats:
    """Writes the rows of a part from row `first` on, for a task (plan, first, part).

    A refused image leaves an empty row, which is dropped later.
    """
    plan, first, part = task
    stats = ImageStats()
    if isinstance(part, RawImages):
        pixels = _from_raw(plan, part, stats)
    else:
        with images.silence_warnings():
            pixels = images.stack(_decoded(plan, first, part, stats), len(part), plan.size, plan.channels)
    levels, step = pixels.reshape(-1).data, math.prod(plan.shape)
    digests = b"".join(
        [blake2b(levels[at : at + step], digest_size=DIGEST_BYTES).digest() for at in range(0, len(levels), step)]
    )
    rows: list[bytes | memoryview] = [levels, digests, duplicates.perceptual_keys(pixels).tobytes()]
    for (name, offset, width), content in zip(plan.row_files, rows, strict=True):
        with (plan.folder / name).open("r+b", buffering=0) as file:  # other processes write other rows
            file.seek(offset + first * width)
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) :]  # an unbuffered write may be partial
    return stats


def _decoded(plan: DecodePlan, first: int, part: ImageFiles, stats: ImageStats) -> Iterator["Image | None"]:
    """Each image of a part, cropped and resized; None for one that is refused."""
    least_side = max(plan.size) if plan.crop is None else None  # a crop counts the file's own pixels
    for index in range(len(part)):
        try:
            data, measured = part.encoded(index), not stats.levels.is_complete(BYTES)
            decoded = images.decode_quietly(data, plan.background, least_side, plan.mapping, measured)
        except images.RefusedImageError as refusal:
            stats.refused.append((first + index, str(refusal)))
            yield None
            continue
        stats.sizes[decoded.size] += 1
        stats.modes[decoded.mode] += 1
        stats.animated += decoded.animated
        stats.coloured += decoded.is_coloured
        stats.transparent += decoded.is_transparent
        if decoded.levels is not None:
            stats.levels.add(decoded.full_range, *decoded.levels)
        yield images.crop_and_resize(images.in_channels(decoded.image, plan.channels), plan.crop, plan.size)


def _from_raw(plan: DecodePlan, part: RawImages, stats: ImageStats) -> Pixels:
    """(n, C, H, W) from images that are stored decoded in an array."""
    rows = part.rows()  # (n, H, W, C)
    count, height, width, channels = rows.shape
    stats.sizes[width, height] += count
    stats.modes[{1: "L", 3: "RGB", 4: "RGBA"}[channels]] += count
    stats.coloured += count if channels > 1 else 0
    stats.transparent += count_transparent(part)
    for row in rows:  # one by one: wide numbers take eight times the memory of bytes
        if part.full_range is not None and stats.levels.is_complete(part.full_range):
            break
        visible = row if channels < 4 else row[row[..., 3] > 0, :3]
        if visible.size:
            stats.levels.add(part.full_range, float(visible.min()), float(visible.max()))
    box = crop_box(height, width, plan.crop, plan.size)
    if box == plan.size and channels == plan.channels:
        top, left = (height - box.height) // 2, (width - box.width) // 2
        cut = rows[:, top : top + box.height, left : left + box.width].transpose(0, 3, 1, 2)
        whole = _as_bytes(plan, part, cut, axis=1)
        return np.ascontiguousarray(alpha.premultiply(whole) if channels == alpha.CHANNELS else whole)
    decoded = (images.from_pixels(_as_bytes(plan, part, row), plan.background) for row in rows)
    converted = (images.in_channels(image, plan.channels) for image in decoded)
    resized = (images.crop_and_resize(image, plan.crop, plan.size) for image in converted)
    return images.stack(resized, count, plan.size, plan.channels)


def count_transparent(part: RawImages) -> int:
    """How many images of a part have a pixel through which their ground is seen."""
    if part.shape[3:] != (alpha.CHANNELS,):
        return 0
    opacity = part.rows()[..., 3]
    if opacity.dtype != np.uint8:
        opacity = scale_to_bytes(opacity, part.full_range or WHOLE_RANGE.floats)
    return int((opacity.min(axis=(1, 2)) < alpha.TRANSPARENT_BELOW).sum())


def _as_bytes(plan: DecodePlan, part: RawImages, levels: NDArray[Any], axis: int = -1) -> Pixels:
    """Levels of a part -> uint8. The fourth channel along an axis, alpha, is not stretched."""
    if levels.dtype == np.uint8 and plan.mapping.stretch is None:
        return levels
    pixels = scale_to_bytes(levels, plan.mapping.ends(part.full_range))
    if part.shape[3:] == (4,):
        opacity = np.moveaxis(levels, axis, 0)[3]
        np.moveaxis(pixels, axis, 0)[3] = scale_to_bytes(opacity, part.full_range or plan.mapping.floats)
    return pixels
