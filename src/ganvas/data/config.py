"""The options of the data."""

from functools import partial
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ganvas.data.labels import LabelChoice
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


def _names(value: object, separator: str) -> object:
    names = value.split(separator) if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return value
    stripped = tuple(str(name).strip() for name in names)
    if not all(stripped) or len({*stripped}) < len(stripped):
        raise ValueError(f"names with {separator} between, each once")
    return stripped


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
    """The yes/no attribute that labels a set in CelebA's layout, such as Smiling; several, Smiling,Male, are parts of
    one label."""
    label_column: Annotated[str | None, Flag("NAME", "Data")] = None
    """The column that labels the images, of a table in the folder or a set of the hub (default: label, class, ...)."""
    label_columns: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(partial(_names, separator=",")),
        Flag("NAME,NAME", "Data"),
    ] = None
    """Several columns that are the parts of one label, such as shape,colour."""
    nested: Annotated[
        tuple[str, ...] | None, BeforeValidator(partial(_names, separator="/")), Flag("NAME/NAME", "Data")
    ] = None
    """Class folders in class folders: the parts of the label by level, such as shape/colour for star/red/1.png."""
    hold_out_combinations: Annotated[float | None, Flag("SHARE", "Data")] = Field(default=None, gt=0, le=0.5)
    """Keep this share of the combinations of a label's parts from training, to score them as never seen."""
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
        names = ("attribute", "label_column", "label_columns", "nested")
        if len(given := [f"--{name.replace('_', '-')}" for name in names if getattr(self, name) is not None]) > 1:
            raise ValueError(f"{' and '.join(given)} both name what labels the set: give one")
        return self

    @property
    def label_choice(self) -> LabelChoice:
        """What was asked to label the set."""
        if self.attribute is not None:
            return LabelChoice(tuple(name.strip() for name in self.attribute.split(",")))
        columns = self.label_columns or (() if self.label_column is None else (self.label_column,))
        return LabelChoice(columns, self.nested or ())
