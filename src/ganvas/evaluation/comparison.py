"""Scorecards side by side: what may be compared, which is better in what, and where one cannot tell."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ganvas.errors import UserError
from ganvas.evaluation.report import escape_markdown, percent, three_digits
from ganvas.report import html_parts as page

Card = Mapping[str, Any]
# Parts of a protocol that must be equal. `evaluator` tells a set's evaluator from another one.
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


class Metric(NamedTuple):
    """One row of the table."""

    name: str
    path: tuple[str, ...]
    """Where it lies in a scorecard."""
    value: str
    """The key of its value there; `low` and `high` are beside it."""
    more_is_better: bool
    is_share: bool
    beside: str
    """The key of what to hold it against."""


METRICS = (
    Metric("labels obeyed", ("labels",), "accuracy", True, True, "real_accuracy"),
    Metric("Fréchet distance", ("distances", "frechet"), "value", False, False, "floor"),
    Metric("KID", ("distances", "kernel"), "value", False, False, "floor"),
    Metric("precision", ("distances", "precision"), "value", True, True, "floor"),
    Metric("recall", ("distances", "recall"), "value", True, True, "floor"),
    Metric("density", ("distances", "density"), "value", True, False, "floor"),
    Metric("coverage", ("distances", "coverage"), "value", True, True, "floor"),
    Metric("use (CAS)", ("use",), "accuracy", True, True, "real_accuracy"),
)
DECIDES = ("labels obeyed", "Fréchet distance", "use (CAS)")


class Entry(NamedTuple):
    """A metric of one scorecard."""

    value: float
    low: float
    high: float

    def differs_from(self, other: "Entry") -> bool:
        """Whether the two can be told apart: their gap is beyond both intervals' halves, added as squares."""
        half = math.hypot((self.high - self.low) / 2, (other.high - other.low) / 2)
        return abs(self.value - other.value) > half


def refuse_other_protocols(cards: Sequence[Card]) -> None:
    """UserError that names the part in which two scorecards' protocols differ."""
    first = cards[0]
    for card in cards[1:]:
        mine, theirs = first["protocol"], card["protocol"]
        different = [
            f"{word} ({mine.get(key)} and {theirs.get(key)})"
            for key, word in MUST_AGREE.items()
            if mine.get(key) != theirs.get(key)
        ]
        if different:
            raise UserError(
                f"{first['name']} and {card['name']} were scored differently and do not compare: other "
                f"{', '.join(different)}; evaluate both in the same way"
            )


def entry(card: Card, metric: Metric) -> Entry | None:
    """A metric of a scorecard, where it has one."""
    found: Any = card
    for part in metric.path:
        found = (found or {}).get(part)
    value = (found or {}).get(metric.value)
    return None if value is None else Entry(value, found["low"], found["high"])


def best(cards: Sequence[Card], metric: Metric) -> list[int]:
    """Which scorecards are best in a metric: the best one, and those that cannot be told from it."""
    entries = {place: found for place, card in enumerate(cards) if (found := entry(card, metric)) is not None}
    if not entries:
        return []
    sign = 1 if metric.more_is_better else -1
    top = max(entries, key=lambda place: sign * entries[place].value)
    return [place for place, found in entries.items() if place == top or not found.differs_from(entries[top])]


def verdict(cards: Sequence[Card]) -> list[str]:
    """What the table says, in sentences; the first one decides."""
    names = named(cards)
    leads: list[set[int]] = []
    sentences = []
    for metric in METRICS:
        if metric.name not in DECIDES or not (ahead := best(cards, metric)):
            continue
        leads.append(set(ahead))
        if len(ahead) == 1:
            sentences.append(f"Best in {metric.name}: {names[ahead[0]]}.")
        else:
            sentences.append(f"In {metric.name} one cannot tell {' and '.join(names[place] for place in ahead)} apart.")
    everywhere = set.intersection(*leads) if leads else set()
    if len(everywhere) == 1:
        sentences.insert(0, f"{names[everywhere.pop()]} is the better one.")
    elif everywhere:
        sentences.insert(0, f"One cannot tell which of {', '.join(names[place] for place in everywhere)} is better.")
    else:
        sentences.insert(0, "None is best in everything: it depends on what you want them for.")
    flagged = [name for name, card in zip(names, cards, strict=True) if (card.get("copies") or {}).get("flagged")]
    if flagged:
        sentences.insert(1, f"Flagged as copies of training images: {', '.join(flagged)}.")
    return sentences


def named(cards: Sequence[Card]) -> list[str]:
    """Names that tell the scorecards apart."""
    names = [str(card["name"]) for card in cards]
    return [f"{name} ({place + 1})" if names.count(name) > 1 else name for place, name in enumerate(names)]


def rows(cards: Sequence[Card]) -> Iterator[list[str]]:
    """A row a metric that any scorecard has: its name, each one's figure, and the real one."""
    for metric in METRICS:
        entries = [entry(card, metric) for card in cards]
        if not any(entries):
            continue
        ahead = best(cards, metric)
        cells = [
            "–" if found is None else figure(found, metric) + (" ★" if len(ahead) < len(cards) and k in ahead else "")
            for k, found in enumerate(entries)
        ]
        yield [metric.name, *cells, _real(cards, metric)]
    flags = [card.get("copies") for card in cards]
    if any(flags):
        said = {None: "–", True: "flagged", False: "none seen"}
        yield ["copies", *(said[found["flagged"]] if found else "–" for found in flags), ""]


def figure(found: Entry, metric: Metric) -> str:
    """`98.9 % (98.7 to 99.1)`."""
    if metric.is_share:
        return f"{percent(found.value)} ({100 * found.low:.1f} to {100 * found.high:.1f})"
    return f"{three_digits(found.value)} ({three_digits(found.low)} to {three_digits(found.high)})"


def _real(cards: Sequence[Card], metric: Metric) -> str:
    for card in cards:
        found: Any = card
        for part in metric.path:
            found = (found or {}).get(part)
        value = (found or {}).get(metric.beside)
        if value is not None:
            return percent(value) if metric.is_share else three_digits(value)
    return "–"


def markdown(cards: Sequence[Card]) -> str:
    """The comparison as markdown."""
    head = ["", *named(cards), "real"]
    lines = [
        "# " + escape_markdown(" and ".join(named(cards))),
        "",
        *(escape_markdown(sentence) for sentence in verdict(cards)),
        "",
    ]
    lines += [f"| {' | '.join(map(escape_markdown, head))} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(map(escape_markdown, row))} |" for row in rows(cards)]
    return "\n".join(lines) + "\n\n★ best, or not to be told from the best; 95 % intervals.\n"


def html(cards: Sequence[Card], images: Sequence[bytes | None]) -> str:
    """The comparison as one page; a PNG of each one's images where there is one."""
    names = named(cards)
    first, *others = verdict(cards)
    parts = [page.heading(" and ".join(names), 1), page.paragraph(first)]
    parts += [page.says(("", sentence) for sentence in others), page.table(["", *names, "real"], rows(cards))]
    parts += [page.paragraph("★ best, or not to be told from the best; 95 % intervals.", True)]
    shown = [page.image(png, name, name, True) for name, png in zip(names, images, strict=True) if png]
    parts += [page.heading("Images, not chosen"), page.side_by_side(shown)] if shown else []
    told = cards[0]["protocol"]
    parts += [page.heading("How all were measured")]
    parts += [page.facts((word, told.get(key)) for key, word in MUST_AGREE.items())]
    return page.page(" and ".join(names), parts)
