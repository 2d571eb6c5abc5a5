"""What a person may choose about the data."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ganvas.settings import Settings


def _crop(value: object) -> object:
    text = str(value)
    if text == "square":
        return text
    if not (text.isascii() and text.isdigit() and int(text) >= 16):
        raise ValueError("a crop is square or a number of pixels from 16 up")
    return int(text)


def _channels(value: object) -> object:
    if value is not None and str(value) not in ("1", "3"):
        raise ValueError("channels are 1 (grey) or 3 (RGB)")
    return value if value is None else int(str(value))


class DataConfig(Settings):
    """How a source becomes one uint8 array. Two equal values of this (and an equal source) share a prepared set."""

    size: int | None = Field(default=None, ge=16, le=128)
    """Height and width to train at, in pixels; when not given, a crop of up to 128 pixels as it is, else the median
    short side, at most 64."""
    crop: Annotated[Literal["square"] | int, BeforeValidator(_crop)] = "square"
    """Centre crop before the resize: to the short side, or to so many pixels (16 or more)."""
    channels: Annotated[Literal[1, 3] | None, BeforeValidator(_channels)] = None
    """1 (grey) or 3 (RGB); when not given, grey stays grey and anything else becomes RGB."""
    attribute: str | None = None
    """The yes/no attribute that labels a set in CelebA's layout, such as Smiling."""
    background: Literal["white", "black"] = "white"
    """What shows through where an image is transparent."""
    accept_refused: bool = False
    """Go on although more than a tenth of the images could not be used."""
