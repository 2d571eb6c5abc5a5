"""`ganvas worth`: its output and files, and the message for each mistake."""

import json
import re

import pytest

from ganvas.cli.worth import worth
from ganvas.errors import UserError
from ganvas.experiments import budget, trials

RATES = budget.Rates(fitting=1_000.0, training=100_000.0)


@pytest.fixture(autouse=True)
def quick_to_do(monkeypatch):
    monkeypatch.setattr(trials, "in_processes", lambda work, tasks: map(work, tasks))
    monkeypatch.setattr(budget, "measured_rates", lambda *_: RATES)
    monkeypatch.setattr(budget, "at_once", lambda fits: 1)
    for name in ("FEWEST_SHOWN", "FEWEST_TRAINED"):
        monkeypatch.setattr(budget, name, 1)
    monkeypatch.setattr(budget, "SECONDS_TO_START", 0.0)


def test_it_prints_a_fact_a_line_the_verdict_first_and_writes_its_files(own_run, capsys):
    assert worth(own_run.path, quick=True, seeds="2", minutes="0.05") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "measuring how fast this machine fits and trains"
    assert lines[1].startswith("14 trials, ")
    assert f"answer {own_run.path / 'worth.html'}" in lines
    assert any(line.startswith("real only (10 %): accuracy ") for line in lines)
    first = next(index for index, line in enumerate(lines) if line.startswith("answer ")) + 1
    assert lines[first] == "Inconclusive: fewer than 3 seeds give no verdict."
    assert json.loads((own_run.path / "worth.json").read_text())["answer"] == lines[first]
    assert (own_run.path / "worth.md").read_text().startswith("# Are images of own worth")
    assert (own_run.path / "worth.html").read_text().startswith("<!doctype html>")
    assert (own_run.path / "worth.png").exists()
    assert worth(own_run.path, quick=True, seeds="2", minutes="0.05") == 0
    again = capsys.readouterr().out.splitlines()
    assert again[0] == "every trial was done before"
    assert lines[first] in again


def test_the_whole_set_is_there_too_unless_it_has_to_be_quick(own_run, tmp_path, capsys):
    assert worth(own_run.path, seeds="1", minutes="0.05", out=tmp_path / "answer") == 0
    assert "real only (100 %): accuracy " in capsys.readouterr().out
    assert not (own_run.path / "worth.json").exists()
    results = json.loads((tmp_path / "answer" / "worth.json").read_text())
    shares = [variant["name"].rpartition("(")[2] for variant in results["variants"]]
    assert sorted(set(shares)) == ["10 %)", "100 %)"]


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"seeds": "0"}, r"--seeds: input should be greater than or equal to 1"),
        ({"seeds": "many"}, r"--seeds: input should be a valid integer"),
        ({"seeds": "51"}, r"--seeds: input should be less than or equal to 50"),
        ({"seed": "-1"}, r"--seed: input should be greater than or equal to 0"),
        ({"minutes": "0"}, r"--minutes: input should be greater than 0"),
        ({"minutes": "nan"}, r"--minutes: input should be a finite number"),
        (
            {"minutes": "0.0001"},
            r"0.0001 minutes are too few for \d+ fits and \d+ trainings on this machine: give --minutes",
        ),
    ],
)
def test_a_mistake_gets_one_sentence_and_leaves_nothing(own_run, contents, choices, sentence):
    before = contents(own_run.path)
    with pytest.raises(UserError, match=sentence) as refused:
        worth(own_run.path, **choices)
    assert refused.value.status == 2
    assert "\n" not in str(refused.value)
    assert contents(own_run.path) == before


def test_unusable_folders_are_refused(own_run, tiny_source, tmp_path, contents):
    file = tmp_path / "file"
    file.write_text("")
    for run, out, sentence in (
        (own_run.path, file, r"--out .*file is a file; give a folder"),
        (own_run.path, file / "below", r"below cannot be written: .*file is not a folder"),
        (tmp_path / "ow", None, r"there is no run .*ow; did you mean .*own\?"),
        (file, None, r"file is not a run: give a run's folder"),
        (own_run.bundle, None, r"is a bundle, which does not say where its images lie"),
    ):
        with pytest.raises(UserError, match=sentence):
            worth(run, out=out)
    assert contents(own_run.bundle).keys() == {
        "generator.safetensors",
        "discriminator.safetensors",
        "run.json",
        "manifest.json",
    }


def test_another_comparison_in_the_same_folder_is_refused_with_the_difference(own_run):
    worth(own_run.path, quick=True, seeds="1", minutes="0.05")
    with pytest.raises(UserError, match=r"was begun with seed 0, now 7\. Give the flags it was begun with"):
        worth(own_run.path, quick=True, seeds="1", minutes="0.05", seed="7")


def test_minutes_that_were_not_given_grow_on_a_slow_machine_with_a_message(own_run, monkeypatch, capsys):
    slow = budget.Rates(fitting=1_000.0, training=0.5)
    monkeypatch.setattr(budget, "measured_rates", lambda *_: slow)
    monkeypatch.setattr(budget, "FEWEST_TRAINED", 60)
    monkeypatch.setattr(budget, "fit_images", lambda *_: 128)
    worth(own_run.path, quick=True, seeds="1")
    lines = capsys.readouterr().out.splitlines()
    match = re.fullmatch(
        r"4 minutes are too few for 6 fits and 1 trainings on this machine: the budget becomes (\S+) minutes", lines[1]
    )
    assert float(match[1]) > 4
    assert f"Budget {match[1]} minutes (quick)" in (own_run.path / "worth.md").read_text()
