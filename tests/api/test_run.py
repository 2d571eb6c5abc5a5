"""A run as an object: its facts, its log, its images, and what a notebook shows of it."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganvas
from ganvas.api.evaluate import evaluate
from ganvas.api.run import Run
from ganvas.errors import UserError
from ganvas.report.log import columns
from ganvas.runs.folder import RunFolder
from ganvas.sampling import load


@pytest.fixture
def run(tiny_run):
    return ganvas.load(tiny_run.path)


@pytest.fixture(scope="module")
def unlabelled_run(tmp_path_factory, unlabelled_source, small):
    from ganvas.training.run import TrainRequest, train

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganvas.training.artifacts.draw_charts", lambda *_: None)
        folder = train(TrainRequest(str(unlabelled_source), "modern", small()), tmp_path_factory.mktemp("run") / "bare")
    return ganvas.load(folder.path)


def test_a_run_is_a_path(run, tiny_run):
    assert os.fspath(run) == str(tiny_run.path)
    assert Path(run) == run.folder == tiny_run.path
    assert ganvas.load(run).folder == run.folder


def test_it_knows_its_record_and_classes(run, tiny_run):
    assert run.record == tiny_run.read()
    assert (run.status, run.classes) == ("finished", ("across", "down", "spot"))
    assert run.previews == sorted(tiny_run.previews.glob("*.png"))
    assert run.scorecard is None


def test_what_is_no_run_is_refused_with_the_nearest(tiny_run, tmp_path):
    with pytest.raises(UserError, match=r"^there is no run .*tinny; did you mean .*tiny\? "):
        ganvas.load(tiny_run.path.with_name("tinny"))
    with pytest.raises(UserError, match="is not a run"):
        ganvas.load(tmp_path)


def test_damage_is_found_when_a_run_is_loaded(own_run):
    (own_run.bundle / "run.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        ganvas.load(own_run.bundle)
    own_run.record.write_text("{")
    with pytest.raises(UserError, match="is not a run"):
        ganvas.load(own_run.path)


def test_the_log_is_columns_of_equal_length(run):
    log = run.log
    assert list(log["images"]) == [8 * step for step in range(1, 21)]
    assert all(len(column) == 20 for column in log.values())
    assert np.isfinite(log["loss_d"]).all()
    assert list(np.flatnonzero(np.isfinite(log["spread"]))) == [9, 19]  # a preview every 80 images


def test_a_column_lacks_what_a_record_lacks_and_events_are_no_records():
    records = [{"images": 8, "loss": 1.5}, {"images": 8, "event": "x"}, {"images": 16, "kid": 2, "name": "y"}]
    assert {name: column.tolist() for name, column in columns(records).items() if name == "images"} == {
        "images": [8, 16]
    }
    assert np.array_equal(columns(records)["loss"], [1.5, np.nan], equal_nan=True)
    assert columns(records).keys() == {"images", "loss", "kid"}
    assert columns([]) == {}


def test_a_run_without_a_log_has_no_columns(own_run):
    own_run.log.unlink()
    assert ganvas.load(own_run.path).log == {}


def test_images_are_those_of_the_command(run, tiny_run):
    one_way, other = load(tiny_run.path), run
    assert np.array_equal(other.sample(["down", "spot", "down"], seed=4), one_way.sample(["down", "spot", "down"], 4))
    assert np.array_equal(other.sample("down", 3, truncation=0.5), one_way.sample(["down"] * 3, 0, 0.5))
    assert np.array_equal(other.between("down", 2, 5, seed=1), one_way.between("down", "spot", 5, 1))


@pytest.mark.parametrize(
    ("labels", "count", "shown"),
    [
        (None, None, ["across"] * 8 + ["down"] * 8 + ["spot"] * 8),
        (None, 4, ["across", "across", "down", "spot"]),
        ("down", None, ["down"]),
        ("down", 3, ["down"] * 3),
        (1, 2, ["down"] * 2),
        (np.int8(1), np.int64(2), ["down"] * 2),
        (["spot", "down"], 3, ["spot", "spot", "down"]),
        (["spot", "down", "spot"], None, ["spot", "down", "spot"]),
        (["spot", "down", "spot"], 2, ["spot", "down"]),
        (np.array([2, 0]), None, ["spot", "across"]),
        (torch.tensor([2, 0]), None, ["spot", "across"]),
        (np.array(["spot"]), None, ["spot"]),
        ([], None, []),
    ],
)
def test_labels_and_a_count_decide_what_is_drawn(run, labels, count, shown):
    images = run.sample(labels, count)
    assert list(images.labels) == shown
    assert images.shape == (len(shown), 1, 16, 16)


@pytest.mark.parametrize(
    ("labels", "options", "sentence"),
    [
        (2, {}, "tiny draws by class: sample(2, 8) draws eight images of the label 2, and sample(count=2) so many of"),
        ("dwon", {}, "tiny knows no class 'dwon'; did you mean down?"),
        ([7], {}, "label 7 is not in 0..2"),
        (True, {"count": 2}, "a label is the name of a class or a whole number, not True"),
        (1.5, {}, "a label is the name of a class or a whole number, not 1.5"),
        ([], {"count": 2}, "there are no labels: name classes, or leave them out for all"),
        ("down", {"count": 0}, "count: input should be greater than or equal to 1 (it was 0)"),
        ("down", {"count": "many"}, "count: input should be a valid integer"),
        ("down", {"seed": -1}, "seed: input should be greater than or equal to 0 (it was -1)"),
        ("down", {"truncation": 0.01}, "truncation: input should be greater than or equal to 0.05 (it was 0.01)"),
    ],
)
def test_a_mistake_gets_one_sentence(run, labels, options, sentence):
    with pytest.raises(UserError) as caught:
        run.sample(labels, **options)
    assert str(caught.value).startswith(sentence)


def test_without_labels_a_number_is_how_many(unlabelled_run):
    assert unlabelled_run.classes == ()
    assert len(unlabelled_run.sample()) == 64
    assert len(unlabelled_run.sample(5)) == len(unlabelled_run.sample(count=5)) == 5
    assert unlabelled_run.sample(5).labels is None
    for labels in ("down", ["down"]):
        with pytest.raises(UserError, match=r"^bare was trained without labels: give a number of images$"):
            unlabelled_run.sample(labels)
    with pytest.raises(UserError, match="nothing to walk between"):
        unlabelled_run.between(0, 1)


def test_a_run_that_goes_on_shows_its_newest_state(unfinished_run, tiny_run):
    run = ganvas.load(unfinished_run.path)
    before = run.sample("down", 2)
    assert run.sampler is run.sampler  # it is read once
    for checkpoint in unfinished_run.checkpoints()[1:]:
        checkpoint.rename(checkpoint.with_name("away"))
    assert not np.array_equal(run.sample("down", 2), before)  # of the checkpoint before


def test_a_run_that_has_just_begun_says_that_there_are_no_images_yet(unfinished_run):
    for checkpoint in unfinished_run.checkpoints():
        checkpoint.rename(checkpoint.with_name(f"away-{checkpoint.name}"))
    run = ganvas.load(unfinished_run.path)
    assert run.status == "begun"
    with pytest.raises(UserError, match="has neither a bundle nor a whole checkpoint yet"):
        run.sample("down")


def test_a_bundle_alone_can_be_sampled(tiny_run, run):
    bundle = ganvas.load(tiny_run.bundle)
    assert bundle.classes == run.classes
    assert np.array_equal(bundle.sample("down", 2), run.sample("down", 2))
    assert "modern on patterns, 160 images shown" in repr(bundle)
    with pytest.raises(UserError, match="is a bundle: the record is in the folder of its run"):
        _ = bundle.record
    assert bundle.log == {}


def test_a_notebook_shows_its_facts_and_the_newest_preview(own_run):
    newest = max(own_run.previews.glob("*.png"))
    run = Run(own_run.path)
    assert run._repr_png_() == newest.read_bytes()
    page = run._repr_html_()
    assert "<td>finished, 160 of 160 images shown, " in page
    assert "data:image/png;base64," in page
    assert Image.open(io.BytesIO(run._repr_png_())).width >= 400
    for path in own_run.previews.iterdir():
        path.unlink()
    assert run._repr_png_() is None
    assert "<img" not in run._repr_html_()


def test_hostile_names_are_shown_as_text(own_run):
    record = own_run.read()
    data = record.data.model_copy(update={"name": "<script>", "classes": ("<b>", "\x1b[31m", "c")})
    RunFolder(own_run.path).write(record.model_copy(update={"data": data}))
    run = Run(own_run.path)
    assert "<script>" not in run._repr_html_()
    assert "<b>" not in run._repr_html_()
    assert "\x1b" not in repr(run)


@pytest.fixture
def short_fits(monkeypatch):
    monkeypatch.setattr("ganvas.machine.cores", lambda: 1)
    for module in ("evaluator", "labels"):
        monkeypatch.setattr(f"ganvas.evaluation.{module}.fit_images", lambda count, size: 512)


def test_a_run_is_measured_and_the_scorecard_shows_itself(own_run, short_fits):
    run = ganvas.load(own_run.path)
    scores = run.evaluate(quick=True, count=60)
    assert scores.labels.real_accuracy is not None
    assert scores.page == own_run.path / "scorecard.html"
    assert scores.page.is_file()
    assert ganvas.load(run).scorecard.to_json() == scores.to_json()
    assert repr(scores).splitlines() == [*scores.findings, f"page: {scores.page}"]
    html = scores._repr_html_()
    assert html.startswith("<h1>own</h1>")
    assert "<td>across</td>" in html
    assert f"{100 * scores.labels.accuracy:.1f} %" in html
    assert "folder" not in scores.to_json()  # what is shared names no place on this disk
    assert scores.findings[0] in repr(run)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"fetures": "random"}, "there is no fetures; did you mean features? Allowed: accept_refused, "),
        ({"features": "randm"}, "features: there are no features 'randm'; did you mean random?"),
        ({"features": "judge"}, "there is no features judge; it is features evaluator now"),
        ({"count": 1}, "count: input should be greater than or equal to 10 (it was 1)"),
        ({"size": 32}, "size prepares against, which was not given; a run is scored as it was trained"),
        ({"moved_to": "nowhere"}, "there is no source 'nowhere'"),
        ({"moved_to": "a", "against": "b"}, "moved_to says where the set of a run lies now: give it with a run, and"),
    ],
)
def test_a_wrong_measurement_gets_one_sentence(tiny_run, options, sentence):
    with pytest.raises(UserError) as caught:
        evaluate(tiny_run.path, **options)
    assert str(caught.value).startswith(sentence)


def test_a_set_that_was_prepared_may_be_scored_against(own_run, tiny_source, short_fits, tmp_path):
    real = ganvas.prepare(tiny_source)
    scores = ganvas.evaluate(own_run.bundle, against=real, out=tmp_path / "card", quick=True, count=60)
    assert scores.protocol.fingerprint == real.fingerprint
    assert scores.page == tmp_path / "card" / "scorecard.html"
