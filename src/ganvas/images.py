"""The image convention: float32 NCHW in [-1, 1] inside, uint8 in 0..255 at the borders.

An image crosses the float border twice, both times in this file. It is also the only door to Pillow.
"""

import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ganvas import files

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Pixels = NDArray[np.uint8]  # (N, C, H, W), C = 1 (grey) or 3 (RGB)
Background = Literal["white", "black"]  # what shows through where an image is transparent

# A closed list, PNG first because that is what most folders hold; what a file is called does not matter.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "TIFF")
MAX_PIXELS = 50_000_000
MAX_BYTES = 256 * 2**20
FILTER = (
    "JPEG decoded at 1/2, 1/4 or 1/8 where that still covers the size; then the mean of each area for a whole factor, "
    "else Hamming; bicubic where an image grows"
)


def from_uint8(pixels: "Tensor") -> "Tensor":
    """(N, C, H, W) uint8 in 0..255 -> float32 in [-1, 1]."""
    return pixels.float().div_(127.5).sub_(1)


def to_uint8(images: "Tensor") -> "Tensor":
    """(N, C, H, W) float in [-1, 1] -> uint8 in 0..255, rounded; what lies outside is clipped."""
    import torch

    return images.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def grid(pixels: Pixels, columns: int, gap: int = 2, background: int = 255) -> Pixels:
    """(N, C, H, W) uint8 -> one image (C, H', W'), filled row by row, `gap` pixels between."""
    count, channels, height, width = pixels.shape
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    shape = (channels, rows * (height + gap) + gap, columns * (width + gap) + gap)
    sheet = np.full(shape, background, np.uint8)
    for index, image in enumerate(pixels):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[:, top : top + height, left : left + width] = image
    return sheet


def enlarge(pixels: Pixels, least_side: int) -> Pixels:
    """Repeats pixels by a whole factor so that a small image (..., H, W) is at least `least_side` wide."""
    factor = max(1, -(-least_side // pixels.shape[-1]))
    return pixels.repeat(factor, axis=-1).repeat(factor, axis=-2)


def save_png(image: Pixels, path: Path) -> None:
    """Writes one image (C, H, W) uint8 as PNG, whole or not at all."""
    from PIL import Image

    channels_last = np.ascontiguousarray(image[0] if image.shape[0] == 1 else image.transpose(1, 2, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.open_atomic(path) as file:
        Image.fromarray(channels_last).save(file, format="PNG")


_ORIENTATION = 0x0112  # the tag of EXIF that says how the camera was turned
# Where Pillow keeps what may hold it. Looking there first costs nothing; asking it to parse does, for every image.
_EXIF_KEYS = frozenset(("exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp"))


class RefusedImageError(Exception):
    """An image that cannot be used; its text is the reason, on one line."""


@dataclass(frozen=True)
class Decoded:
    """An image as it is in its file and as it is used."""

    image: "Image"
    """Upright, in mode L or RGB, what was transparent filled with the background."""
    size: tuple[int, int]
    """(width, height) of the file, upright. `image` is smaller where a JPEG was shrunk while it was decoded."""
    mode: str
    """Pillow's name for the mode of the file, such as RGBA."""
    animated: bool
    """Whether the file holds more frames; the first is used."""


def decode(data: bytes, background: Background = "white", least_side: int | None = None) -> Decoded:
    """One encoded image -> an upright grey or RGB image, or RefusedImageError with the reason, and no other error.

    16-bit grey is scaled to 8, CMYK and palettes become RGB, EXIF's turn is applied, an animation gives its first
    frame. Images over 50 million pixels are refused before they are decoded. With `least_side`, a JPEG may come out
    at 1/2, 1/4 or 1/8 as long as its short side keeps so many pixels, in a fraction of the time.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return decode_quietly(data, background, least_side)


def decode_quietly(data: bytes, background: Background = "white", least_side: int | None = None) -> Decoded:
    """`decode` for a caller that has silenced warnings itself, once for many images."""
    if not data:
        raise RefusedImageError("an empty file")
    try:
        return _decode(data, background, least_side)
    except RefusedImageError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly every kind there is
        raise RefusedImageError(_reason(error, data)) from None


def _decode(data: bytes, background: Background, least_side: int | None) -> Decoded:
    from PIL import Image

    image: Image.Image = Image.open(BytesIO(data), formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise RefusedImageError(f"{width}x{height} is more than {MAX_PIXELS // 10**6} million pixels")
    if width * height == 0:
        raise RefusedImageError(f"{width}x{height} holds no pixels")
    mode, animated = image.mode, bool(getattr(image, "is_animated", False))
    if least_side is not None and image.format == "JPEG":
        # The decoder leaves out high frequencies of each block and so gives 1/2, 1/4 or 1/8 of the size for less work.
        image.draft(None, (least_side, least_side))
    image.load()
    if image.format == "TIFF" or not _EXIF_KEYS.isdisjoint(image.info):
        with suppress(Exception):  # where the pixels are good and the note about their turn is not: as they lie
            from PIL import ImageOps

            if image.getexif().get(_ORIENTATION, 1) >= 5:  # on its side
                width, height = height, width
            image = ImageOps.exif_transpose(image)
    return Decoded(_flat(image, background), (width, height), mode, animated)


def _flat(image: "Image", background: Background) -> "Image":
    """Any mode -> L or RGB."""
    mode = image.mode
    is_transparent = "transparency" in image.info or mode in ("LA", "La", "PA", "RGBA", "RGBa")
    if mode.startswith("I"):
        return _eight_bits(image)
    if mode in ("L", "LA", "La", "1"):
        opaque_mode = "L"
    elif mode in ("RGB", "RGBA", "RGBa", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):
        opaque_mode = "RGB"
    else:
        raise RefusedImageError(f"pixels of mode {mode} are not read")
    if not is_transparent or mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        return image if mode == opaque_mode else image.convert(opaque_mode)
    from PIL import Image

    layered, below = image.convert(opaque_mode + "A"), Image.new(opaque_mode, image.size, background)
    below.paste(layered.convert(opaque_mode), mask=layered.getchannel("A"))
    return below


def _eight_bits(image: "Image") -> "Image":
    """16-bit grey 0..65535 -> 8-bit 0..255, rounded."""
    from PIL import Image

    levels = np.asarray(image).astype(np.int64)
    if levels.min() < 0 or levels.max() > 65535:
        raise RefusedImageError("grey levels beyond 16 bits")
    return Image.fromarray(((levels * 255 + 32767) // 65535).astype(np.uint8))


_MAGIC = {b"%!PS": "EPS", b"\xc5\xd0\xd3\xc6": "EPS", b"%PDF": "PDF", b"8BPS": "PSD", b"<svg": "SVG", b"<?xml": "SVG"}


def _reason(error: Exception, data: bytes) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MAX_PIXELS // 10**6} million pixels"
    if isinstance(error, UnidentifiedImageError):
        known = next((name for magic, name in _MAGIC.items() if data.startswith(magic)), None)
        if known is None and data[4:12] in (b"ftypheic", b"ftypavif", b"ftypmif1"):
            known = "HEIC or AVIF"
        return f"{known or 'this'} is not a format that is read ({', '.join(FORMATS)}), or its start is damaged"
    message = " ".join(str(error).split())[:120] or type(error).__name__
    return f"damaged: {message}"


def header(data: bytes) -> tuple[int, int, str]:
    """(width, height, mode) of an encoded image without decoding it; `RefusedImageError` where it cannot be told."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(BytesIO(data), formats=FORMATS)
        except Exception as error:
            raise RefusedImageError(_reason(error, data)) from None
        return (*image.size, image.mode)


def from_pixels(pixels: Pixels, background: Background = "white") -> "Image":
    """(H, W) or (H, W, C) uint8, C in 1, 3, 4 -> a grey or RGB image; the fourth channel is alpha."""
    from PIL import Image

    levels = pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels
    return _flat(Image.fromarray(np.ascontiguousarray(levels)), background)


def stack(images: Iterable["Image | None"], count: int, size: int, channels: int) -> Pixels:
    """Square images of one size, one after another -> (N, C, H, W) uint8; what is None stays black.

    Laid one below the other on one sheet, since turning each into bytes costs more than a small image's decoding.
    """
    from PIL import Image

    sheet = Image.new("L" if channels == 1 else "RGB", (size, size * count))
    for index, image in enumerate(images):
        if image is not None:
            sheet.paste(image, (0, size * index))
    levels = np.frombuffer(sheet.tobytes(), np.uint8).reshape(count, size, size, channels)
    return np.ascontiguousarray(levels.transpose(0, 3, 1, 2))


def crop_and_resize(image: "Image", crop: int | None, size: int) -> "Image":
    """Centre crop to `crop` pixels (None, or more than there are: the short side), then resize to `size`.

    A crop that has the right size is not resampled; see `FILTER`.
    """
    from PIL import Image

    width, height = image.size
    side = min(width, height, crop or width)
    if not width == height == side:
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if side == size:
        return image
    if side % size == 0:
        return image.reduce(side // size)
    return image.resize((size, size), Image.Resampling.HAMMING if side > size else Image.Resampling.BICUBIC)
