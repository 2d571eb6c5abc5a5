"""A run's log: one JSON object a line, read as far as it was written, and thinned to what a chart can show."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganvas import files
from ganvas.errors import UserError

Floats = NDArray[np.float64]


def read_log(path: Path, at_most: int | None = None) -> list[dict[str, Any]]:
    """The records of a log in their order. A half last line, as a killed run leaves it, is passed over.

    at_most: fewer records than this, however long the log: neighbours are averaged while reading, so that a chart of
        a million records needs little memory.
    UserError: a line that is no record stands before the last one.
    """
    records: list[dict[str, Any]] = []
    together, group = 1, list[dict[str, Any]]()
    try:
        for record in files.read_jsonl(path):
            group.append(record)
            if len(group) == together:
                records.append(_averaged(group))
                group = []
            if at_most is not None and len(records) == at_most:
                records = [_averaged(records[i : i + 2]) for i in range(0, at_most, 2)]
                together *= 2
    except files.DamagedError as error:
        raise UserError(f"{path}: {error}; the log was changed or cut") from None
    return records + ([_averaged(group)] if group else [])


def column(records: Sequence[Mapping[str, Any]], key: str) -> tuple[Floats, Floats]:
    """(images seen, value), each (n,), of the records that hold both."""
    both = [(record["images"], record[key]) for record in records if key in record and "images" in record]
    table = np.array(both, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def thinned(x: Floats, y: Floats, bins: int = 800) -> tuple[Floats, Floats]:
    """A line of at most 2 x `bins` points that looks the same: the least and the greatest value of each bin."""
    if len(x) <= 2 * bins:
        return x, y
    edges = np.linspace(0, len(x), bins + 1).astype(int)[:-1]
    low, high = np.fmin.reduceat(y, edges), np.fmax.reduceat(y, edges)
    return np.repeat(x[edges], 2), np.stack([low, high], axis=1).ravel()


def smoothed(x: Floats, y: Floats, bins: int = 800, share: float = 0.03) -> tuple[Floats, Floats]:
    """A running mean over `share` of the run (at most `bins` points); what is not a number is left out of it."""
    known = np.isfinite(y)
    if not known.any():
        return x[:0], y[:0]
    x, y = x[known], y[known]
    edges = np.linspace(0, len(x), min(bins, len(x)) + 1).astype(int)
    counts = np.diff(edges)
    means = np.add.reduceat(y, edges[:-1]) / counts
    half = int(share * len(means) / 4)
    # Twice a plain mean weighs near points more than far ones: one wild value leaves a hill, not a step.
    return np.add.reduceat(x, edges[:-1]) / counts, _mean_around(_mean_around(means, half), half)


def _mean_around(values: Floats, half: int) -> Floats:
    """The mean of each value with up to `half` neighbours on either side."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(0, np.arange(len(values)) - half)
    end = np.minimum(len(values), np.arange(len(values)) + half + 1)
    means: Floats = (sums[end] - sums[first]) / (end - first)
    return means


def _averaged(group: list[dict[str, Any]]) -> dict[str, Any]:
    """One record for several: numbers averaged, but steps and counts of images as they were at the end."""
    if len(group) == 1:
        return group[0]
    everything: dict[str, Any] = {}
    for record in group:
        everything |= record  # a score that only some records hold is not lost with them
    kept = ("step", "images", "seconds")
    numbers = {
        key: [r[key] for r in group if key in r] for key, value in everything.items() if isinstance(value, int | float)
    }
    return everything | {key: sum(found) / len(found) for key, found in numbers.items() if key not in kept}
