"""The files of a scorecard and of a comparison: JSON, markdown, the page, and sheets of images beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ganvas import files
from ganvas.data.prepared import PreparedSet
from ganvas.errors import UserError
from ganvas.evaluation import comparison, report
from ganvas.evaluation.samples import Samples
from ganvas.evaluation.score import ScoredSamples
from ganvas.evaluation.scorecard import Scorecard
from ganvas.images import enlarge, grid, save_png
from ganvas.report import charts, page

SAMPLES, REAL, CONFUSION, COPIES = SHEETS = (
    "scorecard.png",
    "scorecard-real.png",
    "scorecard-confusion.png",
    "scorecard-copies.png",
)
MOST_CLASSES = 20  # of a sheet of samples
COLUMNS = 10


def write_scorecard(scored: ScoredSamples, samples: Samples, prepared: PreparedSet, folder: Path) -> None:
    """Writes all of a scorecard's files. UserError where they cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draw_sheets(scored, samples, prepared, folder)
        sheets = {name: (folder / name).read_bytes() for name in SHEETS if (folder / name).is_file()}
        files.write_atomic(folder / "scorecard.json", scored.card.to_json().encode("utf-8"))
        text = report.markdown(scored.card, sheets)
        _write_both(folder / "scorecard", text, f"{scored.card.name}: scorecard", sheets)
    except OSError as error:
        raise UserError(f"the scorecard cannot be written to {folder}: {error.strerror or error}") from None


def draw_sheets(scored: ScoredSamples, samples: Samples, prepared: PreparedSet, folder: Path) -> None:
    """Draws the sheets that there are, and removes those that an earlier scorecard left."""
    for name in SHEETS[1:]:
        (folder / name).unlink(missing_ok=True)
    classes, held_out = prepared.classes[:MOST_CLASSES], scored.held_out
    for name, pixels, labels in (
        (SAMPLES, samples.pixels, samples.labels),
        (REAL, held_out.pixels, held_out.labels if samples.labels is not None else None),
    ):
        if labels is None:
            rows, row_labels = np.arange(min(len(pixels), 10 * COLUMNS)), None
        else:
            rows = np.concatenate([np.flatnonzero(labels == label)[:COLUMNS] for label in range(len(classes))])
            row_labels = labels[rows]
        charts.class_grid(pixels[rows], row_labels, classes, folder / name)
    scores = scored.card.labels
    if scores and scores.confusion and len(prepared.classes) <= 100:
        charts.confusion(np.array(scores.confusion), prepared.classes, folder / CONFUSION, "prediction", "label")
    if scored.closest:
        generated = samples.pixels[[pair[0] for pair in scored.closest]]
        training = prepared.pixels[[pair[1] for pair in scored.closest]]
        save_png(enlarge(grid(np.concatenate([generated, training]), len(generated)), 800), folder / COPIES)


def write_comparison(cards: Sequence[Scorecard], sheets: Sequence[bytes | None], folder: Path) -> None:
    """Writes a comparison's files: sheets holds the sheet of samples of each scorecard that has one."""
    images = {f"compare-{index}.png": sheet for index, sheet in enumerate(sheets, start=1) if sheet}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, sheet in images.items():
            files.write_atomic(folder / name, sheet)
        title = " and ".join(comparison.unique_names(cards))
        _write_both(folder / "compare", comparison.markdown(cards, images), title, images)
    except OSError as error:
        raise UserError(f"the comparison cannot be written to {folder}: {error.strerror or error}") from None


def _write_both(path: Path, markdown: str, title: str, images: Mapping[str, bytes]) -> None:
    files.write_atomic(path.with_suffix(".md"), markdown.encode("utf-8"))
    files.write_atomic(path.with_suffix(".html"), page.render(markdown, title, images).encode("utf-8"))
