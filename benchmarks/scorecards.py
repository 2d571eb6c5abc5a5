"""The scorecards of the documents: `python benchmarks/scorecards.py MNIST PHOTOGRAPHS [--out docs/scorecards]`.

Trains `modern` on digits, and `modern` and the yardstick on photographs, each for a fixed number of images on one
thread, as many as take about as long; scores the runs with 10,000 images each; and writes their scorecards and the
comparison of the last two. Runs lie below `--runs`: what is finished there is not done again, and what was broken off
goes on. MNIST and PHOTOGRAPHS are what `ganvas train` takes. Real photographs are left out: their licence is another's.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from pairs import machine

from ganvas.evaluation import comparison, report
from ganvas.evaluation.artifacts import COPIES, REAL, SAMPLES, SHEETS, write_comparison
from ganvas.evaluation.scorecard import read_scorecard
from ganvas.report import page

# Name, which of the two sets, recipe, images shown.
CARDS = (
    ("digits-modern", 0, "modern", 600_000),
    ("photographs-modern", 1, "modern", 480_000),
    ("photographs-yardstick", 1, "yardstick", 300_000),
)
SHOW_REAL_IMAGES = (REAL, COPIES)


def main() -> None:
    """Trains, scores and writes what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs=2, metavar="SET")
    parser.add_argument("--out", type=Path, default=Path("docs/scorecards"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="+", default=[name for name, *_ in CARDS], help="names of scorecards")
    choices = parser.parse_args()
    print(machine(), flush=True)
    for name, index, recipe, images in CARDS:
        if name in choices.only:
            train_and_score(choices.sets[index], recipe, images, choices.runs / name)
            write(choices.runs / name, choices.out / name, with_real_images=index == 0)
    compared = [choices.out / name for name, index, *_ in CARDS if index == 1]
    cards = [read_scorecard(folder / "scorecard.json") for folder in compared]
    for old in choices.out.glob("compare*"):
        old.unlink()
    write_comparison(cards, [(folder / SAMPLES).read_bytes() for folder in compared], choices.out)
    print("\n".join(comparison.verdict(cards)))


def train_and_score(source: str, recipe: str, images: int, run: Path) -> None:
    """By the commands that a person would give."""
    budget = ["--images", str(images), "--threads", "1", "--watch", "off"]
    ganvas("train", source, "--recipe", recipe, *budget, "--out", str(run))
    if not (run / "scorecard.json").is_file():
        ganvas("evaluate", str(run))


def ganvas(*words: str) -> None:
    """One command, as a process of its own."""
    print("$ ganvas", *words, flush=True)
    subprocess.run([sys.executable, "-m", "ganvas", *words], check=True)


def write(run: Path, folder: Path, with_real_images: bool) -> None:
    """Writes the scorecard of a run under the name of the folder, with or without the sheets that show real images."""
    card = read_scorecard(run / "scorecard.json").model_copy(update={"name": folder.name})
    names = [name for name in SHEETS if (run / name).is_file() and (with_real_images or name not in SHOW_REAL_IMAGES)]
    sheets = {name: (run / name).read_bytes() for name in names}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in sheets.items():
        (folder / name).write_bytes(content)
    text = report.markdown(card, sheets)
    (folder / "scorecard.json").write_text(card.to_json(), encoding="utf-8")
    (folder / "scorecard.md").write_text(text, encoding="utf-8")
    (folder / "scorecard.html").write_text(page.render(text, f"{card.name}: scorecard", sheets), encoding="utf-8")


if __name__ == "__main__":
    main()
