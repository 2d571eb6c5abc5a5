"""The chart of an experiment, and its strips of generated images."""

import math
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from ganvas.experiments.experiment import Measure
from ganvas.experiments.results import ExperimentResults, Figure
from ganvas.images import Pixels
from ganvas.report import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (canvas.BLUE, canvas.ORANGE, canvas.GREEN, canvas.PLUM, canvas.BROWN, canvas.INK)
ROW, TOP, BOTTOM, LEFT, WIDTH = 0.36, 0.85, 0.55, 2.9, 9.6  # inches
DIRECTIONS = {"lower": "lower is better", "higher": "higher is better"}
FEWEST_TICKS, MOST_TICKS = 3, 5
LINE_SPACING = 0.065  # of the axes' height, between the names of two lines


def draw_chart(results: ExperimentResults, path: Path) -> None:
    """Lines over `x` if variants are points of lines, and dots with intervals otherwise."""
    draw = draw_lines if any(variant.x is not None for variant in results.variants) else draw_dots
    draw(results, path)


def draw_dots(results: ExperimentResults, path: Path) -> None:
    """A line a variant: a pale dot a seed, a dot for the mean, a bar for its interval; the first two measures."""
    measures, variants = results.known_measures[:2], list(reversed(results.variants))
    names = [canvas.name(variant.name, 60) for variant in variants]
    with canvas.page(path, WIDTH, TOP + BOTTOM + ROW * len(variants), fitted=True) as page:
        width = (WIDTH - LEFT - 0.3) / max(1, len(measures))
        for column, measure in enumerate(measures):
            axes = canvas.axes_at(page, LEFT + column * width, BOTTOM, width - 0.35, ROW * len(variants))
            for y, variant in enumerate(variants):
                if figure := variant.figures.get(measure.name):
                    seeds = [value for value in figure.by_seed if value is not None]
                    axes.scatter(seeds, [y] * len(seeds), color=canvas.BLUE, alpha=0.35, s=16, linewidths=0)
                    if figure.low is not None and figure.high is not None:
                        axes.plot([figure.low, figure.high], [y, y], color=canvas.BLUE, linewidth=2.2)
                    axes.scatter([figure.value], [y], color=canvas.BLUE, s=42, zorder=3)
            _scale(axes, measure, "x")
            axes.set_ylim(-0.6, len(variants) - 0.4)
            axes.set_yticks(range(len(variants)), names if not column else [""] * len(variants))
            axes.grid(axis="x", which="both")
            axes.grid(visible=False, axis="y")
            canvas.title(axes, measure.title, DIRECTIONS[measure.better])


def draw_lines(results: ExperimentResults, path: Path) -> None:
    """The first measure of every line against `x`, with its interval."""
    measure = results.measures[0]
    points: dict[str, list[tuple[float, Figure]]] = {
        variant.line: [] for variant in results.variants if variant.x is not None
    }
    for variant in results.variants:
        if variant.x is not None and measure.name in variant.figures:
            points[variant.line].append((variant.x, variant.figures[measure.name]))
    # Fitted: the image grows by the names at the ends of the lines, however long they are.
    with canvas.page(path, 8.0, 4.4, fitted=True) as page:
        axes = page.add_axes((0.09, 0.14, 0.66, 0.66))
        ends = []
        for (name, line), colour in zip(points.items(), cycle(COLOURS)):
            if not line:
                continue
            across = [x for x, _ in line]
            axes.plot(across, [point.value for _, point in line], color=colour, linewidth=2.2, marker="o")
            lows = [point.low for _, point in line if point.low is not None]
            highs = [point.high for _, point in line if point.high is not None]
            if len(lows) == len(line):
                axes.fill_between(across, lows, highs, color=colour, alpha=0.15, linewidth=0)
            ends.append((line[-1][1].value, name, colour))
        ticks = sorted({variant.x for variant in results.variants if variant.x is not None})
        if ticks[0] > 0:
            axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:,.0f}" if tick >= 1000 else f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel(results.axis)
        _scale(axes, measure, "y")
        last = -1.0
        for value, name, colour in sorted(ends):  # each line's name at its end, moved apart where two would overlap
            height = float(axes.transAxes.inverted().transform(axes.transData.transform((1, value)))[1])
            last = height if last < 0 else max(height, last + LINE_SPACING)
            axes.text(1.02, last, name, transform=axes.transAxes, color=colour, weight="bold", va="center")
        canvas.title(axes, measure.title, f"{DIRECTIONS[measure.better]}; bands are 95 % intervals")


def _scale(axes: "Axes", measure: Measure, which: str) -> None:
    """Ratios are compared on a logarithmic axis, and shares in per cent where they are written so."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    if measure.scale == "percent":
        axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    if measure.scale != "ratio":
        return
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    ticks = log_ticks(*(axes.get_xlim() if which == "x" else axes.get_ylim()))
    axis.set_ticks(ticks, [f"{tick:,.0f}" if tick >= 1000 else f"{tick:g}" for tick in ticks])
    axis.set_ticks([], minor=True)


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high, both above 0: few, but three where there are three, and five at the most.

    Powers of ten alone would leave an axis of less than two decades with one number.
    """
    ticks: list[float] = []
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        every = (float(f"{step * 10.0**decade:.3g}") for decade in decades for step in steps)
        ticks = [tick for tick in every if low <= tick <= high]
        if len(ticks) >= FEWEST_TICKS:
            break
    return ticks[:: math.ceil(len(ticks) / MOST_TICKS)] if ticks else ticks


def draw_strips(images: Mapping[str, Pixels], path: Path) -> None:
    """One strip of generated images under another, each with its variant's name."""
    ratio = max(strip.shape[1] / strip.shape[2] for strip in images.values())
    width = WIDTH - LEFT - 0.3
    height = width * ratio + 0.08
    with canvas.page(path, WIDTH, height * len(images) + 0.3) as figure:
        for index, (name, strip) in enumerate(reversed(list(images.items()))):
            axes = canvas.axes_at(figure, LEFT, 0.15 + index * height, width, width * ratio)
            axes.imshow(strip.transpose(1, 2, 0).squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            canvas.bare(axes)
            axes.text(-0.015, 0.5, canvas.name(name, 40), transform=axes.transAxes, ha="right", va="center")
