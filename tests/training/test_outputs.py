"""Scores on the way, the best bundle, and a run that the watchdog stops."""

import json

import numpy as np
import pytest

from ganvas import cli, files
from ganvas.config.recipes import configure
from ganvas.data import open_source
from ganvas.errors import UserError
from ganvas.evaluation import headline
from ganvas.evaluation.evaluator import evaluator_for
from ganvas.evaluation.samples import draw_samples
from ganvas.runs import bundle
from ganvas.sampling import Sampler
from ganvas.training.health import StoppedError, Trouble, Watchdog
from ganvas.training.outputs import has_probability_scores, open_log
from ganvas.training.run import TrainRequest, train


@pytest.fixture
def scored(train_small, tmp_path, monkeypatch):
    """scored([9.0, 4.0, 7.0, ...]) -> a run whose scores, every 40 images, are these."""

    class Planted:
        def __init__(self, prepared):
            self.left = list(planted)

        def score(self, trainer, info):
            return {"kid": self.left.pop(0), "label_accuracy": 0.5}

    def run(values, name="run", **training):
        nonlocal planted
        planted = values
        return train_small(tmp_path / name, training={"score_every": 40, **training})

    planted: list[float] = []
    monkeypatch.setattr("ganvas.training.run.QuickScore", Planted)
    monkeypatch.setattr("ganvas.training.run.refuse_unscorable", lambda prepared: None)
    return run


def frechet_by_eigenvalues(real, generated):
    """|m1 - m2|² + tr(C1 + C2) - 2 Σ sqrt(eigenvalues of C1 C2), of two sets of features."""
    means, covariances = zip(*((each.mean(0), np.cov(each, rowvar=False)) for each in (real, generated)), strict=True)
    eigenvalues = np.linalg.eigvals(covariances[0] @ covariances[1]).real.clip(0)
    return ((means[0] - means[1]) ** 2).sum() + np.trace(sum(covariances)) - 2 * np.sqrt(eigenvalues).sum()


def log_of(run):
    return [json.loads(line) for line in run.log.read_text().splitlines()]


def test_scores_are_logged_when_they_are_due_and_at_the_end(scored):
    run = scored([9.0, 4.0, 7.0, 8.0])
    result = [(record["images"], record["kid"]) for record in log_of(run) if "kid" in record]
    assert result == [(40, 9.0), (80, 4.0), (120, 7.0), (160, 8.0)]


def test_a_run_that_was_better_before_ends_with_its_best_bundle_and_a_message(scored, capsys):
    run = scored([9.0, 4.0, 7.0, 8.0])
    assert bundle.read_bundle(run.bundle).info.images == 80
    assert bundle.read_bundle(run.last).info.images == 160
    output = capsys.readouterr().out
    assert "the bundle is the best state, after 80 of 160 images (KID 4 against 8 at the end)" in output


def test_the_last_state_beside_a_bundle_goes_when_the_run_is_trained_further_and_ends_best(scored, tiny_source):
    run = scored([7.0, 8.0, 9.0, 9.0])
    assert run.last.is_dir()
    train(TrainRequest(str(tiny_source), more_images=40), run.path)  # scored 7.0 again
    assert bundle.read_bundle(run.bundle).info.images == 200
    assert not run.last.exists()


def test_a_run_that_is_best_at_its_end_has_one_bundle(scored):
    run = scored([9.0, 8.0, 7.0, 6.0])
    assert bundle.read_bundle(run.bundle).info.images == 160
    assert not run.last.exists()


def test_scoring_changes_nothing_of_what_is_learned(scored, tiny_run, contents):
    run = scored([9.0, 8.0, 7.0, 6.0])
    assert contents(run.bundle) == contents(tiny_run.bundle)


def test_a_quick_score_is_that_of_the_images_of_the_bundle(train_small, large_source, tmp_path, monkeypatch):
    monkeypatch.setattr("ganvas.evaluation.evaluator.fit_images", lambda count, size: 1280)
    run = train_small(tmp_path / "run", source=large_source, training={"score_every": 160})
    (record,) = [record for record in log_of(run) if "fcd" in record]
    prepared = open_source(str(large_source))
    evaluator, sampler = evaluator_for(prepared), Sampler(bundle.read_bundle(run.bundle))
    samples = draw_samples(sampler, prepared, headline.COUNT, sampler.info.seed)
    generated, real = (evaluator.embed(each) for each in (samples.pixels, prepared.pixels[prepared.held_out]))
    distance = frechet_by_eigenvalues(real.features, generated.features)
    assert record["fcd"] == pytest.approx(distance, rel=1e-3)
    assert record["label_accuracy"] == np.mean(generated.logits.argmax(1) == samples.labels)


def test_a_set_with_few_held_out_images_is_refused_before_anything_is_created(train_small, tiny_source, tmp_path):
    with pytest.raises(UserError, match=r"--score-every needs 10 held-out images, and .* has 6: leave it out"):
        train_small(tmp_path / "run", source=tiny_source, training={"score_every": 40})
    assert not (tmp_path / "run").exists()


def test_at_its_end_a_training_says_what_to_try_next(train_small, tmp_path, capsys):
    train_small(tmp_path / "run")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("advice: ")]
    assert line.endswith("Try another recipe (--recipe yardstick), or train longer (--more-minutes).")  # after a moment


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
    assert bundle.read_bundle(run.bundle).info.images == 40  # the oldest state that was there when it was warned
    assert bundle.read_bundle(run.last).info.images == 120
    bundle.open_run(run.path)


def test_the_same_command_after_a_stop_reports_that_it_was_stopped(lost, train_small, tmp_path, capsys):
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


def test_scores_are_probabilities_unless_the_loss_only_compares():
    for loss in ("non-saturating", "hinge", "relativistic"):
        objective = configure("digits", "modern", {"objective": {"loss": loss}}).objective
        assert has_probability_scores(objective) == (loss != "relativistic")
    assert has_probability_scores(configure("digits", "book-classifier").objective)


def test_previews_leave_the_spread_within_a_class_in_the_log(tiny_run):
    result = [record["spread"] for record in log_of(tiny_run) if "spread" in record]
    assert len(result) == 2
    assert all(spread >= 0 for spread in result)


def steps(log_path):
    return [json.loads(line)["step"] for line in log_path.read_text().splitlines()]


@pytest.fixture
def log_path(tmp_path):
    log = open_log(tmp_path / "log.jsonl", 0)
    for step in range(1, 6):
        files.append_jsonl(log, {"step": step, "loss_d": step / 7})
    files.sync(log)
    log.close()
    return tmp_path / "log.jsonl"


def test_every_record_is_a_line(log_path):
    assert steps(log_path) == [1, 2, 3, 4, 5]
    assert json.loads(log_path.read_text().splitlines()[2]) == {"step": 3, "loss_d": 3 / 7}


def test_opened_at_a_step_what_is_later_is_dropped(log_path):
    log = open_log(log_path, 3)
    files.append_jsonl(log, {"step": 4})
    log.close()
    assert steps(log_path) == [1, 2, 3, 4]


@pytest.mark.parametrize("kept", range(1, 24))
def test_wherever_the_last_line_was_cut_there_is_no_step_twice_and_none_missing(log_path, kept):
    lines = log_path.read_bytes().splitlines(keepends=True)
    log_path.write_bytes(b"".join(lines[:4]) + lines[4][:kept])
    log = open_log(log_path, 4)
    files.append_jsonl(log, {"step": 5})
    log.close()
    assert steps(log_path) == [1, 2, 3, 4, 5]


def test_a_line_of_rubbish_is_dropped(log_path):
    log_path.write_bytes(log_path.read_bytes() + b'\xff\xfe\x00\n[1]\n"x"\n{"step": "6"}\n{}\n')
    open_log(log_path, 9).close()
    assert steps(log_path) == [1, 2, 3, 4, 5]


def test_opened_at_its_start_it_is_empty(log_path):
    open_log(log_path, 0).close()
    assert log_path.read_text() == ""
    assert [p.name for p in log_path.parent.iterdir()] == ["log.jsonl"]


def test_a_record_can_be_read_before_the_log_is_closed(log_path):
    log = open_log(log_path, 5)
    files.append_jsonl(log, {"step": 6})
    assert steps(log_path)[-1] == 6
    log.close()
