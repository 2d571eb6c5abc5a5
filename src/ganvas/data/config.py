"""The options of the data."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator

from ganvas.settings import Flag, Settings
from ganvas.sizes import TrainableSize


def _crop(value: object) -> object:
    text = str(value)
    if value is None or text == "square":
        return value
    if not (text.isascii() and text.isdigit() and int(text) >= 16):
        raise ValueError("a crop is square or a number of pixels from 16 up")
    return int(text)


def _channels(value: object) -> object:
    if value is not None and str(value) not in ("1", "3", "4"):
        raise ValueError("channels are 1 (grey), 3 (RGB) or 4 (RGB and transparency)")
    return value if value is None else int(str(value))


class DataConfig(Settings):
    """How a source becomes one uint8 array. Equal options for an equal source share a prepared set."""

    size: Annotated[TrainableSize | None, Flag("PIXELS|HEIGHTxWIDTH", "Data")] = None
    """Size in pixels, 16 to 128 a side: 64 for squares, 64x48 for other shapes (default: the median shape, at most 64
    long, where nine tenths share it; else squares of the median short side, at most 64)."""
    crop: Annotated[Literal["square"] | int | None, BeforeValidator(_crop), Flag("square|PIXELS", "Data")] = None
    """What is kept of an image, from its centre: its largest square, or a square of so many pixels, 16 or more
    (default: its largest part of the shape of the size)."""
    channels: Annotated[Literal[1, 3, 4] | None, BeforeValidator(_channels), Flag("1|3|4", "Data")] = None
    """1 (grey), 3 (RGB) or 4 (RGB and transparency) (default: 4 where most images have transparent areas; else grey
    stays grey, anything else becomes RGB)."""
    attribute: Annotated[str | None, Flag("NAME", "Data")] = None
    """The yes/no attribute that labels a set in CelebA's layout, such as Smiling."""
    label_column: Annotated[str | None, Flag("NAME", "Data")] = None
    """The column that labels the images, of a table in the folder or a set of the hub (default: label, class, ...)."""
    background: Annotated[Literal["white", "black"], Flag("white|black", "Data")] = "white"
    """Colour of the transparent areas of an image in 1 or 3 channels (default: white)."""
    stretch: Annotated[bool, Flag("", "Data")] = False
    """Map the set's own range of levels, lowest to highest over all images, to 0..255: for masks, 12-bit and other
    dark images."""
    accept_refused: Annotated[bool, Flag("", "Data")] = False
    """Continue when more than a tenth of the images cannot be used."""

    @model_validator(mode="after")
    def _crop_has_the_shape(self) -> Self:
        if self.crop is not None and self.size is not None and not self.size.is_square:
            raise ValueError(
                f"--size {self.size} is not square, and --crop {self.crop} cuts squares (the book's recipes take "
                f"squares alone): give --size {min(self.size)}, or leave out --crop"
            )
        return self

    @model_validator(mode="after")
    def _one_labels_the_set(self) -> Self:
        if self.attribute is not None and self.label_column is not None:
            raise ValueError("--attribute and --label-column both name what labels the set: give one")
        return self

    @property
    def labelled_by(self) -> str | None:
        """The attribute or column that was asked for."""
        return self.attribute if self.label_column is None else self.label_column
