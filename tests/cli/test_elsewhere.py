"""Commands on a run that was begun in another folder, and on one whose set has moved."""

import shutil

import numpy as np
import pytest
from PIL import Image

from ganvas import cli
from ganvas.experiments import budget, trials
from ganvas.runs.folder import RunFolder

QUICK = ("--batch", 8, "--threads", 1, "--precision", "float32", "--memory-format", "contiguous", "--pair.width", 4)
BEGUN = ("train", "pets", "--images", 32, *QUICK)


def images(folder, classes, seed=0):
    random = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(12):
            Image.fromarray(random.integers(0, 255, (16, 16), np.uint8)).save(folder / name / f"{index}.png")


@pytest.fixture(autouse=True)
def quick_to_do(monkeypatch):
    monkeypatch.setattr("ganvas.training.artifacts.draw_charts", lambda *_: None)
    monkeypatch.setattr("ganvas.machine.cores", lambda: 1)
    for module in ("evaluator", "labels"):
        monkeypatch.setattr(f"ganvas.evaluation.{module}.fit_images", lambda count, size: 512)
    monkeypatch.setattr(trials, "in_processes", lambda work, tasks: map(work, tasks))
    monkeypatch.setattr(budget, "measured_rates", lambda *_: budget.Rates(fitting=1_000.0, training=100_000.0))
    monkeypatch.setattr(budget, "at_once", lambda fits: 1)
    for name in ("FEWEST_SHOWN", "FEWEST_TRAINED"):
        monkeypatch.setattr(budget, name, 1)
    monkeypatch.setattr(budget, "SECONDS_TO_START", 0.0)


@pytest.fixture
def run(tmp_path, monkeypatch, lines):
    """A run begun in the folder `a` by `ganvas train pets`; one stands in `b` afterwards."""
    images(tmp_path / "a" / "pets", ("cats", "dogs"))
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    lines(*BEGUN)
    monkeypatch.chdir(tmp_path / "b")
    return tmp_path / "a" / "runs" / "pets-modern-s0"


@pytest.fixture
def moved(run, tmp_path):
    """Where the set of the run lies now."""
    return shutil.move(tmp_path / "a" / "pets", tmp_path / "moved")


def test_every_command_on_a_run_works_from_another_folder(run, lines, tmp_path):
    lines("sample", run, "-n", 2)
    assert lines("evaluate", run, "--quick", "-n", 20)[-1] == f"scorecard {run / 'scorecard.html'}"
    lines("worth", run, "--quick", "--seeds", 1, "--minutes", 0.05)
    assert f"{run} is finished: 32 images" in lines(*BEGUN, "--out", run)[0]
    output = lines("train", "pets", "--out", run, "--more-images", 8)
    assert [line for line in output if line.startswith("training further, from 32 to 40 images")]
    assert list((tmp_path / "b").iterdir()) == []


def test_its_source_is_kept_out_of_from_another_folder(run, refused, contents, tmp_path):
    before = contents(tmp_path / "a" / "pets")
    for command in (("sample", run, "--out", "../a/pets/"), ("evaluate", run, "--out", "../a/pets/card")):
        assert "lies in the source" in refused(*command)
    assert contents(tmp_path / "a" / "pets") == before


def test_a_set_that_is_gone_is_one_sentence_and_sampling_needs_none(run, moved, refused, lines, tmp_path):
    sentence = f"the set that {run} was trained on is not at {tmp_path / 'a' / 'pets'}; if it has moved, give --source"
    for command in (("evaluate", run), ("worth", run), ("train", "pets", "--out", run, "--more-images", 8)):
        assert refused(*command) == f"{sentence} PLACE"
    lines("sample", run, "-n", 2)


def test_a_set_that_moved_is_named_with_source(run, moved, lines, tmp_path):
    lines("evaluate", run, "--quick", "-n", 20, "--source", moved)
    lines("worth", run, "--quick", "--seeds", 1, "--minutes", 0.05, "--source", "../moved")
    output = lines("train", "pets", "--out", run, "--more-images", 8, "--source", "../moved")
    assert f"the set of {run} lies in {moved} now" in output
    lines("evaluate", run, "--quick", "-n", 20)  # the run has recorded it
    assert f"{run} is finished: 40 images" in lines(*BEGUN, "--out", run, "--source", moved)[0]


@pytest.mark.parametrize("flags", [(), ("--more-images", 8)])
def test_the_new_place_may_also_be_given_as_the_source_of_training(run, moved, lines, flags):
    command = ("train", moved, "--out", run, *(flags or ("--images", 32, *QUICK)))
    assert f"the set of {run} lies in {moved} now" in lines(*command)
    assert not [line for line in lines(*command) if "lies in" in line]


def test_another_set_is_no_moved_set(run, moved, refused, lines, contents, tmp_path):
    images(tmp_path / "birds", ("owls", "cats"))
    lines("data", "../birds")
    before = contents(run)
    difference = "classes ['cats', 'dogs'], now ['cats', 'owls']"
    assert f"birds is not what {run} was trained on: {difference}" in refused("evaluate", run, "--source", "../birds")
    assert f"birds is not what {run} was trained on: {difference}" in refused("worth", run, "--source", "../birds")
    for source in (("../birds",), ("pets", "--source", "../birds")):
        for budget_flags in (("--images", 32, *QUICK), ("--more-images", 8)):
            sentence = refused("train", *source, "--out", run, *budget_flags)
            assert f"{run} was begun on other data: {difference}" in sentence
    assert contents(run) == before


def test_a_run_is_not_resumed_on_another_set_of_the_same_name(run, refused, tmp_path):
    images(tmp_path / "b" / "pets", ("cats", "dogs"), seed=1)
    sentence = refused(*BEGUN, "--out", run)
    assert f"SOURCE {tmp_path / 'a' / 'pets'}, now {tmp_path / 'b' / 'pets'}. Give the flags" in sentence


def test_an_unfinished_run_is_resumed_from_another_folder_to_the_same_bytes(run, moved, lines, contents, monkeypatch):
    before = contents(run / "bundle")
    shutil.rmtree(run / "bundle")
    lines(*BEGUN, "--out", run, "--source", moved)
    assert contents(run / "bundle") == before


def test_a_run_begun_with_anothers_weights_is_resumed_from_another_folder(run, lines, monkeypatch, tmp_path, refused):
    monkeypatch.chdir(tmp_path / "a")
    (tmp_path / "a" / "second").mkdir()  # a folder that was there stays when the run is interrupted

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ganvas.training.run.run_loop", interrupted)
        command = (*BEGUN, "--from", "runs/pets-modern-s0", "--out", "second")
        assert cli.run([str(word) for word in command]) == 130
    assert RunFolder(tmp_path / "a" / "second").read().status == "begun"
    monkeypatch.chdir(tmp_path / "b")
    assert "--from" in refused(*BEGUN, "--out", "../a/second")
    output = lines(*BEGUN, "--from", "../a/runs/pets-modern-s0", "--out", "../a/second")
    assert "bundle ../a/second/bundle" in output


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (
            ("train", "pets", "--source", "pets", "--out", "new"),
            "new is not a run, and --more-minutes, --more-images and --source are for one that is there",
        ),
        (("train", "pets", "--source", "pets", "--dry-run"), "--dry-run describes a new run: leave out --source"),
        (("evaluate", "RUN", "--source", "nowhere"), "there is no source 'nowhere'"),
        (("worth", "RUN", "--source", "nowhere"), "there is no source 'nowhere'"),
        (("train", "pets", "--out", "RUN", "--source", "nowhere"), "there is no source 'nowhere'"),
        (("train", "pets", "--out", "RUN", "--source", ""), "there is no source ''"),
        (("evaluate", "RUN", "--source", "x", "--against", "x"), "give it with a run, and without --against"),
        (("evaluate", "../a/pets", "--source", "x"), "give it with a run, and without --against"),
        (("evaluate", "RUN/bundle", "--source", "../a/pets"), "is not a run, so it needs --against SOURCE"),
        (("evaluate", "RUN", "--source", "../a/pets", "--out", "../a/pets/card"), "lies in the source "),
        (("worth", "RUN", "--source", "../a/pets", "--out", "../a/pets/card"), "lies in the source ../a/pets"),
    ],
)
def test_a_mistaken_source_gets_one_sentence(run, refused, command, sentence):
    assert sentence in refused(*(word.replace("RUN", str(run)) for word in command))
