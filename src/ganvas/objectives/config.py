"""What the networks are trained for, as choices: the order of updates, the loss, the penalties."""

import math
from functools import partial
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ganvas.settings import Settings

FakeLabels = Literal["paired", "data", "uniform"]


def _auto_or_number(value: object, most: float, allowed: str) -> object:
    if value == "auto":
        return value
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number <= most or number == math.inf:
        raise ValueError(f"{allowed}, or auto")
    return number


Weight = Annotated[
    Literal["auto"] | float,
    BeforeValidator(partial(_auto_or_number, most=math.inf, allowed="a weight must be a number from 0")),
]
Share = Annotated[
    Literal["auto"] | float,
    BeforeValidator(partial(_auto_or_number, most=1, allowed="a share must be a number from 0 to 1")),
]


class GanObjective(Settings):
    """D learns from a real and a fake batch in one update; then G learns from the new D, with the same noise."""

    kind: Literal["gan"] = "gan"
    loss: Literal["non-saturating", "relativistic", "hinge", "bce", "mse"] = "non-saturating"
    """The loss of discriminator and generator."""
    r1: Weight = 0.03
    """Weight γ of the gradient penalty on real images, γ/2 times the squared gradient; 0: none; auto: by image size."""
    r2: Weight = 0.03
    """The same on generated images."""
    penalty_every: int = Field(default=8, ge=1)
    """Steps from one penalty to the next; a rarer penalty is scaled up, so that its sum stays."""
    penalty_final: Share = 1.0
    """Share of the penalties' weights that is left at the end, to which they fall along half a cosine; auto: a tenth
    for small colour images, and in runs of 100,000 images for natural ones, else all."""
    generator_every: int = Field(default=1, ge=1)
    """Discriminator updates for each generator update."""
    fake_labels: FakeLabels = "paired"
    """Labels of generated images: those of the real batch, or drawn like the data's, or uniform."""
    classify_real: float = Field(default=1.0, ge=0)
    """Weight of the cross-entropy on the classes of real images, for a discriminator that also classifies."""
    classify_fake: float = Field(default=0.0, ge=0)
    """The same on generated images, against the labels they were generated for."""
    classify_generator: float = Field(default=0.1, ge=0)
    """Weight of that cross-entropy in the generator's loss: its images should show the class they are for."""
    augment: Literal["auto", "on", "off"] = "off"
    """Whether the discriminator sees images randomly shifted, by up to an eighth of their side, against memorising;
    auto: on for small sets of small images with plain borders."""

    def penalty_weights(self) -> tuple[float, float]:
        """Weights γ of R1 and of R2, once neither is "auto" any more."""
        assert self.r1 != "auto", "auto is resolved from the data first"
        assert self.r2 != "auto", "auto is resolved from the data first"
        return self.r1, self.r2

    def final_penalty_share(self) -> float:
        """`penalty_final`, once it is no longer "auto"."""
        assert self.penalty_final != "auto", "auto is resolved from the data first"
        return self.penalty_final


class BookObjective(Settings):
    """The book's order: D on the real batch, D on a fake one with random labels, G with fresh noise and labels."""

    kind: Literal["book"] = "book"
    loss: Literal["bce", "mse"] = "bce"
    """Refinement 1: binary cross-entropy in place of the squared error."""
    fake_labels: Literal["data", "uniform"] = "uniform"
    """Labels of generated images: drawn like the data's, or uniform as in the book."""


class ClassifierObjective(Settings):
    """A classifier learns the labels; there is no second network."""

    kind: Literal["classification"] = "classification"
    loss: Literal["bce", "cross-entropy"] = "bce"
    """The book's binary cross-entropy of every class's sigmoid, or cross-entropy over the softmax."""


ObjectiveConfig = Annotated[GanObjective | BookObjective | ClassifierObjective, Field(discriminator="kind")]
