"""Which size and how many channels the images of a set become, where that is left open."""

from collections import Counter
from pathlib import Path
from statistics import median_low

from ganvas import alpha, images
from ganvas.data.config import DataConfig
from ganvas.data.decode import DecodePlan, ImageStats, count_transparent
from ganvas.data.sources.contents import RawImages, SourceContents
from ganvas.levels import choose_mapping
from ganvas.sizes import LARGEST, SMALLEST, Size

LARGEST_DEFAULT = 64
"""Pixels of the shorter side of a square, and of the longer side of another shape, unless a size is asked for."""
SHARE_OF_ONE_SHAPE = 0.9
"""So many images of one aspect (height over width) make its shape that of the set."""
SAME_ASPECT = 1 / 32
"""Aspects that differ by at most this share are the same: the crop to the set's shape takes no more."""
NEARLY_SQUARE = 1 / 16
"""Sides that differ by at most this share make a square."""
ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La", "P")  # which may be transparent
MOST_LOOKED_AT = 20  # images that are decoded to guess
ROUNDED_TO = 4
"""The shorter side of a shape that is made smaller is a multiple of this: patches of that many pixels fit it."""


def choose_plan(config: DataConfig, folder: Path, stats: ImageStats) -> DecodePlan:
    """The plan for images of these sizes and colours."""
    crop = config.crop if isinstance(config.crop, int) else None
    size = config.size or default_size(stats.sizes, config.crop)
    is_transparent = 2 * stats.transparent > stats.sizes.total()
    channels = config.channels or (4 if is_transparent else 3 if stats.coloured else 1)
    background = None if channels == alpha.CHANNELS else config.background
    return DecodePlan(folder, size, channels, crop, background, choose_mapping(stats.levels, config.stretch))


def default_size(sizes: Counter[tuple[int, int]], crop: int | str | None) -> Size:
    """For images of (width, height) -> how many: the shape that they share, else a square; a square of any crop."""
    if isinstance(crop, int) and crop <= LARGEST:
        return Size.square(crop)
    if crop is None and (shape := shared_shape(sizes)) is not None:
        return shape
    most = crop if isinstance(crop, int) else None
    short_sides = [min(width, height, most or width) for width, height in sizes.elements()]
    if not short_sides:
        return Size.square(LARGEST_DEFAULT)
    return Size.square(max(SMALLEST, min(median_low(short_sides), LARGEST_DEFAULT)))


def shared_shape(sizes: Counter[tuple[int, int]]) -> Size | None:
    """The median size of images of one aspect, at most 64 px long; None for squares, and where shapes are mixed.

    A size of 16 to 64 px is taken as it is. Where the longer side is more, it becomes 64 px and the shorter one a
    multiple of four; of slivers the shorter one becomes 16 px, as long as the longer one is then at most 128 px.
    """
    middle = median_low([height / width for width, height in sizes.elements()] or [1.0])
    of_shape = Counter({size: n for size, n in sizes.items() if abs(size[1] / size[0] / middle - 1) <= SAME_ASPECT})
    is_square = max(middle, 1 / middle) <= 1 + NEARLY_SQUARE
    if is_square or of_shape.total() < SHARE_OF_ONE_SHAPE * sizes.total():
        return None
    height, width = (median_low([size[axis] for size in of_shape.elements()]) for axis in (1, 0))
    longer, shorter = max(height, width), min(height, width)
    aspect = longer / shorter
    if longer > LARGEST_DEFAULT:
        longer, shorter = LARGEST_DEFAULT, _rounded(LARGEST_DEFAULT / aspect)
    if shorter < SMALLEST:
        longer, shorter = _rounded(SMALLEST * aspect), SMALLEST
    if longer > LARGEST or longer == shorter:
        return None
    return Size(longer, shorter) if height > width else Size(shorter, longer)


def _rounded(side: float) -> int:
    return ROUNDED_TO * round(side / ROUNDED_TO)


def _is_transparent(data: bytes) -> bool:
    try:
        return images.decode(data).is_transparent
    except images.RefusedImageError:
        return False


def guess_stats(contents: SourceContents) -> ImageStats:
    """Sizes and colours by the headers of about a hundred images: a guess that is checked once all are decoded.

    Whether an image is transparent no header says, so a few of those that may be are decoded.
    """
    stats = ImageStats()
    for part in contents.parts:
        if isinstance(part, RawImages):
            stats.sizes[part.shape[2], part.shape[1]] += len(part)
            stats.coloured += part.shape[3:] not in ((), (1,))
            seen = part.part(0, min(len(part), MOST_LOOKED_AT))
            stats.transparent += len(part) * (2 * count_transparent(seen) > len(seen))
            continue
        looked_at: list[bool] = []
        for index in range(0, len(part), max(1, len(part) // 100)):
            try:
                width, height, mode = images.header(part.encoded(index))
            except images.RefusedImageError:
                continue
            stats.sizes[width, height] += 1
            stats.coloured += mode not in images.GREY_MODES and mode[0] not in "IF"
            if mode in ALPHA_MODES:
                if len(looked_at) < MOST_LOOKED_AT:
                    looked_at.append(_is_transparent(part.encoded(index)))
                stats.transparent += 2 * sum(looked_at) > len(looked_at)
    return stats
