"""The image convention: float32 NCHW in [-1, 1] inside, uint8 in 0..255 at the borders.

An image crosses the float border twice, both times in this file. No other file but `png` imports Pillow.
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ganvas import alpha, encoded, files, png
from ganvas.levels import BYTES, SIXTEEN_BITS, WHOLE_RANGE, LevelMapping, Range, extremes, scale_to_bytes
from ganvas.sizes import Size, crop_box

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Pixels = NDArray[np.uint8]  # (N, C, H, W), C = 1 (grey), 3 (RGB) or 4 (RGBA, premultiplied: see `alpha`)
Background = Literal["white", "black"] | None  # the colour of transparent areas; None: they stay transparent

# The formats that are read, whatever a file is called, beside AVIF and HEIC. PNG is first: most folders hold it.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "TIFF")
MAX_PIXELS = 50_000_000
MAX_BYTES = 256 * 2**20
MODES = {1: "L", 3: "RGB", 4: "RGBa"}  # of images of so many channels
GREY_MODES = ("L", "LA", "La", "1")
FILTER = (
    "JPEG decoded at 1/2, 1/4 or 1/8 where that still covers the size; then the mean of each area for a whole factor, "
    "else Hamming; bicubic where an image grows"
)


def from_uint8(pixels: "Tensor") -> "Tensor":
    """(N, C, H, W) uint8 in 0..255 -> float32 in [-1, 1]."""
    return pixels.float().div_(127.5).sub_(1)


def to_uint8(images: "Tensor") -> "Tensor":
    """(N, C, H, W) float in [-1, 1] -> uint8 in 0..255, rounded; values outside are clipped."""
    import torch

    return images.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def save_png(image: Pixels, path: Path) -> None:
    """Writes one image (C, H, W) uint8 as PNG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.open_atomic(path) as file:
        png.to_pil(alpha.straighten(image)).save(file, format="PNG")


class RefusedImageError(Exception):
    """An image cannot be used. The text is the reason, on one line."""


@dataclass(frozen=True)
class Decoded:
    """A decoded image, and facts about its file."""

    image: "Image"
    """Upright, in mode L or RGB, transparent areas filled with the background; without one RGBa, premultiplied."""
    levels: Range | None
    """The lowest and the highest level as stored, where they were measured."""
    full_range: Range | None
    """The levels of black and white in the file; None for floats, which do not say."""
    size: tuple[int, int]
    """(width, height) of the file, upright. `image` is smaller where a JPEG was decoded at a fraction of its size."""
    mode: str
    """Pillow's name for the mode of the file, such as RGBA."""
    animated: bool
    """Whether the file holds more frames; the first is used."""
    is_coloured: bool = False
    """Whether the file is not grey."""
    is_transparent: bool = False
    """Whether its ground is seen through a pixel of it."""


def decode(data: bytes, background: Background = "white", least_side: int | None = None) -> Decoded:
    """One encoded image -> an upright image, or RefusedImageError with the reason, and no other error.

    16-bit grey is scaled to 8, CMYK and palettes become RGB, the EXIF orientation is applied, and an animation gives
    its first frame. Images over 50 million pixels are refused before they are decoded. With `least_side`, a JPEG is
    decoded at 1/2, 1/4 or 1/8 of its size as long as its short side keeps so many pixels; that is much faster.
    Metadata that Pillow cannot read is left out.
    """
    with silence_warnings():
        return decode_quietly(data, background, least_side)


def decode_quietly(
    data: bytes,
    background: Background = "white",
    least_side: int | None = None,
    mapping: LevelMapping = WHOLE_RANGE,
    measured: bool = True,
) -> Decoded:
    """`decode` for a caller that silences Pillow's warnings itself, once for many images: that is much of its time.

    `mapping` says which levels become 0 and 255. Without `measured`, 8-bit levels are not measured.
    """
    try:
        return _decode(data, background, least_side, mapping, measured)
    except RefusedImageError:
        bare = encoded.without_metadata(data)
        if bare is not None:
            with suppress(RefusedImageError):
                return _decode(bare, background, least_side, mapping, measured)
        raise


def _decode(
    data: bytes, background: Background, least_side: int | None, mapping: LevelMapping, measured: bool
) -> Decoded:
    from PIL import ImageOps

    with _refusing(data):
        image = _open(data)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise RefusedImageError(f"{width}x{height} is more than {MAX_PIXELS // 10**6} million pixels")
        if width * height == 0:
            raise RefusedImageError(f"{width}x{height} holds no pixels")
        mode, animated = image.mode, bool(getattr(image, "is_animated", False))
        if least_side is not None and image.format == "JPEG":
            # The decoder leaves out the high frequencies of each block, which costs less than decoding them all.
            image.draft(None, (least_side, least_side))
        image.load()
        # `getexif` parses every image, which is slow. These keys are where Pillow keeps what may hold an orientation.
        if image.format == "TIFF" or image.info.keys() & {"exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp"}:
            with suppress(Exception):  # damaged metadata beside good pixels: the image is used as it is stored
                if image.getexif().get(0x0112, 1) >= 5:  # these orientations swap width and height
                    width, height = height, width
                image = ImageOps.exif_transpose(image)
        if image.mode[0] in "IF":
            return Decoded(*_from_wide_grey(image, mapping), (width, height), mode, animated)
        upright, levels, opacity = _to_l_or_rgb(image, background, mapping, measured)
        is_transparent = opacity is not None and bool(np.asarray(opacity).min() < alpha.TRANSPARENT_BELOW)
        return Decoded(upright, levels, BYTES, (width, height), mode, animated, mode not in GREY_MODES, is_transparent)


def _open(data: bytes) -> "Image":
    """Reads the header of an encoded image."""
    from PIL import Image

    kind = encoded.heif_kind(data)
    if kind is None:
        return Image.open(BytesIO(data), formats=FORMATS)
    if kind == "AVIF":
        return Image.open(BytesIO(data), formats=("AVIF",))
    if find_spec("pillow_heif") is None:
        raise RefusedImageError("HEIC needs pillow-heif, which is not installed: pip install 'ganvas[heif]'")
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)
    return Image.open(BytesIO(data), formats=("HEIF",))


def header(data: bytes) -> tuple[int, int, str]:
    """(width, height, mode) of an encoded image without decoding it, or RefusedImageError with the reason."""
    with silence_warnings(), _refusing(data):
        image = _open(data)
        return (*image.size, image.mode)


@contextmanager
def silence_warnings() -> Iterator[None]:
    """Silences Pillow's warnings: an image that it warns of is decoded or refused like any other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _refusing(data: bytes) -> Iterator[None]:
    """Turns every error into a RefusedImageError with a reason."""
    try:
        yield
    except RefusedImageError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly every type of exception
        from PIL import Image, UnidentifiedImageError

        reason = f"damaged: {' '.join(str(error).split())[:120] or type(error).__name__}"
        if not data:
            reason = "an empty file"
        elif isinstance(error, Image.DecompressionBombError):
            reason = f"more than {MAX_PIXELS // 10**6} million pixels"
        elif isinstance(error, UnidentifiedImageError):
            reason = encoded.unread_reason(data, FORMATS)
        raise RefusedImageError(reason) from None


def _from_wide_grey(image: "Image", mapping: LevelMapping) -> tuple["Image", Range, Range | None]:
    """Grey of 16 bits or of floats -> (mode L, rounded; its levels as stored; its full range)."""
    from PIL import Image

    stored, full_range = np.asarray(image), None if image.mode == "F" else SIXTEEN_BITS
    lowest, highest = float(stored.min()), float(stored.max())
    if not np.isfinite([lowest, highest]).all():
        raise RefusedImageError("levels that are not finite numbers")
    if full_range is not None and not 0 <= lowest <= highest <= 65535:
        raise RefusedImageError("grey levels beyond 16 bits")
    scaled = scale_to_bytes(stored, mapping.ends(full_range))
    return Image.fromarray(scaled), (lowest, highest), full_range


def _to_l_or_rgb(
    image: "Image", background: Background, mapping: LevelMapping, measured: bool
) -> tuple["Image", Range | None, "Image | None"]:
    """An image of any 8-bit mode -> (as `Decoded.image`, levels as stored, its alpha if it has one)."""
    from PIL import Image

    mode = image.mode
    if mode in GREY_MODES:
        opaque_mode = "L"
    elif mode in ("RGB", "RGBA", "RGBa", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):
        opaque_mode = "RGB"
    else:
        raise RefusedImageError(f"pixels of mode {mode} are not read")
    is_transparent = "transparency" in image.info or mode in ("LA", "La", "PA", "RGBA", "RGBa")
    opacity = None
    if is_transparent and mode not in ("CMYK", "YCbCr", "LAB", "HSV"):
        layered = image.convert(opaque_mode + "A")
        image, opacity = layered.convert(opaque_mode), layered.getchannel("A")
    elif mode != opaque_mode:
        image = image.convert(opaque_mode)
    levels = extremes(image, opacity) if measured else None
    if mapping.stretch is not None:
        table = scale_to_bytes(np.arange(256), mapping.ends(BYTES)).tolist()
        image = image.point(table * len(image.getbands()))
    if background is None:
        image = image.convert("RGB")
        image.putalpha(255 if opacity is None else opacity)
        image = image.convert("RGBa")
    elif opacity is not None:
        image = Image.composite(image, Image.new(opaque_mode, image.size, background), opacity)
    return image, levels, opacity


def from_pixels(pixels: Pixels, background: Background = "white") -> "Image":
    """(H, W) or (H, W, C) uint8, C in 1, 3, 4, alpha last -> a grey or RGB image; RGBa without a background."""
    from PIL import Image

    levels = pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels
    return _to_l_or_rgb(Image.fromarray(np.ascontiguousarray(levels)), background, WHOLE_RANGE, False)[0]


def in_channels(image: "Image", channels: int) -> "Image":
    """A grey, RGB or RGBa image with so many channels; opaque where it had no alpha."""
    if image.mode == MODES[channels]:
        return image
    return image.convert("RGBA").convert("RGBa") if channels == alpha.CHANNELS else image.convert(MODES[channels])


def stack(images: Iterable["Image | None"], count: int, size: Size, channels: int) -> Pixels:
    """`count` images of one size -> (N, C, H, W) uint8; None gives a black image.

    They are pasted below each other on one sheet: converting each to bytes would cost more than decoding a small image.
    """
    from PIL import Image

    height, width = size
    sheet = Image.new(MODES[channels], (width, height * count))
    for index, image in enumerate(images):
        if image is not None:
            sheet.paste(image, (0, height * index))
    levels = np.frombuffer(sheet.tobytes(), np.uint8).reshape(count, height, width, channels)
    return np.ascontiguousarray(levels.transpose(0, 3, 1, 2))


def crop_and_resize(image: "Image", crop: int | None, size: Size) -> "Image":
    """An image of this size: a part of the centre as `crop_box` says, resized; see `FILTER`.

    A part that has the right size is not resampled.
    """
    from PIL import Image

    width, height = image.size
    box = crop_box(height, width, crop, size)
    if box != (height, width):
        left, top = (width - box.width) // 2, (height - box.height) // 2
        image = image.crop((left, top, left + box.width, top + box.height))
    if box == size:
        return image
    if box.width % size.width == box.height % size.height == 0:
        return image.reduce((box.width // size.width, box.height // size.height))
    shrinks = box.height * box.width > size.height * size.width
    return image.resize((size.width, size.height), Image.Resampling.HAMMING if shrinks else Image.Resampling.BICUBIC)
