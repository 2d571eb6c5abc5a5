"""Where the views of a scorecard contradict each other, and what to try next."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ganvas.evaluation.intervals import Estimate, subtract
from ganvas.evaluation.pixel_statistics import Compared, sentences
from ganvas.evaluation.scorecard import Scorecard

TOLERANCE = 0.01  # a generator may be a percentage point worse than real images and still be good
DISTINGUISHED = 0.9  # an AUC above it: a network distinguishes nearly every generated image
HARDLY = 0.6
NEAR_ITS_FLOOR = 3.0  # times the floor
SECOND_OPINION = 0.9  # of real images' accuracy: below it a second classifier disagrees with the first


def label_warning(accuracy: Estimate, real: Estimate) -> str | None:
    """Why a label accuracy above that of real images is no praise; None where both intervals leave it open."""
    if subtract(accuracy, real).low <= 0:
        return None
    return (
        "higher than for real images: the generator exaggerates what a classifier looks for, which says nothing of how "
        "real its images look"
    )


def disagreements(card: Scorecard) -> Iterator[str]:
    """A sentence for each view that praises images which another condemns."""
    yield from _classifiers_disagree(card)
    found = card.two_sample and card.two_sample.auc.estimate
    why = f"a network distinguishes {found.value:.0%} of pairs of a generated and a real image" if found else ""
    if not found or found.low <= DISTINGUISHED:
        return
    labels = card.labels
    accuracy, real_accuracy = (labels.accuracy, labels.real_accuracy) if labels else (None, None)
    if accuracy is not None and real_accuracy is not None and accuracy >= real_accuracy - TOLERANCE:
        yield f"Labels are obeyed as in real images, yet {why}: label accuracy does not say how the images look."
    main = card.main_distances
    name, frechet, precision = card.protocol.features.partition("@")[0], main.frechet, main.precision
    is_near = frechet and frechet.value is not None and frechet.floor and frechet.value < NEAR_ITS_FLOOR * frechet.floor
    is_precise = precision and precision.value is not None and precision.value >= (precision.floor or 1) - TOLERANCE
    if is_near or is_precise:
        yield f"In the features of {name} the images are nearly like real ones, yet {why}: these features miss it."


def _classifiers_disagree(card: Scorecard) -> Iterator[str]:
    labels = card.labels
    if labels is None or labels.linear is None or labels.accuracy is None or labels.real_accuracy is None:
        return
    second, real = labels.linear.estimate, labels.linear.real_accuracy
    is_praise = labels.accuracy >= labels.real_accuracy - TOLERANCE
    if is_praise and second and real is not None and second.high < SECOND_OPINION * real:
        yield (
            f"The classifier of this set's labels recognises {labels.accuracy:.0%} of the images, yet a linear one "
            f"of label-free features only {second.value:.0%} (real images: {real:.0%}): they may show what the "
            "first looks for, and little else."
        )


class Seen(NamedTuple):
    """What is known of some images, to give advice by."""

    statistics: Mapping[str, Compared]
    recipe: str | None = None
    auc: Estimate | None = None
    auc_blurred: Estimate | None = None
    copied: bool = False
    collapsed: tuple[str, ...] = ()
    """Classes whose images are all alike."""
    weakest: str | None = None
    """A class that is clearly recognised less than real images of it."""


def advice(card: Scorecard) -> str:
    """One line: what the scorecard says to try next."""
    tested = card.two_sample
    return advice_for(
        Seen(
            statistics=statistics(card),
            recipe=card.images.recipe,
            auc=tested.auc.estimate if tested else None,
            auc_blurred=tested.auc_blurred.estimate if tested else None,
            copied=bool(card.copies and card.copies.flagged),
            collapsed=tuple(each.name for each in card.per_class if each.diversity and each.diversity.collapsed),
            weakest=_weakest_class(card),
        )
    )


def advice_for(seen: Seen) -> str:
    """One line: what to try next."""
    found, blurred = seen.auc, seen.auc_blurred
    if seen.copied:
        return "Training images are copied: train on more images, or for fewer epochs."
    if seen.collapsed:
        names = ", ".join(seen.collapsed)
        return f"Images of {names} are all alike: try a larger --objective.r1 or a lower --optimiser.lr."
    if off := next(sentences(seen.statistics), None):
        if seen.recipe is None:
            return f"{off} If these come from a generator, train it longer, or try another recipe."
        other = "T" if seen.recipe == "yardstick" else "Try another recipe (--recipe yardstick), or t"
        return f"{off} {other}rain longer (--more-minutes)."
    if found and found.low > DISTINGUISHED:
        if blurred and blurred.high < DISTINGUISHED:
            return "What gives the images away is mostly their grain: train longer (--more-minutes)."
        return "The images are distinguished from real ones: train longer (--more-minutes), or try another recipe."
    if seen.weakest:
        return f"Images of {seen.weakest} are recognised least: add images of that class, or train longer."
    if found and found.high < HARDLY:
        return "Nothing stands out: the images are hardly distinguishable from real ones."
    return "Nothing stands out: training longer (--more-minutes) may still improve the images."


def statistics(card: Scorecard) -> dict[str, Compared]:
    """The statistics of pixels of a scorecard."""
    return {name: Compared(**each.model_dump()) for name, each in card.statistics.items()}


def words_for(auc: Estimate) -> str:
    """What an AUC means."""
    if auc.low <= 0.5:
        return "cannot be distinguished from real ones by this test"
    if auc.value < HARDLY:
        return "are hardly distinguishable from real ones"
    return "are distinguished from real ones " + ("nearly always" if auc.value > DISTINGUISHED else "often")


def _weakest_class(card: Scorecard) -> str | None:
    """The class whose label accuracy is lowest, where it is clearly below that of real images of the class."""
    below = [
        (scores.real_accuracy - scores.high, scores.name)
        for scores in card.per_class
        if scores.high is not None and scores.real_accuracy is not None
    ]
    gap, name = max(below, default=(0.0, ""))
    return name if gap > 0.05 else None
