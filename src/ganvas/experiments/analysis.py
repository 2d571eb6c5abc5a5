"""What the trials of a study say: rows with intervals, comparisons paired by seed, and the answer. Pure."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ganvas.evaluation.intervals import mean
from ganvas.experiments.experiment import Comparison, Experiment, Measure, Measurements, Variant
from ganvas.experiments.statistics import LEVEL, Difference, holm, paired

Json = dict[str, Any]
RATIOS = ((1.1, "next to nothing"), (1.5, "a small difference"), (3.0, "a clear difference"))
POINTS = ((0.01, "next to nothing"), (0.05, "a small difference"), (0.2, "a clear difference"))
LARGE = "a large difference"


class Results(NamedTuple):
    """Finished trials of a study."""

    found: dict[tuple[str, int], Measurements]
    """By row and seed."""
    failed: dict[tuple[str, int], str]
    """Why, of those that failed and were not done since."""
    seconds: float
    """Processor time of all."""


def read(lines: Sequence[Json]) -> Results:
    """The lines of a journal. KeyError, TypeError or ValueError for something else."""
    found: dict[tuple[str, int], Measurements] = {}
    failed: dict[tuple[str, int], str] = {}
    for line in lines:
        key = (str(line["row"]), int(line["seed"]))
        if "failed" in line:
            failed[key] = str(line["failed"])
        else:
            found[key] = {str(name): float(value) for name, value in line["figures"].items()}
    seconds = sum(float(line["seconds"]) for line in lines)
    return Results(found, {key: why for key, why in failed.items() if key not in found}, seconds)


def analyse(question: Experiment, results: Results, seeds: Sequence[int]) -> Json:
    """Everything a page says of the figures, as JSON."""
    measures = {each.name: each for each in question.measures}
    differences = [difference(each, measures[each.measure], results, seeds) for each in question.comparisons]
    adjusted = iter(holm([each.p_value() for each in differences if each is not None]))
    comparisons = []
    for each, found in zip(question.comparisons, differences, strict=True):
        comparisons.append(
            compare_variants(each, measures[each.measure], found, None if found is None else next(adjusted))
        )
    headlines = comparisons[: question.headlines]
    verdicts = {each["verdict"] for each in headlines}
    return {
        "answer": " ".join(f"{each['sentence']}." for each in headlines),
        "in_short": ". ".join(each["in_short"] for each in headlines) + ".",
        "verdict": verdicts.pop() if len(verdicts) == 1 else "partly",
        "rows": [_row(row, question.measures, results, seeds) for row in question.rows],
        "comparisons": comparisons,
        "failed": [{"row": row, "seed": seed, "why": why} for (row, seed), why in sorted(results.failed.items())],
    }


def difference(each: Comparison, measure: Measure, results: Results, seeds: Sequence[int]) -> Difference | None:
    """Paired by seed, over the seeds of which every row is known; of logarithms for a ratio. None for fewer than two.

    Rows on one side are averaged within a seed first, so that a factorial's effect is one comparison.
    """
    found = []
    for seed in seeds:
        sides = [[value_of(results, row, seed, measure) for row in side] for side in (each.of, each.against)]
        if all(value is not None for side in sides for value in side):
            of, against = (float(np.mean(np.array(side, float))) for side in sides)
            found.append(of - against)
    return paired(np.array(found)) if len(found) > 1 else None


def value_of(results: Results, row: str, seed: int, measure: Measure) -> float | None:
    """A figure as it is compared, or None where the trial failed or is not finished."""
    value = results.found.get((row, seed), {}).get(measure.name)
    if value is None or not math.isfinite(value):
        return None
    return math.log(max(value, 1e-9)) if measure.scale == "ratio" else value


def compare_variants(each: Comparison, measure: Measure, found: Difference | None, p_holm: float | None) -> Json:
    """A comparison in figures and in words."""
    start = {"measure": measure.name, "of": list(each.of), "against": list(each.against)}
    if found is None or p_holm is None:
        short = {"verdict": "unknown", "in_short": each.unknown}
        return {**start, **short, "sentence": f"{each.unknown}: too few runs gave a figure"}
    ahead = (found.value < 0) == (measure.better == "lower")
    verdict = "unknown" if p_holm > LEVEL else "yes" if ahead else "no"
    sentence = {"yes": each.yes, "no": each.no, "unknown": each.unknown}[verdict]
    size = "" if verdict == "unknown" else f", {size_of(measure, found.value)}"
    values = [math.exp(v) if measure.scale == "ratio" else v for v in (found.value, found.low, found.high)]
    return {
        **start,
        "verdict": verdict,
        "in_short": sentence,
        "value": values[0],
        "low": values[1],
        "high": values[2],
        "p_holm": p_holm,
        "sentence": f"{sentence}: {measure.title} {describe_difference(measure, values)}{size}",
    }


def describe_difference(measure: Measure, values: Sequence[float]) -> str:
    """A difference with its interval."""
    if measure.scale == "ratio":
        return "{:.2f} times (95 % interval {:.2f} to {:.2f})".format(*values)
    if measure.scale == "points":
        return "{:+.1f} points (95 % interval {:+.1f} to {:+.1f})".format(*(100 * v for v in values))
    return f"{values[0]:+.{measure.digits}f} (95 % interval {values[1]:+.{measure.digits}f} to " + (
        f"{values[2]:+.{measure.digits}f})"
    )


def size_of(measure: Measure, value: float) -> str:
    """How large a difference is, in words. The steps are ours, and the same for every study."""
    if measure.scale == "ratio":
        return next((words for most, words in RATIOS if math.exp(abs(value)) < most), LARGE)
    return next((words for most, words in POINTS if abs(value) < most), LARGE)


def _row(row: Variant, measures: Sequence[Measure], results: Results, seeds: Sequence[int]) -> Json:
    figures: Json = {}
    for measure in measures:
        values = [value_of(results, row.name, seed, measure) for seed in seeds]
        known = np.array([value for value in values if value is not None], float)
        if not len(known):
            continue
        # The mean of what is compared: of a ratio the geometric one.
        figure = mean(known)._asdict() if len(known) > 1 else {"value": float(known[0]), "low": None, "high": None}
        back = math.exp if measure.scale == "ratio" else float
        figure = {name: None if value is None else back(value) for name, value in figure.items()}
        figures[measure.name] = {**figure, "by_seed": [None if value is None else back(value) for value in values]}
    return {"name": row.name, "x": row.x, "line": row.line, "figures": figures}
