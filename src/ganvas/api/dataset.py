"""A prepared set that knows where it came from, and shows itself in a notebook."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganvas.alpha import straighten
from ganvas.api.images import Images
from ganvas.data.config import DataConfig
from ganvas.data.prepared import PreparedSet
from ganvas.data.report import brief_lines, report_lines
from ganvas.report import page
from ganvas.report.page import escape_markdown


@dataclass(frozen=True, repr=False)
class Dataset(PreparedSet):
    """A prepared set, ready for `ganvas.train`, which prepares it with the same options."""

    source: str
    config: DataConfig
    """As it was asked for: options that were not given are unset."""

    @property
    def options(self) -> dict[str, Any]:
        """The options that it was asked for with."""
        return self.config.model_dump(exclude_unset=True, exclude_none=True)

    @classmethod
    def of(cls, prepared: PreparedSet, source: str, config: DataConfig) -> "Dataset":
        """The set, with the source and the options that it was prepared from."""
        return cls(
            **{each.name: getattr(prepared, each.name) for each in fields(prepared)}, source=source, config=config
        )

    @property
    def images(self) -> Images:
        """All its images. They stay on the disk until they are used."""
        return self._of(np.arange(len(self.pixels)))

    @property
    def train_images(self) -> Images:
        """Those to train on."""
        return self._of(self.train)

    @property
    def held_out_images(self) -> Images:
        """Those that are never trained on."""
        return self._of(self.held_out)

    def _of(self, rows: NDArray[np.int64]) -> Images:
        labels = None if self.labels is None else [self.label_space.names[label] for label in self.labels[rows]]
        return Images(straighten(self.pixels if len(rows) == len(self.pixels) else self.pixels[rows]), labels)

    def facts(self) -> Iterator[str]:
        """What it holds, one fact a line, as `ganvas data` prints it."""
        return report_lines(self)

    def __repr__(self) -> str:
        return "\n".join(brief_lines(self))

    def _repr_html_(self) -> str:
        facts = "\n".join(f"- {escape_markdown(line)}" for line in brief_lines(self))
        sheet = self.train_images.sheet()
        return page.fragment(f"{facts}\n\n![Training images](sheet.png)", {"sheet.png": sheet})
