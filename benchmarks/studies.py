"""The pages of docs/studies from their committed results: `python benchmarks/studies.py [NAME SOURCE [FLAGS]]`.

With a name, that study is run first, or gone on with, by `ganvas study` with these flags. Then every page, its chart,
docs/studies/README.md and the table of verdicts in the README are made anew from the results.jsonl that lie there;
nothing is trained for that.
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
HEAD = """# What the notes claim, and what was found

Each study is one question, asked by `ganvas study NAME`: its variants are trained with several seeds at equal CPU
time, compared seed by seed, and answered with an interval. "Inconclusive" is an answer. The pages are made from their
`results.jsonl` by `python benchmarks/studies.py`.

"""
MARKED = re.compile(r"(<!-- verdicts -->\n).*?(<!-- /verdicts -->)", re.DOTALL)


def main() -> None:
    """Runs what was asked for, then makes every page."""
    if arguments := sys.argv[1:]:
        status = cli.run(["study", *arguments, "--out", str(STUDIES / arguments[0])])
        if status:
            sys.exit(status)
    every = all_results()
    for results in every:
        charts.chart(results, STUDIES / results.name / page.STUDY.chart)
    for path, text in pages(every).items():
        path.write_text(text, encoding="utf-8")


def all_results() -> list[ExperimentResults]:
    """Of every study that has results, in the order of the table."""
    paths = {name: STUDIES / name / RESULTS for name in EXPERIMENTS}
    return [results_of(EXPERIMENTS[name], Journal(path)) for name, path in paths.items() if path.exists()]


def pages(every: list[ExperimentResults]) -> dict[Path, str]:
    """What has to stand in each file."""
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
