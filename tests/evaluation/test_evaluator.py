"""The evaluator of a set: once fitted it is kept, whole or not at all, and never taken for another's."""

import dataclasses

import numpy as np
import pytest

from ganvas import files
from ganvas.data import open_source
from ganvas.errors import UserError
from ganvas.evaluation import evaluator as room
from ganvas.evaluation.evaluator import evaluator_folder, evaluator_for, split_in_halves
from ganvas.runs import sealed


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Evaluators of a moment, in a cache of their own; counts how many were fitted."""
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(room, "fit_images", lambda count, size: 256)
    fits = []
    original = room.fit_classifier
    monkeypatch.setattr(room, "fit_classifier", lambda *given, **named: fits.append(1) or original(*given, **named))
    return fits


@pytest.fixture
def prepared(quick, tiny_source):
    return open_source(str(tiny_source))


def test_it_is_fitted_once_and_says_the_same_from_the_cache(quick, prepared):
    first = evaluator_for(prepared)
    again = evaluator_for(prepared)
    assert len(quick) == 1
    assert first.digest == again.digest
    assert first.info == again.info
    pixels = np.asarray(prepared.pixels[:7])
    assert np.array_equal(first.embed(pixels).logits, again.embed(pixels).logits)


def test_it_gives_features_and_logits_of_each_image(prepared):
    evaluator = evaluator_for(prepared)
    embedding = evaluator.embed(prepared.pixels, batch=7)
    assert embedding.features.shape == (60, 128)
    assert embedding.logits.shape == (60, 3)
    assert np.allclose(embedding.logits, evaluator.embed(prepared.pixels).logits, atol=1e-4)
    assert np.allclose(evaluator.probabilities(embedding.logits).sum(1), 1)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "another"])
def test_a_damaged_one_is_told_and_fitted_anew(quick, prepared, damage, said):
    digest = evaluator_for(prepared).digest
    folder = evaluator_folder(prepared)
    weights = folder / "evaluator.safetensors"
    content = weights.read_bytes()
    if damage == "cut":
        weights.write_bytes(content[:-3])
    elif damage == "flipped":
        weights.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    elif damage == "gone":
        (folder / "evaluator.json").unlink()
    else:
        card = files.read_json(folder / "evaluator.json") | {"fingerprint": "of another set"}
        sealed.write(folder, {"evaluator.json": files.to_json(card), "evaluator.safetensors": content})
    assert evaluator_for(prepared).digest == digest
    assert len(quick) == 2
    assert len([line for line in said if "is damaged" in line]) == 1


def test_its_place_follows_the_content_of_the_set(prepared):
    other = dataclasses.replace(prepared, fingerprint="0123456789abcdef0")
    assert evaluator_folder(prepared) != evaluator_folder(other)
    hostile = dataclasses.replace(prepared, name="../../etc")
    assert evaluator_folder(hostile).parent == evaluator_folder(prepared).parent


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"classes": (), "labels": None}, "has no labels, and an evaluator learns to tell classes apart"),
        ({"classes": ("one",)}, "has one class, and an evaluator learns to tell classes apart"),
        ({"held_out": np.empty(0, np.int64)}, "gives no held-out images"),
    ],
)
def test_a_set_that_cannot_have_one_is_refused_in_a_sentence(prepared, change, sentence):
    with pytest.raises(UserError, match=sentence):
        evaluator_for(dataclasses.replace(prepared, **change))


def test_too_few_held_out_images_leave_it_uncalibrated_and_that_is_known(prepared):
    info = evaluator_for(prepared).info
    assert len(prepared.held_out) < room.MIN_IMAGES_TO_CALIBRATE
    assert info.temperature == 1
    assert info.calibration_error is None


def test_enough_held_out_images_calibrate_it(prepared):
    more = dataclasses.replace(prepared, held_out=np.arange(0, 60, 2), fingerprint="f" * 32)
    info = evaluator_for(more).info
    assert info.temperature != 1
    assert 0 <= info.calibration_error <= 1


def test_halves_share_each_class_out_evenly():
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 0])
    first, second = split_in_halves(labels)
    assert sorted([*first, *second]) == list(range(10))
    for label in range(3):
        assert abs(int((labels[first] == label).sum()) - int((labels[second] == label).sum())) <= 1


def test_a_cache_that_cannot_be_written_is_a_sentence(prepared, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealed, "write", full)
    with pytest.raises(UserError, match=r"cannot be kept in .*No space left on device"):
        evaluator_for(prepared)
