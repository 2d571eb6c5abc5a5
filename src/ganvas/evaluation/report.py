"""A scorecard in words, as markdown, and as a page."""

from collections.abc import Iterator, Mapping
from typing import Any

from ganvas.report import html_parts as page

Card = Mapping[str, Any]
Images = Mapping[str, bytes]
Mood = str  # good, bad, or nothing where a figure needs a reader


def sentences(card: Card) -> list[tuple[Mood, str]]:
    """What a scorecard says, most important first: (good, bad or nothing; sentence)."""
    found = [*_labels(card), *_distances(card), *_copies(card), *_diversity(card), *_use(card)]
    return [entry for entry in found if entry[1]]


def _labels(card: Card) -> Iterator[tuple[Mood, str]]:
    labels = card.get("labels")
    if not labels:
        yield "", "The set has no classes, so there are no labels to obey."
    elif not labels["asked"]:
        shares = sorted(labels["seen"].items(), key=lambda pair: -pair[1])
        most, least = shares[0], shares[-1]
        yield (
            "",
            f"No label was asked for. The evaluator sees {most[0]} most often ({percent(most[1])}) "
            f"and {least[0]} least ({percent(least[1])}).",
        )
    else:
        mine, real = labels["accuracy"], labels["real_accuracy"]
        guess = 1 / len(card["classes"])
        obeyed = "obeyed" if labels["high"] >= real - 0.01 else "obeyed less than real images show them"
        if mine < guess + (1 - guess) / 4:  # no better than chance to speak of
            obeyed = "not obeyed"
        yield (
            "good" if obeyed == "obeyed" else "bad",
            f"Labels are {obeyed}: the evaluator sees what was asked in {percent(mine)} "
            f"({percent(labels['low'])} to {percent(labels['high'])}) of the images, and in {percent(real)} of real "
            f"held-out ones.",
        )
        worst = labels["worst"]
        yield "", f"The class obeyed least is {worst['class']}, with {percent(worst['accuracy'])}."


def _distances(card: Card) -> Iterator[tuple[Mood, str]]:
    found = card["distances"]["frechet"]
    if found["value"] is None:
        yield "", f"No {found['name']}: {found.get('why', 'it could not be taken')}."
        return
    floor = found["floor"]
    beside = f"; real against real it is {three_digits(floor)}, the floor" if floor is not None else ""
    yield (
        "",
        f"{found['name']} {three_digits(found['value'])} "
        f"({three_digits(found['low'])} to {three_digits(found['high'])}) "
        f"with {found['n']:,} images{beside}.",
    )
    if away := farthest(card):
        yield "", away
    recall, precision = card["distances"].get("recall", {}), card["distances"].get("precision", {})
    if recall.get("value") is not None:
        yield (
            "",
            f"{percent(precision['value'])} of the images lie where real ones do (real: "
            f"{percent(precision['floor'])}); they reach {percent(recall['value'])} of the real ones (real: "
            f"{percent(recall['floor'])}).",
        )


def farthest(card: Card) -> str:
    """Which class is farthest above its floor, where classes have a distance."""
    metric = "frechet" if _has(card, "frechet") else "kernel"
    name = card["distances"].get(metric, {}).get("name", "")
    known = [
        (found[metric]["value"] - (found[metric].get("floor") or 0.0), found)
        for found in card["per_class"]
        if found.get(metric, {}).get("value") is not None
    ]
    if len(known) < 2:
        return ""
    _, worst = max(known, key=lambda pair: pair[0])
    floor = worst[metric].get("floor")
    figure = f"{name} {three_digits(worst[metric]['value'])}" + (
        "" if floor is None else f", floor {three_digits(floor)}"
    )
    return f"The class farthest from its real images is {worst['class']}, with {figure}."


def _copies(card: Card) -> Iterator[tuple[Mood, str]]:
    if copies := card.get("copies"):
        yield {None: "", True: "bad", False: "good"}[copies["flagged"]], copies["verdict"]
        across = copies.get("held_out_with_a_twin_in_training")
        if across:
            yield (
                "",
                f"{across} held-out images have a near-duplicate among those trained on, which blunts this test.",
            )


def _diversity(card: Card) -> Iterator[tuple[Mood, str]]:
    collapsed = [found["class"] for found in card["per_class"] if found.get("diversity", {}).get("collapsed")]
    if collapsed:
        yield "bad", f"Collapsed, with less than half of the real spread within the class: {', '.join(collapsed)}."
    elif (within := (card.get("diversity") or {}).get("within_classes")) is not None:
        yield "", f"Within a class the images spread {percent(within)} as far as real ones, on average over classes."


def _use(card: Card) -> Iterator[tuple[Mood, str]]:
    if found := card.get("use"):
        yield (
            "good" if found["high"] >= found["real_accuracy"] - 0.01 else "",
            f"A classifier that learns from {found['images']:,} of these images alone gets "
            f"{percent(found['accuracy'])} of real held-out ones right; one that learns from as many real ones "
            f"{percent(found['real_accuracy'])}.",
        )


def markdown(card: Card) -> str:
    """The scorecard as markdown."""
    lines = [
        f"# {escape_markdown(card['name'])}",
        "",
        f"Scored against {escape_markdown(card['protocol']['reference'])}.",
        "",
    ]
    lines += [f"- {escape_markdown(sentence)}" for _, sentence in sentences(card)]
    lines += ["", "![Generated images, a row a class, not chosen](scorecard.png)"]
    head, rows = per_class(card)
    lines += ["", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(escape_markdown(cell) for cell in row)} |" for row in rows]
    lines += ["", "Protocol: " + "; ".join(f"{name} {escape_markdown(value)}" for name, value in protocol(card)) + "."]
    return "\n".join(lines) + "\n"


def html(card: Card, images: Images) -> str:
    """The scorecard as one page. images: PNGs by name: samples, real, confusion, pairs, each where there is one."""
    parts = [page.heading(card["name"], 1), page.paragraph(f"Scored against {card['protocol']['reference']}.", True)]
    parts += [page.tiles(tiles(card)), page.says(sentences(card))]
    if "samples" in images:
        parts += [page.heading("What was drawn, and what is real")]
        shown = [page.image(images["samples"], "Generated, a row a class, not chosen", "Generated images", True)]
        if "real" in images:
            shown += [page.image(images["real"], "Real, held out", "Real images", True)]
        parts += [page.side_by_side(shown)]
    parts += [page.heading("Class by class"), _class_table(card)]
    parts += [page.paragraph("Bars: labels obeyed; orange: the evaluator on real held-out images.", True)]
    if "confusion" in images:
        parts += [
            page.image(images["confusion"], "Asked for (rows) and seen (columns)", "Confusion matrix", narrow=True)
        ]
    if "pairs" in images:
        parts += [page.heading("The images closest to training images, of each class")]
        words = "Top: generated; below each, the training image nearest to it. Look for copies."
        parts += [page.image(images["pairs"], words, "Closest pairs", True)]
    parts += [page.heading("How this was measured"), page.facts(protocol(card))]
    return page.page(f"{card['name']}: scorecard", parts)


def tiles(card: Card) -> Iterator[tuple[str, str, str]]:
    """The figures that stand at the top."""
    labels, frechet = card.get("labels"), card["distances"]["frechet"]
    if labels and labels["asked"]:
        yield percent(labels["accuracy"]), "labels obeyed", f"real images: {percent(labels['real_accuracy'])}"
    if frechet["value"] is not None:
        floor = "no floor" if frechet["floor"] is None else f"real against real: {three_digits(frechet['floor'])}"
        yield three_digits(frechet["value"]), frechet["name"], floor
    if (copies := card.get("copies")) and copies["flagged"] is not None:
        yield "flagged" if copies["flagged"] else "none seen", "copies", f"p = {copies['p_value']:.3g}"
    if use := card.get("use"):
        yield percent(use["accuracy"]), "use (CAS)", f"as many real ones: {percent(use['real_accuracy'])}"


def per_class(card: Card) -> tuple[list[str], list[list[str]]]:
    """A table's head and rows, a row a class."""
    head = ["class", "images", "labels obeyed", "real", "FCD" if _has(card, "frechet") else "KID", "floor"]
    head += ["spread", "copies"]
    distance = "frechet" if _has(card, "frechet") else "kernel"
    if _has(card, "frechet"):
        head[4] = card["distances"]["frechet"]["name"]
    rows = []
    for found in card["per_class"]:
        away, spread, copies = (found.get(name, {}) for name in (distance, "diversity", "copies"))
        rows.append(
            [
                found["class"],
                _number(found.get("n"), "{:,}"),
                _share(found.get("accuracy")),
                _share(found.get("real_accuracy")),
                _number(away.get("value"), "{:.3g}"),
                _number(away.get("floor"), "{:.3g}"),
                _share(spread.get("value")) + (" collapsed" if spread.get("collapsed") else ""),
                "–" if not copies else ("flagged" if copies["flagged"] else "none seen"),
            ]
        )
    return head, rows


def _class_table(card: Card) -> str:
    head, rows = per_class(card)
    drawn: list[list[str]] = []
    for row, found in zip(rows, card["per_class"], strict=True):
        bar = ""
        if found.get("accuracy") is not None:
            bar = page.bar(found["accuracy"], found.get("real_accuracy"), found.get("low"), found.get("high"))
        drawn.append([row[0], bar, *row[1:]])
    return page.table([head[0], "", *head[1:]], drawn)


def protocol(card: Card) -> Iterator[tuple[str, object]]:
    """How it was measured, as names and values."""
    told = card["protocol"]
    yield "features", told["features"]
    yield "images", told["n"]
    for name in ("reference", "split", "fingerprint"):
        yield name, told[name]
    yield "size", f"{told['size']} px, {'grey' if told['channels'] == 1 else 'RGB'}"
    yield "crop", told["crop"]
    yield "filter", told["filter"]
    if judge := card.get("evaluator"):
        error = judge["calibration_error"]
        yield "evaluator", f"{told['evaluator']}, calibration error {'not known' if error is None else f'{error:.4f}'}"
    yield "intervals", "95 %"
    yield "ganvas", card["ganvas"]


def percent(share: float) -> str:
    """A share of 1 with a decimal: 98.9 %."""
    return f"{100 * share:.1f} %"


def three_digits(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}"


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _has(card: Card, metric: str) -> bool:
    """Whether any class has this metric."""
    return any(found.get(metric, {}).get("value") is not None for found in card["per_class"])


def escape_markdown(value: object) -> str:
    """Text that markdown shows as it is."""
    from ganvas import console

    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|" else letter for letter in console.printable(str(value)))
