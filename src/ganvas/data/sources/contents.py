"""What a source holds, before anything is decoded."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganvas.data.labels import LabelChoice, LabelPart
from ganvas.data.sources.formats import CAMERA_SUFFIXES, suffix_of
from ganvas.images import MAX_BYTES, RefusedImageError
from ganvas.levels import BYTES, Range


@dataclass(frozen=True)
class ImageFiles:
    """Encoded images, one per file."""

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
        """The bytes of an image, or RefusedImageError."""
        if suffix_of(self.names[index]) in CAMERA_SUFFIXES:
            raise RefusedImageError("a camera's raw file is not read: export it as JPEG or PNG")
        # Sets hold tens of thousands of small files, and this costs half of what pathlib does.
        try:
            with FileIO(f"{self.root}/{self.names[index]}") as file:
                if os.fstat(file.fileno()).st_size > MAX_BYTES:
                    raise RefusedImageError(f"more than {MAX_BYTES // 2**20} MiB")
                return file.readall()
        except (OSError, ValueError) as error:  # a ValueError where a name holds a zero byte
            raise RefusedImageError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


@dataclass(frozen=True)
class RawImages:
    """Decoded images of one size in a file: (N, H, W) or (N, H, W, C), C = 1, 3 or 4 (alpha last), of numbers."""

    path: Path
    offset: int
    shape: tuple[int, ...]
    title: str
    order: Literal["C", "F"] = "C"
    start: int = 0
    stop: int | None = None
    """Rows start..stop of the file; to its end where there is no stop."""
    dtype: str = "|u1"
    """numpy's name of the type of a number in the file."""
    axes: tuple[int, ...] = ()
    """The axes of the array in the file in the order that gives `shape`; none where it is stored in that order."""
    full_range: Range | None = BYTES
    """The levels of black and white; None where nothing says."""

    def __len__(self) -> int:
        return (self.shape[0] if self.stop is None else self.stop) - self.start

    def name(self, index: int) -> str:
        """What a report calls an image."""
        return f"{self.title}[{self.start + index}]"

    def part(self, start: int, stop: int) -> "RawImages":
        """Some of the images, small enough to send to another process."""
        return replace(self, start=self.start + start, stop=self.start + stop)

    def rows(self) -> NDArray[Any]:
        """(n, H, W, C) of the type in the file, read by memory map."""
        axes = self.axes or tuple(range(len(self.shape)))
        stored = tuple(self.shape[axes.index(axis)] for axis in range(len(axes)))
        whole = np.memmap(self.path, self.dtype, "r", self.offset, stored, self.order).transpose(axes)
        rows = np.asarray(whole[self.start : self.stop])
        return rows[..., None] if rows.ndim == 3 else rows


Part = ImageFiles | RawImages


@dataclass(frozen=True)
class SourceContents:
    """Images in parts, with their labels."""

    layout: str
    """The layout of the source in words: `a folder per class`."""
    parts: tuple[Part, ...]
    classes: tuple[str, ...] = ()
    """Class names in order; empty for a set without labels."""
    labels: NDArray[np.int64] | None = None
    """(N,) over all parts in order; (N, P) where a label has P parts, -1 where one is missing."""
    held_out: NDArray[np.bool_] | None = None
    """(N,): the set's own held-out part, where it has one."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(name, reason) of each image that was refused before decoding."""
    ignored: list[str] = field(default_factory=list)
    """Names of files that are no images."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Name -> how many files and folders of that name are no part of the set: a system's, or beside the splits."""
    absent_classes: list[tuple[str, str]] = field(default_factory=list)
    """(name, reason) of each class that has no image."""
    notes: list[str] = field(default_factory=list)
    """Facts worth a line in the report."""
    choice: LabelChoice = field(default_factory=LabelChoice)
    """What labels the set, where something was asked for."""
    label_parts: tuple[LabelPart, ...] = ()
    """The parts of a label that has several; `classes` is then empty."""

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


@dataclass(frozen=True)
class Source:
    """A set of images that is not read yet."""

    name: str
    """What a person would call it. Never a path."""
    state: Callable[[], str]
    """A digest that changes when the source does, from names, sizes and times alone."""
    read: Callable[[Path, LabelChoice], SourceContents]
    """(empty folder, kept until the images are decoded; what is to label the set) -> the contents."""
    about: str = ""
    """What a known set is and needs, for `ganvas list sources`."""
