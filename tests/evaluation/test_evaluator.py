"""The evaluator of a set: fitted once, cached whole or not at all, used for that set alone; and its calibration."""

import dataclasses

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from ganvas import files
from ganvas.data import open_source
from ganvas.errors import UserError
from ganvas.evaluation import evaluator as room
from ganvas.evaluation.evaluator import (
    calibration_error,
    evaluator_folder,
    evaluator_for,
    probabilities,
    split_in_halves,
    temperature,
)
from ganvas.runs import sealed


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Short fits in a cache of their own; a list with an entry per fit."""
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(room, "fit_images", lambda count, size: 256)
    fits = []
    original = room.fit_classifier
    monkeypatch.setattr(room, "fit_classifier", lambda *given, **named: fits.append(1) or original(*given, **named))
    return fits


@pytest.fixture
def prepared(quick, tiny_source):
    return open_source(str(tiny_source))


def test_it_is_fitted_once_and_the_cached_one_gives_the_same_logits(quick, prepared):
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
    assert np.allclose(probabilities(embedding.logits, evaluator.info.temperature).sum(1), 1)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "another"])
def test_a_damaged_evaluator_is_reported_and_fitted_again(quick, prepared, damage, said):
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
        sealed.write_sealed(folder, {"evaluator.json": files.to_json(card), "evaluator.safetensors": content})
    assert evaluator_for(prepared).digest == digest
    assert len(quick) == 2
    assert len([line for line in said if "is damaged" in line]) == 1


def test_its_folder_depends_on_the_content_of_the_set(prepared):
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
def test_a_set_without_two_classes_or_held_out_images_is_refused(prepared, change, sentence):
    with pytest.raises(UserError, match=sentence):
        evaluator_for(dataclasses.replace(prepared, **change))


def test_with_too_few_held_out_images_it_is_recorded_as_uncalibrated(prepared):
    info = evaluator_for(prepared).info
    assert len(prepared.held_out) < room.MIN_IMAGES_TO_CALIBRATE
    assert info.temperature == 1
    assert info.calibration_error is None


def test_enough_held_out_images_calibrate_it(prepared):
    more = dataclasses.replace(prepared, held_out=np.arange(0, 60, 2), fingerprint="f" * 32)
    info = evaluator_for(more).info
    assert info.temperature != 1
    assert 0 <= info.calibration_error <= 1


def test_halves_have_each_class_equally_often():
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 0])
    first, second = split_in_halves(labels)
    assert sorted([*first, *second]) == list(range(10))
    for label in range(3):
        assert abs(int((labels[first] == label).sum()) - int((labels[second] == label).sum())) <= 1


def test_a_cache_that_cannot_be_written_is_a_user_error(prepared, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealed, "write_sealed", full)
    with pytest.raises(UserError, match=r"cannot be kept in .*No space left on device"):
        evaluator_for(prepared)


def calibrated_at(scale, count=4000, seed=0):
    """Logits, and labels that follow softmax(logits / scale): at temperature `scale` they are calibrated."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, 4))
    shares = probabilities(logits.astype(np.float32), scale)
    labels = np.array([random.choice(4, p=share) for share in shares])
    return logits.astype(np.float32), labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_fitted_temperature_is_that_of_the_labels(scale):
    logits, labels = calibrated_at(scale)
    assert temperature(logits, labels) == pytest.approx(scale, rel=0.15)


def test_calibrated_probabilities_have_a_small_error_and_others_a_large_one():
    logits, labels = calibrated_at(3.0)
    assert calibration_error(probabilities(logits, 3.0), labels) < 0.03
    assert calibration_error(probabilities(logits, 0.5), labels) > 0.2


def test_the_calibration_error_of_a_hand_computed_example():
    # One bin holds all: confidence 0.8, accuracy 0.5.
    shares = np.array([[0.8, 0.2]] * 4)
    assert calibration_error(shares, np.array([0, 0, 1, 1])) == pytest.approx(0.3)


def test_probabilities_sum_to_one_and_keep_their_order():
    logits = np.array([[1.0, 2.0, 4.0]], np.float32)
    for other in (0.1, 1, 10):
        result = probabilities(logits, other)
        assert result.sum() == pytest.approx(1)
        assert list(result[0].argsort()) == [0, 1, 2]


def test_the_calibration_error_agrees_with_torchmetrics():
    logits, labels = calibrated_at(2.0, count=3000)
    for other in (0.3, 1.0, 2.0):
        shares = probabilities(logits, other)
        oracle = multiclass_calibration_error(torch.from_numpy(shares), torch.from_numpy(labels), 4, n_bins=15)
        assert calibration_error(shares, labels) == pytest.approx(float(oracle), rel=1e-4)


def test_a_certain_classifier_has_an_error_of_0_if_right_and_1_if_wrong():
    assert calibration_error(np.eye(3), np.arange(3)) == 0
    assert calibration_error(np.eye(3), (np.arange(3) + 1) % 3) == 1


def test_a_classifier_that_is_always_right_gets_the_lowest_temperature():
    logits = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    assert temperature(logits, np.arange(30) % 3) == pytest.approx(0.05, rel=0.01)
