"""Arrays with names, of an .npz file or of .npy files, before their numbers are read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ganvas.data.sources.scan import escaped_name
from ganvas.errors import UserError

MOST_NAMED = 6


@dataclass(frozen=True)
class ArrayHeader:
    """What an array of a file is, without its numbers."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return int(np.prod(self.shape, dtype=object))

    @property
    def is_numeric(self) -> bool:
        """Whether it holds booleans, integers or floats of at most 64 bits."""
        return self.dtype.kind in "buif" and self.dtype.itemsize <= 8

    def __str__(self) -> str:
        """`uint8 of shape (60, 28, 28)`."""
        return f"{self.dtype} of shape {self.shape}"


@dataclass(frozen=True)
class StoredArray:
    """An array of a file, which is read by memory map."""

    path: Path
    offset: int
    header: ArrayHeader

    def flat(self) -> NDArray[Any]:
        """The numbers in the order of the file."""
        return np.memmap(self.path, self.header.dtype, "r", self.offset, (self.header.size,))

    def whole(self) -> NDArray[Any]:
        """The numbers in their shape."""
        return self.flat().reshape(self.header.shape, order=self.header.order)


@dataclass(frozen=True)
class NamedArrays:
    """The arrays of a source."""

    where: str
    """What a message calls the source: its path."""
    layout: str
    """`an .npz file`."""
    headers: Mapping[str, ArrayHeader]
    fetch: Callable[[str], StoredArray]
    """The array of a name, unpacked where it must be."""

    def describe(self, names: Iterable[str] | None = None) -> str:
        """Names with types and shapes, for a message."""
        chosen = list(self.headers if names is None else names)
        some = ", ".join(f"{escaped_name(name)} ({self.headers[name]})" for name in chosen[:MOST_NAMED])
        return (some + (f" and {len(chosen) - MOST_NAMED} more" if len(chosen) > MOST_NAMED else "")) or "nothing"

    def stored(self, name: str) -> StoredArray:
        """An array by its name; a UserError for one of Python objects, which are never loaded."""
        if self.headers[name].dtype.hasobject:
            raise UserError(
                f"{self.where}: {escaped_name(name)} holds Python objects, which are stored as a pickle and never "
                "loaded, since a pickle can run any code; save numbers, or text with dtype=str"
            )
        return self.fetch(name)


def read_header(file: IO[bytes]) -> ArrayHeader:
    """The header at the start of an .npy file; afterwards the file stands at the numbers."""
    read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return ArrayHeader(shape, "F" if fortran else "C", dtype)
