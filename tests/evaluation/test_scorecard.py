"""The scorecard as a whole, and its controls: what must look bad does, and what must not be flagged is not."""

import json

import numpy as np
import pytest

from ganvas.data import open_source
from ganvas.errors import UserError
from ganvas.evaluation import figures, scorecard
from ganvas.evaluation.samples import Samples
from ganvas.evaluation.scorecard import Protocol, score

CLASSES = 3
PROTOCOL = Protocol(count=400)


def silent(line):
    return None


def bars(count, seed):
    """(pixels (N, 1, 16, 16), labels): bars across, bars down, squares, of many places and greys."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    pixels = random.integers(0, 60, (count, 1, 16, 16))
    for image, label in zip(pixels, labels, strict=True):
        top, left = random.integers(1, 10, 2)
        rows = slice(None) if label == 1 else slice(top, top + 5)
        columns = slice(None) if label == 0 else slice(left, left + 5)
        image[0, rows, columns] += random.integers(120, 190)
    return pixels.astype(np.uint8), labels.astype(np.int64)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """2,000 images, 200 of them held out."""
    pixels, labels = bars(2000, 0)
    path = tmp_path_factory.mktemp("real") / "bars.npz"
    np.savez(path, images=pixels[:, 0], labels=labels)
    return open_source(str(path))


@pytest.fixture(autouse=True)
def longer(monkeypatch, moment):
    monkeypatch.setattr("ganvas.evaluation.evaluator.fit_images", lambda count, size: 16_000)
    monkeypatch.setattr("ganvas.evaluation.cas.fit_images", lambda count, size: 6_000)


def scored(real, pixels, labels, **more):
    return score(Samples("theirs", pixels, labels, {}), real, Protocol(count=400, **more)).card


@pytest.fixture(scope="module")
def fresh():
    """What a perfect generator would draw."""
    return bars(400, 99)


def test_a_perfect_generator_is_called_one(real, fresh):
    card = scored(real, *fresh)
    assert card["labels"]["accuracy"] > 0.97
    assert card["distances"]["frechet"]["value"] < 2 * card["distances"]["frechet"]["floor"]
    assert not card["copies"]["flagged"]
    assert card["diversity"]["within_classes"] == pytest.approx(1, abs=0.15)
    assert card["use"]["accuracy"] > card["use"]["real_accuracy"] - 0.05
    assert not any(found["diversity"]["collapsed"] for found in card["per_class"])


def test_shuffled_labels_are_seen_where_a_distance_does_not_see_them(real, fresh):
    pixels, labels = fresh
    shuffled = np.random.default_rng(0).permutation(labels)
    card, right = (scored(real, pixels, told, quick=True) for told in (shuffled, labels))
    assert card["labels"]["accuracy"] == pytest.approx(1 / CLASSES, abs=0.08)
    assert card["distances"]["frechet"]["value"] == pytest.approx(right["distances"]["frechet"]["value"])


def test_one_image_repeated_is_collapsed_in_every_class(real, fresh):
    pixels, labels = fresh
    card = scored(real, pixels[labels], labels)  # the first of each class, over and over
    assert all(found["diversity"]["collapsed"] for found in card["per_class"])
    assert card["distances"]["recall"]["value"] < 0.2
    assert card["labels"]["accuracy"] > 0.9


def test_training_images_copied_are_flagged(real):
    rows = np.asarray(real.train)[:400]
    card = scored(real, np.asarray(real.pixels[rows]), np.asarray(real.labels[rows]))
    assert card["copies"]["flagged"]
    assert card["copies"]["p_value"] < 0.01


def test_held_out_images_are_not_flagged(real):
    rows = np.asarray(real.held_out)
    assert not scored(real, np.asarray(real.pixels[rows]), np.asarray(real.labels[rows]))["copies"]["flagged"]


def test_noise_is_far_away(real, fresh):
    noise = np.random.default_rng(0).integers(0, 255, (400, 1, 16, 16), np.uint8)
    card = scored(real, noise, fresh[1])
    assert card["distances"]["frechet"]["value"] > 10 * card["distances"]["frechet"]["floor"]
    assert not card["copies"]["flagged"]
    assert card["distances"]["coverage"]["value"] < 0.2


def test_every_promised_key_is_there_and_json_can_be_read_by_anyone(real, fresh):
    card = json.loads(figures.to_json(scored(real, *fresh)))
    assert {"accuracy", "low", "high", "real_accuracy", "confusion", "worst"} <= set(card["labels"])
    for name in ("frechet", "kernel", "precision", "recall", "density", "coverage"):
        assert {"value", "low", "high", "floor"} <= set(card["distances"][name])
    assert {"p_value", "flagged"} <= set(card["copies"])
    assert {"accuracy", "real_accuracy"} <= set(card["use"])
    assert [found["class"] for found in card["per_class"]] == ["0", "1", "2"]
    assert card["protocol"]["features"].startswith("evaluator@")
    assert card["protocol"]["n"] == 400
    assert "NaN" not in figures.to_json({"a": float("nan"), "b": [float("inf")]})


def test_quick_has_labels_and_one_distance(real, fresh):
    card = scored(real, *fresh, quick=True)
    assert set(card["distances"]) == {"frechet"}
    assert "copies" not in card
    assert "use" not in card
    assert card["labels"]["accuracy"] > 0.9


def test_images_without_labels_say_which_classes_are_seen(real, fresh):
    card = scored(real, fresh[0], None)
    assert not card["labels"]["asked"]
    assert sum(card["labels"]["seen"].values()) == pytest.approx(1)
    assert card["labels"]["seen"]["0"] == pytest.approx(1 / 3, abs=0.05)
    assert "use" not in card


def test_a_class_too_small_for_a_metric_says_how_many_are_needed(tiny_prepared):
    pixels, labels = np.asarray(tiny_prepared.pixels), np.asarray(tiny_prepared.labels)
    card = score(Samples("few", pixels, labels, {}), tiny_prepared, Protocol(count=60)).card
    assert card["distances"]["frechet"]["value"] is None
    assert "needs at least 129 real images" in card["distances"]["frechet"]["why"]
    assert card["copies"]["flagged"] is None
    assert "needs 10 held-out images, and there are 6" in card["copies"]["verdict"]


def test_features_are_computed_once_for_all_metrics(real, fresh, monkeypatch):
    from ganvas.evaluation.evaluator import Evaluator

    looked = []
    original = Evaluator.embed
    monkeypatch.setattr(
        Evaluator, "embed", lambda self, pixels, *more: looked.append(len(pixels)) or original(self, pixels, *more)
    )
    scored(real, *fresh)
    held, train = len(real.held_out), len(real.train)
    assert sorted(count for count in looked if count != 64) == sorted([400, held, 400, train])


@pytest.mark.parametrize("features", ["evaluator"])
def test_a_set_without_classes_needs_other_features(unlabelled_source, fresh, features):
    prepared = open_source(str(unlabelled_source))
    with pytest.raises(
        UserError, match="has no labels, and an evaluator learns to tell classes apart: choose --features"
    ):
        scorecard.embedders_for(prepared, Protocol(features=features))
