"""An experiment as a page: claim, answer, chart, figures with their intervals, comparisons, limits, cost, command."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ganvas import console, files
from ganvas.experiments import charts
from ganvas.experiments.experiment import Measure
from ganvas.experiments.gan_trials import strips_of
from ganvas.experiments.results import ComparisonResult, ExperimentResults, Figure, VariantResult
from ganvas.report.page import Markdown, escape_markdown, render, table

VERDICTS = {"yes": "yes", "no": "no", "partly": "in part", "unknown": "inconclusive"}


class Names(NamedTuple):
    """Of the files of a page."""

    text: str = "README.md"
    page: str = "study.html"
    chart: str = "chart.png"
    strips: str = "images.png"


STUDY = Names()


def write(results: ExperimentResults, folder: Path, names: Names = STUDY) -> None:
    """Writes the text, the page and their images, and prints where the page is."""
    charts.chart(results, folder / names.chart)
    if images := strips_of(folder, [variant.name for variant in results.variants]):
        charts.strips(images, folder / names.strips)
    has_strips = (folder / names.strips).exists()
    text = markdown(results, has_strips, names)
    shown = (names.chart, names.strips) if has_strips else (names.chart,)
    page = render(text, results.title, {name: (folder / name).read_bytes() for name in shown})
    files.write_atomic(folder / names.text, text.encode("utf-8"))
    files.write_atomic(folder / names.page, page.encode("utf-8"))
    console.info(f"answer {folder / names.page}")


def lines(results: ExperimentResults) -> Iterator[str]:
    """One plain fact a line; the answer last."""
    measures = measured(results)
    for variant in results.variants:
        figures = zip(measures, cells(variant, measures)[1:], strict=True)
        yield f"{variant.name}: {'; '.join(f'{measure.title} {cell}' for measure, cell in figures)}"
    yield from (f"{comparison.sentence}{p_value(comparison)}" for comparison in results.comparisons)
    yield from failures(results)
    yield answer(results)


def answer(results: ExperimentResults) -> str:
    """The first sentence of the page."""
    if results.done == results.trials:
        return results.answer
    return f"{results.answer} ({results.done} of {results.trials} trials are done.)"


def failures(results: ExperimentResults) -> Iterator[str]:
    """A line for each trial that failed."""
    return (f"failed: {failed.variant}, seed {failed.seed}: {failed.why}" for failed in results.failures)


def measured(results: ExperimentResults) -> list[Measure]:
    """The measures that some variant has."""
    known = {name for variant in results.variants for name in variant.figures}
    return [measure for measure in results.measures if measure.name in known]


def cells(variant: VariantResult, measures: Sequence[Measure]) -> list[str]:
    """One row of the table of figures."""
    return [variant.name, *(describe_figure(measure, variant.figures.get(measure.name)) for measure in measures)]


def describe_figure(measure: Measure, figure: Figure | None) -> str:
    """`12.31 (11.90 to 12.72)`, `91.2 % (90.1 to 92.3)`, or a dash."""
    if figure is None:
        return "–"
    scale, unit = (100, " %") if measure.scale == "percent" else (1, "")
    value = f"{scale * figure.value:.{measure.digits}f}{unit}"
    if figure.low is None or figure.high is None:
        return value
    return f"{value} ({scale * figure.low:.{measure.digits}f} to {scale * figure.high:.{measure.digits}f})"


def p_value(comparison: ComparisonResult) -> str:
    """The p value behind a sentence."""
    return "" if comparison.p_holm is None else f" (p {comparison.p_holm:.2g} after Holm)"


def markdown(results: ExperimentResults, strips: bool, names: Names = STUDY) -> str:
    """The page, beside its chart, and its strips of images if there are some."""
    measures = measured(results)
    # Claims and sentences are ours. Titles and reasons of failures may hold other people's words.
    parts = [f"# {escape_markdown(results.title)}", f"> {results.claim}", f"**{answer(results)}**"]
    parts.append(f"![{results.name}]({names.chart})")
    if strips:
        parts.append(f"![Generated images, a strip a variant]({names.strips})")
    rows = (cells(variant, measures) for variant in results.variants)
    parts += ["## Figures", table(["", *(measure.title for measure in measures)], rows).rstrip()]
    if results.comparisons:
        parts += ["## Compared", _list(f"{each.sentence}{p_value(each)}." for each in results.comparisons)]
    if results.failures:
        parts += ["## Failed", _list(map(escape_markdown, failures(results)))]
    parts += ["## What this does not say", _list(results.limits)]
    parts += ["## How", _list(results.method), f"```sh\n{console.printable(results.command)}\n```"]
    return "\n\n".join(parts) + "\n"


def _list(sentences: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def verdicts(every: Sequence[ExperimentResults], folder: str, figures: bool = True) -> str:
    """Every claim and its verdict, as a markdown table; `folder` is where the studies lie from its reader."""
    titles = ["study", "claim of the notes", "verdict", *(["answer"] if figures else [])]
    rows = []
    for results in every:
        link = f"[{results.name}]({folder}{results.name}/README.md)"
        cells = [link, results.claim, VERDICTS[results.verdict], answer(results)][: len(titles)]
        rows.append([Markdown(cell.replace("|", "/")) for cell in cells])
    return table(titles, rows).rstrip()
