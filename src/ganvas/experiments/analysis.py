"""What the trials of an experiment say: figures with intervals, comparisons paired by seed, and the answer. Pure."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ganvas.evaluation.intervals import mean
from ganvas.experiments.experiment import Comparison, Experiment, Flags, Measure, Verdict
from ganvas.experiments.journal import TrialLine
from ganvas.experiments.results import ComparisonResult, ExperimentResults, Failure, Figure, VariantResult
from ganvas.experiments.statistics import LEVEL, Difference, holm, holm_levels, paired

Key = tuple[str, int]  # variant, seed
RATIOS = ((1.1, "next to nothing"), (1.5, "a small difference"), (3.0, "a clear difference"))
POINTS = ((0.01, "next to nothing"), (0.05, "a small difference"), (0.2, "a clear difference"))


class Outcome(NamedTuple):
    """The finished trials of an experiment."""

    figures: dict[Key, dict[str, float]]
    flags: dict[Key, dict[str, Flags]]
    """Of the trials that measured something image by image."""
    failed: dict[Key, str]
    """Why, of the trials that failed and were not repeated with success."""
    seconds: float
    """CPU time of all."""


class Answer(NamedTuple):
    """What follows from the trials."""

    verdict: Verdict
    sentence: str
    comparisons: tuple[ComparisonResult, ...]


def read_results(lines: Sequence[TrialLine]) -> Outcome:
    """The lines of a journal. The last line of a trial counts."""
    done = {(line.row, line.seed): line for line in lines if line.failed is None}
    failed = {(line.row, line.seed): line.failed for line in lines if line.failed is not None}
    return Outcome(
        {key: line.figures for key, line in done.items()},
        {key: {name: line.unpacked(name) for name in line.flags} for key, line in done.items() if line.flags},
        {key: why for key, why in failed.items() if key not in done},
        sum(line.seconds for line in lines),
    )


def analyse(experiment: Experiment, outcome: Outcome, seeds: Sequence[int]) -> Answer:
    """The comparisons of an experiment, with Holm's correction over all of them; the first ones are the answer."""
    measures = {measure.name: measure for measure in experiment.measures}
    gaps = [
        difference(measures[comparison.measure], comparison.of, comparison.against, outcome, seeds)
        for comparison in experiment.comparisons
    ]
    p_values = [gap.p_value() for gap in gaps if gap is not None]
    adjusted, levels = iter(holm(p_values)), iter(holm_levels(p_values))
    comparisons = tuple(
        compare_variants(comparison, measures[comparison.measure], None, None)
        if gap is None
        else compare_variants(comparison, measures[comparison.measure], gap.at_level(next(levels)), next(adjusted))
        for comparison, gap in zip(experiment.comparisons, gaps, strict=True)
    )
    headlines = comparisons[: experiment.headlines]
    verdicts = {comparison.verdict for comparison in headlines}
    return Answer(
        verdicts.pop() if len(verdicts) == 1 else "partly",
        " ".join(f"{comparison.sentence}." for comparison in headlines),
        comparisons,
    )


def assemble(
    experiment: Experiment,
    title: str,
    answer: Answer,
    outcome: Outcome,
    seeds: Sequence[int],
    method: Sequence[str],
    command: str,
) -> ExperimentResults:
    """The answer with everything else that a page shows."""
    trials = len(seeds) * len(experiment.variants)
    done = sum((variant.name, seed) in outcome.figures for variant in experiment.variants for seed in seeds)
    preparing = {variant.after for variant in experiment.variants}  # these have no figures of their own
    variants = []
    for variant in experiment.variants:
        if variant.name not in preparing:
            figures = {measure.name: _figure(variant.name, measure, outcome, seeds) for measure in experiment.measures}
            known = {
                name: figure
                for name, figure in figures.items()
                if figure and not (experiment.needs_every_seed and None in figure.by_seed)
            }
            variants.append(VariantResult(name=variant.name, x=variant.x, line=variant.line, figures=known))
    return ExperimentResults(
        name=experiment.name,
        title=title,
        claim=experiment.claim,
        verdict=answer.verdict,
        answer=answer.sentence,
        measures=experiment.measures,
        axis=experiment.axis,
        variants=tuple(variants),
        comparisons=answer.comparisons,
        failures=tuple(Failure(variant=key[0], seed=key[1], why=why) for key, why in sorted(outcome.failed.items())),
        limits=experiment.limits,
        trials=trials,
        done=done,
        method=(*method, f"{done} of {trials} trials are done."),
        command=command,
    )


def difference(
    measure: Measure, of: Sequence[str], against: Sequence[str], outcome: Outcome, seeds: Sequence[int]
) -> Difference | None:
    """Paired by seed, over the seeds with a figure of every variant; None for fewer than two such seeds.

    Ratios are compared by their logarithms. Variants on one side are averaged within a seed first, so that a
    factorial's effect is one comparison.
    """
    differences = []
    for seed in seeds:
        sides = [[value_of(outcome, name, seed, measure) for name in side] for side in (of, against)]
        if all(value is not None for side in sides for value in side):
            first, second = (float(np.mean(np.array(side, float))) for side in sides)
            differences.append(first - second)
    return paired(np.array(differences)) if len(differences) > 1 else None


def value_of(outcome: Outcome, variant: str, seed: int, measure: Measure) -> float | None:
    """A figure as it is compared, or None if the trial failed or is not finished."""
    value = outcome.figures.get((variant, seed), {}).get(measure.name)
    if value is None or not math.isfinite(value):
        return None
    return math.log(max(value, 1e-9)) if measure.scale == "ratio" else value


def compare_variants(
    comparison: Comparison, measure: Measure, gap: Difference | None, p_holm: float | None
) -> ComparisonResult:
    """A comparison in figures and in words. The words for a size are ours, and the same for every experiment."""
    verdict: Verdict = "unknown"
    if gap is not None and p_holm is not None and p_holm <= LEVEL:
        verdict = "yes" if (gap.value < 0) == (measure.better == "lower") else "no"
    claim = comparison.sentence(verdict)
    values: list[float] = []
    sentence = f"{claim}: too few trials gave a figure"
    if gap is not None:
        values = [math.exp(v) if measure.scale == "ratio" else v for v in gap[:3]]
        sentence = f"{claim}: {measure.title} {describe_difference(measure, values)}"
        if verdict != "unknown":
            steps, size = (RATIOS, math.exp(abs(gap.value))) if measure.scale == "ratio" else (POINTS, abs(gap.value))
            sentence += f", {next((words for most, words in steps if size < most), 'a large difference')}"
    return ComparisonResult(
        measure=measure.name,
        of=comparison.of,
        against=comparison.against,
        verdict=verdict,
        sentence=sentence,
        p_holm=p_holm,
        **dict(zip(("value", "low", "high"), values, strict=False)),
    )


def describe_difference(measure: Measure, values: Sequence[float]) -> str:
    """A difference with its interval, at the level at which it was tested."""
    if measure.scale == "ratio":
        return "{:.2f} times (interval {:.2f} to {:.2f})".format(*values)
    if measure.scale in ("points", "percent"):
        return "{:+.1f} points (interval {:+.1f} to {:+.1f})".format(*(100 * v for v in values))
    value, low, high = (f"{v:+.{measure.digits}f}" for v in values)
    return f"{value} (interval {low} to {high})"


def _figure(variant: str, measure: Measure, outcome: Outcome, seeds: Sequence[int]) -> Figure | None:
    """The mean of what is compared: of ratios the geometric one. None without a seed that has a figure."""
    values = [value_of(outcome, variant, seed, measure) for seed in seeds]
    known = np.array([value for value in values if value is not None], float)
    if not len(known):
        return None
    back = math.exp if measure.scale == "ratio" else float
    by_seed = tuple(None if value is None else back(value) for value in values)
    if len(known) == 1:
        return Figure(value=back(known[0]), by_seed=by_seed)
    value, low, high = map(back, mean(known))
    if measure.is_share:
        low, high = max(0.0, low), min(1.0, high)
    return Figure(value=value, low=low, high=high, by_seed=by_seed)
