"""The levels of stored pixels: which ones a set has, and which of them become 0 and 255."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganvas.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

Range = tuple[float, float]
"""(lowest, highest) level."""
BYTES: Range = (0.0, 255.0)
SIXTEEN_BITS: Range = (0.0, 65535.0)
# What floats may mean, by the range of the whole set: the first that holds every level is it.
CONVENTIONS: tuple[Range, ...] = ((0.0, 1.0), (-1.0, 1.0), BYTES, SIXTEEN_BITS)
DARK_BELOW = 0.25
"""A set whose highest level is below this part of the full range is nearly black."""
CHUNK = 2**22  # levels that are measured at once

Met = dict[Range | None, Range]
"""Full range of some images -> their lowest and highest level. Files of floats do not say their range: None."""


@dataclass(frozen=True)
class LevelMapping:
    """How stored levels become 0..255: one way for all images of a set."""

    floats: Range = CONVENTIONS[0]
    """The full range of files of floats."""
    stretch: tuple[Fraction, Fraction] | None = None
    """The part of the full range, within 0..1, that becomes 0..255; None for all of it."""

    def ends(self, full: Range | None) -> Range:
        """The levels of images of this full range (None for files of floats) that become 0 and 255."""
        low, high = (Fraction(level) for level in (full or self.floats))
        if self.stretch is None:
            return float(low), float(high)
        return tuple(float(low + part * (high - low)) for part in self.stretch)  # type: ignore[return-value]


WHOLE_RANGE = LevelMapping()


@dataclass
class LevelStats:
    """The levels that were met in some images."""

    met: Met = field(default_factory=dict)

    def add(self, full: Range | None, lowest: float, highest: float) -> None:
        """Counts images of this full range whose levels lie in lowest..highest."""
        before = self.met.get(full, (lowest, highest))
        self.met[full] = min(before[0], lowest), max(before[1], highest)

    def update(self, other: "LevelStats") -> None:
        """Counts what another one met as well."""
        for full, (lowest, highest) in other.met.items():
            self.add(full, lowest, highest)

    def is_complete(self, full: Range) -> bool:
        """Whether both ends of a full range were met, so that nothing more can be learned of it."""
        return self.met.get(full) == full


def scale_to_bytes(levels: NDArray[Any], ends: Range) -> NDArray[np.uint8]:
    """Levels of any shape and type -> uint8: the first end becomes 0, the second 255, rounded; others are clipped."""
    low, high = ends
    # In doubles, so that 16 bits and whole fractions of the range come out exactly.
    scaled = (levels.astype(np.float64) - low) * 255 / (high - low)
    return np.rint(scaled, out=scaled).clip(0, 255).astype(np.uint8)


def choose_mapping(stats: LevelStats, stretch: bool) -> LevelMapping:
    """The mapping for a set with these levels; a UserError where its floats have no known range, or no range at all."""
    floats: Range | None = CONVENTIONS[0]
    if (met := stats.met.get(None)) is not None:
        floats = full_range(*met) or (met if stretch else None)
    if floats is None:
        raise UserError(
            f"the levels of the images, {describe(stats.met[None])}, lie in none of the ranges "
            f"{', '.join(map(describe, CONVENTIONS))}; --stretch maps them to 0..255"
        )
    if not stretch or not stats.met:
        return LevelMapping(floats)
    if floats[0] < floats[1]:
        lows, highs = zip(*_parts(stats.met, floats), strict=True)
        if min(lows) < max(highs):
            return LevelMapping(floats, (min(lows), max(highs)))
    raise UserError("every pixel of the images has the same level: --stretch has no range to map")


def full_range(lowest: float, highest: float, conventions: Iterable[Range] = CONVENTIONS) -> Range | None:
    """What black and white are where levels lie in lowest..highest: the first convention that holds them, or None."""
    return next((full for full in conventions if full[0] <= lowest and highest <= full[1]), None)


def level_range(array: NDArray[Any]) -> Range:
    """(lowest, highest) level of a flat array, read in pieces; NaN where a level is not a finite number."""
    lowest, highest = np.inf, -np.inf
    for start in range(0, len(array), CHUNK):
        piece = array[start : start + CHUNK]
        if piece.dtype.kind == "f" and not np.isfinite(piece).all():
            return np.nan, np.nan
        lowest, highest = min(lowest, float(piece.min())), max(highest, float(piece.max()))
    return lowest, highest


def extremes(image: "Image", alpha: "Image | None") -> Range | None:
    """(lowest, highest) level of all channels of an 8-bit image; where it has alpha, of what can be seen of it."""
    if alpha is None:
        found = np.asarray(image.getextrema(), float)
        return float(found.min()), float(found.max())
    counts = np.array(image.histogram(alpha.point([0] + [255] * 255))).reshape(-1, 256).sum(0)
    met = np.flatnonzero(counts)
    return (float(met[0]), float(met[-1])) if len(met) else None


def is_dark(met: Iterable[tuple[Range, Range]]) -> bool:
    """Whether all images, by their (full range, levels), are nearly black."""
    return all(highest < black + DARK_BELOW * (white - black) for (black, white), (_, highest) in met)


def describe(levels: Range) -> str:
    """A range in words.

    >>> describe((0.0, 255.0))
    '0..255'
    """
    return "..".join(f"{level:.0f}" if float(level).is_integer() else f"{level:.3g}" for level in levels)


def _parts(met: Met, floats: Range) -> list[tuple[Fraction, Fraction]]:
    """(lowest, highest) level of each full range as a part of it, exactly."""
    parts = []
    for full, levels in met.items():
        low, high = (Fraction(end) for end in (full or floats))
        lowest, highest = ((Fraction(level) - low) / (high - low) for level in levels)
        parts.append((lowest, highest))
    return parts
