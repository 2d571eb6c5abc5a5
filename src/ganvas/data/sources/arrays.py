"""A set whose images and labels are arrays with names: shapes, ranges of levels, parts."""

import numpy as np
from numpy.typing import NDArray

from ganvas.data.sources.array_labels import join_labels, read_class_names, read_labels
from ganvas.data.sources.array_names import CLASS_NAMES, ArrayPart, choose_parts
from ganvas.data.sources.contents import RawImages, SourceContents
from ganvas.data.sources.scan import escaped_name
from ganvas.data.sources.stored_arrays import ArrayHeader, NamedArrays, StoredArray
from ganvas.errors import UserError
from ganvas.levels import BYTES, CONVENTIONS, SIXTEEN_BITS, Range, full_range, level_range

IMAGE_CHANNELS = (1, 3, 4)
LEAST_FLAT_SIDE = 8
ImageAxes = tuple[tuple[int, ...], tuple[int, ...]]
"""(shape with the channels last, axes of the stored array in that order)."""


def read_arrays(arrays: NamedArrays, family: str | None = None) -> SourceContents:
    """Images by their parts, with their labels; a UserError says what is missing or ambiguous."""
    parts, notes = choose_parts(arrays, family)
    shapes = [_image_shape(arrays, part) for part in parts]
    stored = [arrays.stored(part.images) for part in parts]
    ranges = _full_ranges(arrays, stored)
    images = tuple(
        RawImages(
            array.path, array.offset, shape, escaped_name(part.images), array.header.order,
            dtype=array.header.dtype.str, axes=axes, full_range=black_and_white,
        )
        for part, (shape, axes), array, black_and_white in zip(parts, shapes, stored, ranges, strict=True)
    )  # fmt: skip
    used = {part.images for part in parts} | {part.labels for part in parts}
    names = next((name for name in arrays.headers if name.lower() in CLASS_NAMES), None)
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    if parts[0].labels is not None:
        labels, classes = _labels(arrays, parts, images, names)
        used.add(names)
    held_out = np.concatenate([np.full(len(i), part.is_held_out) for part, i in zip(parts, images, strict=True)])
    layout = arrays.layout + (" without labels" if labels is None else "")
    if len(parts) > 1:
        layout += f" with {', '.join(escaped_name(part.images) for part in parts)}"
    unused = [escaped_name(name) for name in arrays.headers if name not in used]
    return SourceContents(
        layout,
        images,
        classes,
        labels,
        held_out if held_out.any() else None,
        notes=notes + ([f"arrays not read: {', '.join(unused)}"] if unused else []),
    )


def _labels(
    arrays: NamedArrays, parts: list[ArrayPart], images: tuple[RawImages, ...], names: str | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The labels of all parts, and the classes, which the array `names` may name."""
    class_names = None if names is None else read_class_names(arrays.where, names, arrays.stored(names).whole())
    found = [
        read_labels(f"{arrays.where}: {escaped_name(part.labels)}", arrays.stored(part.labels).whole(), len(image))
        for part, image in zip(parts, images, strict=True)
        if part.labels is not None
    ]
    return join_labels(arrays.where, found, class_names)


def _image_shape(arrays: NamedArrays, part: ArrayPart) -> ImageAxes:
    """How an array is read as images; a UserError where it cannot be."""
    header, name = arrays.headers[part.images], escaped_name(part.images)
    if 0 in header.shape:
        raise UserError(f"{arrays.where} holds no images: their shape is {header.shape}")
    found = _channels_last(header, has_labels=part.labels is not None) if header.is_numeric else None
    if found is None and not header.dtype.hasobject:
        raise UserError(
            f"{arrays.where}: {name} are {header} and must be numbers of shape (N, H, W), (N, H, W, C) or "
            "(N, C, H, W), C = 1, 3 or 4"
        )
    return found or ((), ())


def _channels_last(header: ArrayHeader, has_labels: bool) -> ImageAxes | None:
    shape = header.shape
    if len(shape) == 3:
        return shape, ()
    if len(shape) == 4:
        last = (shape, ()) if shape[3] in IMAGE_CHANNELS else None
        first = ((shape[0], shape[2], shape[3], shape[1]), (0, 2, 3, 1)) if shape[1] in IMAGE_CHANNELS else None
        if last and first:  # where both may be, the one whose images are not slivers
            return last if min(shape[1:3]) >= min(shape[2:4]) else first
        return last or first
    # Rows of pixels, as in tables: squares, and only beside labels, since other tables have rows as well.
    side = int(np.sqrt(shape[1])) if len(shape) == 2 and has_labels else 0
    if side < LEAST_FLAT_SIDE or side * side != shape[1]:
        return None
    # In Fortran's order the pixels of a row are apart in the file in the same order, so the array of three axes has the
    # last two exchanged.
    return (shape[0], side, side), (0, 2, 1) if header.order == "F" else ()


def _full_ranges(arrays: NamedArrays, stored: list[StoredArray]) -> list[Range | None]:
    """The levels of black and white in each array: 0..255 for bytes; for other types by the levels that occur.

    They are one range for all arrays of a type: a part that happens to be dark means the same as the others.
    """
    met: dict[str, Range] = {}
    for array in stored:
        kind = array.header.dtype.kind
        if array.header.dtype == np.uint8:
            continue
        lowest, highest = level_range(array.flat())
        if np.isnan(lowest):
            raise UserError(f"{arrays.where} has images with values that are not finite numbers")
        before = met.get(kind, (lowest, highest))
        met[kind] = min(before[0], lowest), max(before[1], highest)
    conventions = {"b": ((0.0, 1.0),), "f": CONVENTIONS}
    ranges = {kind: full_range(*levels, conventions.get(kind, (BYTES, SIXTEEN_BITS))) for kind, levels in met.items()}
    return [BYTES if array.header.dtype == np.uint8 else ranges[array.header.dtype.kind] for array in stored]
