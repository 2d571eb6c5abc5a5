"""Whether generated images add enough accuracy: the verdict of `worth`, from its finished trials. Pure.

To help, a variant with generated images must beat *both* variants without, which is an intersection-union test: the
larger p value counts (Berger 1982, Technometrics 24), and Holm's correction runs over all variants and shares. To be
shown useless it is enough that it gains too little over *one* of the two. That is two chances: twice the smaller p.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ganvas.experiments.analysis import Results, describe_difference, difference, failures, variant_results
from ganvas.experiments.budget import FULL, Share, percent
from ganvas.experiments.experiment import Experiment, Measure
from ganvas.experiments.results import ComparisonResult, Findings, Verdict
from ganvas.experiments.statistics import LEVEL, Difference, holm
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
    gains = [found for share in deciding for way in WITH if (found := gain(share, way, seeds, results)) is not None]
    adjusted = holm([found.p for found in gains])
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
    names = [name_of(share, each) for each in (way, *WITHOUT)]
    if any((name, seed) not in results.flags for name in names for seed in seeds):
        return None
    over = {
        other: found
        for other in WITHOUT
        if (found := difference(ACCURACY, names[:1], [name_of(share, other)], results, seeds)) is not None
    }
    if not over:
        return None
    best = min(over, key=lambda other: over[other].value)
    none = (found.p_value() if found.value > 0 else 1.0 for found in over.values())
    too_little = [found.p_value(MARGIN) if found.value < MARGIN else 1.0 for found in over.values()]
    return Gain(share, way, best, over[best], max(none), min(1.0, len(over) * min(too_little)))


def compare(found: Gain, p_holm: float) -> ComparisonResult:
    """A gain as one comparison of the page."""
    names = name_of(found.share, found.of), name_of(found.share, found.against)
    helps = p_holm <= LEVEL and found.by.value >= MARGIN
    values = (found.by.value, found.by.low, found.by.high)
    sentence = f"{names[0]}, against {WAYS[found.against]}: accuracy {describe_difference(ACCURACY, values)}"
    return ComparisonResult(
        measure=ACCURACY.name,
        of=names[:1],
        against=names[1:],
        verdict="yes" if helps else "no" if found.is_useless else "unknown",
        in_short=f"{names[0]}, against {WAYS[found.against]}",
        sentence=f"{sentence}, p (gain of at least {100 * MARGIN:g}) {found.p_useless:.2g}, no gain",
        value=found.by.value,
        low=found.by.low,
        high=found.by.high,
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
    proven = [found for found, p_holm in gains if p_holm <= LEVEL and found.by.value >= MARGIN]
    sentences, without = [], []
    for share in deciding:
        own = [found for found, _ in gains if found.share == share]
        best = max(own, key=lambda found: (found in proven, found.by.value))
        sentences += [f"with {percent(share.share)} of the training images ({share.images:,}), {best}"]
        if best not in proven:
            useless = all(found.is_useless for found in own)
            without.append(f"{'they do not help' if useless else 'inconclusive'} at {percent(share.share)}")
    if proven:
        helped = [sentence for sentence, share in zip(sentences, deciding, strict=True) if _helps(share, proven)]
        return "yes", f"{'; '.join([*helped, *without])}."
    if all(found.is_useless for found, _ in gains):
        return "no", f"they add less than {100 * MARGIN:g} points of accuracy: {'; '.join(sentences)}."
    return "unknown", f"neither a gain worth having nor the lack of one is certain: {'; '.join(sentences)}."


def _helps(share: Share, proven: Sequence[Gain]) -> bool:
    return any(found.share == share for found in proven)
