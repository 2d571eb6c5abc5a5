"""A run as a value: everything that has to be known to make it again."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ganvas.data.config import DataConfig
from ganvas.networks.book import BookConv, BookMLP
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.modern import Modern
from ganvas.networks.reference import Acgan, Dcgan, Sngan, Yardstick
from ganvas.objectives.config import ClassifierObjective, ObjectiveConfig
from ganvas.settings import Settings

NetworkConfig = Annotated[
    Modern | BookMLP | BookConv | BookClassifier | Yardstick | Dcgan | Acgan | Sngan, Field(discriminator="kind")
]


def _threads(value: object) -> object:
    # Far beyond the cores of any machine, the threads' own stacks crash the process.
    text = str(value)
    if text != "auto" and not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1024):
        raise ValueError("threads must be at least 1 and at most 1024, or auto")
    return text if text == "auto" else int(text)


@dataclass(frozen=True)
class ComputeConfig:
    """What the speed of a run depends on, and nothing of what it learns beyond rounding."""

    threads: int
    precision: Literal["float32", "bfloat16"]
    memory_format: Literal["contiguous", "channels-last"]

    def __str__(self) -> str:
        """`2 threads, bfloat16, channels-last`."""
        return f"{self.threads} thread{'s' * (self.threads > 1)}, {self.precision}, {self.memory_format}"


class OptimiserConfig(Settings):
    """One for each network, with the same choices."""

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    """Adam (arXiv 1412.6980), AdamW (arXiv 1711.05101), or plain stochastic gradient descent."""
    lr: float = Field(default=0.002, gt=0, le=10)
    """Learning rate at the start."""
    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Adam's memory of the gradient; momentum hurts most adversarial games."""
    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's memory of the squared gradient."""
    weight_decay: float = Field(default=0.0, ge=0)
    """How much of a weight is forgotten a step, times the rate."""
    lr_hold: float = Field(default=0.5, ge=0, le=1)
    """The share of the run after which the rate begins to fall, in a straight line."""
    lr_final: float = Field(default=0.05, ge=0, le=1)
    """The share of the rate that is left at the end."""


class TrainingConfig(Settings):
    """How long, how fast, how often. Whatever repeats is counted in images."""

    batch: int = Field(default=64, ge=1, le=65536)
    """Images a step, over all processes together."""
    images: int | None = Field(default=None, ge=1, le=10**12)
    """Budget in images shown."""
    minutes: float | None = Field(default=None, gt=0, le=10**6)
    """Budget in minutes of training; a few timed steps turn it into images before the run starts."""
    epochs: float | None = Field(default=None, gt=0, le=10**6)
    """Budget in passes over the training images."""
    sampler: Literal["auto", "epochs", "balanced", "square-root"] = "epochs"
    """Every image once a pass, or classes equally often, or as the root of their size; auto: so, if unequal."""
    ema_halflife_images: int = Field(default=20_000, ge=0)
    """Half-life of the running average of G's weights, in images; 0 keeps no average."""
    ema_ramp: float = Field(default=0.05, gt=0, le=1)
    """While training is young, the half-life is at most this share of the images seen."""
    log_every: int = Field(default=2_000, ge=1)
    """Images from one line of the log to the next."""
    preview_every: int = Field(default=20_000, ge=1)
    """Images from one preview to the next."""
    save_every: int = Field(default=50_000, ge=1)
    """Images from one checkpoint to the next."""
    score_every: int | None = Field(default=None, ge=1)
    """Images from one quick score to the next; the best bundle is then kept."""
    watch: Literal["on", "warn", "off"] = "on"
    """Whether a lost game is warned of and stopped later, or only warned of; off for races with a fixed budget."""
    threads: Annotated[Literal["auto"] | int, BeforeValidator(_threads)] = "auto"
    """Processor threads; measured when auto."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What convolutions and matrix products run in; measured when auto."""
    memory_format: Literal["auto", "contiguous", "channels-last"] = "auto"
    """How images lie in memory; measured when auto."""

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        given = [name for name in ("images", "minutes", "epochs") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"one budget, please, not {' and '.join(given)}")
        return self


class _Run(Settings):
    """What both a request and what became of it hold."""

    source: str
    """A known name, a path, or hf:owner/name."""
    recipe: str
    """The recipe that everything not given comes from."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Every random draw of the run follows from it."""
    labels: Literal["on", "off"] = "on"
    """Whether the networks are told the classes."""
    data: DataConfig = DataConfig()
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
        if isinstance(self.pair, BookMLP) and self.pair.normalisation == "batch" and self.training.batch == 1:
            raise ValueError(
                "--pair.normalisation batch has nothing to average in a batch of 1: give --batch 2 or more"
            )
        return self


class RunConfig(_Run):
    """What `ganvas train` is asked for: source, networks, objective, budget, seed; "auto" where the data decide."""


class ResolvedRun(_Run):
    """A run with nothing left open: what `resolve` made of a `RunConfig` on one set, one machine and one budget.

    A type of its own, so that a training on other data starts from what was asked and is resolved anew.
    """

    reasons: tuple[str, ...] = ()
    """Why each option that was left to the data became what it is, a sentence each."""

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
        return ComputeConfig(int(training.threads), training.precision, training.memory_format)  # type: ignore[arg-type]

    @property
    def images(self) -> int:
        """Images shown over the whole run, a multiple of the batch."""
        assert self.training.images is not None, "this training ends by its caller's clock"
        return self.training.images

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.images // self.training.batch


BUDGETS = ("images", "minutes", "epochs")


def merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two nested dictionaries of choices as one: what `above` names wins, and a budget above unsets those below."""
    result = dict(below)
    if any(name in above for name in BUDGETS):
        result.update(dict.fromkeys(BUDGETS))
    for name, value in above.items():
        old = result.get(name)
        result[name] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
