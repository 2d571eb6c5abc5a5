"""Writes the pages of docs/studies from their committed results: `python benchmarks/studies.py [NAME SOURCE [FLAGS]]`.

With a name, `ganvas study` runs or resumes that study first, with these flags. Then every page, its chart,
docs/studies/README.md and the table of verdicts in the README are written again from the results.jsonl of each study;
this trains nothing.
"""

import re
import sys
from pathlib import Path

from ganvas import cli
from ganvas.experiments import charts, page
from ganvas.experiments.journal import Journal
from ganvas.experiments.questions import EXPERIMENTS
from ganvas.experiments.results import ExperimentResults
from ganvas.experiments.trials import RESULTS, results_of

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ROOT / "docs" / "studies"
HEAD = """# What the notes claim, and what was measured

"The notes" are study notes on part 3 of the book *Make Your First GAN With PyTorch*. Each study tests one of their
claims with `ganvas study NAME`: it trains every variant with several seeds for equal CPU time, compares the variants
seed by seed, and gives each difference with an interval, at 5 % error in all of a study. FCD is a Fréchet distance
between generated and real images in the features of a classifier; lower is better. "G" is a generator, "D" a
discriminator.

The verdict is "yes", "no", "inconclusive" (the data show neither) or "in part" (the comparisons of the study have
different answers). Variants of the recipe `modern` are of earlier versions of it and have not been trained again. The
pages are written from their `results.jsonl` by `python benchmarks/studies.py`.

"""
MARKED = re.compile(r"(<!-- verdicts -->\n).*?(<!-- /verdicts -->)", re.DOTALL)


def main() -> None:
    """Runs the study that is named, if one is, then writes every page."""
    if arguments := sys.argv[1:]:
        status = cli.run(["study", *arguments, "--out", str(STUDIES / arguments[0])])
        if status:
            sys.exit(status)
    every = all_results()
    for results in every:
        charts.draw_chart(results, STUDIES / results.name / page.STUDY.chart)
    for path, text in pages(every).items():
        path.write_text(text, encoding="utf-8")


def all_results() -> list[ExperimentResults]:
    """The results of every study that has some, in the order of the table."""
    paths = {name: STUDIES / name / RESULTS for name in EXPERIMENTS}
    return [results_of(EXPERIMENTS[name], Journal(path)) for name, path in paths.items() if path.exists()]


def pages(every: list[ExperimentResults]) -> dict[Path, str]:
    """The text of each page, by its path."""
    texts = {}
    for results in every:
        folder = STUDIES / results.name
        texts[folder / "README.md"] = page.markdown(results, (folder / page.STUDY.strips).exists())
    texts[STUDIES / "README.md"] = HEAD + page.verdicts(every, "") + "\n"
    readme = (ROOT / "README.md").read_text("utf-8")
    table = page.verdicts(every, "docs/studies/", figures=False)
    texts[ROOT / "README.md"] = MARKED.sub(lambda match: f"{match[1]}{table}\n{match[2]}", readme)
    return texts


if __name__ == "__main__":
    main()
