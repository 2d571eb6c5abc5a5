"""`ganvas study`: its output and files, and the message for each mistake."""

import re

import pytest

from ganvas.cli.study import study
from ganvas.errors import UserError
from ganvas.experiments import trials
from ganvas.experiments.journal import TrialLine
from ganvas.experiments.questions import EXPERIMENTS


@pytest.fixture
def invented_figures(monkeypatch):
    """Trials that train nothing."""

    def in_no_process(work, tasks):
        (experiment,) = work.args
        for variant, trial in tasks:
            figures = {measure.name: 1.0 + trial.seed + len(variant.name) for measure in experiment.measures}
            yield TrialLine(row=variant.name, seed=trial.seed, figures=figures, seconds=trial.seconds)

    monkeypatch.setattr(trials, "in_processes", in_no_process)
    monkeypatch.setattr("ganvas.evaluation.evaluator.fit_images", lambda count, size: 512)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_question_ends_with_its_answer_and_a_page(name, invented_figures, large_source, tmp_path, capsys):
    assert study(name, str(large_source), seeds="2", budget="1", out=tmp_path / "out") == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"answer {tmp_path / 'out' / 'study.html'}" in lines
    text = (tmp_path / "out" / "README.md").read_text()
    assert f"**{lines[-1]}**" in text
    assert {"README.md", "chart.png", "results.jsonl", "study.html"} <= {p.name for p in (tmp_path / "out").iterdir()}


def test_without_out_the_answer_goes_to_studies(invented_figures, monkeypatch, large_source, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert study("activation", str(large_source), quick=True) == 0
    assert (tmp_path / "studies" / "activation" / "results.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "choices", "sentence"),
    [
        ("activatoin", {}, r"there is no study 'activatoin'; .*activation"),
        ("activation", {"seeds": "1"}, r"--seeds: input should be greater than or equal to 2"),
        ("activation", {"seeds": "five"}, r"--seeds: input should be a valid integer"),
        ("activation", {"budget": "0"}, r"--budget: input should be greater than 0"),
    ],
)
def test_a_mistake_is_answered_before_anything_is_done(name, choices, sentence, large_source, tmp_path, capsys):
    with pytest.raises(UserError, match=re.compile(sentence)):
        study(name, str(large_source), out=tmp_path / "out", **choices)
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "out").exists()


def test_a_file_as_out_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError):
        study("activation", "digits", out=tmp_path / "file")
