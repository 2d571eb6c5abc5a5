"""An experiment as a value: variants that are tried, what is measured of each, and the claims that are tested."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ganvas.data.config import DataConfig

SQUARES = DataConfig(crop="square")
"""The images of experiments: the book's pairs, which many compare, know no other shape."""
Flags = NDArray[np.bool_]  # (N,): one answer a held-out image
Verdict = Literal["yes", "no", "partly", "unknown"]
Measurements = Mapping[str, float | Flags]
"""What one trial measured, by the measure's name. Of flags the figure is the share that is true."""


@dataclass(frozen=True)
class Variant:
    """One thing that is tried, once a seed."""

    name: str
    choices: Mapping[str, Any] = field(default_factory=dict)
    """What the experiment's `measure` reads."""
    x: float | None = None
    """Its position on the chart's axis, if it is a point of a line."""
    line: str = ""
    """The line it is a point of."""
    after: str = ""
    """The variant whose trial with the same seed must end first. Where that one fails, this one fails with it."""


@dataclass(frozen=True)
class Measure:
    """A figure that every trial gives, or some."""

    name: str
    title: str
    better: Literal["lower", "higher"] = "lower"
    scale: Literal["ratio", "points", "percent", "difference"] = "ratio"
    """How two variants are compared: as a ratio of geometric means, in hundredths of a share, or plainly. A share in
    `percent` is also shown as one."""
    digits: int = 2
    is_share: bool = False
    """Whether it lies between 0 and 1, and so does its interval."""


@dataclass(frozen=True)
class Comparison:
    """Whether the variants `of` are better than the variants `against`, on average, by one measure."""

    measure: str
    of: tuple[str, ...]
    against: tuple[str, ...]
    claim: str
    """`GELU makes the book GAN draw {better|worse}`: what is true if they are better, and if they are worse."""

    @classmethod
    def between(cls, measure: str, of: str, against: str, claim: str) -> Self:
        """Of one variant with one other."""
        return cls(measure, (of,), (against,), claim)

    def sentence(self, verdict: Verdict) -> str:
        """The claim as it is true after a verdict, without a full stop."""
        before, _, rest = self.claim.partition("{")
        words, _, after = rest.partition("}")
        better, worse = (f"{before}{word}{after}" for word in words.split("|"))
        # Inside the sentence the claim begins with a small letter, unless its first word is in capitals.
        first = better[:2] if better[:2].isupper() else better[:2].lower()
        return {"yes": better, "no": worse}.get(verdict, f"Inconclusive whether {first}{better[2:]}")


@dataclass(frozen=True)
class Trial:
    """One trial, as the process that is started for it gets it."""

    variant: str
    seed: int
    seconds: float
    """CPU seconds on one thread that a training may take."""
    source: str
    """What the experiment is about: a source of images, or a run's folder."""
    folder: Path
    """Of the experiment. A trial may leave images there."""


@dataclass(frozen=True)
class Experiment:
    """One experiment."""

    name: str
    claim: str
    """What the notes say or ask."""
    measure: Callable[[Trial, Variant], Measurements]
    variants: tuple[Variant, ...]
    measures: tuple[Measure, ...]
    """The first is charted, and so is the second if there are no lines."""
    comparisons: tuple[Comparison, ...]
    limits: tuple[str, ...]
    """What the answer does not say."""
    chapter: str = ""
    """The heading of docs/chapters.md that it belongs to."""
    headlines: int = 1
    """How many of the comparisons, from the first, make the answer."""
    seeds: int = 5
    seconds: float = 20.0
    axis: str = ""
    """What `x` is."""
    needs_evaluator: bool = True
    """Whether the set's own evaluator is needed."""
    needs_every_seed: bool = False
    """Whether a variant of which a trial failed has no figure, in place of the mean over the other seeds."""
