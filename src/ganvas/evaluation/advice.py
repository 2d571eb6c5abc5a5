"""Where the views of a scorecard contradict each other, and what to try next."""

import math
from collections.abc import Iterator

from ganvas.evaluation.intervals import Estimate
from ganvas.evaluation.pixel_statistics import Compared, sentences
from ganvas.evaluation.scorecard import Scorecard

TOLERANCE = 0.01  # a generator may be a percentage point worse than real images and still be good
DISTINGUISHED = 0.9  # an AUC above it: a network distinguishes nearly every generated image
HARDLY = 0.6
NEAR_ITS_FLOOR = 3.0  # times the floor


def label_warning(accuracy: Estimate, real: Estimate) -> str | None:
    """Why a label accuracy above that of real images is no praise; None where both intervals leave it open."""
    if accuracy.value - real.value <= math.hypot(accuracy.value - accuracy.low, real.high - real.value):
        return None
    return (
        "higher than for real images: the generator exaggerates what a classifier looks for, which says nothing of how "
        "real its images look"
    )


def disagreements(card: Scorecard) -> Iterator[str]:
    """A sentence for each view that praises images which a network nearly always distinguishes from real ones."""
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


def advice(card: Scorecard) -> str:
    """One line: what the scorecard says to try next."""
    if card.copies and card.copies.flagged:
        return "Training images are copied: train on more images, or for fewer epochs."
    collapsed = [scores.name for scores in card.per_class if scores.diversity and scores.diversity.collapsed]
    if collapsed:
        return f"Images of {', '.join(collapsed)} are all alike: try a larger --objective.r1 or a lower --optimiser.lr."
    found = card.two_sample and card.two_sample.auc.estimate
    blurred = card.two_sample and card.two_sample.auc_blurred.estimate
    if off := next(sentences(statistics(card)), None):
        other = "" if card.images.recipe == "yardstick" else "try another recipe (--recipe yardstick), or "
        return f"{off} If these come from a generator, {other}train longer (--more-minutes)."
    if found and found.low > DISTINGUISHED:
        if blurred and blurred.high < DISTINGUISHED:
            return "What gives the images away is mostly their grain: train longer (--more-minutes)."
        return "The images are distinguished from real ones: train longer (--more-minutes), or try another recipe."
    if weakest := _weakest_class(card):
        return f"Images of {weakest} are recognised least: add images of that class, or train longer."
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
