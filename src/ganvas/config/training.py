"""The options of a run that do not depend on its networks.

`ganvas train --help` is generated from these models, so this file imports no torch, which takes two seconds to load.
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ganvas.data.config import DataConfig
from ganvas.errors import UserError
from ganvas.settings import Flag, Settings

BUDGETS = ("images", "minutes", "epochs")
MAX_IMAGES = 10**12


def _threads(value: object) -> object:
    # Far beyond the cores of any machine, the threads' own stacks crash the process.
    text = str(value)
    if text != "auto" and not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1024):
        raise ValueError("threads must be at least 1 and at most 1024, or auto")
    return text if text == "auto" else int(text)


def _rate(value: object) -> object:
    try:
        if value == "auto" or 0 < float(str(value)) <= 10:
            return value if value == "auto" else float(str(value))
    except ValueError:
        pass
    raise ValueError("a learning rate must be a number above 0 and at most 10, or auto")


class OptimiserConfig(Settings):
    """The choices of the optimisers; each network has one."""

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    """Adam (arXiv 1412.6980), AdamW (arXiv 1711.05101), or plain stochastic gradient descent."""
    lr: Annotated[Literal["auto"] | Annotated[float, Field(gt=0, le=10)], BeforeValidator(_rate)] = 0.002
    """Learning rate at the start; auto: 0.002, above 32 px divided by how many times larger the side is."""
    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Adam's decay of the mean gradient; momentum hurts most adversarial training."""
    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's decay of the mean squared gradient."""
    beta2_final: float | None = Field(default=None, ge=0, lt=1)
    """Adam's decay of the mean squared gradient at the end, if it changes: it follows half a cosine."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Share of each weight that a step takes away, times the learning rate."""
    lr_hold: float = Field(default=0.5, ge=0, le=1)
    """Share of the run after which the learning rate begins to fall, linearly."""
    lr_final: float = Field(default=0.05, ge=0, le=1)
    """Share of the learning rate that is left at the end."""


class TrainingConfig(Settings):
    """Budget, compute and cadence. Whatever repeats is counted in images."""

    batch: Annotated[int, Flag("N", "Training")] = Field(default=64, ge=1, le=65536)
    """Batch size, over all processes together."""
    images: Annotated[int | None, Flag("N", "Budget (give one)")] = Field(default=None, ge=1, le=MAX_IMAGES)
    """Images shown to the networks over the whole run."""
    minutes: Annotated[float | None, Flag("M", "Budget (give one)")] = Field(default=None, gt=0, le=10**6)
    """Minutes of training, as the clock has them: the images are planned anew where the pace changes."""
    epochs: Annotated[float | None, Flag("E", "Budget (give one)")] = Field(default=None, gt=0, le=10**6)
    """Passes over the training images."""
    sampler: Literal["auto", "epochs", "balanced", "square-root"] = "epochs"
    """Each image once per epoch; classes equally often; or classes by the root of their size. auto: the last one if
    class sizes differ much, else epochs."""
    ema_halflife_images: int = Field(default=20_000, ge=0)
    """Half-life of the running average (EMA) of the generator's weights, in images; 0 keeps no average."""
    ema_ramp: float = Field(default=0.05, gt=0, le=1)
    """Early in training, the half-life is at most this share of the images seen."""
    log_every: int = Field(default=2_000, ge=1)
    """Images from one line of the log to the next."""
    preview_every: int = Field(default=20_000, ge=1)
    """Images from one preview to the next."""
    save_every: Annotated[int, Flag("N", "Checkpoints and scores")] = Field(default=50_000, ge=1)
    """Images from one checkpoint to the next."""
    score_every: Annotated[int | None, Flag("N", "Checkpoints and scores")] = Field(default=None, ge=1)
    """Images from one quick score to the next; the best generator is then kept."""
    watch: Annotated[Literal["on", "warn", "off"], Flag("on|warn|off", "Checkpoints and scores")] = "on"
    """Warn when training collapses, then stop; or only warn; off for comparisons with a fixed budget."""
    threads: Annotated[Literal["auto"] | int, BeforeValidator(_threads), Flag("auto|N", "Compute")] = "auto"
    """CPU threads; auto takes the fastest, and follows the load of the machine."""
    precision: Annotated[Literal["auto", "float32", "bfloat16"], Flag("auto|float32|bfloat16", "Compute")] = "auto"
    """Number format of convolutions and matrix products; auto picks the fastest."""
    memory_format: Annotated[Literal["auto", "contiguous", "channels-last"], Flag("auto|LAYOUT", "Compute")] = "auto"
    """How images lie in memory, contiguous or channels-last; auto picks the fastest."""

    deterministic: Annotated[Literal["on", "off"], Flag("on|off", "Compute")] = "on"
    """On a GPU: deterministic algorithms, so that the same command twice gives the same bytes; off may be faster."""

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        given = [name for name in BUDGETS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"one budget, please, not {' and '.join(given)}")
        return self

    def whole_batches(self, images: int) -> int:
        """A budget of images, rounded up to whole batches. UserError where that is more than any run may have."""
        total = -(-max(1, images) // self.batch) * self.batch
        if total > MAX_IMAGES:
            raise UserError(f"the budget comes to {total:,} images; a run has at most {MAX_IMAGES:,}")
        return total


class MoreTraining(Settings):
    """How much further a finished run is trained."""

    more_images: Annotated[int | None, Flag("N", "Budget (give one)")] = Field(default=None, ge=1, le=MAX_IMAGES)
    """Train a finished run (--out RUN) further, by so many images."""
    more_minutes: Annotated[float | None, Flag("M", "Budget (give one)")] = Field(default=None, gt=0, le=10**6)
    """Train a finished run (--out RUN) further, by so many minutes."""


class RunBasics(Settings):
    """What a run is, apart from its networks and their training."""

    source: str
    """A known name, a path, or hf:owner/name."""
    recipe: Annotated[str, Flag("NAME", "Run")]
    """Preset that supplies the defaults (ganvas list recipes; default: modern)."""
    seed: Annotated[int, Flag("S", "Training")] = Field(default=0, ge=0, lt=2**63)
    """Every random draw of the run follows from it (default: 0)."""
    labels: Annotated[Literal["on", "off"], Flag("on|off", "Training")] = "on"
    """Whether the networks are given the class of each image."""
    data: DataConfig = DataConfig()
