"""The results of an experiment as typed records, from which the page, the chart and the table of verdicts are made."""

from pydantic import BaseModel, ConfigDict

from ganvas.experiments.experiment import Measure, Verdict


class Record(BaseModel):
    """A record that does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(Record):
    """A mean over seeds with its 95 % interval. A single seed has no interval."""

    value: float
    low: float | None = None
    high: float | None = None
    by_seed: tuple[float | None, ...]
    """None for a seed without a figure."""


class VariantResult(Record):
    """The figures of one variant, by the measure's name. One that could not be measured is missing."""

    name: str
    x: float | None = None
    line: str = ""
    figures: dict[str, Figure] = {}


class ComparisonResult(Record):
    """How much better some variants are than others. Without enough seeds there are no figures."""

    measure: str
    of: tuple[str, ...]
    against: tuple[str, ...]
    verdict: Verdict
    sentence: str
    """The claim with its figures, without a full stop."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p_holm: float | None = None
    """After Holm's correction over the comparisons of the experiment."""


class Failure(Record):
    """A trial that failed and has not been repeated with success."""

    variant: str
    seed: int
    why: str


class ExperimentResults(Record):
    """What an experiment found, and how."""

    name: str
    title: str
    claim: str
    verdict: Verdict
    answer: str
    measures: tuple[Measure, ...]
    axis: str
    variants: tuple[VariantResult, ...]
    comparisons: tuple[ComparisonResult, ...]
    failures: tuple[Failure, ...]
    limits: tuple[str, ...]
    trials: int
    done: int
    method: tuple[str, ...]
    """How it was measured, in sentences."""
    command: str
    """What repeats it."""

    @property
    def known_measures(self) -> list[Measure]:
        """The measures of which some variant has a figure."""
        known = {name for variant in self.variants for name in variant.figures}
        return [measure for measure in self.measures if measure.name in known]
