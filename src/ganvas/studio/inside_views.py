"""What is asked of a run's discriminator, and what is answered: see `inside`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ganvas.settings import Settings
from ganvas.sizes import StoredSize

MOST_UNITS = 64
"""Maps of a layer, and kernels, that are shown."""
MOST_DRAWN = 120_000
"""Characters of an image that is drawn: 3 x 128 x 128 values are 65,536."""
LayerName = Literal["low", "middle", "high"]
Quadrant = Annotated[int, Field(ge=0, le=3)]


class GeneratedImage(Settings):
    """The image that weights, label, seed and index give."""

    kind: Literal["generated"] = "generated"
    label: int | None = Field(default=None, ge=0, lt=10**6)
    seed: int = Field(default=0, ge=0, lt=2**63)
    index: int = Field(default=0, ge=0, le=10**9)


class HeldOutImage(Settings):
    """A real image that the run was never trained on."""

    kind: Literal["held-out"]
    index: int = Field(default=0, ge=0, le=10**9)


class DrawnImage(Settings):
    """An image that was drawn by hand."""

    kind: Literal["drawn"]
    levels: str = Field(max_length=MOST_DRAWN)
    """Base64 of H x W grey levels, or of H x W x 3 colours."""


class InsideRequest(Settings):
    """An image to look into a discriminator with."""

    digest: str = Field(pattern="^[0-9a-f]{32}$")
    """Of the weights, as `/api/runs/NAME/weights` gives it."""
    image: Annotated[GeneratedImage | HeldOutImage | DrawnImage, Field(discriminator="kind")]
    label: int | None = Field(default=None, ge=0, lt=10**6)
    """The class that D is to take the image for, by its position; by default the image's own, or the first."""
    quadrants: tuple[Quadrant, Quadrant, Quadrant, Quadrant] = (0, 1, 2, 3)
    """Which quadrant of the image lies in each place: above left, above right, below left, below right."""

    @model_validator(mode="after")
    def _every_quadrant_is_there_once(self) -> Self:
        if sorted(self.quadrants) != [0, 1, 2, 3]:
            raise ValueError("quadrants are 0, 1, 2 and 3 in any order")
        return self


class UnitRequest(InsideRequest):
    """One value of one map."""

    layer: LayerName
    unit: int = Field(ge=0, lt=MOST_UNITS)
    row: int = Field(ge=0, lt=128)
    column: int = Field(ge=0, lt=128)


class Planes(Settings):
    """Maps or kernels of one size, as bytes: 128 + 127 * value / most, so that 128 is zero."""

    shown: int
    of: int
    """How many there are; the first ones are shown."""
    height: int
    width: int
    most: float
    """The largest absolute value."""
    levels: str
    """Base64 of shown x H x W bytes."""


class LayerMaps(Settings):
    """What one convolution computes."""

    name: LayerName
    maps: Planes


class ClassShare(Settings):
    """How probable D finds a class among those of its part of the label."""

    name: str
    share: float


class Verdict(Settings):
    """What D says of an image."""

    score: float
    """A logit: high is real."""
    classes: tuple[ClassShare, ...] = ()
    """None of a discriminator that does not classify."""


class InsideView(Settings):
    """What a discriminator makes of an image."""

    size: StoredSize
    channels: int
    pixels: str
    """Base64 of H x W x C bytes: the image, with the quadrants as asked."""
    label: int | None
    """The position of the class that D takes it for; None without labels, and for one that has no position."""
    held_out: int
    """How many real images there are to choose from; 0 if the set is not at hand."""
    verdict: Verdict
    whole: Verdict
    """The same with no quadrant moved."""
    looks: Planes
    """How much the score changes with each pixel."""
    kernels: Planes
    """Of the first layer, on the first channel of the image."""
    layers: tuple[LayerMaps, ...]


class TermView(Settings):
    """What one channel adds to a value."""

    channel: int
    total: float
    inputs: tuple[tuple[float, ...], ...]
    kernel: tuple[tuple[float, ...], ...]


class UnitView(Settings):
    """One value, as a sum."""

    value: float
    bias: float
    terms: tuple[TermView, ...]
    """The largest ones."""
    others: int
    """How many more there are."""
    rest: float
    """What those add up to."""
    seen: tuple[int, int, int, int]
    """The pixels that it depends on: first row, first column, and those behind the last."""
