"""The size of an image, height by width; where it is stored or typed, one whole number stands for a square."""

import math
import re
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

SMALLEST, LARGEST = 16, 128
"""Pixels of either side of the images that networks are trained on."""
SIZE = re.compile(r"(\d{1,6})(?:\s*[x\u00d7]\s*(\d{1,6}))?")
ALLOWED = f"pixels of a side from {SMALLEST} to {LARGEST}, or HEIGHTxWIDTH such as 64x48"


class Size(NamedTuple):
    """Height and width in pixels."""

    height: int
    width: int

    @classmethod
    def square(cls, side: int) -> "Size":
        """A square of that side."""
        return cls(side, side)

    @property
    def is_square(self) -> bool:
        """Whether height and width are equal."""
        return self.height == self.width

    @property
    def side(self) -> float:
        """The side in pixels of the square of the same area: its own side for a square."""
        return math.sqrt(self.height * self.width)

    def __str__(self) -> str:
        """`64x48`."""
        return f"{self.height}x{self.width}"


def crop_box(height: int, width: int, crop: int | None, size: Size) -> Size:
    """The part of an image, in its centre, that becomes an image of this size.

    A square of `crop` pixels, at most the short side; by default the largest part that has the shape of the size.
    """
    if crop is not None:
        return Size.square(min(height, width, crop))
    if width * size.height >= height * size.width:
        return Size(height, max(1, round(height * size.width / size.height)))
    return Size(max(1, round(width * size.height / size.width)), width)


def read_size(value: object) -> object:
    """A `Size` of `64`, `64x48` or (64, 48); a ValueError for anything else."""
    if isinstance(value, list | tuple) and len(value) == 2:
        value = "{}x{}".format(*value)
    found = SIZE.fullmatch(str(value).strip().lower())
    if found is None or isinstance(value, bool):
        raise ValueError(f"a size is {ALLOWED}")
    return Size(int(found[1]), int(found[2] or found[1]))


def stored_size(size: Size) -> int | str:
    """A square as its side, so that records of squares are as they always were; another shape as `64x48`."""
    return size.height if size.is_square else str(size)


def _trainable(value: object) -> object:
    size = read_size(value)
    assert isinstance(size, Size)
    if not SMALLEST <= min(size) <= max(size) <= LARGEST:
        raise ValueError(f"a size is {ALLOWED}")
    return size


StoredSize = Annotated[
    Size,
    BeforeValidator(read_size),
    PlainSerializer(stored_size),
    WithJsonSchema({"type": "string", "format": "size"}),
]
"""A size in a record."""
TrainableSize = Annotated[
    Size,
    BeforeValidator(_trainable),
    PlainSerializer(stored_size),
    WithJsonSchema({"type": "string", "format": "size", "minimum": SMALLEST, "maximum": LARGEST}),
]
"""A size that networks can be built for."""
