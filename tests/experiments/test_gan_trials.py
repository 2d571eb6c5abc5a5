"""One training of a study: its budget, its labels, and the figures of its images."""

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.data import open_source
from ganvas.evaluation.evaluator import Embedding, evaluator_for
from ganvas.evaluation.samples import Samples
from ganvas.evaluation.scorecard import Origin
from ganvas.experiments import gan_trials
from ganvas.experiments.experiment import Trial, Variant
from ganvas.images import decode
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer


@pytest.fixture
def short_fits(monkeypatch):
    monkeypatch.setattr("ganvas.evaluation.evaluator.fit_images", lambda count, size: 512)
    monkeypatch.setattr(gan_trials, "COUNT", 150)
    monkeypatch.setattr(gan_trials, "IMAGES_PER_STRETCH", 16)


def task(source, folder, seed=0, seconds=0.2):
    return Trial("a/row", seed, seconds, str(source), folder)


def row(small, recipe="modern", run=None, **choices):
    given = {k: v for k, v in small(recipe, **(run or {})).items() if k != "training"}
    return Variant("a/row", {"recipe": recipe, "run": {**given, "training": {"batch": 8}, **(run or {})}, **choices})


def test_a_gan_is_trained_for_its_cpu_seconds_or_for_its_images(short_fits, small, large_source, tmp_path):
    done = gan_trials.train_gan(task(large_source, tmp_path), row(small))
    assert done.seconds >= 0.2
    assert done.images >= 16
    counted = gan_trials.train_gan(task(large_source, tmp_path), row(small, images_a_second=400))
    assert counted.images == 80
    again = gan_trials.train_gan(task(large_source, tmp_path), row(small, images_a_second=400))
    images = [np.asarray(each.draw(6).pixels) for each in (counted, again)]
    assert np.array_equal(*images)


def test_shuffled_labels_keep_every_classs_size_and_touch_no_held_out_image(tiny_prepared):
    result = gan_trials.with_shuffled_labels(tiny_prepared, seed=1)
    train, held = np.asarray(result.train), np.asarray(result.held_out)
    assert not np.array_equal(result.labels[train], tiny_prepared.labels[train])
    assert np.array_equal(np.bincount(result.labels[train]), np.bincount(tiny_prepared.labels[train]))
    assert np.array_equal(result.labels[held], tiny_prepared.labels[held])
    assert np.array_equal(result.labels, gan_trials.with_shuffled_labels(tiny_prepared, seed=1).labels)
    assert not np.array_equal(result.labels, gan_trials.with_shuffled_labels(tiny_prepared, seed=2).labels)


def test_an_unconditional_gan_has_a_balance_and_no_label_accuracy(short_fits, small, large_source, tmp_path):
    result = gan_trials.train_and_score(task(large_source, tmp_path), row(small, run={"labels": "off"}))
    assert set(result) == {"fcd", "balance", "images", "seconds"}
    assert 0 <= result["balance"] <= 1


def test_a_conditional_gan_has_both_and_its_first_seed_leaves_a_strip(short_fits, small, large_source, tmp_path):
    result = gan_trials.train_and_score(task(large_source, tmp_path), row(small))
    assert set(result) == {"fcd", "balance", "label_accuracy", "images", "seconds"}
    strips = gan_trials.strips_of(tmp_path, ["a/row", "another"])
    assert list(strips) == ["a/row"]
    assert strips["a/row"].shape == (1, 16 + 4, gan_trials.STRIP * (16 + 2) + 2)
    assert decode((tmp_path / "strips" / "a-row.png").read_bytes()).image.mode == "L"
    gan_trials.train_and_score(task(large_source, tmp_path / "other", seed=1), row(small))
    assert not (tmp_path / "other").exists()


class FixedEvaluator:
    """An evaluator whose predictions are given."""

    def __init__(self, classes):
        self.classes = iter(classes)

    def embed(self, pixels):
        predicted = np.array([next(self.classes) for _ in pixels])
        return Embedding(
            np.random.default_rng(0).normal(size=(len(pixels), 4)).astype(np.float32), np.eye(3)[predicted]
        )


def test_balance_is_one_less_the_total_variation_and_accuracy_the_share_predicted_as_asked(tiny_prepared):
    labels = np.array([0, 1, 2] * 20)
    images = Samples("generated", np.zeros((60, 1, 16, 16), np.uint8), labels, Origin())
    half_and_half = [0, 1] * 30  # a third of each was wanted
    result = gan_trials.quality(FixedEvaluator([*half_and_half, *[0] * 100]), tiny_prepared, images)
    assert result["balance"] == pytest.approx(1 - (1 / 6 + 1 / 6 + 1 / 3) / 2)
    assert result["label_accuracy"] == pytest.approx(np.mean(labels == half_and_half))
    alone = gan_trials.quality(FixedEvaluator([0] * 160), tiny_prepared, replace(images, labels=None))
    assert alone["balance"] == pytest.approx(1 / 3)
    assert set(alone) == {"fcd", "balance"}


def test_the_distance_is_smaller_to_real_images_than_to_those_of_one_class(short_fits, large_source):
    prepared = open_source(str(large_source))
    evaluator, rows = evaluator_for(prepared), np.asarray(prepared.train)
    one = rows[prepared.labels[rows] == 0]
    near, far = (Samples("real", prepared.pixels[each], None, Origin()) for each in (rows, one))
    assert gan_trials.quality(evaluator, prepared, near)["fcd"] < gan_trials.quality(evaluator, prepared, far)["fcd"]


def test_held_out_images_keep_their_labels(tiny_prepared, monkeypatch):
    pixels, labels = gan_trials.held_out(tiny_prepared)
    assert np.array_equal(pixels, tiny_prepared.pixels[tiny_prepared.held_out])
    assert np.array_equal(labels, tiny_prepared.labels[tiny_prepared.held_out])
    monkeypatch.setattr(gan_trials, "COUNT", 3)
    assert len(gan_trials.held_out(tiny_prepared)[0]) == 3


def test_what_happens_between_two_stretches_is_not_on_the_clock(small, tiny_source, tiny_prepared, monkeypatch):
    monkeypatch.setattr(gan_trials, "IMAGES_PER_STRETCH", 16)
    run = configure(str(tiny_source), "modern", {**small(), "training": {"batch": 8}})
    trainer = build_trainer(
        resolve(run, tiny_prepared, gan_trials.SPEED), tiny_prepared, Engine.for_trials(gan_trials.SPEED)
    )
    spent = []
    for each in gan_trials.stretches(trainer, lambda spent: spent.images / 64):
        spent.append(each)
        time.sleep(0.2)
        if each.images >= 64:
            break
    assert [each.images for each in spent] == [0, 16, 32, 48, 64]
    assert spent[0] == gan_trials.Cost()
    assert all(b.cpu_seconds > a.cpu_seconds for a, b in pairwise(spent))


def test_the_rate_follows_the_share_of_the_budget(small, tiny_source, tiny_prepared, monkeypatch):
    monkeypatch.setattr(gan_trials, "IMAGES_PER_STRETCH", 8)
    choices = {**small(), "training": {"batch": 8}, "optimiser": {"lr": 0.01, "lr_hold": 0.5, "lr_final": 0.0}}
    run = configure(str(tiny_source), "modern", choices)
    trainer = build_trainer(
        resolve(run, tiny_prepared, gan_trials.SPEED), tiny_prepared, Engine.for_trials(gan_trials.SPEED)
    )
    rates = []
    for spent in gan_trials.stretches(trainer, lambda spent: spent.images / 32):
        if spent.images:
            one, other = (each.param_groups[0]["lr"] for each in trainer.optimisers.values())
            assert one == other
            rates.append(one)
        if spent.images == 40:
            break
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.005, 0.0])
