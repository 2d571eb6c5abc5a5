"""The committed pages of the studies are what the code makes of their committed results."""

import importlib.util
from pathlib import Path

import pytest

from ganvas.experiments.questions import EXPERIMENTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("studies", ROOT / "benchmarks" / "studies.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_and_both_tables_say_what_the_results_say(maker):
    stale = [
        str(p.relative_to(ROOT)) for p, text in maker.pages(maker.all_results()).items() if p.read_text("utf-8") != text
    ]
    assert stale == []


def test_every_folder_of_results_is_of_a_known_question_and_shows_its_chart(maker):
    folders = {path.parent for path in maker.STUDIES.glob("*/results.jsonl")}
    assert {folder.name for folder in folders} <= set(EXPERIMENTS)
    assert all((folder / "chart.png").exists() for folder in folders)


def test_a_page_is_made_anew_without_training_and_says_what_stands_in_the_results(maker):
    for results in maker.all_results():
        text = maker.pages([results])[maker.STUDIES / results.name / "README.md"]
        assert results.answer in text
        assert f"{results.done} of {results.trials} trials" in text
