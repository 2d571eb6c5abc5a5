"""A scorecard in words: sentences for the terminal, and one markdown text that the page is rendered from."""

import math
from collections.abc import Collection, Iterator, Sequence

from ganvas.evaluation import pixel_statistics
from ganvas.evaluation.accuracy import Accuracy, PartScores
from ganvas.evaluation.advice import DISTINGUISHED, TOLERANCE, statistics, words_for
from ganvas.evaluation.figures import digits_or_dash, percent, share_or_dash, three_digits, with_interval
from ganvas.evaluation.intervals import Estimate, subtract
from ganvas.evaluation.pixel_statistics import Compared
from ganvas.evaluation.scorecard import Distance, LabelScores, Scorecard
from ganvas.report.page import escape_markdown, table

Finding = tuple[str, str]  # (GOOD, BAD, DOUBT, or "" where a reader has to decide; sentence)
GOOD, BAD, DOUBT = "✓ ", "✗ ", "⚠ "


def findings(card: Scorecard) -> Iterator[Finding]:
    """What a scorecard says, most important first."""
    yield from _two_sample_findings(card)
    yield from _label_findings(card)
    for sentence in pixel_statistics.sentences(statistics(card)):
        yield BAD, sentence
    for sentence in card.disagreements:
        yield DOUBT, sentence
    yield from _distance_findings(card)
    if copies := card.copies:
        yield {None: "", True: BAD, False: GOOD}[copies.flagged], copies.verdict or ""
        if across := copies.near_duplicates_across_split:
            yield (
                "",
                f"{across} held-out images have near-duplicates among the training images, which weakens this test.",
            )
    collapsed = [scores.name for scores in card.per_class if scores.diversity and scores.diversity.collapsed]
    if collapsed:
        yield BAD, f"Collapsed, with less than half of the diversity of real images: {', '.join(collapsed)}."
    elif card.diversity and card.diversity.within_classes is not None:
        yield "", f"Diversity within a class: {percent(card.diversity.within_classes)} of that of real images."
    cas = card.classification_accuracy_score
    if cas and (accuracy := cas.estimate) and cas.real_accuracy is not None:
        yield (
            GOOD if accuracy.high >= cas.real_accuracy - TOLERANCE else "",
            f"CAS {percent(accuracy.value)}: the accuracy on real held-out images of a classifier trained on "
            f"{cas.images:,} generated images alone; trained on as many real ones: {percent(cas.real_accuracy)}.",
        )


def _two_sample_findings(card: Scorecard) -> Iterator[Finding]:
    if card.two_sample is None:
        return
    plain, blurred = card.two_sample.auc, card.two_sample.auc_blurred
    if plain.estimate is None:
        yield "", f"Not known whether the images can be distinguished from real ones: {plain.why}."
        return
    soft = "" if blurred.estimate is None else f"; both blurred: {with_interval(blurred.estimate, False)}"
    yield (
        GOOD if plain.estimate.low <= 0.5 else (BAD if plain.estimate.value > DISTINGUISHED else ""),
        f"The images {words_for(plain.estimate)}: AUC {with_interval(plain.estimate, False)} of a network that learned "
        f"to distinguish them (0.5: it cannot, 1: always){soft}.",
    )


def _label_findings(card: Scorecard) -> Iterator[Finding]:
    labels = card.labels
    if labels is None:
        yield "", "The set has no classes, so there is no label accuracy."
    elif labels.predicted:
        shares = sorted(labels.predicted.items(), key=lambda pair: -pair[1])
        most, least = (f"{name} ({percent(share)})" for name, share in (shares[0], shares[-1]))
        yield "", f"These images have no labels. Predicted most often: {most}, least often: {least}."
    elif (accuracy := labels.estimate) and labels.real_accuracy is not None:
        chance = 1 / (math.prod(part.classes for part in labels.parts) if labels.parts else len(card.classes))
        is_chance = accuracy.value < chance + (1 - chance) / 4
        is_good = accuracy.high >= labels.real_accuracy - TOLERANCE and not is_chance
        yield (
            DOUBT if labels.warning else (GOOD if is_good else BAD),
            f"Label accuracy {percent(accuracy.value)} ({100 * accuracy.low:.1f} to {100 * accuracy.high:.1f} %; real "
            f"held-out images: {percent(labels.real_accuracy)}), by a classifier of this set's labels"
            f"{linear_in_words(labels.linear)}"
            f"{f'; chance is {percent(chance)}' if is_chance else ''}"
            f"{f'. That is {labels.warning}' if labels.warning else ''}.",
        )
        yield from _part_findings(labels)
        known = [(share, each.name) for each in card.per_class if (share := each.estimate)]
        if known and (lowest := min(known))[0].high < accuracy.value:  # of few images a class is lowest by chance
            yield "", f"Lowest label accuracy of a class: {with_interval(lowest[0], True)}, {lowest[1]}."


def _part_findings(labels: LabelScores) -> Iterator[Finding]:
    """The accuracy of each part of a label that has several, and on combinations never seen in training."""
    if labels.parts:
        yield "", f"Each part of the labels: {_parts_in_words(labels.parts)}."
    unseen = labels.unseen
    if unseen is None or (accuracy := unseen.estimate) is None:
        return
    real = "no real images of them" if unseen.real_accuracy is None else f"real ones: {percent(unseen.real_accuracy)}"
    is_good = unseen.real_accuracy is None or accuracy.high >= unseen.real_accuracy - TOLERANCE
    yield (
        GOOD if is_good else BAD,
        f"Label accuracy on {unseen.combinations} combinations never seen in training: "
        f"{with_interval(accuracy, True)} of {unseen.n:,} images ({real}); {_parts_in_words(unseen.parts)}.",
    )


def _parts_in_words(parts: Sequence[PartScores]) -> str:
    """`shape 99.0 % (real: 99.5 %), colour 98.0 % (real: 99.0 %)`."""
    return ", ".join(
        f"{part.name} {share_or_dash(part.accuracy)} (real: {share_or_dash(part.real_accuracy)})" for part in parts
    )


def _distance_findings(card: Scorecard) -> Iterator[Finding]:
    main, free = card.main_distances, card.label_free_distances
    precision, recall = main.precision, main.recall
    shown = [(main.frechet or main.kid, card.protocol.features)]
    if free.kid is not shown[0][0]:  # they are the same where the features asked for are label-free themselves
        shown.append((free.kid, card.protocol.label_free))
    for distance, extractor in shown:
        if distance is None:
            continue
        if distance.estimate is None:
            yield "", f"No {distance.name}: {distance.why or 'it could not be computed'}."
            continue
        floor = "" if distance.floor is None else f"; real-vs-real floor {three_digits(distance.floor)}"
        figure = f"{distance.name} {with_interval(distance.estimate, False)} on {distance.n:,} images{floor}"
        where = extractor.partition("@")[0]
        yield "", f"{figure}, in the features of {FEATURES_IN_WORDS.get(where, where)}."
    if (worst := farthest_class(card)) is not None:
        name, distances = class_distances(card)
        value, class_floor = (digits_or_dash(figure) for figure in _value_and_floor(distances[worst]))
        above = "" if class_floor == "–" else f" (floor {class_floor})"
        yield "", f"Class farthest above its floor: {card.per_class[worst].name}, {name} {value}{above}."
    if precision and recall and precision.value is not None and recall.value is not None:
        real = f"real images: {share_or_dash(precision.floor)} and {share_or_dash(recall.floor)}"
        yield "", f"Precision {percent(precision.value)}, recall {percent(recall.value)} ({real})."


def linear_in_words(linear: Accuracy | None) -> str:
    """What a second classifier says of the labels."""
    if linear is None or linear.accuracy is None or linear.real_accuracy is None:
        return ""
    return (
        f"; {percent(linear.accuracy)} (real: {percent(linear.real_accuracy)}) by a linear one of label-free features"
    )


def farthest_class(card: Scorecard) -> int | None:
    """The class that is farthest above its floor; None where it cannot be distinguished from half of the others."""
    above = {
        index: Estimate(*(figure - (distance.floor or 0.0) for figure in distance.estimate))
        for index, distance in enumerate(class_distances(card)[1])
        if distance and distance.estimate
    }
    order = sorted(above, key=lambda index: -above[index].value)
    if len(order) < 2:
        return None
    worst, middle = above[order[0]], above[order[(len(order) + 1) // 2]]
    return order[0] if worst.low > 0 and subtract(worst, middle).low > 0 else None


FEATURES_IN_WORDS = {
    "evaluator": "a classifier of this set's labels",
    "imagenet": "a classifier of ImageNet, which no label of this set taught",
    "random": "a random network, which no label taught",
}


def summary(card: Scorecard) -> str:
    """What a scorecard begins with, as markdown: what was scored, what it says, and what to try next."""
    parts = [
        f"# {escape_markdown(card.name)}",
        f"Scored against {escape_markdown(card.protocol.reference)}. Intervals are at 95 %.",
        "\n".join(f"- {mark}{escape_markdown(sentence)}" for mark, sentence in findings(card)),
    ]
    if card.advice:
        parts += [f"**What to try next:** {escape_markdown(card.advice)}"]
    return "\n\n".join(parts)


def markdown(card: Scorecard, sheets: Collection[str]) -> str:
    """The scorecard as markdown. sheets: those of `artifacts.SHEETS` that exist."""
    parts = [summary(card)]
    if "scorecard-real.png" in sheets:
        parts += ["## Generated and real images", "A row per class, not selected: generated, then real held-out ones."]
    if "scorecard.png" in sheets:
        parts += ["![Generated images](scorecard.png#pixels)"]
    if "scorecard-real.png" in sheets:
        parts += ["![Real held-out images](scorecard-real.png#pixels)"]
    if "scorecard-two-sample.png" in sheets:
        parts += [
            "## Distinguished from real images",
            "The generated images that a network finds most real (top), and least real (below).",
            "![Most and least real](scorecard-two-sample.png#pixels)",
        ]
    if card.statistics:
        parts += ["## Pixels", statistics_table(card)]
    if "scorecard-spectrum.png" in sheets:
        parts += ["![Spectrum of generated and of real images](scorecard-spectrum.png)"]
    parts += ["## Distances", distances_table(card)]
    if card.per_class:
        parts += ["## By class", class_table(card)]
    if "scorecard-confusion.png" in sheets:
        parts += ["![Confusion matrix: labels in rows, predictions in columns](scorecard-confusion.png)"]
    if "scorecard-copies.png" in sheets:
        parts += [
            "## Closest to training images",
            "Of each class the generated image (top) that is closest to a training image (below it).",
            "![Closest pairs](scorecard-copies.png#pixels)",
        ]
    if card.copies and card.copies.sensitivity:
        rows = [
            [f"{kind} copies", percent(each.caught), f"{each.flagged_from:.0%}" if each.flagged_from else "not at 10%"]
            for kind, each in card.copies.sensitivity.items()
        ]
        parts += [
            "## What the test for copies notices",
            "Copies of training images, planted among held-out images of this set.",
            table(["planted", "recognised", "flagged from a share of"], rows),
            f"Held-out images, which are no copies, taken for near-copies: {share_or_dash(card.copies.false_alarms)}.",
        ]
    parts += ["## Protocol", table(["setting", "value"], protocol(card))]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def statistics_table(card: Scorecard) -> str:
    """A markdown table with a row per statistic of pixels."""
    rows = [
        [
            statistic.meaning,
            three_digits(each.value),
            three_digits(each.real),
            f"{three_digits(each.real_low)} to {three_digits(each.real_high)}",
            f"{Compared(**each.model_dump()).ratio:.2f}",
        ]
        for statistic in pixel_statistics.STATISTICS
        if (each := card.statistics.get(statistic.name))
    ]
    return table(["mean of", "generated", "real", "95 % of real samples", "ratio"], rows)


def distances_table(card: Scorecard) -> str:
    """A markdown table of every distance in every features."""
    rows = []
    for features, distances in card.distances.items():
        for name in type(distances).model_fields:
            distance: Distance | None = getattr(distances, name)
            if distance and distance.estimate:
                is_share = name in ("precision", "recall", "coverage")
                floor = share_or_dash(distance.floor) if is_share else digits_or_dash(distance.floor)
                words = distance.name or name.replace("_", " ")
                rows.append([words, features, with_interval(distance.estimate, is_share), floor])
    return table(["distance", "features", "generated", "real images"], rows)


def class_distances(card: Scorecard) -> tuple[str, list[Distance | None]]:
    """(name, (K,)): the Fréchet distance of each class; KID where all classes are too small for one."""
    frechet = [scores.frechet for scores in card.per_class]
    if any(distance and distance.value is not None for distance in frechet):
        main = card.main_distances.frechet
        return (main and main.name) or "Fréchet distance", frechet
    return "KID", [scores.kid for scores in card.per_class]


def class_table(card: Scorecard) -> str:
    """A markdown table with a row per class."""
    name, distances = class_distances(card)
    rows = []
    for scores, distance in zip(card.per_class, distances, strict=True):
        diversity = scores.diversity
        row = [scores.name, "–" if scores.n is None else f"{scores.n:,}"]
        row += [share_or_dash(scores.accuracy), share_or_dash(scores.real_accuracy)]
        row += [digits_or_dash(figure) for figure in _value_and_floor(distance)]
        row += [share_or_dash(diversity.value) + (" collapsed" if diversity.collapsed else "") if diversity else "–"]
        row += ["–" if scores.copies is None else ("flagged" if scores.copies.flagged else "none found")]
        rows.append(row)
    return table(["class", "images", "label accuracy", "real images", name, "floor", "diversity", "copies"], rows)


def _value_and_floor(distance: Distance | None) -> tuple[float | None, float | None]:
    return (distance.value, distance.floor) if distance else (None, None)


def protocol(card: Scorecard) -> Iterator[tuple[str, str]]:
    """The protocol: (setting, value)."""
    for key, value in card.protocol.model_dump(exclude_none=True).items():
        yield {"n": "images", "fingerprint": "fingerprint of the set"}.get(key, key), str(value)
    if card.evaluator and card.evaluator.calibration_error is not None:
        yield "calibration error of the evaluator", f"{card.evaluator.calibration_error:.4f}"
    yield "ganvas", card.ganvas
