"""`ganvas sample` as it is typed: what is drawn, into what, and which sentence answers which mistake."""

import re

import numpy as np
import pytest
from PIL import Image

from ganvas.cli.sample import folder_name
from ganvas.data import open_source
from ganvas.sampling import load

CLASSES = ["across", "down", "spot"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(own_run):
    return own_run.path


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_a_sheet_has_a_row_a_class(run, lines):
    assert lines("sample", run, "-n", 12)[-1] == f"images {run / 'samples.png'}"
    with Image.open(run / "samples.png") as sheet:
        assert sheet.height > 3 * 64
        assert sheet.width > 4 * 64


def test_an_npz_holds_images_labels_and_classes_and_is_a_source(run, lines, here):
    lines("sample", run, "-n", 31, "--out", "drawn.npz")
    result = arrays(here / "drawn.npz")
    assert result["images"].shape == (31, 16, 16)
    assert result["images"].dtype == np.uint8
    assert result["labels"].dtype == np.int64
    assert np.bincount(result["labels"]).tolist() == [11, 10, 10]
    assert result["classes"].tolist() == CLASSES
    assert open_source("drawn.npz").classes == tuple(CLASSES)


def test_what_a_file_holds_is_what_python_draws(run, lines, here):
    lines("sample", run, "--label", "spot", "across", "-n", 5, "--seed", 7, "--out", "drawn.npz")
    result = arrays(here / "drawn.npz")
    assert result["labels"].tolist() == [2, 2, 2, 0, 0]
    generated = load(run).sample(["spot"] * 3 + ["across"] * 2, seed=7)
    assert np.array_equal(result["images"], generated[:, 0])


def test_a_folder_gets_a_folder_a_class_and_is_a_source(run, lines, here):
    lines("sample", run, "-n", 60, "--out", "drawn/")
    assert sorted(path.name for path in (here / "drawn").iterdir()) == CLASSES
    assert all(len(list((here / "drawn" / name).iterdir())) == 20 for name in CLASSES)
    assert open_source("drawn").classes == tuple(CLASSES)


def test_more_images_leave_the_first_ones_as_they_were(run, lines, here):
    lines("sample", run, "--label", 1, "-n", 3, "--out", "few.npz")
    lines("sample", run, "--label", "down", "-n", 40, "--out", "many.npz")
    assert np.array_equal(arrays("few.npz")["images"], arrays("many.npz")["images"][:3])


def test_a_label_named_twice_is_drawn_once(run, lines, here):
    lines("sample", run, "--label", "spot", 2, "-n", 4, "--out", "drawn.npz")
    assert arrays("drawn.npz")["labels"].tolist() == [2, 2, 2, 2]


def test_it_walks_from_label_to_label(run, lines, here):
    lines("sample", run, "--between", "across", "spot", "-n", 5, "--out", "way.npz")
    way = arrays("way.npz")["images"]
    assert way.shape == (5, 16, 16)
    assert np.array_equal(way, load(run).between("across", "spot", 5)[:, 0])
    lines("sample", run, "--between", "across", "spot", "-n", 5, "--out", "way/")
    assert len(list((here / "way").iterdir())) == 5
    lines("sample", run, "--between", "across", "spot")
    with Image.open(run / "samples.png") as strip:
        assert strip.width > 7 * strip.height


def test_truncation_draws_other_images(run, lines, here):
    for name, more in (("free", ()), ("held", ("--truncation", 0.3))):
        lines("sample", run, "-n", 9, "--out", f"{name}.npz", *more)
    assert not np.array_equal(arrays("free.npz")["images"], arrays("held.npz")["images"])


def test_an_unfinished_run_is_sampled_from_its_newest_checkpoint_with_a_message(unfinished_run, lines):
    output = lines("sample", unfinished_run.path, "-n", 3)
    assert output[0] == f"{unfinished_run.path} is unfinished: from its checkpoint after 160 images"


def test_a_bundle_alone_can_be_drawn_from_and_nothing_is_put_into_it(run, lines, contents):
    before = contents(run / "bundle")
    assert lines("sample", run / "bundle", "-n", 3)[-1] == f"images {run / 'samples.png'}"
    assert contents(run / "bundle") == before


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--label", "spott"), r"own knows no class 'spott'; did you mean spot\?"),
        (("--label", "3"), r"label 3 is not in 0..2; own knows across, down, spot"),
        (("--label",), r"--label needs the names of classes"),
        (("-n", "0"), r"-n: input should be greater than or equal to 1"),
        (("-n", "-3"), r"-n: input should be greater than or equal to 1"),
        (("-n", "many"), r"-n: input should be a valid integer"),
        (("-n", "1000001"), r"-n: input should be less than or equal to 1000000"),
        (("-n", "20000"), r"-n 20000 is too many for one .png file, which takes 10000; give --out FOLDER/"),
        (("--seed", "x"), r"--seed: input should be a valid integer"),
        (("--truncation", "0"), r"--truncation: input should be greater than or equal to 0.05"),
        (("--between", "across", "spo"), r"knows no class 'spo'; did you mean spot\?"),
        (("--between", "across", "spot", "--label", "down"), r"leave out --label and --truncation"),
        (("--out", "drawn"), r"--out drawn: give FILE.png, FILE.npz, or FOLDER/ with its slash"),
        (("--out", "drawn.jpg"), r"--out drawn.jpg: give FILE.png"),
        (("--out", "drawn.png/"), r"a folder's name does not end in .png"),
    ],
)
def test_a_mistake_gets_one_sentence_and_leaves_nothing(run, refused, here, flags, sentence):
    before = sorted(here.iterdir())
    assert re.search(sentence, refused("sample", run, *flags))
    assert sorted(here.iterdir()) == before
    assert not (run / "samples.png").exists()


def test_nothing_is_put_into_a_bundle_on_request_either(run, refused, contents):
    before = contents(run / "bundle")
    for out in ("new.png", "new/"):
        assert "lies in a bundle" in refused("sample", run, "--out", f"{run}/bundle/{out}")
    assert contents(run / "bundle") == before


def test_no_run_gets_the_nearest(run, refused, here):
    assert re.search(r"there is no run .*ow; did you mean .*own\?", refused("sample", here / "ow"))


def test_a_folder_that_is_no_run_is_refused(refused, here):
    (here / "notes").mkdir()
    assert "notes is not a run" in refused("sample", "notes")


def test_a_classifier_is_refused(train_small, refused, here):
    train_small(here / "evaluator", "book-classifier", training={"images": 16})
    assert (
        refused("sample", "evaluator") == "evaluator trained a classifier, which tells classes apart and draws nothing"
    )


def test_a_label_asked_of_a_run_without_labels_is_refused(train_small, refused, lines, here):
    train_small(here / "plain", "book-gan", training={"images": 16})
    assert "was trained without labels: leave out --label" in refused("sample", "plain", "--label", "spot")
    assert "was trained without labels" in refused("sample", "plain", "--between", "spot", "down")
    assert lines("sample", "plain", "-n", 5, "--out", "drawn.npz")[-1] == "images drawn.npz"
    assert set(arrays("drawn.npz")) == {"images"}


def test_a_damaged_bundle_is_refused_by_the_files_name(run, refused):
    path = run / "bundle" / "generator.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert "generator.safetensors does not match its sha256" in refused("sample", run)


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "", "con\x00", "x" * 300, '<script>"', "a\\b", "C:"])
def test_a_hostile_class_name_is_a_plain_folder(name):
    result = folder_name(name)
    assert not set(result) & set('/\\:*?"<>|\x00')
    assert not result.startswith(".")
    assert 0 < len(result.encode()) <= 200


def test_a_plain_class_name_stays_and_two_never_meet():
    assert folder_name("고양이 2") == "고양이 2"
    assert folder_name("a/b") != folder_name("a:b")
