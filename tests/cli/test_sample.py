"""`ganvas sample` as it is typed: what is drawn, into what, and which sentence answers which mistake."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from ganvas import files
from ganvas.data import open_source
from ganvas.runs import sealed
from ganvas.runs.paths import folder_name
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


def renamed(run, *classes):
    """The run with other names of its classes, in its bundle."""
    record = json.loads((run / "bundle" / "run.json").read_text()) | {"classes": classes}
    contents = {path.name: path.read_bytes() for path in (run / "bundle").iterdir() if path.name != "manifest.json"}
    sealed.write_sealed(run / "bundle", contents | {"run.json": files.to_json(record)})


@pytest.mark.parametrize(("classes", "typed"), [(("001", "002", "003"), "1"), (("3", "1", "0"), "1"), (CLASSES, "1")])
def test_a_number_on_the_command_line_draws_what_it_draws_from_python(run, lines, here, classes, typed):
    renamed(run, *classes)
    output = lines("sample", run, "--label", typed, "-n", 3, "--out", "drawn.npz")
    result, meant = arrays("drawn.npz"), {"001": 0, "3": 1, "across": 1}[classes[0]]
    assert result["labels"].tolist() == [meant] * 3
    assert np.array_equal(result["images"], load(run).sample([int(typed)] * 3)[:, 0])
    assert (f"label 1: class {classes[meant]}" in output) == (classes[meant] != typed)


def test_a_number_of_no_class_is_refused_in_one_sentence_also_on_a_walk(run, refused):
    renamed(run, "0", "1", "3")
    for flags in (("--label", 2), ("--label", "0", "2"), ("--between", "0", "2")):
        assert refused("sample", run, *flags) == "own knows no class 2; did you mean 1? Allowed: 0, 1, 3"
    assert "did you mean 0? Allowed: 0, 1, 3" in refused("sample", run, "--label", "-1")


def test_the_same_command_again_replaces_its_own_images(run, lines, contents, here):
    for _ in range(2):
        lines("sample", run, "-n", 6, "--out", "drawn/")
    lines("sample", run, "-n", 9, "--out", "drawn/")
    names = [f"{name}/seed0-{index:06d}.png" for name in CLASSES for index in range(3)]
    assert list(contents(here / "drawn")) == names


@pytest.mark.parametrize("name", ["photo.png", "spot/photo.JPG", "spot/seed1-000000.png", "other/seed0-000000.png"])
@pytest.mark.parametrize("flags", [(), ("--between", "spot", "down")])
def test_a_folder_of_other_images_is_refused_and_left_as_it_was(run, refused, contents, here, name, flags):
    place = here / "drawn" / name
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    sentence = f"drawn holds other images, such as {name}: choose another --out, or add --overwrite to leave them"
    for out in ("drawn/", "drawn"):
        assert sentence in refused("sample", run, "-n", 6, *flags, "--out", out)
    assert contents(here / "drawn") == {name: b"mine"}


def test_fewer_images_of_the_same_command_would_leave_the_rest_and_are_refused(run, lines, refused):
    lines("sample", run, "-n", 6, "--out", "drawn/")
    assert "such as across/seed0-000001.png" in refused("sample", run, "-n", 3, "--out", "drawn/")
    assert "such as across/seed0-000000.png" in refused("sample", run, "--label", "spot", "-n", 2, "--out", "drawn/")


def test_with_overwrite_other_images_stay_and_are_named(run, lines, contents, here):
    (here / "drawn" / "spot").mkdir(parents=True)
    (here / "drawn" / "spot" / "photo.png").write_bytes(b"mine")
    (here / "drawn" / "spot" / "seed0-000000.png").write_bytes(b"replaced")
    output = lines("sample", run, "--label", "spot", "-n", 2, "--out", "drawn/", "--overwrite")
    assert "other images stay in drawn, such as spot/photo.png" in output
    left = contents(here / "drawn")
    assert list(left) == ["spot/photo.png", "spot/seed0-000000.png", "spot/seed0-000001.png"]
    assert left["spot/photo.png"] == b"mine"
    assert left["spot/seed0-000000.png"] != b"replaced"


def test_what_is_no_image_or_hidden_is_no_other_image(run, lines, here):
    (here / "drawn" / ".thumbnails").mkdir(parents=True)
    for name in ("notes.txt", "README", ".hidden.png", ".thumbnails/photo.png"):
        (here / "drawn" / name).write_text("x")
    assert lines("sample", run, "-n", 3, "--out", "drawn/")[-1] == "images drawn"


def test_images_behind_a_link_are_found_and_a_circle_of_links_ends(run, refused, here):
    (here / "photos").mkdir()
    (here / "drawn").mkdir()
    (here / "drawn" / "spot").symlink_to(here / "photos")
    (here / "drawn" / "circle").symlink_to(here / "drawn")
    (here / "photos" / "photo.png").write_bytes(b"mine")
    assert "drawn holds other images, such as " in refused("sample", run, "-n", 3, "--out", "drawn/")


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
