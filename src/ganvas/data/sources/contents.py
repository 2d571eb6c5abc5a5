"""What a source holds, before anything is decoded."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ganvas.errors import UserError
from ganvas.images import MAX_BYTES, RefusedImageError

FIRST_READ = 2**16
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would translate line ends


@dataclass(frozen=True)
class ImageFiles:
    """Encoded images, one a file."""

    root: Path
    names: list[str]
    """Paths below the root, with `/` between."""

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        """What a report calls an image."""
        return self.names[index]

    def part(self, start: int, stop: int) -> "ImageFiles":
        """Some of the images, small enough to send to another process."""
        return ImageFiles(self.root, self.names[start:stop])

    def encoded(self, index: int) -> bytes:
        """The bytes of an image, or `RefusedImageError`."""
        # Small files by the tens of thousands: a path as text and bare system calls cost half of what pathlib does.
        try:
            handle = os.open(f"{self.root}/{self.names[index]}", os.O_RDONLY | _BINARY)
            try:
                data = os.read(handle, FIRST_READ)
                if len(data) == FIRST_READ:
                    with os.fdopen(os.dup(handle), "rb") as rest:
                        data += rest.read(MAX_BYTES + 1 - FIRST_READ)
            finally:
                os.close(handle)
        except (OSError, ValueError) as error:  # a ValueError where a name holds a zero byte
            raise RefusedImageError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
        if len(data) > MAX_BYTES:
            raise RefusedImageError(f"more than {MAX_BYTES // 2**20} MiB")
        return data


@dataclass(frozen=True)
class EncodedImages:
    """Encoded images, one after another in one file."""

    path: Path
    offsets: NDArray[np.int64]
    """(N + 1,): image i lies in offsets[i]..offsets[i + 1]."""
    title: str
    first: int = 0

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def name(self, index: int) -> str:
        """What a report calls an image."""
        return f"{self.title}[{self.first + index}]"

    def part(self, start: int, stop: int) -> "EncodedImages":
        """Some of the images, small enough to send to another process."""
        return replace(self, offsets=self.offsets[start : stop + 1], first=self.first + start)

    def encoded(self, index: int) -> bytes:
        """The bytes of an image, or `RefusedImageError`."""
        start, stop = int(self.offsets[index]), int(self.offsets[index + 1])
        if stop - start > MAX_BYTES:
            raise RefusedImageError(f"more than {MAX_BYTES // 2**20} MiB")
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)


@dataclass(frozen=True)
class RawImages:
    """Decoded images of one size in a file: uint8 (N, H, W) or (N, H, W, C), C = 1, 3 or 4 (alpha last)."""

    path: Path
    offset: int
    shape: tuple[int, ...]
    title: str
    order: Literal["C", "F"] = "C"
    start: int = 0
    stop: int | None = None
    """Rows start..stop of the file; to its end where there is no stop."""

    def __len__(self) -> int:
        return (self.shape[0] if self.stop is None else self.stop) - self.start

    @property
    def channels(self) -> int:
        """1, 3 or 4."""
        return self.shape[3] if len(self.shape) == 4 else 1

    def name(self, index: int) -> str:
        """What a report calls an image."""
        return f"{self.title}[{self.start + index}]"

    def part(self, start: int, stop: int) -> "RawImages":
        """Some of the images, small enough to send to another process."""
        return replace(self, start=self.start + start, stop=self.start + stop)

    def rows(self) -> NDArray[np.uint8]:
        """(n, H, W, C), read by memory map."""
        whole = np.memmap(self.path, np.uint8, "r", self.offset, self.shape, self.order)
        return np.asarray(whole[self.start : self.stop]).reshape(len(self), *self.shape[1:3], self.channels)


Part = ImageFiles | EncodedImages | RawImages


@dataclass(frozen=True)
class SourceContents:
    """Images in parts, with their labels."""

    layout: str
    """How the source lies, in words: `a folder per class`."""
    parts: tuple[Part, ...]
    classes: tuple[str, ...] = ()
    """Class names in order; empty for a set without labels."""
    labels: NDArray[np.int64] | None = None
    """(N,) over all parts in order."""
    held_out: NDArray[np.bool_] | None = None
    """(N,): the set's own held-out part, where it has one."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(name, reason) of what was refused before decoding."""
    ignored: list[str] = field(default_factory=list)
    """Names of files that are no images and do not claim to be."""
    notes: list[str] = field(default_factory=list)
    """Facts worth a line in the report."""

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def name(self, index: int) -> str:
        """What a report calls an image."""
        for part in self.parts:
            if index < len(part):
                return part.name(index)
            index -= len(part)
        raise IndexError(index)

    def chunks(self, length: int) -> Iterator[tuple[int, Part]]:
        """(index of the first image, at most `length` images of one part), in order."""
        first = 0
        for part in self.parts:
            for start in range(0, len(part), length):
                yield first + start, part.part(start, min(start + length, len(part)))
            first += len(part)


class Source(Protocol):
    """A set of images somewhere."""

    @property
    def name(self) -> str:
        """What a person would call it. Never a path."""

    def state(self) -> str:
        """A digest that changes when the source does, from names, sizes and times alone."""

    def contents(self, scratch: Path) -> SourceContents:
        """What it holds. Files that only preparing needs are written below `scratch`."""


def refuse_attribute(attribute: str | None, layout: str) -> None:
    """Refuses --attribute where there is none to choose."""
    if attribute is not None:
        raise UserError(f"--attribute {attribute} needs a set in CelebA's layout; this is {layout}")
