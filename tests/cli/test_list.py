"""`ganvas list`: recipes, sources, runs and options, one a line."""

import shutil
import sys

import pytest

from ganvas.config.recipes import RECIPES
from ganvas.data import SOURCES


def test_every_recipe_is_named_with_its_budget(lines):
    output = lines("list", "recipes")
    assert [line.split()[1].rstrip(":") for line in output] == list(RECIPES)
    assert any(line.startswith("recipe modern: ") and "Budget 10 minutes" in line for line in output)


def test_every_source_is_named_with_what_it_needs(lines):
    output = lines("list", "sources")
    assert {line.split()[1].rstrip(":") for line in output} > set(SOURCES)
    assert any(line.startswith("source digits: ") and "extra digits, no network" in line for line in output)
    assert any(line.startswith("source mnist: ") and "needs the extra hf" in line for line in output)


def test_runs_are_named_with_how_far_they_are(lines, tiny_run, unfinished_run, tmp_path):
    runs = tmp_path / "all"
    shutil.copytree(tiny_run.path, runs / "whole")
    shutil.copytree(unfinished_run.path, runs / "half")
    (runs / "notes").mkdir()
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("{")
    output = dict(line.removeprefix("run ").split(": ", 1) for line in lines("list", "runs", "--runs", runs))
    assert sorted(output) == [str(runs / name) for name in ("broken", "half", "whole")]
    assert output[str(runs / "whole")].startswith("finished, 160 images, modern on patterns, 16x16 px, 3 classes")
    assert output[str(runs / "half")].startswith("unfinished, 160 of 160 images saved")
    assert output[str(runs / "broken")].startswith("unreadable: ")


def test_without_a_word_it_names_recipes_sources_and_runs(lines, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kinds = [line.split()[0] for line in lines("list")]
    assert set(kinds) == {"recipe", "source"}  # no runs here, and options are many


def test_every_option_is_named_as_it_is_typed(lines):
    output = lines("list", "options")
    assert any(line.startswith("option --pair.width of modern: ") for line in output)
    assert any(line.startswith("option --size: ") for line in output)
    assert all(": " in line for line in output)


@pytest.mark.parametrize("columns", [60, 90])
def test_on_a_terminal_it_wraps_between_words_under_headings(lines, monkeypatch, columns):
    words = {word.rstrip(":") for line in lines("list", "recipes") + lines("list", "options") for word in line.split()}
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    shown = lines("list", "recipes") + lines("list", "options")
    assert max(map(len, shown)) <= columns
    assert {word.rstrip(":") for line in shown if line.startswith("  ") for word in line.split()} <= words
    assert {"recipes", "data", "pair, modern", "optimiser"} <= set(shown)


def test_an_unknown_list_gets_the_nearest(refused, tmp_path):
    assert refused("list", "recipe").startswith("there is no list of recipe; did you mean recipes?")
    assert refused("list", "knobs") == "there is no list of knobs; it is ganvas list options now"
    assert "there is no such folder" in refused("list", "runs", "--runs", tmp_path / "none")
