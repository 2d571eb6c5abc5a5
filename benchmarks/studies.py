"""The pages of docs/studies from their committed results: `python benchmarks/studies.py [NAME SOURCE [FLAGS]]`.

With a name, that study is run first, or gone on with, by `ganvas study` with these flags. Then every page, its chart,
docs/studies/README.md and the table of verdicts in the README are made anew from the results.jsonl that lie there;
nothing is trained for that.
"""

import re
import sys
from pathlib import Path
from typing import Any

from ganvas import cli
from ganvas.experiments import charts
from ganvas.experiments import page as report
from ganvas.experiments.journal import Journal
from ganvas.experiments.questions import EXPERIMENTS
from ganvas.experiments.trials import RESULTS, card

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ROOT / "docs" / "studies"
HEAD = """# What the notes claim, and what was found

Each study is one question, asked by `ganvas study NAME`: its rows are trained with several seeds at equal processor
time, compared seed by seed, and answered with an interval. "Cannot tell" is an answer. The pages are made from their
`results.jsonl` by `python benchmarks/studies.py`.

"""
MARKED = re.compile(r"(<!-- verdicts -->\n).*?(<!-- /verdicts -->)", re.DOTALL)


def main() -> None:
    """Runs what was asked for, then makes every page."""
    if arguments := sys.argv[1:]:
        status = cli.run(["study", *arguments, "--out", str(STUDIES / arguments[0])])
        if status:
            sys.exit(status)
    found = cards()
    for each in found:
        charts.chart(each, STUDIES / each["name"] / report.CHART)
    for path, text in pages(found).items():
        path.write_text(text, encoding="utf-8")


def cards() -> list[dict[str, Any]]:
    """Of every study that has results, in the order of the table."""
    folders = {name: STUDIES / name for name in EXPERIMENTS}
    return [
        card(EXPERIMENTS[name], Journal(folder / RESULTS))
        for name, folder in folders.items()
        if (folder / RESULTS).exists()
    ]


def pages(found: list[dict[str, Any]]) -> dict[Path, str]:
    """What has to stand in each file."""
    texts = {}
    for each in found:
        folder = STUDIES / each["name"]
        texts[folder / "README.md"] = report.markdown(each, (folder / report.STRIPS).exists())
    texts[STUDIES / "README.md"] = HEAD + report.verdicts(found, "") + "\n"
    readme = (ROOT / "README.md").read_text("utf-8")
    table = report.verdicts(found, "docs/studies/", figures=False)
    texts[ROOT / "README.md"] = MARKED.sub(lambda match: f"{match[1]}{table}\n{match[2]}", readme)
    return texts


if __name__ == "__main__":
    main()
