"""A prepared set: one uint8 array on disk, its labels, its splits, and where it came from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganvas.data.manifest import Manifest
from ganvas.images import Pixels


@dataclass(frozen=True)
class PreparedSet:
    """N square images of one size. Pixels are opened by memory map: rows are read from disk when they are used."""

    name: str
    """What a person would call it: `digits`, or a folder's name. Never a path."""
    fingerprint: str
    """Hex digest of the decoded images, labels and preparation: equal for equal content."""
    folder: Path
    """Where the prepared set lies."""
    pixels: Pixels
    """(N, C, H, W) uint8."""
    labels: NDArray[np.int64] | None
    """(N,) indices into `classes`; None for a set without labels."""
    classes: tuple[str, ...]
    """Class names in order; empty for a set without labels."""
    train: NDArray[np.int64]
    """Indices of the images to train on, ascending."""
    held_out: NDArray[np.int64]
    """Indices of the images that are never trained on, ascending."""
    manifest: Manifest
    """What `ganvas data` reports."""

    @property
    def size(self) -> int:
        """Height and width in pixels."""
        return int(self.pixels.shape[2])

    @property
    def channels(self) -> int:
        """1 or 3."""
        return int(self.pixels.shape[1])


def in_memory(
    name: str, pixels: Pixels, labels: NDArray[np.int64] | None = None, classes: tuple[str, ...] = ()
) -> PreparedSet:
    """A set of images (N, C, H, W) that lies nowhere, all of it to train on."""
    count, channels, size, _ = pixels.shape
    manifest = Manifest(
        version=0, name=name, fingerprint="", classes=classes, size=size, channels=channels,
        sizes={}, modes={}, versions={}, images=count, train=count, held_out=0, bytes={},
    )  # fmt: skip
    rows = np.arange(count)
    return PreparedSet(name, "", Path(), pixels, labels, classes, rows, rows[:0], manifest)
