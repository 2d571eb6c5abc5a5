"""A scorecard that shows itself in a notebook."""

from pathlib import Path

from pydantic import Field

from ganvas.evaluation.report import class_table, findings, summary
from ganvas.evaluation.scorecard import Scorecard
from ganvas.report import page


class Scores(Scorecard):
    """A scorecard, and where its files are: the page `scorecard.html`, the same as markdown and JSON, and sheets."""

    folder: Path = Field(exclude=True)

    @classmethod
    def of(cls, card: Scorecard, folder: Path) -> "Scores":
        """The scorecard whose files are in a folder."""
        return cls(**dict(card), folder=folder)

    @property
    def page(self) -> Path:
        """The page, one HTML file with everything in it."""
        return self.folder / "scorecard.html"

    @property
    def findings(self) -> list[str]:
        """What it says, a sentence each, the most important first."""
        return [sentence for _, sentence in findings(self)]

    def __repr__(self) -> str:
        return "\n".join([*self.findings, f"page: {self.page}"])

    __str__ = __repr__

    def _repr_html_(self) -> str:
        parts = [summary(self), *([class_table(self)] if self.per_class else [])]
        return page.fragment("\n\n".join(parts), {})
