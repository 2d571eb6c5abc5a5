"""The chart of a study, and its strips of generated images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganvas.images import Pixels
from ganvas.report import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Card = Mapping[str, Any]
COLOURS = (canvas.BLUE, canvas.ORANGE, canvas.GREEN, canvas.PLUM, canvas.BROWN, canvas.INK)
ROW, TOP, BOTTOM, LEFT, WIDTH = 0.36, 0.85, 0.55, 2.9, 9.6  # inches
DIRECTIONS = {"lower": "lower is better", "higher": "higher is better"}


def chart(card: Card, path: Path) -> None:
    """Lines over `x` where rows are points of lines, and dots with intervals elsewhere."""
    if any(row["x"] is not None for row in card["rows"]):
        lines(card, path)
    else:
        dots(card, path)


def dots(card: Card, path: Path) -> None:
    """A row a line: a pale dot a seed, a dot for the mean, a bar for its interval; the first two measures."""
    shown = [each for each in card["measures"] if any(each["name"] in row["figures"] for row in card["rows"])][:2]
    rows = list(reversed(card["rows"]))
    height = TOP + BOTTOM + ROW * len(rows)
    with canvas.page(path, WIDTH, height) as figure:
        room = (WIDTH - LEFT - 0.3) / max(1, len(shown))
        for place, measure in enumerate(shown):
            axes = canvas.axes_at(figure, LEFT + place * room, BOTTOM, room - 0.35, ROW * len(rows))
            for y, row in enumerate(rows):
                _dot(axes, y, row["figures"].get(measure["name"]))
            scale(axes, measure, "x")
            axes.set_ylim(-0.6, len(rows) - 0.4)
            axes.set_yticks(range(len(rows)), [row["name"] for row in rows] if not place else [""] * len(rows))
            axes.grid(axis="x", which="both")
            axes.grid(visible=False, axis="y")
            canvas.title(axes, measure["title"], DIRECTIONS[measure["better"]])


def _dot(axes: "Axes", y: int, found: Card | None) -> None:
    if found is None:
        return
    seeds = [value for value in found["by_seed"] if value is not None]
    axes.scatter(seeds, [y] * len(seeds), color=canvas.BLUE, alpha=0.35, s=16, linewidths=0)
    if found["low"] is not None:
        axes.plot([found["low"], found["high"]], [y, y], color=canvas.BLUE, linewidth=2.2)
    axes.scatter([found["value"]], [y], color=canvas.BLUE, s=42, zorder=3)


def lines(card: Card, path: Path) -> None:
    """The first measure of every line against `x`, with its interval."""
    measure = card["measures"][0]
    names = list(dict.fromkeys(row["line"] for row in card["rows"] if row["x"] is not None))
    with canvas.page(path, 8.0, 4.4) as figure:
        axes = figure.add_axes((0.09, 0.14, 0.66, 0.66))
        ends: list[tuple[float, str, str]] = []
        for place, name in enumerate(names):
            colour = COLOURS[place % len(COLOURS)]
            points = [
                (row["x"], row["figures"][measure["name"]])
                for row in card["rows"]
                if row["line"] == name and row["x"] is not None and measure["name"] in row["figures"]
            ]
            if not points:
                continue
            across = [x for x, _ in points]
            axes.plot(across, [found["value"] for _, found in points], color=colour, linewidth=2.2, marker="o")
            if all(found["low"] is not None for _, found in points):
                low, high = ([found[key] for _, found in points] for key in ("low", "high"))
                axes.fill_between(across, low, high, color=colour, alpha=0.15, linewidth=0)
            ends.append((points[-1][1]["value"], name, colour))
        scale(axes, measure, "y")
        if min(row["x"] for row in card["rows"] if row["x"] is not None) > 0:
            axes.set_xscale("log", base=2)
        ticks = sorted({row["x"] for row in card["rows"] if row["x"] is not None})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel(card["axis"])
        names_at_ends(axes, ends)
        canvas.title(axes, measure["title"], f"{DIRECTIONS[measure['better']]}; bands are 95 % intervals")


def scale(axes: "Axes", measure: Card, which: str) -> None:
    """Ratios are compared on a logarithmic axis."""
    if measure["scale"] != "ratio":
        return
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "25" else "")
    axes.tick_params(axis=which, which="minor", labelsize=9, labelcolor=canvas.PALE)  # type: ignore[arg-type]


def names_at_ends(axes: "Axes", ends: Sequence[tuple[float, str, str]]) -> None:
    """Each line's name at its end, moved apart where two would lie on each other."""
    last = -1.0
    for value, name, colour in sorted(ends):
        place = float(axes.transAxes.inverted().transform(axes.transData.transform((1, value)))[1])
        last = place if last < 0 else max(place, last + 0.065)
        axes.text(1.02, last, name, transform=axes.transAxes, color=colour, weight="bold", va="center")


def strips(images: Mapping[str, Pixels], path: Path) -> None:
    """One strip of generated images under another, each with its row's name."""
    ratio = max(strip.shape[1] / strip.shape[2] for strip in images.values())
    wide = WIDTH - LEFT - 0.3
    each = wide * ratio + 0.08
    with canvas.page(path, WIDTH, each * len(images) + 0.3) as figure:
        for place, (name, strip) in enumerate(reversed(list(images.items()))):
            axes = canvas.axes_at(figure, LEFT, 0.15 + place * each, wide, wide * ratio)
            axes.imshow(strip.transpose(1, 2, 0).squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            canvas.bare(axes)
            axes.text(-0.015, 0.5, canvas.name(name, 40), transform=axes.transAxes, ha="right", va="center")
