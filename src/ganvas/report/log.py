"""A run's log, one JSON object per line: read up to a half-written end, and reduced to what a chart can show."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganvas import files
from ganvas.errors import UserError

Floats = NDArray[np.float64]


def read_log(path: Path, at_most: int | None = None) -> list[dict[str, Any]]:
    """The records of a log in order. A half-written last line, as a killed run leaves it, is ignored.

    at_most: fewer records than this; neighbours are averaged while reading, so that a chart of a million records needs
        little memory.
    UserError for a damaged line before the last one.
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
    """(images shown, value), each (n,), of the records that have both."""
    both = [(record["images"], record[key]) for record in records if key in record and "images" in record]
    table = np.array(both, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def columns(records: Sequence[Mapping[str, Any]]) -> dict[str, Floats]:
    """Each figure of the records as a column (n,), NaN where a record lacks it; records of events are left out."""
    rows = [record for record in records if "event" not in record]
    names = dict.fromkeys(name for record in rows for name, value in record.items() if isinstance(value, int | float))
    return {name: np.array([record.get(name, np.nan) for record in rows], np.float64) for name in names}


def thinned(x: Floats, y: Floats, bins: int = 800) -> tuple[Floats, Floats]:
    """A curve of at most 2 x `bins` points that looks the same: the minimum and the maximum of each bin."""
    if len(x) <= 2 * bins:
        return x, y
    edges = np.linspace(0, len(x), bins + 1).astype(int)[:-1]
    low, high = np.fmin.reduceat(y, edges), np.fmax.reduceat(y, edges)
    return np.repeat(x[edges], 2), np.stack([low, high], axis=1).ravel()


def smoothed(x: Floats, y: Floats, bins: int = 800, share: float = 0.03) -> tuple[Floats, Floats]:
    """A running mean over `share` of the run (at most `bins` points), without values that are not finite."""
    known = np.isfinite(y)
    if not known.any():
        return x[:0], y[:0]
    x, y = x[known], y[known]
    edges = np.linspace(0, len(x), min(bins, len(x)) + 1).astype(int)
    counts = np.diff(edges)
    means = np.add.reduceat(y, edges[:-1]) / counts
    half = int(share * len(means) / 4)
    # A mean of means weighs near points more than far ones: an outlier leaves a bump, not a step.
    return np.add.reduceat(x, edges[:-1]) / counts, _mean_around(_mean_around(means, half), half)


def _mean_around(values: Floats, half: int) -> Floats:
    """The mean of each value with up to `half` neighbours on either side."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(0, np.arange(len(values)) - half)
    end = np.minimum(len(values), np.arange(len(values)) + half + 1)
    means: Floats = (sums[end] - sums[first]) / (end - first)
    return means


def _averaged(group: list[dict[str, Any]]) -> dict[str, Any]:
    """One record for several: numbers averaged, but step, images and seconds of the last one."""
    if len(group) == 1:
        return group[0]
    merged: dict[str, Any] = {}
    for record in group:
        merged |= record  # keeps a score that only some records have
    for key in merged.keys() - {"step", "images", "seconds"}:
        values = [record[key] for record in group if key in record]
        if isinstance(merged[key], int | float):
            merged[key] = sum(values) / len(values)
    return merged
