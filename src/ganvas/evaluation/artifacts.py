"""The files of a scorecard and of a comparison: JSON, markdown, the page, and sheets of images beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganvas import files
from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.evaluation import comparison, report
from ganvas.evaluation.pixel_statistics import mean_spectrum
from ganvas.evaluation.samples import Samples
from ganvas.evaluation.score import ScoredSamples
from ganvas.evaluation.scorecard import Scorecard
from ganvas.images import save_png
from ganvas.report import charts, page
from ganvas.sheets import enlarge, grid

SHEETS = SAMPLES, REAL, CONFUSION, COPIES, TWO_SAMPLE, SPECTRUM = (
    "scorecard.png",
    "scorecard-real.png",
    "scorecard-confusion.png",
    "scorecard-copies.png",
    "scorecard-two-sample.png",
    "scorecard-spectrum.png",
)
MOST_CLASSES = 20  # on a sheet of images
COLUMNS = 10
MOST_IN_A_SPECTRUM = 2_000


def write_scorecard(scored: ScoredSamples, samples: Samples, prepared: PreparedSet, folder: Path) -> None:
    """Writes all files of a scorecard. UserError where that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_sheets(scored, samples, prepared, folder)
        sheets = {name: (folder / name).read_bytes() for name in SHEETS if (folder / name).is_file()}
        files.write_atomic(folder / "scorecard.json", scored.card.to_json().encode("utf-8"))
        text = report.markdown(scored.card, sheets)
        _write_text_and_page(folder / "scorecard", text, f"{scored.card.name}: scorecard", sheets)
    except OSError as error:
        raise UserError(f"the scorecard cannot be written to {folder}: {error.strerror or error}") from None


def write_sheets(scored: ScoredSamples, samples: Samples, prepared: PreparedSet, folder: Path) -> None:
    """Writes the sheets that apply, and removes those that an earlier scorecard left."""
    for name in SHEETS[1:]:
        (folder / name).unlink(missing_ok=True)
    classes, shown = tuple[str, ...](), list[int]()
    if prepared.labels is not None:
        classes, shown = prepared.label_space.names, prepared.label_space.commonest(MOST_CLASSES)
    generated_rows: NDArray[np.int64] = np.arange(len(samples.pixels))
    for name, pixels, labels, rows in (
        (SAMPLES, samples.pixels, samples.labels, generated_rows),
        (REAL, prepared.pixels, None if samples.labels is None else prepared.labels, scored.held_out),
    ):
        row_labels = None if labels is None else np.asarray(labels[rows])
        if row_labels is None:
            rows = rows[: 10 * COLUMNS]
        else:
            # Where combinations were held out, held-out images may show none of the commonest.
            present = [k for k in shown if (row_labels == k).any()] or np.unique(row_labels)[:MOST_CLASSES].tolist()
            firsts = [np.flatnonzero(row_labels == label)[:COLUMNS] for label in present]
            rows, row_labels = rows[np.concatenate(firsts)], row_labels[np.concatenate(firsts)]
        charts.draw_class_grid(pixels[rows], row_labels, classes, folder / name)
    scores = scored.card.labels
    if scores and scores.confusion and len(prepared.classes) <= 100:
        charts.draw_confusion(np.array(scores.confusion), prepared.classes, folder / CONFUSION, "label")
    if scored.closest:
        generated, training = (list(rows) for rows in zip(*scored.closest, strict=True))
        pairs = grid(np.concatenate([samples.pixels[generated], prepared.pixels[training]]), len(generated))
        save_png(enlarge(pairs, 800), folder / COPIES)
    if len(scored.tested) >= 2 * COLUMNS:
        ends = np.concatenate([scored.tested[:COLUMNS], scored.tested[: -COLUMNS - 1 : -1]])
        save_png(enlarge(grid(samples.pixels[ends], COLUMNS), 800), folder / TWO_SAMPLE)
    generated_spectrum = mean_spectrum(samples.pixels[:MOST_IN_A_SPECTRUM])
    charts.draw_spectra(
        generated_spectrum, mean_spectrum(prepared.pixels[scored.held_out[:MOST_IN_A_SPECTRUM]]), folder / SPECTRUM
    )


def write_comparison(cards: Sequence[Scorecard], sheets: Sequence[bytes | None], folder: Path) -> None:
    """Writes all files of a comparison. sheets: the sheet of samples of each scorecard, where it has one."""
    images = {f"compare-{index}.png": sheet for index, sheet in enumerate(sheets, start=1) if sheet}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, sheet in images.items():
            files.write_atomic(folder / name, sheet)
        title = " and ".join(comparison.unique_names(cards))
        _write_text_and_page(folder / "compare", comparison.markdown(cards, images), title, images)
    except OSError as error:
        raise UserError(f"the comparison cannot be written to {folder}: {error.strerror or error}") from None


def _write_text_and_page(path: Path, markdown: str, title: str, images: Mapping[str, bytes]) -> None:
    files.write_atomic(path.with_suffix(".md"), markdown.encode("utf-8"))
    files.write_atomic(path.with_suffix(".html"), page.render(markdown, title, images).encode("utf-8"))
