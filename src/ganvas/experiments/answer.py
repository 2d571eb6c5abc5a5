"""From which held-out images each fit got right to rows, comparisons and one sentence. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganvas.evaluation.intervals import mean
from ganvas.experiments.budget import FULL, Size, percent
from ganvas.experiments.statistics import LEVEL, compared, holm

ROWS = {
    "a": "real only",
    "b": "real, augmented",
    "c": "real + generated",
    "d": "generated only",
    "e": "real + generated, augmented",
}
WITH, WITHOUT = "ce", "ab"
MARGIN = 0.005
"""Of accuracy: a gain below half a percentage point is not worth training a generator for."""
FEWEST_SEEDS = 3
Json = dict[str, Any]
Right = NDArray[np.bool_]  # (N,): whether each held-out image was classified rightly
Key = tuple[float, int, str]  # share, seed, row


class Rare(NamedTuple):
    """The classes whose recall is told beside the accuracy."""

    classes: tuple[int, ...]
    balanced: bool
    """Whether no class is rare, and the lowest recall of any class is told instead."""


def rare_of(trained: NDArray[np.int64], tested: NDArray[np.int64]) -> Rare:
    """The tenth of the classes with the fewest training images (K,), among those with held-out images (N,).

    A set is balanced if its smallest class has at least half as many images as its largest.
    """
    known = [int(k) for k in np.unique(tested)]
    if 2 * trained[known].min() >= trained[known].max():
        return Rare(tuple(known), True)
    return Rare(tuple(sorted(known, key=lambda k: (trained[k], k))[: math.ceil(len(known) / 10)]), False)


def rare_recall(right: Right, labels: NDArray[np.int64], rare: Rare) -> float:
    """The mean recall of the rare classes; of a balanced set, the lowest of all."""
    recalls = [float(right[labels == k].mean()) for k in rare.classes]
    return min(recalls) if rare.balanced else float(np.mean(recalls))


def told(
    sizes: Sequence[Size],
    seeds: Sequence[int],
    results: Mapping[Key, Right],
    failures: Mapping[Key, str],
    labels: NDArray[np.int64],
    rare: Rare,
) -> Json:
    """`sizes`, with rows and comparisons, and the `verdict`. A row of which a fit is missing has no figures."""
    found = []
    for size in sizes:
        rows = [row(size, name, seeds, results, failures, labels, rare) for name in size.rows]
        decides = size.share != FULL  # what a generator saw of the whole set would flatter every part of it
        entry = {**size._asdict(), "decides": decides, "rows": rows, "comparisons": []}
        if decides and len(seeds) > 1:
            entry["comparisons"] = list(comparisons(size, seeds, results))
        found.append(entry)
    adjust(found)
    return {"sizes": found, "verdict": verdict(found, len(seeds))}


def row(
    size: Size,
    name: str,
    seeds: Sequence[int],
    results: Mapping[Key, Right],
    failures: Mapping[Key, str],
    labels: NDArray[np.int64],
    rare: Rare,
) -> Json:
    """One row of one size over its seeds."""
    keys = [(size.share, seed, name) for seed in seeds]
    right = [results.get(key) for key in keys]
    whole = [each for each in right if each is not None]
    accuracies = [None if each is None else float(each.mean()) for each in right]
    return {
        "row": name,
        "name": ROWS[name],
        "accuracy": over_seeds([float(each.mean()) for each in whole], len(seeds)),
        "rare_recall": over_seeds([rare_recall(each, labels, rare) for each in whole], len(seeds)),
        "by_seed": accuracies,
        "failed": [{"seed": key[1], "why": failures[key]} for key in keys if key not in results and key in failures],
    }


def over_seeds(values: Sequence[float], seeds: int) -> Json:
    """The mean of shares with its t interval, within 0 and 1; no interval of a single seed; nothing without a seed."""
    if len(values) < seeds:
        return {"value": None, "low": None, "high": None}
    if seeds == 1:
        return {"value": values[0], "low": None, "high": None}
    found = mean(np.array(values, np.float64))
    return {"value": found.value, "low": max(0.0, found.low), "high": min(1.0, found.high)}


def comparisons(size: Size, seeds: Sequence[int], results: Mapping[Key, Right]) -> list[Json]:
    """Every row with generated images against every row of real ones, paired, where no fit is missing."""
    found = []
    for more in WITH:
        for less in WITHOUT:
            both = [[results.get((size.share, seed, name)) for seed in seeds] for name in (more, less)]
            first, second = ([each for each in rows if each is not None] for rows in both)
            if len(first) < len(seeds) or len(second) < len(seeds):
                continue
            by = compared(np.stack(first), np.stack(second))
            found.append(
                {
                    "of": more,
                    "against": less,
                    "value": by.value,
                    "low": by.low,
                    "high": by.high,
                    "p_of_more": by.p_value() if by.value > 0 else 1.0,
                    "p_of_too_little": by.p_value(MARGIN) if by.value < MARGIN else 1.0,
                }
            )
    return found


def adjust(sizes: Sequence[Json]) -> None:
    """Puts into each deciding size, under `gains`, what each row with generated images gains over the better without.

    To gain, a row must beat *both* rows without: the larger p value counts (Berger 1982, intersection-union), and Holm
    corrects over all rows and sizes. To be shown useless it is enough that it gains too little over *one* of the two,
    which is two chances: twice the smaller p value.
    """
    gains = []
    for size in sizes:
        size["gains"] = []
        for name in WITH:
            against = [entry for entry in size["comparisons"] if entry["of"] == name]
            if len(against) < len(WITHOUT):
                continue
            least = min(against, key=lambda entry: entry["value"])
            gain = {
                **{key: least[key] for key in ("of", "against", "value", "low", "high")},
                "p": max(entry["p_of_more"] for entry in against),
                "p_useless": min(1.0, len(against) * min(entry["p_of_too_little"] for entry in against)),
            }
            size["gains"].append(gain)
            gains.append(gain)
    for gain, p in zip(gains, holm([gain["p"] for gain in gains]), strict=True):
        gain["p_holm"] = p


def verdict(sizes: Sequence[Json], seeds: int) -> Json:
    """yes, no or unknown, and one sentence. Sizes that do not decide are not looked at."""
    deciding = [size for size in sizes if size["decides"]]
    if seeds < FEWEST_SEEDS:
        return _said("unknown", f"one cannot tell with fewer than {FEWEST_SEEDS} seeds.")
    lost = sum(
        result is None
        for size in deciding
        for entry in size["rows"]
        if entry["row"] in WITH + WITHOUT
        for result in entry["by_seed"]
    )
    if lost or not deciding:
        return _said("unknown", f"{lost} {'fit' if lost == 1 else 'fits'} that it rests on could not be done.")
    better = [best for size in deciding if (best := _proven(size)) is not None]
    if better:
        others = [f"{_rest(size)} at {percent(size['share'])}" for size in deciding if _proven(size) is None]
        more = "; ".join(f"{_place(size)}, {_gain(gain)}" for size in deciding if (gain := _proven(size)) is not None)
        return _said("yes", f"{more}{''.join(f'; {other}' for other in others)}.")
    figures = "; ".join(
        f"{_place(size)}, {_gain(max(size['gains'], key=lambda gain: gain['value']))}" for size in deciding
    )
    if all(_useless(size) for size in deciding):
        return _said("no", f"they add less than {100 * MARGIN:g} points of accuracy: {figures}.")
    return _said("unknown", f"neither a gain worth having nor the lack of one is certain: {figures}.")


def _said(answer: str, sentence: str) -> Json:
    opening = {"yes": "Yes", "no": "No", "unknown": "Cannot tell"}[answer]
    return {"answer": answer, "sentence": f"{opening}: {sentence}"}


def _proven(size: Json) -> Json | None:
    """The largest gain at a size that is no chance and no trifle."""
    found = [gain for gain in size["gains"] if gain["p_holm"] <= LEVEL and gain["value"] >= MARGIN]
    return max(found, key=lambda gain: float(gain["value"]), default=None)


def _useless(size: Json) -> bool:
    return bool(size["gains"]) and all(gain["p_useless"] <= LEVEL for gain in size["gains"])


def _rest(size: Json) -> str:
    return "they do not help" if _useless(size) else "one cannot tell"


def _place(size: Json) -> str:
    return f"with {percent(size['share'])} of the training images ({size['images']:,})"


def _gain(gain: Json) -> str:
    points = "{:+.1f} points ({:+.1f} to {:+.1f})".format(*(100 * gain[key] for key in ("value", "low", "high")))
    return f"{ROWS[gain['of']]} has {points} of accuracy over {ROWS[gain['against']]}"
