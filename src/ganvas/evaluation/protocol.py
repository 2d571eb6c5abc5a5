"""How images are scored. `ganvas evaluate --help` is made from this model, so this file imports no torch."""

from typing import Annotated

from pydantic import Field, field_validator

from ganvas.errors import nearest
from ganvas.settings import Flag, Settings

FEATURES = ("evaluator", "random", "imagenet", "inception", "dino")
AUTO = "auto"
QUICK_COUNT = 2_000


class Protocol(Settings):
    """How images are scored. Two scorecards compare where all of this but the seed, and the real set, are equal."""

    count: Annotated[int, Flag("N", names=("-n", "--count"))] = Field(default=10_000, ge=10, le=1_000_000)
    """Images scored, at most (default: 10000; quick: 2000)."""
    features: Annotated[str, Flag("NAME")] = AUTO
    """Features for distances: evaluator, random, imagenet, inception or dino (default: the evaluator's if the set has
    classes)."""
    quick: Annotated[bool, Flag("")] = False
    """Fast: fewer images, shorter fits; no copies, no CAS."""
    seed: Annotated[int, Flag("S")] = Field(default=0, ge=0, lt=2**62)
    """Of the images that a run samples, and of the classifiers for CAS (default: 0)."""

    @field_validator("features")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in (*FEATURES, AUTO):
            raise ValueError(f"there are no features {name!r}; {nearest(name, FEATURES)}")
        return name
