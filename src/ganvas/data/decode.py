"""What one process does with some of the images: decode, square, write, hash."""

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ganvas import images
from ganvas.data import near_duplicates
from ganvas.data.sources.contents import EncodedImages, ImageFiles, Part, RawImages
from ganvas.images import Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

HEADER = 128  # bytes of every .npy file that preparing writes, so that its rows lie where they can be reckoned
DIGEST_BYTES = 16
KEY_BYTES = 8 * near_duplicates.TABLES


@dataclass(frozen=True)
class DecodePlan:
    """What every image is made into, and where it goes."""

    folder: Path
    size: int
    channels: int
    crop: int | None
    """Pixels; None for the short side."""
    background: Literal["white", "black"]

    @property
    def row_bytes(self) -> int:
        """Bytes of one prepared image."""
        return self.channels * self.size * self.size


@dataclass
class ImageStats:
    """What was met in some images."""

    refused: list[tuple[int, str]] = field(default_factory=list)
    """(index, reason)."""
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(width, height) as used, upright."""
    modes: Counter[str] = field(default_factory=Counter)
    coloured: int = 0
    """Images that are not grey."""
    animated: int = 0

    def add(self, other: "ImageStats") -> None:
        """Counts what another chunk met as well."""
        self.refused += other.refused
        self.sizes.update(other.sizes)
        self.modes.update(other.modes)
        self.coloured += other.coloured
        self.animated += other.animated


def decode_chunk(plan: DecodePlan, first: int, part: Part) -> ImageStats:
    """Writes rows `first` and on of the pixels, digests and keys; a refused image leaves its row to be dropped."""
    met = ImageStats()
    pixels = _raw(plan, part, met) if isinstance(part, RawImages) else _encoded(plan, first, part, met)
    rows = pixels.reshape(-1).data
    step = plan.row_bytes
    digests = b"".join(
        [blake2b(rows[at : at + step], digest_size=DIGEST_BYTES).digest() for at in range(0, len(rows), step)]
    )
    _write(plan.folder / "pixels.npy", HEADER + first * step, rows)
    _write(plan.folder / "digests", first * DIGEST_BYTES, digests)
    _write(plan.folder / "keys", first * KEY_BYTES, near_duplicates.perceptual_keys(pixels).tobytes())
    return met


def _encoded(plan: DecodePlan, first: int, part: ImageFiles | EncodedImages, met: ImageStats) -> Pixels:
    """(n, C, H, W) from images in files' formats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return images.stack(_squares(plan, first, part, met), len(part), plan.size, plan.channels)


def _squares(
    plan: DecodePlan, first: int, part: ImageFiles | EncodedImages, met: ImageStats
) -> Iterator["Image | None"]:
    mode = "L" if plan.channels == 1 else "RGB"
    least_side = plan.size if plan.crop is None else None  # a crop counts the file's own pixels
    for index in range(len(part)):
        try:
            decoded = images.decode_quietly(part.encoded(index), plan.background, least_side)
        except images.RefusedImageError as refusal:
            met.refused.append((first + index, str(refusal)))
            yield None
            continue
        image = decoded.image
        met.sizes[decoded.size] += 1
        met.modes[decoded.mode] += 1
        met.animated += decoded.animated
        met.coloured += image.mode != "L"
        if image.mode != mode:
            image = image.convert(mode)
        yield images.crop_and_resize(image, plan.crop, plan.size)


def _raw(plan: DecodePlan, part: RawImages, met: ImageStats) -> Pixels:
    """(n, C, H, W) from images that lie decoded in an array."""
    rows = part.rows()  # (n, H, W, C)
    count, height, width, channels = rows.shape
    met.sizes[width, height] += count
    met.modes[{1: "L", 3: "RGB", 4: "RGBA"}[channels]] += count
    met.coloured += count if channels > 1 else 0
    side = min(height, width, plan.crop or width)
    if side == plan.size and channels == plan.channels:
        top, left = (height - side) // 2, (width - side) // 2
        cut = rows[:, top : top + side, left : left + side]
        return np.ascontiguousarray(cut.transpose(0, 3, 1, 2))
    mode = "L" if plan.channels == 1 else "RGB"
    converted = (images.from_pixels(row, plan.background).convert(mode) for row in rows)
    squares = (images.crop_and_resize(image, plan.crop, plan.size) for image in converted)
    return images.stack(squares, count, plan.size, plan.channels)


def _write(path: Path, offset: int, data: bytes | memoryview) -> None:
    with path.open("r+b", buffering=0) as file:
        file.seek(offset)
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
