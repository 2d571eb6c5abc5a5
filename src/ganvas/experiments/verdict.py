"""Whether generated images add enough accuracy: the verdict of `worth`, from its finished trials. Pure.

To help, a variant with generated images must beat *both* variants without, which is an intersection-union test: the
larger p value counts (Berger 1982, Technometrics 24), and Holm's procedure runs over all variants and shares. The
interval that is printed is that of the gain over the variant with the larger p value, at the level at which Holm's
procedure tests it, and the verdict follows from it alone: helpful where it lies above 0, useless where it lies below
MARGIN. A share whose generator hardly learned answers nothing.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ganvas.experiments.analysis import Answer, Outcome, describe_difference
from ganvas.experiments.budget import FULL, Share
from ganvas.experiments.experiment import Measure, Verdict
from ganvas.experiments.results import ComparisonResult
from ganvas.experiments.statistics import Difference, compared, holm, holm_levels
from ganvas.experiments.worth_trials import WAYS

WITH, WITHOUT = "ce", "ab"
MARGIN = 0.005
"""Of accuracy: a gain below half a percentage point is not worth training a generator for."""
FEWEST_SEEDS = 3
ACCURACY = Measure("accuracy", "accuracy", "higher", "percent", 1, is_share=True)
OPENINGS = {"yes": "Yes", "no": "No", "unknown": "Inconclusive"}


LEARNED = 0.8
"""Of the accuracy of real images alone: where generated images alone give less, their generator has hardly learned."""


class Gain(NamedTuple):
    """What a way of learning with generated images gains over the ways without them."""

    share: Share
    of: str
    against: str
    """The way without that it beats least surely."""
    by: Difference
    p: float
    """Of no gain over that way."""


def name_of(share: Share, way: str) -> str:
    """The variant's name: `real only (10 %)`."""
    return f"{WAYS[way]} ({share.percent})"


def conclude(shares: Sequence[Share], seeds: Sequence[int], outcome: Outcome) -> Answer:
    """The gains and the verdict. A share that the run's own generator saw as a whole does not decide.

    It would flatter every part of the set: what it learned from the rest is in each of its images.
    """
    deciding = [share for share in shares if share.share != FULL]
    gains = [each for share in deciding for way in WITH if (each := gain(share, way, seeds, outcome)) is not None]
    p_values = [each.p for each in gains]
    gains = [
        each._replace(by=each.by.at_level(level)) for each, level in zip(gains, holm_levels(p_values), strict=True)
    ]
    comparisons = tuple(
        compare_ways(each, p, has_learned(each.share, outcome)) for each, p in zip(gains, holm(p_values), strict=True)
    )
    verdicts = [comparison.verdict for comparison in comparisons]
    verdict, sentence = answer_of_shares(deciding, list(zip(gains, verdicts, strict=True)), seeds, outcome)
    return Answer(verdict, f"{OPENINGS[verdict]}: {sentence}", comparisons)


def has_learned(share: Share, outcome: Outcome) -> bool:
    """Whether the images of the share's generator teach anything; else nothing is known of better ones."""
    return not mean_accuracy(share, "d", outcome) < LEARNED * mean_accuracy(share, "a", outcome)


def mean_accuracy(share: Share, way: str, outcome: Outcome) -> float:
    """Over the seeds; NaN without a figure."""
    name = name_of(share, way)
    values = [figures[ACCURACY.name] for (row, _), figures in outcome.figures.items() if row == name]
    return float(np.mean(values)) if values else math.nan


def compare_ways(gained: Gain, p_holm: float, learned: bool) -> ComparisonResult:
    """A gain as a comparison. Its verdict is yes if it gains enough, and no if it is shown to gain too little."""
    helps, useless = gained.by.low > 0 and gained.by.value >= MARGIN, gained.by.high < MARGIN
    of, against = name_of(gained.share, gained.of), name_of(gained.share, gained.against)
    gap = f"accuracy {describe_difference(ACCURACY, gained.by[:3])}"
    return ComparisonResult(
        measure=ACCURACY.name,
        of=(of,),
        against=(against,),
        verdict="unknown" if not learned else "yes" if helps else "no" if useless else "unknown",
        sentence=f"{of}, against {WAYS[gained.against]}: {gap}{'' if learned else '; its generator hardly learned'}",
        value=gained.by.value,
        low=gained.by.low,
        high=gained.by.high,
        p_holm=p_holm,
    )


def gain(share: Share, way: str, seeds: Sequence[int], outcome: Outcome) -> Gain | None:
    """Over the ways without generated images. None if a fit is missing, or there is one seed."""
    names = {each: name_of(share, each) for each in (way, *WITHOUT)}
    if len(seeds) < 2 or any((name, seed) not in outcome.flags for name in names.values() for seed in seeds):
        return None
    right = {  # (S, N) each
        each: np.stack([outcome.flags[name, seed][ACCURACY.name] for seed in seeds]) for each, name in names.items()
    }
    over = {other: compared(right[way], right[other]) for other in WITHOUT}
    p_values = {other: gap.p_value() if gap.value > 0 else 1.0 for other, gap in over.items()}
    least = max(over, key=lambda other: (p_values[other], -over[other].value))
    return Gain(share, way, least, over[least], p_values[least])


def answer_of_shares(
    deciding: Sequence[Share], gains: Sequence[tuple[Gain, Verdict]], seeds: Sequence[int], outcome: Outcome
) -> tuple[Verdict, str]:
    """The verdict, and its sentence without the opening word."""
    if len(seeds) < FEWEST_SEEDS:
        return "unknown", f"fewer than {FEWEST_SEEDS} seeds give no verdict."
    needed = [(name_of(share, way), seed) for share in deciding for way in (*WITH, *WITHOUT, "d") for seed in seeds]
    if (missing := sum(key not in outcome.figures for key in needed)) or not deciding:
        return "unknown", f"{missing} {'fit' if missing == 1 else 'fits'} that it rests on could not be done."
    sentences: dict[Verdict, list[str]] = {"yes": [], "no": [], "unknown": []}
    for share in deciding:
        own = [(each, verdict) for each, verdict in gains if each.share == share]
        best, verdict = max(own, key=lambda pair: (pair[1] == "yes", pair[0].by.value))
        if verdict == "no" and any(each != "no" for _, each in own):
            verdict = "unknown"
        sentences[verdict].append(sentence_of(best, outcome))
    answer: Verdict = "yes" if sentences["yes"] else "unknown" if sentences["unknown"] else "no"
    others = [each for verdict in ("yes", "no", "unknown") if verdict != answer for each in sentences[verdict]]
    return answer, f"{'; '.join(sentences[answer] + others)}."


def sentence_of(best: Gain, outcome: Outcome) -> str:
    """What is known of a share: what augmentation gives, and what generated images give on top."""
    share = best.share
    real, augmented, alone, with_best = (
        f"{100 * mean_accuracy(share, way, outcome):.1f}" for way in ("a", "b", "d", best.of)
    )
    images = f"with {share.percent} of the training images ({share.images:,})"
    if not has_learned(share, outcome):
        longer = "" if share.is_whole_training else "; more --minutes train it longer"
        return (
            f"{images} not answered, since the generator hardly learned (its images alone teach {alone} %, real ones "
            f"{real} %){longer}"
        )
    value, low, high = (100 * figure for figure in best.by[:3])
    gained = "nothing" if best.by.high < MARGIN else f"{value:+.1f} points"
    way = {"c": "generated images in its place", "e": "generated images on top"}[best.of]
    return (
        f"{images} plain augmentation gives {real} -> {augmented} %, {way} {gained} "
        f"({with_best} %; {low:+.1f} to {high:+.1f} points over {WAYS[best.against]})"
    )
