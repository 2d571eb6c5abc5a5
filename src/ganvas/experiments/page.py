"""A study as a page: the claim, the answer, the chart, the figures with their intervals, limits, cost and command."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganvas.report import html_parts as page

Card = Mapping[str, Any]
VERDICTS = {"yes": "yes", "no": "no", "partly": "in part", "unknown": "cannot tell"}
CHART, STRIPS = "chart.png", "images.png"


def lines(card: Card) -> Iterator[str]:
    """One plain fact a line; the answer last."""
    for row in card["rows"]:
        said = "; ".join(f"{head} {cell}" for head, cell in zip(heads(card)[1:], cells(card, row)[1:], strict=True))
        yield f"{row['name']}: {said}"
    for each in card["comparisons"]:
        yield f"{each['sentence']}{holm(each)}"
    yield from failures(card)
    yield answer(card)


def answer(card: Card) -> str:
    """The first sentence of the page."""
    whole = card["done"] == card["trials"]
    return str(card["answer"]) if whole else f"{card['answer']} ({card['done']} of {card['trials']} trials are done.)"


def failures(card: Card) -> Iterator[str]:
    """A line for each trial that could not be done."""
    for failed in card["failed"]:
        yield f"failed: {failed['row']}, seed {failed['seed']}: {failed['why']}"


def heads(card: Card) -> list[str]:
    """The head of the table: only measures that some row has."""
    return ["", *(each["title"] for each in _measures(card))]


def cells(card: Card, row: Card) -> list[str]:
    """One row of the table."""
    return [row["name"], *(figure(each, row["figures"].get(each["name"])) for each in _measures(card))]


def figure(measure: Card, found: Card | None) -> str:
    """`12.31 (11.90 to 12.72)`, or a dash."""
    if found is None:
        return "–"
    digits = measure["digits"]
    if found["low"] is None:
        return f"{found['value']:.{digits}f}"
    return f"{found['value']:.{digits}f} ({found['low']:.{digits}f} to {found['high']:.{digits}f})"


def holm(each: Card) -> str:
    """The p value behind a sentence."""
    return f" (p {each['p_holm']:.2g} after Holm)" if "p_holm" in each else ""


def command(card: Card) -> str:
    """What makes the page again."""
    asked = card["asked"]
    source = asked["set"] if asked["set"] == "digits" else f"./{asked['set']}"
    return f"ganvas study {card['name']} {source} --seeds {asked['seeds']} --budget {asked['seconds']:g}"


def method(card: Card) -> list[str]:
    """How it was found out, in sentences."""
    asked, made = card["asked"], card["made"]
    return [
        f"Set: {asked['set']}. Every row is tried with {asked['seeds']} seeds; a training takes {asked['seconds']:g} "
        "seconds of processor time on one thread, unless it is said otherwise.",
        "Means of what is compared as a ratio are geometric; intervals are Student's over the seeds, 95 %. Rows are "
        "compared seed by seed, ratios by their logarithms; "
        f"p values are after Holm's correction over the {len(card['comparisons'])} comparisons of the study.",
        f"{card['done']} of {card['trials']} trials, {card['processor_seconds'] / 60:.1f} minutes of processor time, "
        f"on {made['machine']}, PyTorch {made['torch'].partition('+')[0]}.",
    ]


def markdown(card: Card, strips: bool) -> str:
    """The page, beside its chart, and its strips of images where there are some."""
    parts = [f"# {card['name']}", f"> {card['claim']}", f"**{answer(card)}**", f"![{card['name']}]({CHART})"]
    if strips:
        parts.append(f"![Generated images, a strip a row]({STRIPS})")
    parts += ["## Figures", _table(heads(card), (cells(card, row) for row in card["rows"]))]
    parts += ["## Compared", "\n".join(f"- {each['sentence']}{holm(each)}." for each in card["comparisons"])]
    if card["failed"]:
        parts += ["## Failed", "\n".join(f"- {line}" for line in failures(card))]
    parts += ["## What this does not say", "\n".join(f"- {limit}" for limit in card["limits"])]
    parts += ["## How", " ".join(method(card)), f"```sh\n{command(card)}\n```"]
    return "\n\n".join(parts) + "\n"


def html(card: Card, chart: bytes, strips: bytes | None) -> str:
    """The same as one file."""
    mood = {"yes": "good", "no": "bad"}
    parts = [page.heading(card["name"], 1), page.paragraph(card["claim"], pale=True), page.paragraph(answer(card))]
    parts.append(page.image(chart, "", card["answer"]))
    if strips is not None:
        parts.append(page.image(strips, "Generated images of the first seed, a strip a row.", "generated images"))
    parts += [page.heading("Figures"), page.table(heads(card), (cells(card, row) for row in card["rows"]))]
    sentences = [(mood.get(each["verdict"], ""), f"{each['sentence']}{holm(each)}.") for each in card["comparisons"]]
    parts += [page.heading("Compared"), page.says([*sentences, *(("bad", line) for line in failures(card))])]
    parts += [page.heading("What this does not say"), page.says(("", limit) for limit in card["limits"])]
    parts += [page.heading("How"), *(page.paragraph(line) for line in method(card)), page.paragraph(command(card))]
    return page.page(f"ganvas study {card['name']}", parts)


def verdicts(cards: Sequence[Card], folder: str, figures: bool = True) -> str:
    """Every claim and what became of it, as a markdown table; `folder` is where the studies lie from its reader."""
    rows = []
    for card in cards:
        link = f"[{card['name']}]({folder}{card['name']}/README.md)"
        rows.append([link, card["claim"], VERDICTS[card["verdict"]], answer(card) if figures else card["in_short"]])
    return _table(["study", "the notes", "verdict", "answer"], rows)


def _measures(card: Card) -> list[Card]:
    known = {name for row in card["rows"] for name in row["figures"]}
    return [each for each in card["measures"] if each["name"] in known]


def _table(head: Sequence[str], rows: Iterator[list[str]] | Any) -> str:
    bar = "|".join(["---"] * len(head))
    body = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
    return f"| {' | '.join(head)} |\n|{bar}|\n{body}"
