"""Scorecards side by side: which may be compared, which is better in what, and where that is inconclusive."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from ganvas.errors import UserError
from ganvas.evaluation.intervals import Estimate
from ganvas.evaluation.report import percent, three_digits, with_interval
from ganvas.evaluation.scorecard import Accuracy, Distance, Scorecard
from ganvas.report.page import escape_markdown, table

# Parts of a protocol that must be equal, and what they are called.
MUST_AGREE = {
    "features": "features",
    "evaluator": "evaluator",
    "n": "number of images",
    "fingerprint": "real set",
    "reference": "held-out images",
    "size": "size",
    "channels": "channels",
    "crop": "crop",
    "filter": "filter",
}
BEST = "★ best, or not distinguishable from the best; intervals are at 95 %."


class Metric(NamedTuple):
    """A row of the table."""

    name: str
    of: Callable[[Scorecard], Accuracy | Distance | None]
    """Its figure in a scorecard."""
    more_is_better: bool
    is_share: bool
    decides: bool = False
    """Whether the verdict depends on it."""


METRICS = (
    Metric("label accuracy", lambda card: card.labels, True, True, True),
    Metric("Fréchet distance", lambda card: card.distances.frechet, False, False, True),
    Metric("KID", lambda card: card.distances.kid, False, False),
    Metric("precision", lambda card: card.distances.precision, True, True),
    Metric("recall", lambda card: card.distances.recall, True, True),
    Metric("density", lambda card: card.distances.density, True, False),
    Metric("coverage", lambda card: card.distances.coverage, True, True),
    Metric("CAS", lambda card: card.classification_accuracy_score, True, True, True),
)


def refuse_other_protocols(cards: Sequence[Scorecard]) -> None:
    """UserError that names the parts in which two scorecards' protocols differ."""
    first = cards[0]
    for card in cards[1:]:
        pairs = ((word, getattr(first.protocol, key), getattr(card.protocol, key)) for key, word in MUST_AGREE.items())
        different = [f"{word} ({one} and {other})" for word, one, other in pairs if one != other]
        if different:
            raise UserError(
                f"{first.name} and {card.name} were scored differently and do not compare: other "
                f"{', '.join(different)}; evaluate both in the same way"
            )


def estimate_of(card: Scorecard, metric: Metric) -> Estimate | None:
    """A metric of a scorecard, where it has one."""
    figure = metric.of(card)
    return figure.estimate if figure else None


def are_distinguishable(first: Estimate, second: Estimate) -> bool:
    """Whether the gap of two figures is beyond both intervals' halves, added as squares."""
    half = math.hypot((first.high - first.low) / 2, (second.high - second.low) / 2)
    return abs(first.value - second.value) > half


def best(cards: Sequence[Scorecard], metric: Metric) -> list[int]:
    """Indices of the best scorecard in a metric and of those not distinguishable from it."""
    known = {index: value for index, card in enumerate(cards) if (value := estimate_of(card, metric))}
    if not known:
        return []
    sign = 1 if metric.more_is_better else -1
    top = max(known, key=lambda index: sign * known[index].value)
    return [index for index, value in known.items() if index == top or not are_distinguishable(value, known[top])]


def verdict(cards: Sequence[Scorecard]) -> list[str]:
    """What the table says, in sentences; the first one is the verdict."""
    names = unique_names(cards)
    leads: list[set[int]] = []
    sentences = []
    for metric in METRICS:
        if metric.decides and (leading := best(cards, metric)):
            leads.append(set(leading))
            start = "Best" if len(leading) == 1 else "Inconclusive"
            sentences.append(f"{start} in {metric.name}: {', '.join(names[index] for index in leading)}.")
    everywhere = sorted(set.intersection(*leads)) if leads else []
    if len(everywhere) == 1:
        first = f"{names[everywhere[0]]} is the better one."
    elif everywhere:
        first = f"Inconclusive: {', '.join(names[index] for index in everywhere)}."
    else:
        first = "None is best in everything: it depends on what you want them for."
    flagged = [name for name, card in zip(names, cards, strict=True) if card.copies and card.copies.flagged]
    copies = [f"Flagged as copies of training images: {', '.join(flagged)}."] if flagged else []
    return [first, *copies, *sentences]


def unique_names(cards: Sequence[Scorecard]) -> list[str]:
    """Names that tell the scorecards apart."""
    names = [card.name for card in cards]
    return [f"{name} ({index + 1})" if names.count(name) > 1 else name for index, name in enumerate(names)]


def rows(cards: Sequence[Scorecard]) -> Iterator[list[str]]:
    """A row for each metric that any scorecard has: its name, each one's figure, and that of real images."""
    for metric in METRICS:
        estimates = [estimate_of(card, metric) for card in cards]
        if not any(estimates):
            continue
        leading = best(cards, metric)
        stars = [" ★" if len(leading) < len(cards) and index in leading else "" for index in range(len(cards))]
        cells = [
            with_interval(value, metric.is_share) + star if value else "–"
            for value, star in zip(estimates, stars, strict=True)
        ]
        references = (figure.reference for card in cards if (figure := metric.of(card)))
        real = next((value for value in references if value is not None), None)
        yield [metric.name, *cells, "–" if real is None else (percent if metric.is_share else three_digits)(real)]
    if any(card.copies for card in cards):
        words = {None: "–", True: "flagged", False: "none found"}
        yield ["copies", *(words[card.copies.flagged if card.copies else None] for card in cards), ""]


def markdown(cards: Sequence[Scorecard], images: Collection[str]) -> str:
    """The comparison as markdown. images: `compare-1.png` and so on, of the scorecards that have a sheet."""
    names = unique_names(cards)
    first, *others = (escape_markdown(sentence) for sentence in verdict(cards))
    parts = [f"# {escape_markdown(' and '.join(names))}", f"**{first}**"]
    parts += ["\n".join(f"- {sentence}" for sentence in others)] if others else []
    parts += [table(["", *names, "real images"], rows(cards)).rstrip("\n"), BEST]
    for index, name in enumerate(map(escape_markdown, names), start=1):
        if f"compare-{index}.png" in images:
            parts += [f"## Images of {name}, not selected", f"![{name}](compare-{index}.png#pixels)"]
    protocol = [(word, str(getattr(cards[0].protocol, key))) for key, word in MUST_AGREE.items()]
    parts += ["## Protocol", table(["setting", "value"], protocol).rstrip("\n")]
    return "\n\n".join(parts) + "\n"
