"""The options of sampling. `ganvas sample --help` is generated from this model, so this file imports no torch."""

from typing import Annotated

from pydantic import Field

from ganvas.settings import Flag, Settings


class SampleConfig(Settings):
    """How many images to generate, and from what noise."""

    count: Annotated[int | None, Flag("N", names=("-n", "--count"))] = Field(default=None, ge=1, le=1_000_000)
    """Images in total (default: 8 a class; 64 without classes)."""
    seed: Annotated[int, Flag("S")] = Field(default=0, ge=0, lt=2**63)
    """Another seed gives other images (default: 0)."""
    truncation: Annotated[float | None, Flag("T")] = Field(default=None, ge=0.05, le=100)
    """Redraw noise values beyond this: less variety, fewer odd images."""

    def total(self, classes: int) -> int:
        """Images in total, of so many classes."""
        return self.count or (8 * classes if classes else 64)
