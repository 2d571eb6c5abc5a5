"""The contract of every question: it can be asked, answered, charted, and found in the notes."""

import re
from pathlib import Path

import pytest

from ganvas.config.recipes import configure
from ganvas.experiments.questions import EXPERIMENTS

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "src" / "ganvas" / "experiments" / "questions").glob("[!_]*.py"))
EVERY = pytest.mark.parametrize("question", EXPERIMENTS.values(), ids=EXPERIMENTS.keys())


def test_every_file_is_in_the_table_and_has_at_most_90_lines():
    assert sorted(name.replace("-", "_") for name in EXPERIMENTS) == [file.stem for file in FILES]
    lines = {file.stem: len(file.read_text("utf-8").splitlines()) for file in FILES}
    assert {name: count for name, count in lines.items() if count > 90} == {}
    assert all(name == question.name for name, question in EXPERIMENTS.items())


@EVERY
def test_rows_and_measures_have_names_of_their_own_and_comparisons_name_them(question):
    rows, measures = ([each.name for each in part] for part in (question.variants, question.measures))
    assert len(set(rows)) == len(rows)
    assert len(set(measures)) == len(measures)
    assert question.comparisons
    for each in question.comparisons:
        assert each.measure in measures
        assert {*each.of, *each.against} <= set(rows)
        assert set(each.of).isdisjoint(each.against)
    assert 1 <= question.headlines <= len(question.comparisons)


@EVERY
def test_sentences_differ_by_verdict_and_end_without_a_full_stop(question):
    for each in question.comparisons:
        sentences = {each.sentence(verdict) for verdict in ("yes", "no", "unknown")}
        assert len(sentences) == 3
        assert not any(sentence.endswith(".") for sentence in sentences)


@EVERY
def test_there_are_seeds_for_an_interval_and_limits_are_said(question):
    assert question.seeds >= (5 if question.seconds < 60 else 3)
    assert question.limits
    assert all(limit.endswith(".") for limit in question.limits)


@EVERY
def test_points_of_a_line_have_a_place_and_lines_have_an_axis(question):
    points = [row for row in question.variants if row.x is not None]
    assert bool(points) == bool(question.axis)
    assert all(row.line for row in points)


@EVERY
def test_its_place_is_a_heading_of_the_chapters(question):
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / "chapters.md").read_text("utf-8"), re.MULTILINE)
    assert question.chapter in headings


@EVERY
def test_an_answered_question_is_linked_from_its_place_in_the_chapters(question):
    if not (ROOT / "docs" / "studies" / question.name / "results.jsonl").exists():
        pytest.skip("not asked in full yet")
    text = (ROOT / "docs" / "chapters.md").read_text("utf-8")
    section = re.split(r"^#", text[text.index(f"# {question.chapter}\n") + 2 :], maxsplit=1, flags=re.MULTILINE)[0]
    assert f"(studies/{question.name}/README.md)" in section


@EVERY
def test_what_its_rows_train_is_a_run_that_can_be_had(question):
    for row in question.variants:
        if "recipe" in row.choices:
            configure("digits", row.choices["recipe"], dict(row.choices.get("run", {})), {"seed": 1})
