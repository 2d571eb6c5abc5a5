"""Whether generated images are worth training a classifier with: in words, as markdown, and as a page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganvas.evaluation.report import percent
from ganvas.report import html_parts as page
from ganvas.report.page import escape_markdown

Card = Mapping[str, Any]
MOODS = {"yes": "good", "no": "bad", "unknown": ""}
COLOURS = {
    "a": "var(--pale)",
    "b": "var(--ink)",
    "c": "var(--blue)",
    "d": "var(--orange)",
    "e": "var(--green)",
}
LEFT, RIGHT, WIDTH, ROW, HEAD = 220, 76, 740, 24, 34


def lines(card: Card) -> Iterator[str]:
    """One plain fact a line: budgets, every row, what failed; the verdict last."""
    for size in card["sizes"]:
        yield f"{heading(size)}: {budget(size)}"
        for row in size["rows"]:
            yield f"{share(size)}, {row['name']}: {facts(card, row)}"
    yield from failures(card)
    yield verdict(card)


def verdict(card: Card) -> str:
    """The one sentence."""
    return str(card["verdict"]["sentence"])


def share(size: Card) -> str:
    """`10 %`."""
    return f"{100 * size['share']:g} %"


def heading(size: Card) -> str:
    """A size and what a reader has to know of its generator."""
    whole = "" if size["decides"] else " (the generator saw the whole set)"
    return f"{share(size)} of the training images, {size['images']:,}{whole}"


def budget(size: Card) -> str:
    """What was spent on a size, for each seed."""
    trained = "the run's own generator" if size["trained"] is None else None
    trained = trained or f"a generator trained anew on these with {size['trained']:,} images shown"
    noted = f"; {size['note']}" if size["note"] and size["decides"] else ""
    return f"{size['shown']:,} images shown a fit; {size['generated']:,} drawn by {trained}{noted}"


def facts(card: Card, row: Card) -> str:
    """A row's accuracy and recall, or why it has none."""
    if row["accuracy"]["value"] is None:
        done = sum(found is not None for found in row["by_seed"])
        return f"no figures, since only {done} of {len(row['by_seed'])} fits could be done"
    return f"accuracy {interval(row['accuracy'])}; {recall_name(card)} {interval(row['rare_recall'])}"


def recall_name(card: Card) -> str:
    """What the recall is of."""
    if card["rare"]["balanced"]:
        return "lowest recall of a class"
    return f"recall of the rarest ({', '.join(card['rare']['classes'])})"


def interval(found: Card) -> str:
    """`91.2 % (90.1 to 92.3)`."""
    if found["value"] is None:
        return "–"
    if found["low"] is None:
        return percent(found["value"])
    return f"{percent(found['value'])} ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


def failures(card: Card) -> Iterator[str]:
    """A line for each fit that could not be done."""
    for size in card["sizes"]:
        for row in size["rows"]:
            for failed in row["failed"]:
                yield f"failed: {share(size)}, {row['name']}, seed {failed['seed']}: {failed['why']}"


def comparisons(card: Card) -> Iterator[list[str]]:
    """A table's rows: what generated images gain over the better of the rows without them."""
    for size in card["sizes"]:
        names = {row["row"]: row["name"] for row in size["rows"]}
        for gain in size["gains"]:
            yield [
                f"{share(size)}: {names[gain['of']]} against {names[gain['against']]}",
                "{:+.1f} points ({:+.1f} to {:+.1f})".format(*(100 * gain[key] for key in ("value", "low", "high"))),
                f"{gain['p_holm']:.3g}",
                f"{gain['p_useless']:.3g}",
            ]


def columns(card: Card) -> list[str]:
    """The head of a size's table."""
    return ["learned from", "accuracy", recall_name(card), "seed by seed"]


def cells(row: Card) -> list[str]:
    """One row of a size's table."""
    each = ", ".join("failed" if found is None else f"{100 * found:.1f}" for found in row["by_seed"])
    return [f"({row['row']}) {row['name']}", interval(row["accuracy"]), interval(row["rare_recall"]), each]


COMPARED = ["", "gain", "p of none (Holm)", "p of enough"]


def method(card: Card) -> list[str]:
    """How it was found out, in sentences."""
    told, cost, rare = card["protocol"], card["cost"], card["rare"]
    margin = f"{100 * told['margin']:g} points"
    found = [
        f"Each fit of a size shows as many images, in batches of {told['batch']}, to the same small network; all are "
        f"tested on {card['set']['tested']:,} real held-out images. Half of what (c) and (e) show is real.",
        f"Augmented: {told['augmentation']}. The other rows have no augmentation.",
        "A reduced size is a part of each class; its generator is trained anew on that part alone, by the run's own "
        "recipe. With the whole set the run's own generator serves, and nothing is concluded from that.",
        f"Seeds {', '.join(map(str, told['seeds']))}: each has its own part, generator and first weights. Intervals of "
        "rows are Student's over the seeds, 95 %.",
        "Rows are compared by seed and by held-out image: an interval of a gain holds the spread over seeds and over "
        f"held-out images. Yes: a row with generated images beats both rows without by {margin} or more, at 5 % "
        f"after Holm's correction over rows and sizes. No: each is shown to gain less than {margin}.",
    ]
    if rare["balanced"]:
        found.append("No class has fewer than half as many images as another, so the lowest recall is told.")
    else:
        pairs = zip(rare["classes"], rare["train"], strict=True)
        found.append(f"Rarest: {', '.join(f'{name} ({count:,} training images)' for name, count in pairs)}.")
    if told["without_held_out"]:
        found.append(f"No image is held out of {', '.join(told['without_held_out'])}: nothing is known of these.")
    found.append(
        f"Budget {told['minutes']:g} minutes{' (quick)' if told['quick'] else ''}: {cost['fits']} fits with "
        f"{cost['images_shown_to_classifiers']:,} images shown, {cost['trainings']} trainings with "
        f"{cost['images_shown_to_generators']:,}; they took {cost['seconds']:,.0f} s."
    )
    return found


def title(card: Card) -> str:
    """Of the page and of the text."""
    return f"Are images of {card['name']} worth learning from?"


def markdown(card: Card) -> str:
    """The comparison as markdown."""
    found = [f"# {escape_markdown(title(card))}", "", f"**{escape_markdown(verdict(card))}**", ""]
    for size in card["sizes"]:
        found += [f"## {escape_markdown(heading(size))}", "", f"{escape_markdown(budget(size))}.", ""]
        found += _table(columns(card), [cells(row) for row in size["rows"]])
    if compared := list(comparisons(card)):
        found += ["## What generated images gain", "", *_table(COMPARED, compared)]
    if failed := list(failures(card)):
        found += ["## What failed", "", *(f"- {escape_markdown(line)}" for line in failed), ""]
    found += ["## How this was found out", "", *(f"- {escape_markdown(sentence)}" for sentence in method(card))]
    return "\n".join(found) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    made = [f"| {' | '.join(map(escape_markdown, head))} |", f"|{'---|' * len(head)}"]
    return [*made, *(f"| {' | '.join(map(escape_markdown, row))} |" for row in rows), ""]


def html(card: Card) -> str:
    """The comparison as one page."""
    parts = [page.heading(title(card), 1), page.says([(MOODS[card["verdict"]["answer"]], verdict(card))])]
    parts += [page.heading("Accuracy on real held-out images"), chart(card)]
    for size in card["sizes"]:
        parts += [page.heading(heading(size)), page.paragraph(f"{budget(size)}.", True)]
        parts += [page.table(columns(card), [cells(row) for row in size["rows"]])]
    if compared := list(comparisons(card)):
        parts += [page.heading("What generated images gain"), page.table(COMPARED, compared)]
    if failed := list(failures(card)):
        parts += [page.heading("What failed"), page.says(("bad", line) for line in failed)]
    parts += [page.heading("How this was found out"), page.says(("", sentence) for sentence in method(card))]
    facts = {
        "set": f"{card['set']['name']}, {card['set']['train']:,} training images",
        "fingerprint": card["set"]["fingerprint"],
        "generator": f"{card['generator']['recipe']}, {card['generator']['images']:,} images shown",
        "ganvas": card["ganvas"],
    }
    return page.page(title(card), [*parts, page.facts(facts.items())])


def chart(card: Card) -> str:
    """A dot a row with its interval, size by size: SVG."""
    shown = [row["accuracy"] for size in card["sizes"] for row in size["rows"] if row["accuracy"]["value"] is not None]
    low = min((_or(found["low"], found["value"]) for found in shown), default=0.0)
    low = max(0.0, int(max(0.0, low) * 20) / 20)  # down to the next twentieth
    parts, top = [], 0

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(1.0, max(low, value)) - low) / (1 - low or 1)

    for size in card["sizes"]:
        parts.append(f'<text x="0" y="{top + 22}" font-weight="600">{page.text(heading(size))}</text>')
        top += HEAD
        for row in size["rows"]:
            parts += [_dot(row, across, top + ROW // 2)]
            top += ROW
    axis = [
        f'<line x1="{across(value):.1f}" x2="{across(value):.1f}" y1="{HEAD}" y2="{top}" stroke="var(--line)"/>'
        f'<text x="{across(value):.1f}" y="{top + 18}" text-anchor="middle" fill="var(--pale)">{percent(value)}</text>'
        for value in (low, (1 + low) / 2, 1.0)
    ]
    style = 'style="max-width:100%;font-size:13px" fill="var(--ink)" role="img" aria-label="Accuracy, row by row"'
    return f'<svg viewBox="0 0 {WIDTH} {top + 26}" width="{WIDTH}" {style}>{"".join([*axis, *parts])}</svg>'


def _dot(row: Card, across: Any, middle: int) -> str:
    colour, found = COLOURS[row["row"]], row["accuracy"]
    name = f'<text x="16" y="{middle + 4}">{page.text(row["name"])}</text>'
    if found["value"] is None:
        return f'{name}<text x="{LEFT}" y="{middle + 4}" fill="var(--red)">failed</text>'
    ends = across(_or(found["low"], found["value"])), across(_or(found["high"], found["value"]))
    return (
        f'{name}<line x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{middle}" y2="{middle}" stroke="{colour}" '
        f'stroke-width="3" opacity=".5"/><circle cx="{across(found["value"]):.1f}" cy="{middle}" r="5" '
        f'fill="{colour}"/><text x="{WIDTH - RIGHT + 8}" y="{middle + 4}">{percent(found["value"])}</text>'
    )


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
