"""An image that is shown or given away: Pillow's form of it, and PNG in memory."""

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image


def to_pil(image: NDArray[np.uint8]) -> "Image":
    """(C, H, W) uint8 -> Pillow's image of the same size."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(image[0] if image.shape[0] == 1 else image.transpose(1, 2, 0)))


def to_png(image: NDArray[np.uint8]) -> bytes:
    """(C, H, W) uint8 -> the bytes of a PNG file."""
    file = BytesIO()
    to_pil(image).save(file, format="PNG")
    return file.getvalue()
