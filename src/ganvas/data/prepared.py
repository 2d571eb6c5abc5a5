"""A prepared set: one uint8 array on disk, its labels, its splits, and where it came from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganvas.images import Pixels


@dataclass(frozen=True)
class PreparedSet:
    """N square images of one size. Opened by memory map: rows are read from disk when they are used."""

    name: str
    """What a person would call it: `digits`, or a folder's name. Never a path."""
    fingerprint: str
    """Hex digest of the decoded images, labels and preparation: equal for equal content."""
    folder: Path
    """Where the prepared set lies."""
    pixels: Pixels
    """(N, C, H, W) uint8, memory-mapped."""
    labels: NDArray[np.int64] | None
    """(N,) indices into `classes`; None for a set without labels."""
    classes: tuple[str, ...]
    """Class names in order; empty for a set without labels."""
    train: NDArray[np.int64]
    """Indices of the images to train on, ascending."""
    held_out: NDArray[np.int64]
    """Indices of the images that are never trained on, ascending."""
    manifest: dict[str, Any]
    """What `ganvas data` reports: see data/manifest."""

    @property
    def size(self) -> int:
        """Height and width in pixels."""
        return int(self.pixels.shape[2])

    @property
    def channels(self) -> int:
        """1 or 3."""
        return int(self.pixels.shape[1])
