"""`ganvas evaluate` as it is typed."""

import json

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def short_fits(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ganvas.machine.cores", lambda: 1)
    for module in ("evaluator", "labels"):
        monkeypatch.setattr(f"ganvas.evaluation.{module}.fit_images", lambda count, size: 512)
    return tmp_path


@pytest.fixture
def images_file(tmp_path, tiny_source):
    """A file of images, and beside it real.npz, a larger real set with the same classes."""
    with np.load(tiny_source) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(tmp_path / "theirs.npz", **arrays)
    more = np.concatenate([np.roll(arrays["images"], shift, axis=2) for shift in range(30)])
    np.savez(tmp_path / "real.npz", images=more, labels=np.tile(arrays["labels"], 30), classes=arrays["classes"])
    return tmp_path / "theirs.npz"


def test_the_scorecard_of_a_run_is_in_its_folder_and_summarised_on_the_terminal(own_run, lines):
    output = lines("evaluate", own_run.path, "-n", 60)
    assert output[-1] == f"scorecard {own_run.path / 'scorecard.html'}"
    assert any(line.startswith("Label accuracy ") for line in output)
    card = json.loads((own_run.path / "scorecard.json").read_text())
    assert card["name"] == "own"
    assert card["protocol"]["n"] == 60
    assert card["images"]["recipe"] == "modern"
    names = ("scorecard.md", "scorecard.html", "scorecard.png", "scorecard-real.png", "scorecard-confusion.png")
    for name in names:
        assert (own_run.path / name).stat().st_size > 200
    text = (own_run.path / "scorecard.md").read_text()
    assert all(f"]({name}" in text for name in names if name.endswith(".png"))
    lines("sample", own_run.path, "-n", 3)  # it is still a run


def test_images_are_scored_against_a_set(images_file, lines, tmp_path):
    output = lines("evaluate", images_file, "--against", "real.npz", "--out", "few", "--quick")
    assert any(line.startswith("KID ") and "a classifier of this set's labels" in line for line in output)
    output = lines("evaluate", "real.npz", "--against", "real.npz", "--out", "card", "--quick", "-n", 300)
    assert any(line.startswith("FCD ") for line in output)
    card = json.loads((tmp_path / "card" / "scorecard.json").read_text())
    assert card["protocol"]["quick"]
    assert card["distances"]["evaluator"]["frechet"]["floor"] is not None


def test_two_scorecards_that_evaluate_wrote_are_compared(images_file, lines, tmp_path):
    lines("evaluate", images_file, "--against", "real.npz", "--out", "one")
    lines("evaluate", "real.npz", "--against", "real.npz", "--out", "two", "-n", 60)
    output = lines("compare", "one", "two", "--out", "both")
    assert any(line.startswith("label accuracy: theirs ") for line in output)
    assert output[-1] == "comparison both/compare.html"
    assert (tmp_path / "both" / "compare.html").read_text().count("<img") == 2


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--features", "evalautor"), "there are no features 'evalautor'; did you mean evaluator?"),
        (("-n", "5"), "-n: input should be greater than or equal to 10"),
        (("-n", "many"), "-n: input should be a valid integer"),
        (("--size", "32"), "--size prepares --against, which was not given"),
        (("--accept-refused",), "--accept-refused prepares --against, which was not given"),
        (("--against", "digits", "--size", "8"), "--size: a size is pixels of a side from 16 to 128, or HEIGHTxWIDTH"),
        (("--seed", "-1"), "--seed: input should be greater than or equal to 0"),
        (("--against", "digist"), "did you mean digits?"),
    ],
)
def test_a_mistake_gets_one_sentence(own_run, refused, flags, sentence):
    assert sentence in refused("evaluate", own_run.path, *flags)
    assert not (own_run.path / "scorecard.json").exists()


def test_images_need_a_real_set_and_an_output_folder(images_file, refused):
    both = "so it needs --against SOURCE (the real set) and --out FOLDER (where its scorecard goes)"
    assert both in refused("evaluate", images_file)
    assert "so it needs --out FOLDER" in refused("evaluate", images_file, "--against", "real.npz")
    assert "there is no run nowhere" in refused("evaluate", "nowhere")


def test_a_bundle_is_scored_against_a_given_set(own_run, images_file, lines, refused):
    assert "so it needs --against SOURCE" in refused("evaluate", own_run.bundle)
    lines("evaluate", own_run.bundle, "--against", "real.npz", "--out", "card", "--quick", "-n", 200)


def test_a_classifier_is_not_scored(train_small, refused, tmp_path):
    train_small(tmp_path / "classifier", "book-classifier", training={"images": 16})
    assert "trained a classifier" in refused("evaluate", "classifier")


def test_an_output_folder_that_is_a_file_is_refused_before_sampling(own_run, refused, tmp_path):
    (tmp_path / "file").write_text("x")
    assert refused("evaluate", own_run.path, "--out", "file") == "--out file is a file; give a folder"
