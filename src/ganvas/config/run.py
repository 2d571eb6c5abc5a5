"""A run as a value: everything that has to be known to repeat it."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ganvas.config.training import BUDGETS, OptimiserConfig, RunBasics, TrainingConfig
from ganvas.networks.book import BookConv, BookMLP
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.modern import Modern
from ganvas.networks.reference import Acgan, Dcgan, R3gan, Sngan, Yardstick
from ganvas.objectives.config import ClassifierObjective, ObjectiveConfig
from ganvas.settings import Settings

__all__ = ["NetworkConfig", "OptimiserConfig", "RunConfig", "TrainingConfig", "merge"]

SQUARE_PAIRS = BookMLP, BookConv, BookClassifier
"""The pairs that take squares alone."""
NetworkConfig = Annotated[
    Modern | BookMLP | BookConv | BookClassifier | Yardstick | Dcgan | Acgan | Sngan | R3gan,
    Field(discriminator="kind"),
]


@dataclass(frozen=True)
class ComputeConfig:
    """What the speed of a run depends on. It changes the result only by rounding."""

    threads: int
    precision: Literal["float32", "bfloat16"]
    memory_format: Literal["contiguous", "channels-last"]
    deterministic: Literal["on", "off"] = "on"

    def __str__(self) -> str:
        """`2 threads, bfloat16, channels-last`."""
        return f"{self.threads} thread{'s' * (self.threads > 1)}, {self.precision}, {self.memory_format}"


class _Run(RunBasics):
    # What both a request and its resolution hold. They are siblings, so that the type checker refuses to resolve a run
    # that was resolved before: a training on other data starts from the request.
    pair: NetworkConfig
    objective: ObjectiveConfig
    optimiser: OptimiserConfig = OptimiserConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        classifies = isinstance(self.pair, BookClassifier)
        if classifies != isinstance(self.objective, ClassifierObjective):
            raise ValueError(
                f"--pair.kind {self.pair.kind} and --objective.kind {self.objective.kind} do not go together: "
                "a classifier, and only that, learns by classification"
            )
        if classifies and self.labels == "off":
            raise ValueError("--labels off leaves a classifier nothing to learn")
        if classifies and self.training.score_every is not None:
            raise ValueError("--score-every scores generated images, and a classifier generates none: leave it out")
        if isinstance(self.pair, SQUARE_PAIRS) and self.data.size is not None and not self.data.size.is_square:
            raise ValueError(
                f"the pair {self.pair.kind} is for squares alone: give --size {min(self.data.size)} in place of "
                f"{self.data.size}, or another --pair.kind"
            )
        if isinstance(self.pair, BookMLP) and self.pair.normalisation == "batch" and self.training.batch == 1:
            raise ValueError(
                "--pair.normalisation batch has nothing to average in a batch of 1: give --batch 2 or more"
            )
        return self


class TimeBudget(Settings):
    """The training time, in seconds since the run's first step, that its images are planned to take."""

    begin_seconds: float
    """0, or where a finished run is trained further."""
    end_seconds: float


class RunConfig(_Run):
    """The request: source, networks, objective, budget, seed; "auto" where the data or the machine decide."""


class ResolvedRun(_Run):
    """A run with nothing left open: the result of `resolve` for one set, one machine and one budget."""

    reasons: tuple[str, ...] = ()
    """Why each option that was left to the data became what it is, a sentence each."""
    adapts_threads: bool = False
    """Whether the number of threads follows the load while training: `threads` is then the first one."""
    time: TimeBudget | None = None
    """For a budget in minutes: the images are planned anew where the pace changes."""

    @model_validator(mode="after")
    def _nothing_is_open(self) -> Self:
        parts = {name: getattr(self, name).model_dump() for name in ("pair", "objective", "training")}
        still_open = [f"{part}.{name}" for part, values in parts.items() for name in values if values[name] == "auto"]
        if still_open:
            raise ValueError(f"{', '.join(still_open)} is still auto")
        if self.training.minutes is not None or self.training.epochs is not None:
            raise ValueError("a resolved budget is in images")
        return self

    @property
    def compute(self) -> ComputeConfig:
        """What the run's speed depends on."""
        training = self.training
        rest = training.precision, training.memory_format, training.deterministic
        return ComputeConfig(int(training.threads), *rest)  # type: ignore[arg-type]

    @property
    def images(self) -> int:
        """Images shown over the whole run, a multiple of the batch."""
        assert self.training.images is not None, "this training ends by its caller's clock"
        return self.training.images

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.images // self.training.batch


def merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two nested dictionaries of choices as one: what `above` names wins, and a budget above unsets those below."""
    result = dict(below)
    if any(name in above for name in BUDGETS):
        result.update(dict.fromkeys(BUDGETS))
    for name, value in above.items():
        old = result.get(name)
        result[name] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
