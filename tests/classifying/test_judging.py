"""The judge of a set: once fitted it is kept, whole or not at all, and never taken for another's."""

import dataclasses

import numpy as np
import pytest

from ganvas.classifying import judging
from ganvas.classifying.judging import halves, judge_of, place_of
from ganvas.data import open_source
from ganvas.errors import UserError
from ganvas.runs import sealed


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Judges of a moment, in a cache of their own; counts how many were fitted."""
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(judging, "images_shown", lambda count, size: 256)
    fits = []
    original = judging.fit
    monkeypatch.setattr(judging, "fit", lambda *given, **named: fits.append(1) or original(*given, **named))
    return fits


@pytest.fixture
def prepared(quick, tiny_source):
    return open_source(str(tiny_source))


def test_it_is_fitted_once_and_says_the_same_from_the_cache(quick, prepared):
    first = judge_of(prepared)
    again = judge_of(prepared)
    assert len(quick) == 1
    assert first.digest == again.digest
    assert first.certificate == again.certificate
    pixels = np.asarray(prepared.pixels[:7])
    assert np.array_equal(first.look(pixels).logits, again.look(pixels).logits)


def test_it_sees_features_and_logits_of_each_picture(prepared):
    judge = judge_of(prepared)
    seen = judge.look(prepared.pixels, batch=7)
    assert seen.features.shape == (60, 128)
    assert seen.logits.shape == (60, 3)
    assert np.allclose(seen.logits, judge.look(prepared.pixels).logits, atol=1e-4)
    assert np.allclose(judge.probabilities(seen.logits).sum(1), 1)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "another"])
def test_a_damaged_one_is_told_and_fitted_anew(quick, prepared, damage):
    digest = judge_of(prepared).digest
    folder = place_of(prepared)
    weights = folder / "judge.safetensors"
    content = weights.read_bytes()
    if damage == "cut":
        weights.write_bytes(content[:-3])
    elif damage == "flipped":
        weights.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    elif damage == "gone":
        (folder / "judge.json").unlink()
    else:
        card = sealed.read_json(folder / "judge.json") | {"fingerprint": "of another set"}
        sealed.write(folder, {"judge.json": sealed.to_json(card), "judge.safetensors": content})
    said = []
    assert judge_of(prepared, said.append).digest == digest
    assert len(quick) == 2
    assert len(said) == 1
    assert "is damaged" in said[0]


def test_its_place_follows_the_content_of_the_set(prepared):
    other = dataclasses.replace(prepared, fingerprint="0123456789abcdef0")
    assert place_of(prepared) != place_of(other)
    hostile = dataclasses.replace(prepared, name="../../etc")
    assert place_of(hostile).parent == place_of(prepared).parent


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"classes": (), "labels": None}, "has no labels, and a judge learns labels"),
        ({"classes": ("one",)}, "has one class, and a judge tells classes apart"),
        ({"held_out": np.empty(0, np.int64)}, "gives no held-out pictures"),
    ],
)
def test_a_set_that_cannot_have_one_is_refused_in_a_sentence(prepared, change, sentence):
    with pytest.raises(UserError, match=sentence):
        judge_of(dataclasses.replace(prepared, **change))


def test_too_few_held_out_pictures_leave_it_uncalibrated_and_that_is_known(prepared):
    certificate = judge_of(prepared).certificate
    assert len(prepared.held_out) < judging.FEWEST_TO_CALIBRATE
    assert certificate.temperature == 1
    assert certificate.calibration_error is None


def test_enough_held_out_pictures_calibrate_it(prepared):
    more = dataclasses.replace(prepared, held_out=np.arange(0, 60, 2), fingerprint="f" * 32)
    certificate = judge_of(more).certificate
    assert certificate.temperature != 1
    assert 0 <= certificate.calibration_error <= 1


def test_halves_share_each_class_out_evenly():
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 0])
    first, second = halves(labels)
    assert sorted([*first, *second]) == list(range(10))
    for label in range(3):
        assert abs(int((labels[first] == label).sum()) - int((labels[second] == label).sum())) <= 1


def test_a_cache_that_cannot_be_written_is_a_sentence(prepared, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealed, "write", full)
    with pytest.raises(UserError, match=r"cannot be kept in .*No space left on device"):
        judge_of(prepared)
