"""A run as a value: everything that has to be known to make it again."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from ganvas.config.training import OptimiserConfig, RunBasics, TrainingConfig
from ganvas.networks.book import BookConv, BookMLP
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.modern import Modern
from ganvas.networks.reference import Acgan, Dcgan, Sngan, Yardstick
from ganvas.objectives.config import ClassifierObjective, ObjectiveConfig

__all__ = ["BUDGETS", "NetworkConfig", "OptimiserConfig", "RunConfig", "TrainingConfig", "merge"]

NetworkConfig = Annotated[
    Modern | BookMLP | BookConv | BookClassifier | Yardstick | Dcgan | Acgan | Sngan, Field(discriminator="kind")
]


class RunConfig(RunBasics):
    """What `ganvas train` does: this source, this pair, this game, for so long, from this seed."""

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
