"""An experiment as a page: claim, answer, chart, figures with their intervals, comparisons, limits, cost, command."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ganvas import console, files
from ganvas.experiments import charts
from ganvas.experiments.experiment import Measure
from ganvas.experiments.gan_trials import strips_of
from ganvas.experiments.results import ExperimentResults, Figure
from ganvas.report.page import Markdown, escape_markdown, render, table

VERDICTS = {"yes": "yes", "no": "no", "partly": "in part", "unknown": "inconclusive"}


class Names(NamedTuple):
    """Of the files of a page."""

    text: str = "README.md"
    page: str = "study.html"
    chart: str = "chart.png"
    strips: str = "images.png"


STUDY = Names()


def write_page(results: ExperimentResults, folder: Path, names: Names = STUDY) -> None:
    """Writes the text, the page and their images, and prints where the page is."""
    charts.draw_chart(results, folder / names.chart)
    if strips := strips_of(folder, [variant.name for variant in results.variants]):
        charts.draw_strips(strips, folder / names.strips)
    text = markdown(results, (folder / names.strips).exists(), names)
    images = {name: (folder / name).read_bytes() for name in (names.chart, names.strips) if (folder / name).exists()}
    files.write_atomic(folder / names.text, text.encode("utf-8"))
    files.write_atomic(folder / names.page, render(text, results.title, images).encode("utf-8"))
    console.info(f"answer {folder / names.page}")


def summary_lines(results: ExperimentResults) -> Iterator[str]:
    """One plain fact a line; the answer last."""
    yield from facts(results)
    yield answer_of(results)


def facts(results: ExperimentResults) -> Iterator[str]:
    """A line for each variant, each comparison and each trial that failed."""
    for variant in results.variants:
        figures = (
            f"{measure.title} {describe_figure(measure, variant.figures.get(measure.name))}"
            for measure in results.known_measures
        )
        yield f"{variant.name}: {'; '.join(figures)}"
    yield from comparisons(results)
    yield from failure_lines(results)


def answer_of(results: ExperimentResults) -> str:
    """The first sentence of the page."""
    unfinished = "" if results.done == results.trials else f" ({results.done} of {results.trials} trials are done.)"
    return f"{results.answer}{unfinished}"


def comparisons(results: ExperimentResults) -> Iterator[str]:
    """A line for each comparison, with its p value, without a full stop."""
    for comparison in results.comparisons:
        p_value = "" if comparison.p_holm is None else f" (p {comparison.p_holm:.2g} after Holm)"
        yield f"{comparison.sentence}{p_value}"


def failure_lines(results: ExperimentResults) -> Iterator[str]:
    """A line for each trial that failed."""
    return (f"failed: {failed.variant}, seed {failed.seed}: {failed.why}" for failed in results.failures)


def describe_figure(measure: Measure, figure: Figure | None) -> str:
    """`12.31 (11.90 to 12.72)`, `91.2 % (90.1 to 92.3)`, or a dash."""
    if figure is None:
        return "–"
    scale, unit = (100, " %") if measure.scale == "percent" else (1, "")
    value = f"{scale * figure.value:.{measure.digits}f}{unit}"
    if figure.low is None or figure.high is None:
        return value
    return f"{value} ({scale * figure.low:.{measure.digits}f} to {scale * figure.high:.{measure.digits}f})"


def markdown(results: ExperimentResults, has_strips: bool, names: Names = STUDY) -> str:
    """The page, beside its chart, and its strips of images if there are some."""

    def bullets(sentences: Iterable[str]) -> str:
        return "\n".join(f"- {sentence}" for sentence in sentences)

    measures = results.known_measures
    # Claims and sentences are ours. Titles and reasons of failures may hold other people's words.
    parts = [f"# {escape_markdown(results.title)}", f"> {results.claim}", f"**{answer_of(results)}**"]
    parts.append(f"![{results.name}]({names.chart})")
    if has_strips:
        parts.append(f"![Generated images, a strip a variant]({names.strips})")
    rows = [
        [variant.name, *(describe_figure(measure, variant.figures.get(measure.name)) for measure in measures)]
        for variant in results.variants
    ]
    parts += ["## Figures", table(["", *(measure.title for measure in measures)], rows).rstrip()]
    if results.comparisons:
        parts += ["## Compared", bullets(f"{sentence}." for sentence in comparisons(results))]
    if results.failures:
        parts += ["## Failed", bullets(map(escape_markdown, failure_lines(results)))]
    parts += ["## What this does not say", bullets(results.limits)]
    parts += ["## How", bullets(results.method), f"```sh\n{console.printable(results.command)}\n```"]
    return "\n\n".join(parts) + "\n"


def verdicts(every: Sequence[ExperimentResults], folder: str, figures: bool = True) -> str:
    """Every claim and its verdict, as a markdown table; `folder` is where the studies lie from its reader."""
    titles = ["study", "claim of the notes", "verdict", *(["answer"] if figures else [])]
    rows = []
    for results in every:
        link = f"[{results.name}]({folder}{results.name}/README.md)"
        cells = [link, results.claim, VERDICTS[results.verdict], answer_of(results)][: len(titles)]
        rows.append([Markdown(cell.replace("|", "/")) for cell in cells])
    return table(titles, rows).rstrip()
