"""Scores on the way, the best bundle, and a run that the watchdog stops."""

import json
from types import SimpleNamespace

import pytest

from ganvas import cli
from ganvas.config.recipes import configure
from ganvas.errors import UserError
from ganvas.runs import bundle
from ganvas.training import scoring
from ganvas.training.health import StoppedError, Trouble, Watchdog
from ganvas.training.outputs import has_probability_scores


@pytest.fixture
def scored(train_small, tmp_path, monkeypatch):
    """scored([9.0, 4.0, 7.0, ...]) -> a run whose scores, every 40 images, are these."""

    class Planted:
        def __init__(self, prepared):
            self.left = list(planted)

        def score(self, trainer, info):
            return {"fcd": self.left.pop(0), "label_accuracy": 0.5}

    def run(values, name="run", **training):
        nonlocal planted
        planted = values
        return train_small(tmp_path / name, training={"score_every": 40, **training})

    planted: list[float] = []
    monkeypatch.setattr("ganvas.training.run.QuickScore", Planted)
    return run


def log_of(run):
    return [json.loads(line) for line in run.log.read_text().splitlines()]


def test_scores_are_logged_when_they_are_due_and_at_the_end(scored):
    run = scored([9.0, 4.0, 7.0, 8.0])
    found = [(record["images"], record["fcd"]) for record in log_of(run) if "fcd" in record]
    assert found == [(40, 9.0), (80, 4.0), (120, 7.0), (160, 8.0)]


def test_a_run_that_was_better_before_ends_with_its_best_bundle_and_says_so(scored, capsys):
    run = scored([9.0, 4.0, 7.0, 8.0])
    assert bundle.read(run.bundle).info.images == 80
    assert bundle.read(run.last).info.images == 160
    said = capsys.readouterr().out
    assert "the bundle is the best state, after 80 of 160 images (FCD 4 against 8 at the end)" in said


def test_a_run_that_is_best_at_its_end_has_one_bundle(scored):
    run = scored([9.0, 8.0, 7.0, 6.0])
    assert bundle.read(run.bundle).info.images == 160
    assert not run.last.exists()


def test_scoring_changes_nothing_of_what_is_learned(scored, tiny_run, contents):
    run = scored([9.0, 8.0, 7.0, 6.0])
    assert contents(run.bundle) == contents(tiny_run.bundle)


def test_a_real_quick_score_is_a_distance_and_an_accuracy(tiny_prepared, tiny_run, train_small, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "COUNT", 300)
    monkeypatch.setattr("ganvas.evaluation.evaluator.fit_images", lambda count, size: 1280)
    monkeypatch.setattr("ganvas.training.scoring.frechet", lambda real, fake: type("E", (), {"value": 1.5})())
    run = train_small(tmp_path / "run", training={"score_every": 160})
    (record,) = [record for record in log_of(run) if "fcd" in record]
    assert record["fcd"] == 1.5
    assert 0 <= record["label_accuracy"] <= 1


def test_scores_of_a_set_without_labels_are_refused_before_anything_is_made(train_small, unlabelled_source, tmp_path):
    with pytest.raises(UserError, match="has no labels, and an evaluator learns to tell classes apart"):
        train_small(tmp_path / "run", source=unlabelled_source, training={"score_every": 40})


@pytest.fixture
def lost(monkeypatch):
    """A watchdog that warns after 80 images and stops after 120."""

    def see(self, record):
        kinds = {80: "warning", 120: "stop"}
        kind = kinds.get(record["images"])
        return Trouble(kind, f"it is lost at {record['images']}") if kind else None

    monkeypatch.setattr(Watchdog, "check", see)


def test_a_collapsed_training_is_warned_of_then_stopped_and_its_good_state_is_kept(lost, train_small, tmp_path, capsys):
    from ganvas.runs.folder import RunFolder

    with pytest.raises(StoppedError, match="stopped after 120 images: it is lost at 120") as caught:
        train_small(tmp_path / "run")
    assert caught.value.status == 1
    assert "warning: it is lost at 80" in capsys.readouterr().err
    run = RunFolder(tmp_path / "run")
    assert run.read().status == "stopped"
    assert bundle.read(run.bundle).info.images == 40  # the oldest state that was there when it was warned
    assert bundle.read(run.last).info.images == 120
    bundle.open_run(run.path)


def test_the_same_command_after_a_stop_says_that_it_was_stopped(lost, train_small, tmp_path, capsys):
    with pytest.raises(StoppedError):
        train_small(tmp_path / "run")
    capsys.readouterr()
    train_small(tmp_path / "run")
    assert f"{tmp_path / 'run'} is stopped: 120 images" in capsys.readouterr().out
    assert cli.run(["list", "runs", "--runs", str(tmp_path)]) == 0
    assert "stopped, 120 of 160 images" in capsys.readouterr().out


@pytest.mark.parametrize(("watch", "is_warned"), [("off", False), ("warn", True)])
def test_it_may_only_warn_or_be_silent(lost, train_small, tmp_path, capsys, watch, is_warned):
    run = train_small(tmp_path / "run", training={"watch": watch})
    assert run.read().status == "finished"
    assert ("it is lost" in capsys.readouterr().err) == is_warned


def test_whose_scores_are_no_probabilities_is_known_from_the_loss():
    def record(recipe, **choices):
        return SimpleNamespace(run=configure("digits", recipe, choices))

    assert not has_probability_scores(record("modern", objective={"loss": "relativistic"}))
    assert has_probability_scores(record("modern"))
    assert has_probability_scores(record("book-classifier"))


def test_previews_leave_the_spread_within_a_class_in_the_log(tiny_run):
    found = [record["spread"] for record in log_of(tiny_run) if "spread" in record]
    assert len(found) == 2
    assert all(spread >= 0 for spread in found)
