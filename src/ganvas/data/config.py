"""The options of the data."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ganvas.settings import Flag, Settings


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
    """How a source becomes one uint8 array. Equal options for an equal source share a prepared set."""

    size: Annotated[int | None, Flag("PIXELS", "Data")] = Field(default=None, ge=16, le=128)
    """Height and width in pixels, 16 to 128 (default: a crop of up to 128 pixels as it is, else the median short
    side, at most 64)."""
    crop: Annotated[Literal["square"] | int, BeforeValidator(_crop), Flag("square|PIXELS", "Data")] = "square"
    """Centre crop before the resize: to the short side, or to so many pixels, 16 or more (default: square)."""
    channels: Annotated[Literal[1, 3] | None, BeforeValidator(_channels), Flag("1|3", "Data")] = None
    """1 (grey) or 3 (RGB) (default: grey stays grey, anything else becomes RGB)."""
    attribute: Annotated[str | None, Flag("NAME", "Data")] = None
    """The yes/no attribute that labels a set in CelebA's layout, such as Smiling."""
    label_column: Annotated[str | None, Flag("NAME", "Data")] = None
    """The column that labels the images, of a table in the folder or a set of the hub (default: label, class, ...)."""
    background: Annotated[Literal["white", "black"], Flag("white|black", "Data")] = "white"
    """Colour of the transparent areas of an image (default: white)."""
    stretch: Annotated[bool, Flag("", "Data")] = False
    """Map the set's own range of levels, lowest to highest over all images, to 0..255: for masks, 12-bit and other
    dark images."""
    accept_refused: Annotated[bool, Flag("", "Data")] = False
    """Continue when more than a tenth of the images cannot be used."""

    @model_validator(mode="after")
    def _one_labels_the_set(self) -> Self:
        if self.attribute is not None and self.label_column is not None:
            raise ValueError("--attribute and --label-column both name what labels the set: give one")
        return self

    @property
    def labelled_by(self) -> str | None:
        """The attribute or column that was asked for."""
        return self.attribute if self.label_column is None else self.label_column
