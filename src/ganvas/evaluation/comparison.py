"""Scorecards side by side: whether they compare, which is better in what, and what is inconclusive."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from ganvas.errors import UserError
from ganvas.evaluation.accuracy import Accuracy
from ganvas.evaluation.figures import percent, three_digits, with_interval
from ganvas.evaluation.intervals import Estimate, subtract
from ganvas.evaluation.scorecard import Distance, Measurement, Scorecard
from ganvas.report.page import escape_markdown, table

# The parts of a protocol that must be equal, and their names for readers.
MUST_AGREE = {
    "features": "features",
    "label_free": "label-free features",
    "evaluator": "evaluator",
    "n": "number of images",
    "fingerprint": "real set",
    "reference": "held-out images",
    "size": "size",
    "channels": "channels",
    "crop": "crop",
    "filter": "filter",
}


class Metric(NamedTuple):
    """A row of the table."""

    name: str
    of: Callable[[Scorecard], Accuracy | Distance | Measurement | None]
    """Its value in a scorecard."""
    more_is_better: bool
    is_share: bool
    decides: bool = False
    """Whether it is a view that the verdict depends on."""

    def estimates(self, cards: Sequence[Scorecard]) -> list[Estimate | None]:
        """Its value with an interval in each scorecard, where it was measured."""
        return [measurement.estimate if (measurement := self.of(card)) else None for card in cards]


METRICS = (
    Metric(
        "distinguished from real (AUC)",
        lambda card: card.two_sample.auc if card.two_sample else None,
        False,
        False,
        True,
    ),
    Metric("the same, blurred", lambda card: card.two_sample.auc_blurred if card.two_sample else None, False, False),
    Metric("label accuracy", lambda card: card.labels, True, True, True),
    Metric(
        "the same, on combinations never seen in training",
        lambda card: card.labels.unseen if card.labels else None,
        True,
        True,
    ),
    Metric("the same, by a linear classifier", lambda card: card.labels.linear if card.labels else None, True, True),
    Metric("KID in label-free features", lambda card: card.label_free_distances.kid, False, False, True),
    Metric("Fréchet distance", lambda card: card.main_distances.frechet, False, False, True),
    Metric("KID", lambda card: card.main_distances.kid, False, False),
    Metric("sliced Wasserstein distance", lambda card: card.main_distances.sliced_wasserstein, False, False),
    Metric("precision", lambda card: card.main_distances.precision, True, True),
    Metric("recall", lambda card: card.main_distances.recall, True, True),
    Metric("density", lambda card: card.main_distances.density, True, False),
    Metric("coverage", lambda card: card.main_distances.coverage, True, True),
    Metric("CAS", lambda card: card.classification_accuracy_score, True, True, True),
)


def refuse_other_protocols(cards: Sequence[Scorecard]) -> None:
    """UserError that names the parts in which two scorecards' protocols differ."""
    first = cards[0]
    for card in cards[1:]:
        pairs = ((word, getattr(first.protocol, key), getattr(card.protocol, key)) for key, word in MUST_AGREE.items())
        differences = [f"{word} ({one} and {other})" for word, one, other in pairs if one != other]
        if differences:
            raise UserError(
                f"{first.name} and {card.name} were scored differently and do not compare: other "
                f"{', '.join(differences)}; evaluate both in the same way"
            )


def best(cards: Sequence[Scorecard], metric: Metric) -> list[int]:
    """Indices of the best scorecard in a metric and of those that cannot be distinguished from it."""
    return [index for index, lead in leads(cards, metric).items() if lead.low <= 0]


def leads(cards: Sequence[Scorecard], metric: Metric) -> dict[int, Estimate]:
    """How much better the best scorecard is in a metric than each that has it, with the interval; 0 for itself.

    An interval that holds 0 is one of values that cannot be distinguished.
    """
    known = {index: estimate for index, estimate in enumerate(metric.estimates(cards)) if estimate}
    if metric.of(cards[0]) is cards[0].labels:  # an accuracy above that of real images is no better than theirs
        known = {index: _at_most(estimate, cards[index]) for index, estimate in known.items()}
    if not known:
        return {}
    if not metric.more_is_better:
        known = {index: Estimate(-each.value, -each.high, -each.low) for index, each in known.items()}
    top = max(known, key=lambda index: known[index].value)
    found = {index: subtract(known[top], each) for index, each in known.items()}
    return found | {top: Estimate(0.0, 0.0, 0.0)}


def _at_most(accuracy: Estimate, card: Scorecard) -> Estimate:
    real = card.labels.real_accuracy if card.labels else None
    return accuracy if real is None else Estimate(*(min(figure, real) for figure in accuracy))


def verdict(cards: Sequence[Scorecard]) -> list[str]:
    """The comparison in sentences, the verdict first."""
    names = unique_names(cards)
    leaders: list[set[int]] = []
    sentences = []
    for metric in METRICS:
        if metric.decides and (ahead := leads(cards, metric)):
            leading = best(cards, metric)
            leaders.append(set(leading))
            start = "Best" if len(leading) == 1 else "Inconclusive"
            by = [
                f"by {with_interval(lead, metric.is_share)} over {names[index]}"
                for index, lead in ahead.items()
                if index not in leading and len(leading) == 1
            ]
            sentences.append(f"{start} in {metric.name}: {', '.join([*(names[index] for index in leading), *by])}.")
    everywhere = [names[index] for index in sorted(set.intersection(*leaders))] if leaders else []
    first = "No winner: the views disagree."
    if everywhere:
        many = f"Inconclusive: {', '.join(everywhere)}."
        first = many if len(everywhere) > 1 else f"{everywhere[0]} is the better one."
    flagged = [name for name, card in zip(names, cards, strict=True) if card.copies and card.copies.flagged]
    copies = [f"Flagged as copies of training images: {', '.join(flagged)}."] if flagged else []
    return [first, *copies, *sentences]


def unique_names(cards: Sequence[Scorecard]) -> list[str]:
    """The scorecards' names, numbered where they are equal."""
    names = [card.name for card in cards]
    return [f"{name} ({index + 1})" if names.count(name) > 1 else name for index, name in enumerate(names)]


def rows(cards: Sequence[Scorecard]) -> Iterator[list[str]]:
    """A row for each metric that any scorecard has: its name, its value in each, and that of real images."""
    for metric in METRICS:
        estimates = metric.estimates(cards)
        if not any(estimates):
            continue
        leading = best(cards, metric)
        starred = leading if len(leading) < len(cards) else []
        cells = [
            with_interval(estimate, metric.is_share) + (" ★" if index in starred else "") if estimate else "–"
            for index, estimate in enumerate(estimates)
        ]
        measurements = [measurement for card in cards if (measurement := metric.of(card))]
        references = (_reference(each) for each in measurements)
        real = next((value for value in references if value is not None), None)
        yield [metric.name, *cells, "–" if real is None else (percent if metric.is_share else three_digits)(real)]
    if any(card.copies for card in cards):
        words = {None: "–", True: "flagged", False: "none found"}
        yield ["copies", *(words[card.copies.flagged if card.copies else None] for card in cards), ""]


def _reference(measurement: Accuracy | Distance | Measurement) -> float | None:
    """The same of real images."""
    if isinstance(measurement, Distance):
        return measurement.floor
    return measurement.real_accuracy if isinstance(measurement, Accuracy) else 0.5  # an AUC


def markdown(cards: Sequence[Scorecard], images: Collection[str]) -> str:
    """The comparison as markdown. images: `compare-1.png` and so on, of the scorecards that have a sheet."""
    names = unique_names(cards)
    first, *others = (escape_markdown(sentence) for sentence in verdict(cards))
    parts = [f"# {escape_markdown(' and '.join(names))}", f"**{first}**"]
    parts += ["\n".join(f"- {sentence}" for sentence in others)] if others else []
    parts += [table(["", *names, "real images"], rows(cards)).rstrip("\n")]
    if any("★" in cell for row in rows(cards) for cell in row):
        parts += ["★ best, or not distinguishable from the best."]
    parts += ["Intervals are at 95 %."]
    for index, name in enumerate(map(escape_markdown, names), start=1):
        if f"compare-{index}.png" in images:
            parts += [f"## Images of {name}, not selected", f"![{name}](compare-{index}.png#pixels)"]
    protocol = [(word, str(getattr(cards[0].protocol, key))) for key, word in MUST_AGREE.items()]
    parts += ["## Protocol", table(["setting", "value"], protocol).rstrip("\n")]
    return "\n\n".join(parts) + "\n"
