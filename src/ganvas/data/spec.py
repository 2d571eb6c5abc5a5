"""What a person may choose about the data."""

from typing import Literal

from pydantic import Field

from ganvas.settings import Settings


class Data(Settings):
    """How a source becomes one uint8 array. Two equal values of this (and an equal source) share a prepared set."""

    size: int | None = Field(default=None, ge=16, le=128)
    """Height and width to train at, in pixels; when not given, the median short side, at most 64."""
    crop: Literal["square"] | int = "square"
    """Centre crop before the resize: to the short side, or to so many pixels."""
    channels: Literal[1, 3] | None = None
    """1 (grey) or 3 (RGB); when not given, grey stays grey and anything else becomes RGB."""
    attribute: str | None = None
    """The yes/no attribute that labels a set in CelebA's layout, such as Smiling."""
    background: Literal["white", "black"] = "white"
    """What shows through where a picture is transparent."""
    accept_refused: bool = False
    """Go on although more than a tenth of the pictures could not be used."""
