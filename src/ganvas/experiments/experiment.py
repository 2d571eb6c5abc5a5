"""What a study asks: rows that are tried, what is measured of each, which are compared, and what the answers say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

Measurements = dict[str, float]
"""What one trial measured, by the measure's name."""


@dataclass(frozen=True)
class Variant:
    """One thing that is tried, once a seed."""

    name: str
    choices: Mapping[str, Any] = field(default_factory=dict)
    """What the question's `measure` reads."""
    x: float | None = None
    """Where it stands on the chart's axis, of a row that is a point of a line."""
    line: str = ""
    """The line it is a point of."""


@dataclass(frozen=True)
class Measure:
    """A figure that every trial gives, or some."""

    name: str
    title: str
    better: Literal["lower", "higher"] = "lower"
    scale: Literal["ratio", "points", "difference"] = "ratio"
    """How two rows are compared: as a ratio of geometric means, in hundredths of a share, or plainly."""
    digits: int = 2


class Comparison(NamedTuple):
    """Whether the rows `of` are better than the rows `against`, on average, by one measure."""

    measure: str
    of: tuple[str, ...]
    against: tuple[str, ...]
    yes: str
    """The sentence that is true where they are shown to be better; without a full stop."""
    no: str
    """Where they are shown to be worse."""
    unknown: str
    """Where one cannot tell."""


@dataclass(frozen=True)
class Trial:
    """One trial, as a process of its own gets it."""

    question: str
    row: str
    seed: int
    seconds: float
    """Processor seconds on one thread that a training may take."""
    source: str
    folder: Path
    """Of the study; a trial may leave images under `strips`."""


@dataclass(frozen=True)
class Experiment:
    """One study, as a value."""

    name: str
    claim: str
    """What the notes say or ask."""
    place: str
    """The heading of docs/chapters.md that it belongs to."""
    measure: Callable[[Trial, Variant], Measurements]
    rows: tuple[Variant, ...]
    measures: tuple[Measure, ...]
    """The first is charted, and so is the second of a study without lines."""
    comparisons: tuple[Comparison, ...]
    limits: tuple[str, ...]
    """What the answer does not say."""
    headlines: int = 1
    """How many of the comparisons, from the first, make the answer."""
    seeds: int = 5
    seconds: float = 20.0
    axis: str = ""
    """What `x` is."""
    needs_evaluator: bool = True
    """Whether the set's own evaluator is needed."""
