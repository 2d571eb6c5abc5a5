"""Whether generated images add enough accuracy: the verdict of `worth`, from its finished trials. Pure.

To help, a variant with generated images must beat *both* variants without, which is an intersection-union test: the
larger p value counts (Berger 1982, Technometrics 24), and Holm's correction runs over all variants and shares. To be
shown useless it is enough that it gains too little over *one* of the two. That is two chances: twice the smaller p.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ganvas.experiments.analysis import Answer, Outcome, describe_difference
from ganvas.experiments.budget import FULL, Share
from ganvas.experiments.experiment import Measure, Verdict
from ganvas.experiments.results import ComparisonResult
from ganvas.experiments.statistics import LEVEL, Difference, compared, holm
from ganvas.experiments.worth_trials import WAYS

WITH, WITHOUT = "ce", "ab"
MARGIN = 0.005
"""Of accuracy: a gain below half a percentage point is not worth training a generator for."""
FEWEST_SEEDS = 3
ACCURACY = Measure("accuracy", "accuracy", "higher", "percent", 1, is_share=True)
OPENINGS = {"yes": "Yes", "no": "No", "unknown": "Inconclusive"}


class Gain(NamedTuple):
    """What a way of learning with generated images gains over the better way without them."""

    share: Share
    of: str
    against: str
    by: Difference
    p: float
    """Of no gain over one of the two ways without generated images."""
    p_useless: float
    """Of a gain of at least MARGIN over both."""


def name_of(share: Share, way: str) -> str:
    """The variant's name: `real only (10 %)`."""
    return f"{WAYS[way]} ({share.percent})"


def conclude(shares: Sequence[Share], seeds: Sequence[int], outcome: Outcome) -> Answer:
    """The gains and the verdict. A share that the run's own generator saw as a whole does not decide.

    It would flatter every part of the set: what it learned from the rest is in each of its images.
    """
    deciding = [share for share in shares if share.share != FULL]
    gains = [each for share in deciding for way in WITH if (each := gain(share, way, seeds, outcome)) is not None]
    comparisons = tuple(map(compare_ways, gains, holm([each.p for each in gains])))
    verdicts = [comparison.verdict for comparison in comparisons]
    verdict, sentence = answer_of_share(deciding, list(zip(gains, verdicts, strict=True)), seeds, outcome)
    return Answer(verdict, f"{OPENINGS[verdict]}: {sentence}", comparisons)


def compare_ways(gained: Gain, p_holm: float) -> ComparisonResult:
    """A gain as a comparison. Its verdict is yes if it gains enough, and no if it is shown to gain too little."""
    helps, useless = p_holm <= LEVEL and gained.by.value >= MARGIN, gained.p_useless <= LEVEL
    of, against = name_of(gained.share, gained.of), name_of(gained.share, gained.against)
    gap = f"accuracy {describe_difference(ACCURACY, gained.by[:3])}"
    return ComparisonResult(
        measure=ACCURACY.name,
        of=(of,),
        against=(against,),
        verdict="yes" if helps else "no" if useless else "unknown",
        # The page appends the p value of the test against no gain.
        sentence=f"{of}, against {WAYS[gained.against]}: {gap}; test against a gain of {100 * MARGIN:g} points or more "
        f"(p {gained.p_useless:.2g}); test against no gain",
        value=gained.by.value,
        low=gained.by.low,
        high=gained.by.high,
        p_holm=p_holm,
    )


def gain(share: Share, way: str, seeds: Sequence[int], outcome: Outcome) -> Gain | None:
    """Over the better of the ways without generated images. None if a fit is missing, or there is one seed."""
    names = {each: name_of(share, each) for each in (way, *WITHOUT)}
    if len(seeds) < 2 or any((name, seed) not in outcome.flags for name in names.values() for seed in seeds):
        return None
    right = {  # (S, N) each
        each: np.stack([outcome.flags[name, seed][ACCURACY.name] for seed in seeds]) for each, name in names.items()
    }
    over = {other: compared(right[way], right[other]) for other in WITHOUT}
    best = min(over, key=lambda other: over[other].value)
    no_gain = [gap.p_value() if gap.value > 0 else 1.0 for gap in over.values()]
    too_little = [gap.p_value(MARGIN) if gap.value < MARGIN else 1.0 for gap in over.values()]
    return Gain(share, way, best, over[best], max(no_gain), min(1.0, len(over) * min(too_little)))


def answer_of_share(
    deciding: Sequence[Share], gains: Sequence[tuple[Gain, Verdict]], seeds: Sequence[int], outcome: Outcome
) -> tuple[Verdict, str]:
    """The verdict, and its sentence without the opening word."""
    if len(seeds) < FEWEST_SEEDS:
        return "unknown", f"fewer than {FEWEST_SEEDS} seeds give no verdict."
    needed = [(name_of(share, way), seed) for share in deciding for way in WITH + WITHOUT for seed in seeds]
    if (missing := sum(key not in outcome.figures for key in needed)) or not deciding:
        return "unknown", f"{missing} {'fit' if missing == 1 else 'fits'} that it rests on could not be done."
    sentences, helpful, others = [], [], []
    for share in deciding:
        own = [(each, verdict) for each, verdict in gains if each.share == share]
        best, verdict = max(own, key=lambda pair: (pair[1] == "yes", pair[0].by.value))
        value, low, high = (100 * figure for figure in best.by[:3])
        points = f"{abs(value):.1f} points {'more' if value >= 0 else 'less'} accurate"
        sentences.append(
            f"with {share.percent} of the training images ({share.images:,}), {WAYS[best.of]} is {points} than "
            f"{WAYS[best.against]} ({low:+.1f} to {high:+.1f})"
        )
        if verdict == "yes":
            helpful.append(sentences[-1])
        else:
            useless = all(each == "no" for _, each in own)
            others.append(f"{'they do not help' if useless else 'inconclusive'} at {share.percent}")
    if helpful:
        return "yes", f"{'; '.join(helpful + others)}."
    if all(verdict == "no" for _, verdict in gains):
        return "no", f"they add less than {100 * MARGIN:g} points of accuracy: {'; '.join(sentences)}."
    return "unknown", f"neither a gain of {100 * MARGIN:g} points nor its absence is shown: {'; '.join(sentences)}."
