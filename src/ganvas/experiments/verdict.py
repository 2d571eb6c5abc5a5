"""Whether generated images add enough accuracy: the verdict of `worth`, from its finished trials. Pure.

To help, a variant with generated images must beat *both* variants without, which is an intersection-union test: the
larger p value counts (Berger 1982, Technometrics 24), and Holm's correction runs over all variants and shares. To be
shown useless it is enough that it gains too little over *one* of the two. That is two chances: twice the smaller p.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ganvas.experiments.analysis import Results, describe_difference, failures, variant_results
from ganvas.experiments.budget import FULL, Share, percent
from ganvas.experiments.experiment import Experiment, Measure
from ganvas.experiments.results import ComparisonResult, Findings, Verdict
from ganvas.experiments.statistics import LEVEL, Difference, compared, holm
from ganvas.experiments.worth_trials import WAYS

WITH, WITHOUT = "ce", "ab"
MARGIN = 0.005
"""Of accuracy: a gain below half a percentage point is not worth training a generator for."""
FEWEST_SEEDS = 3
ACCURACY = Measure("accuracy", "accuracy", "higher", "percent", 1)
OPENINGS = {"yes": "Yes", "no": "No", "unknown": "Cannot tell"}


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

    @property
    def is_useless(self) -> bool:
        """Whether it is shown to gain too little."""
        return self.p_useless <= LEVEL

    def __str__(self) -> str:
        """Who gains how much over whom."""
        value, low, high = (100 * v for v in self.by[:3])
        better = f"{abs(value):.1f} points {'more' if value >= 0 else 'less'} accurate"
        return f"{WAYS[self.of]} is {better} than {WAYS[self.against]} ({low:+.1f} to {high:+.1f})"


def name_of(share: Share, way: str) -> str:
    """The variant's name: `real only (10 %)`."""
    return f"{WAYS[way]} ({percent(share.share)})"


def judge(experiment: Experiment, shares: Sequence[Share], seeds: Sequence[int], results: Results) -> Findings:
    """Figures, gains and the verdict. A share that the run's own generator saw as a whole does not decide.

    It would flatter every part of the set: what it learned from the rest is in each of its images.
    """
    deciding = [share for share in shares if share.share != FULL]
    gains = [each for share in deciding for way in WITH if (each := gain(share, way, seeds, results)) is not None]
    adjusted = holm([each.p for each in gains])
    verdict, sentence = answer(deciding, list(zip(gains, adjusted, strict=True)), seeds, results)
    return Findings(
        verdict=verdict,
        answer=f"{OPENINGS[verdict]}: {sentence}",
        in_short=f"{OPENINGS[verdict]}.",
        variants=variant_results(experiment, results, seeds),
        comparisons=tuple(map(compare, gains, adjusted)),
        failures=failures(results),
    )


def gain(share: Share, way: str, seeds: Sequence[int], results: Results) -> Gain | None:
    """Over the better of the ways without generated images. None if a fit is missing, or there is one seed."""
    names = {each: name_of(share, each) for each in (way, *WITHOUT)}
    if len(seeds) < 2 or any((name, seed) not in results.flags for name in names.values() for seed in seeds):
        return None
    right = {
        each: np.stack([results.flags[name, seed][ACCURACY.name] for seed in seeds]) for each, name in names.items()
    }
    over = {other: compared(right[way], right[other]) for other in WITHOUT}
    best = min(over, key=lambda other: over[other].value)
    none = (gap.p_value() if gap.value > 0 else 1.0 for gap in over.values())
    too_little = [gap.p_value(MARGIN) if gap.value < MARGIN else 1.0 for gap in over.values()]
    return Gain(share, way, best, over[best], max(none), min(1.0, len(over) * min(too_little)))


def compare(gained: Gain, p_holm: float) -> ComparisonResult:
    """A gain as one comparison of the page."""
    names = name_of(gained.share, gained.of), name_of(gained.share, gained.against)
    helps = p_holm <= LEVEL and gained.by.value >= MARGIN
    values = (gained.by.value, gained.by.low, gained.by.high)
    sentence = f"{names[0]}, against {WAYS[gained.against]}: accuracy {describe_difference(ACCURACY, values)}"
    return ComparisonResult(
        measure=ACCURACY.name,
        of=names[:1],
        against=names[1:],
        verdict="yes" if helps else "no" if gained.is_useless else "unknown",
        in_short=f"{names[0]}, against {WAYS[gained.against]}",
        sentence=f"{sentence}, p (gain of at least {100 * MARGIN:g}) {gained.p_useless:.2g}, no gain",
        value=gained.by.value,
        low=gained.by.low,
        high=gained.by.high,
        p_holm=p_holm,
    )


def answer(
    deciding: Sequence[Share], gains: Sequence[tuple[Gain, float]], seeds: Sequence[int], results: Results
) -> tuple[Verdict, str]:
    """The verdict, and its sentence without the opening word."""
    if len(seeds) < FEWEST_SEEDS:
        return "unknown", f"fewer than {FEWEST_SEEDS} seeds give no verdict."
    needed = [(name_of(share, way), seed) for share in deciding for way in WITH + WITHOUT for seed in seeds]
    if (lost := sum(key not in results.figures for key in needed)) or not deciding:
        return "unknown", f"{lost} {'fit' if lost == 1 else 'fits'} that it rests on could not be done."
    proven = [each for each, p_holm in gains if p_holm <= LEVEL and each.by.value >= MARGIN]
    sentences, helped, others = [], [], []
    for share in deciding:
        own = [each for each, _ in gains if each.share == share]
        best = max(own, key=lambda each: (each in proven, each.by.value))
        sentences.append(f"with {percent(share.share)} of the training images ({share.images:,}), {best}")
        if best in proven:
            helped.append(sentences[-1])
        else:
            useless = all(each.is_useless for each in own)
            others.append(f"{'they do not help' if useless else 'inconclusive'} at {percent(share.share)}")
    if proven:
        return "yes", f"{'; '.join(helped + others)}."
    if all(each.is_useless for each, _ in gains):
        return "no", f"they add less than {100 * MARGIN:g} points of accuracy: {'; '.join(sentences)}."
    return "unknown", f"neither a gain worth having nor the lack of one is certain: {'; '.join(sentences)}."
