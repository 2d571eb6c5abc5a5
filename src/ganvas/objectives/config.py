"""How the two networks play, as choices: which rule orders the updates, which loss, which penalties."""

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ganvas.settings import Settings

FakeLabels = Literal["paired", "data", "uniform"]


def _weight(value: object) -> object:
    if value == "auto":
        return value
    try:
        weight = float(str(value))
    except ValueError:
        weight = -1.0
    if not 0 <= weight < math.inf:
        raise ValueError("a weight must be a number from 0, or auto")
    return weight


Weight = Annotated[Literal["auto"] | float, BeforeValidator(_weight)]


class GanObjective(Settings):
    """D sees a real and a fake batch in one update; then G plays the same fakes against the new D."""

    kind: Literal["simultaneous"] = "simultaneous"
    loss: Literal["non-saturating", "relativistic", "hinge", "bce", "mse"] = "non-saturating"
    """The loss of discriminator and generator."""
    r1: Weight = 0.03
    """Weight γ of the gradient penalty on real images, γ/2 times the squared gradient; 0: none; auto: by image size."""
    r2: Weight = 0.03
    """The same on generated images."""
    penalty_every: int = Field(default=8, ge=1)
    """Steps from one penalty to the next; a rarer penalty is scaled up, so that its sum stays."""
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
    auto: on for small sets of small images."""

    def penalties(self) -> tuple[float, float]:
        """Weights of the penalties on real and on generated images, of a rule that leaves neither open any more."""
        assert self.r1 != "auto", "what is left to the data is settled first"
        assert self.r2 != "auto", "what is left to the data is settled first"
        return self.r1, self.r2


class BookObjective(Settings):
    """The book's rule: D on the real batch, D on a fake one with random labels, G with fresh random labels."""

    kind: Literal["book"] = "book"
    loss: Literal["bce", "mse"] = "bce"
    """Refinement 1: binary cross-entropy in place of the squared error."""
    fake_labels: Literal["data", "uniform"] = "uniform"
    """Labels of generated images: drawn like the data's, or uniform as in the book."""


class ClassifierObjective(Settings):
    """A classifier learns its labels; there is no second player."""

    kind: Literal["classification"] = "classification"
    loss: Literal["bce", "cross-entropy"] = "bce"
    """The book's binary cross-entropy of every class's sigmoid, or cross-entropy over the softmax."""


ObjectiveConfig = Annotated[GanObjective | BookObjective | ClassifierObjective, Field(discriminator="kind")]
