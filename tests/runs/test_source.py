"""The set of a run is found from every folder; when it is gone, the places that were searched are named."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganvas.data import open_source
from ganvas.data.sources import is_place
from ganvas.errors import UserError
from ganvas.runs.source import open_training_set, place_to_resume, places_of, recorded_place


@pytest.fixture
def begun(own_run, tiny_source, tmp_path):
    """begun("pets.npz", "a/runs/x") -> the finished run in that folder, with that source recorded; no set is there."""

    def make(recorded, folder="run", typed=None):
        path = tmp_path / folder
        path.parent.mkdir(parents=True, exist_ok=True)
        run = type(own_run)(Path(shutil.copytree(own_run.path, path)))
        record = run.read()
        changes = {
            "run": record.run.model_copy(update={"source": str(recorded)}),
            "asked": record.asked.model_copy(update={"source": str(typed or recorded)}),
        }
        run.write(record.model_copy(update=changes))
        return run

    return make


@pytest.fixture
def put(tiny_source, tmp_path):
    """put("a/pets.npz") -> the run's set at that place."""

    def copy(place):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(tiny_source, path))

    return copy


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Another folder than all others, to stand in."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def other_set(path):
    images = np.random.default_rng(9).integers(0, 255, (40, 16, 16)).astype(np.uint8)
    np.savez(path, images=images, labels=np.arange(40) % 2, classes=np.array(["left", "right"]))
    return path


def test_a_run_records_the_resolved_place_of_its_set_and_the_source_as_it_was_typed(
    train_small, put, tmp_path, monkeypatch
):
    place = put("a/pets.npz")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    monkeypatch.chdir(tmp_path / "link")
    run = train_small(tmp_path / "run", source=Path("pets.npz"), training={"images": 16})
    assert run.read().run.source == str(place.resolve())
    assert run.read().asked.source == "pets.npz"


def test_a_name_is_no_place(begun, elsewhere):
    for name in ("digits", "hf:owner/name"):
        assert not is_place(name)
        run = begun(name, f"run-{name[-4:]}")
        assert places_of(run.read(), run.path) == [name]
        assert recorded_place(run) == name


def test_the_set_of_a_run_is_opened_from_another_folder(begun, put, tiny_prepared, elsewhere):
    run = begun(put("a/pets.npz"))
    assert open_training_set(run).fingerprint == tiny_prepared.fingerprint
    assert open_training_set(type(run)(Path(os.path.relpath(run.path)))).fingerprint == tiny_prepared.fingerprint


@pytest.mark.parametrize(
    ("folder", "place"),
    [
        ("a/runs/pets-modern-s0", "a/pets.npz"),  # begun in a, without --out
        ("a/run", "a/pets.npz"),  # begun in a with --out run
        ("a/run", "elsewhere/pets.npz"),  # begun here
    ],
)
def test_a_relative_place_of_an_earlier_version_is_found(begun, put, elsewhere, folder, place):
    run, expected = begun("pets.npz", folder), put(place)
    assert recorded_place(run) == str(expected.resolve())
    open_training_set(run)


def test_of_several_sets_of_that_name_the_one_that_was_trained_on_is_taken(begun, put, elsewhere, tmp_path):
    run = begun("pets.npz", "a/runs/x")
    other_set(tmp_path / "a" / "pets.npz")
    (tmp_path / "a" / "runs" / "pets.npz").write_bytes(b"no set at all")
    put("elsewhere/pets.npz")
    open_training_set(run)


def test_a_run_that_is_named_as_its_source_is_not_taken_for_it(begun, put, elsewhere):
    run = begun("pets", "a/pets")
    assert all(not Path(place).exists() for place in places_of(run.read(), run.path))
    assert recorded_place(run) is None


def test_a_set_that_is_gone_gets_one_sentence_with_every_place_that_was_searched(begun, put, elsewhere, tmp_path):
    absolute = begun(tmp_path / "gone.npz")
    expected = f"the set that {absolute.path} was trained on is not at {tmp_path / 'gone.npz'}; if it has moved, give"
    with pytest.raises(UserError, match=f"^{expected} --source PLACE$") as caught:
        open_training_set(absolute)
    assert caught.value.status == 2
    relative = begun("gone.npz", "a/runs/x")
    places = " or ".join(str(tmp_path / place / "gone.npz") for place in ("a", "a/runs", "elsewhere"))
    with pytest.raises(UserError, match=f"is not at {places}; if it has moved"):
        open_training_set(relative)


def test_a_set_that_moved_is_opened_where_it_is_said_to_lie_under_its_name(begun, put, elsewhere, tmp_path):
    run, place = begun(tmp_path / "gone.npz"), put("b/renamed.npz")
    prepared = open_training_set(run, str(place))
    assert prepared.fingerprint == run.read().data.fingerprint
    assert prepared.name == run.read().data.name != open_source(str(place)).name


def test_another_set_is_refused_with_the_difference(begun, put, elsewhere, tmp_path):
    run = begun(put("a/pets.npz"))
    another = other_set(tmp_path / "another.npz")
    expected = (
        r"another\.npz is not what .*run was trained on: classes \['across', 'down', 'spot'\], now \['left', 'rig"
    )
    with pytest.raises(UserError, match=f"^--source .*{expected}"):
        open_training_set(run, str(another))
    shutil.copy(another, tmp_path / "a" / "pets.npz")
    with pytest.raises(
        UserError, match=r"pets\.npz is no longer what .*run was trained on: classes .*; bring them back"
    ):
        open_training_set(run)


def test_the_same_command_in_another_folder_means_the_same_set(begun, put, elsewhere):
    place = str(put("a/pets.npz"))
    run = begun(place, typed="pets.npz")
    record = run.read()
    assert place_to_resume("pets.npz", record, run, None) == (place, place)
    assert place_to_resume("../a/pets.npz", record, run, None) == (place, place)
    assert place_to_resume("dogs.npz", record, run, None) == (place, str(elsewhere / "dogs.npz"))


def test_so_it_does_for_a_run_of_an_earlier_version(begun, put, elsewhere):
    run, place = begun("pets.npz", "a/runs/x"), str(put("a/pets.npz"))
    for source in ("pets.npz", "../a/pets.npz"):
        assert place_to_resume(source, run.read(), run, None) == (place, place)
    here = str(put("elsewhere/pets.npz"))  # it may have been begun here
    assert place_to_resume("pets.npz", run.read(), run, None) == (here, here)


def test_another_set_of_the_same_name_here_is_another_source(begun, put, elsewhere):
    place, here = str(put("a/pets.npz")), str(put("elsewhere/pets.npz"))
    run = begun(place, typed="pets.npz")
    assert place_to_resume("pets.npz", run.read(), run, None) == (place, here)
    assert place_to_resume("pets.npz", run.read(), run, here) == (here, here)


def test_a_set_that_is_gone_has_moved_to_the_source_that_is_given(begun, put, elsewhere, tmp_path):
    run, place = begun(tmp_path / "gone.npz"), str(put("b/pets.npz"))
    assert place_to_resume("../b/pets.npz", run.read(), run, None) == (place, place)
    with pytest.raises(UserError, match=r"is not at .*gone\.npz; if it has moved, give --source PLACE"):
        place_to_resume("nowhere.npz", run.read(), run, None)


@pytest.fixture
def icons(tmp_path):
    """A folder of transparent images that are taller than wide."""
    folder = tmp_path / "icons"
    for index in range(40):
        pixels = np.random.default_rng(index).integers(0, 256, (20, 16, 4), np.uint8)
        pixels[:8, :, 3] = 0
        (folder / "ab"[index % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / "ab"[index % 2] / f"{index}.png")
    return folder


def as_recorded_before(run):
    """The record as it was written before sizes could be rectangles and images transparent."""
    values = json.loads((run.path / "run.json").read_text())
    values["run"]["data"] |= {"size": None, "channels": None, "crop": "square"}
    values["asked"]["choices"].pop("data")
    (run.path / "run.json").write_text(json.dumps(values))


def test_a_run_of_an_earlier_version_keeps_its_squares_without_alpha(train_small, icons, tmp_path):
    run = train_small(tmp_path / "run", source=icons, data={"size": 16, "channels": 3}, training={"images": 16})
    as_recorded_before(run)
    prepared = open_training_set(run)
    assert (prepared.channels, prepared.size) == (3, (16, 16))
    assert prepared.fingerprint == run.read().data.fingerprint
    assert open_source(str(icons)).pixels.shape[1:] == (4, 20, 16)


def test_a_run_of_an_earlier_version_is_trained_further_on_what_it_was_begun_with(train_small, icons, tmp_path):
    from ganvas.training.run import TrainRequest, train

    run = train_small(tmp_path / "run", source=icons, data={"size": 16, "channels": 3}, training={"images": 16})
    as_recorded_before(run)
    longer = train(TrainRequest(str(icons), more_images=16), run.path)
    assert longer.read().images_seen == 32
    assert longer.read().data.channels == 3


def test_a_run_keeps_the_shape_that_its_set_has(train_small, icons, tmp_path):
    run = train_small(tmp_path / "run", source=icons, training={"images": 16})
    assert run.read().data.size == (20, 16)
    assert json.loads((run.path / "run.json").read_text())["data"]["size"] == "20x16"
    assert open_training_set(run).fingerprint == run.read().data.fingerprint
