"""Labels as arrays: integers, text, one-hot rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganvas.data.sources.scan import escaped_name, natural_key
from ganvas.data.sources.stored_arrays import ArrayHeader
from ganvas.errors import UserError

LabelArray = NDArray[np.int64] | NDArray[np.str_]  # (N,)


def read_labels(title: str, array: NDArray[Any], count: int) -> LabelArray:
    """(N,) integers or text from (N,), (N, 1) or one-hot (N, K); a UserError, which begins with `title`, for others."""
    header = ArrayHeader(array.shape, "C", array.dtype)
    kind = array.dtype.kind
    if kind not in "biufUS":
        raise UserError(f"{title} must be integers or text and are {header}")
    if array.ndim == 2 and array.shape[0] == count and array.shape[1] > 1 and kind in "biuf":
        if not (((array == 0) | (array == 1)).all() and (np.count_nonzero(array, axis=1) == 1).all()):
            raise UserError(f"{title} of shape {array.shape}: rows of several labels that are not one-hot are not read")
        return np.asarray(array.argmax(axis=1), np.int64)
    if array.size != count or not count or array.ndim > 2:
        raise UserError(f"{title} of shape {array.shape} for {count} images")
    flat = array.reshape(-1)
    if kind == "S":
        flat = np.array([text.decode("utf-8", "replace") for text in flat.tolist()])
    if kind in "SU":
        return np.char.strip(flat.astype(np.str_))
    if kind == "f" and not (np.isfinite(flat).all() and (flat == np.rint(flat)).all()):
        raise UserError(f"{title} must be integers or text and are {header}")
    return flat.astype(np.int64)


def join_labels(
    where: str, parts: Sequence[LabelArray], names: Sequence[str] | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The labels of all parts as (N,) indices, and the classes: `names` in their order, else the labels that occur."""
    if len({part.dtype.kind for part in parts}) > 1:
        raise UserError(f"{where} has labels of numbers in one part and of text in another")
    values, indices = np.unique(np.concatenate(parts), return_inverse=True)
    if values.dtype.kind == "U":
        texts = [escaped_name(str(value)) for value in values]
        classes = sorted({*texts}, key=natural_key) if names is None or not {*texts} <= {*names} else list(names)
        if "" in texts:
            raise UserError(f"{where} has {int((indices == texts.index('')).sum())} empty labels")
        index = {name: label for label, name in enumerate(classes)}
        return np.array([index[text] for text in texts], np.int64)[indices], tuple(classes)
    if names is None:
        return indices.astype(np.int64), tuple(str(value) for value in values)
    if values[0] < 0 or values[-1] >= len(names):
        raise UserError(f"{where} has labels {values[0]} to {values[-1]} for {len(names)} classes")
    return values[indices].astype(np.int64), tuple(names)


def read_class_names(where: str, name: str, array: NDArray[Any]) -> tuple[str, ...]:
    """The names of classes, in order."""
    if array.dtype.kind not in "USiu" or not array.size:
        header = ArrayHeader(array.shape, "C", array.dtype)
        raise UserError(f"{where}: {name} must be text and are {header}")
    texts = [
        text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in array.ravel().tolist()
    ]
    classes = tuple(map(escaped_name, texts))
    if len(set(classes)) < len(classes):
        raise UserError(f"{where} names a class twice")
    if nameless := [index for index, text in enumerate(classes) if not text.strip()]:
        raise UserError(f"{where} gives class {nameless[0]} no name")
    return classes
