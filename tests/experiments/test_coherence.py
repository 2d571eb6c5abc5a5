"""Halves that belong together: the cut, the partners, what the classifier learns, and its check."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganvas.experiments import coherence, gan_trials
from ganvas.experiments.coherence import (
    area,
    coherence_scores,
    composed,
    fit_coherence,
    measure_coherence,
    mixed,
    partners,
)
from ganvas.experiments.experiment import Trial, Variant
from ganvas.experiments.questions.harmony import EXPERIMENT
from ganvas.rng import stream
from ganvas.sizes import Size


@pytest.fixture
def short(monkeypatch):
    """Fits of no time, and any check is good enough."""
    monkeypatch.setattr("ganvas.evaluation.evaluator.fit_images", lambda count, size: 512)
    monkeypatch.setattr(coherence, "LEAST", 0.0)
    monkeypatch.setattr(coherence, "COUNT", 140)
    monkeypatch.setattr(coherence, "WIDTH", 4)
    monkeypatch.setattr(coherence, "fit_coherence", lambda prepared, seed: fit_coherence(prepared, seed, 256))
    monkeypatch.setattr(gan_trials, "IMAGES_PER_STRETCH", 16)


@pytest.fixture
def plain(monkeypatch):
    """Halves as bright as they are."""
    monkeypatch.setattr(coherence, "CONTRAST", 0.0)
    monkeypatch.setattr(coherence, "BRIGHTNESS", 0.0)


def constant(value, count=2, size=16):
    return torch.full((count, 1, size, size), value)


def striped(count=240, size=16, seed=0):
    """A set of stripes, each image's as wide on one side as on the other: halves tell each other."""
    random = np.random.default_rng(seed)
    period = random.choice([2, 4, 8], count)
    columns = (np.arange(size)[None, :] * 2 // period[:, None] % 2)[:, None, None, :]
    pixels = np.broadcast_to(columns * 120 + 60, (count, 1, size, size)).astype(np.uint8)
    return SimpleNamespace(
        pixels=pixels,
        labels=np.arange(count) % 2,
        train=np.arange(count * 2 // 3),
        held_out=np.arange(count * 2 // 3, count),
        size=Size.square(size),
        channels=1,
    )


def test_one_side_is_of_one_image_the_other_of_the_other_and_nothing_is_left_between(plain):
    upright = torch.tensor([True, False])
    images = composed(constant(0.5), constant(-0.5), upright, stream(0, "test"))
    row = [0.5] * 7 + [0.0] * 2 + [-0.5] * 7
    assert images[0, 0].tolist() == [row] * 16
    assert images[1, 0].T.tolist() == [row] * 16


@pytest.mark.parametrize("size", [16, 17, 28, 64, 128])
def test_the_band_that_is_taken_out_is_an_eighth_of_the_side(plain, size):
    images = composed(
        constant(1.0, size=size), constant(1.0, size=size), torch.tensor([True, False]), stream(0, "test")
    )
    assert (images[0, 0, 0] == 0).sum() == (images[1, 0, :, 0] == 0).sum() == max(2, round(size / 8))


def test_each_half_is_as_bright_as_chance_has_it_and_stays_in_range():
    images = composed(constant(0.2, 50), constant(0.2, 50), torch.ones(50, dtype=torch.bool), stream(0, "test"))
    left, right = images[:, 0, 0, 0], images[:, 0, 0, -1]
    assert (left != right).all()
    white = composed(constant(1.0, 50), constant(-1.0, 50), torch.ones(50, dtype=torch.bool), stream(0, "test"))
    assert white.abs().max() == 1
    assert abs(float(np.corrcoef(left, right)[0, 1])) < 0.4


def test_a_partner_is_another_image_of_the_same_class():
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
    rows = np.array([0, 1, 2, 3, 4, 6, 7, 9, 11])
    for step in range(50):
        result = partners(rows, rows, labels, stream(0, "test", step))
        assert np.array_equal(labels[result], labels[rows])
        assert (result != rows).all()
        assert set(result) <= set(rows)


def test_every_other_image_of_the_class_may_be_the_partner():
    labels = np.array([0, 1, 0, 0, 0])
    rows = np.arange(5)
    result = {int(partners(rows[:1], rows, labels, stream(0, "test", step))[0]) for step in range(60)}
    assert result == {2, 3, 4}


def test_an_image_that_is_alone_in_its_class_is_its_own_partner():
    labels = np.array([0, 1, 0])
    assert partners(np.arange(3), np.arange(3), labels, stream(0, "test")).tolist() == [2, 1, 0]


def test_mixed_images_are_the_same_every_time_and_none_is_the_one_it_stands_beside():
    pixels = np.arange(12, dtype=np.uint8)[:, None, None, None]
    labels = np.arange(12) % 3
    result = mixed(pixels, labels, 0)
    assert np.array_equal(result, mixed(pixels, labels, 0))
    assert not np.array_equal(result, mixed(pixels, labels, 1))
    assert (result != pixels).all()
    assert np.array_equal(result[:, 0, 0, 0] % 3, labels)


def test_the_area_is_the_share_of_pairs_in_the_right_order_and_a_tie_is_half_a_pair():
    assert area(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1
    assert area(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 0
    assert area(np.array([1.0, 3.0]), np.array([2.0])) == 0.5
    assert area(np.array([2.0]), np.array([2.0, 2.0])) == 0.5


def test_halves_of_one_image_score_higher_than_those_of_two_on_held_out_images():
    stripes = striped()
    classifier = fit_coherence(stripes, seed=0, shown=10_000)
    held, labels = stripes.pixels[stripes.held_out], stripes.labels[stripes.held_out]
    others = mixed(held, labels, 0)
    different = (held != others).any((1, 2, 3))
    whole, torn = coherence_scores(classifier, held), coherence_scores(classifier, held, others)
    assert area(whole, torn[different]) > 0.9
    assert whole.mean() > torn[different].mean() + 0.2


def test_on_noise_the_classifier_fails_its_check():
    noise = striped()
    noise.pixels = np.random.default_rng(0).integers(0, 256, noise.pixels.shape).astype(np.uint8)
    held, labels = noise.pixels[noise.held_out], noise.labels[noise.held_out]
    classifier = fit_coherence(noise, seed=0, shown=2_000)
    assert (
        area(coherence_scores(classifier, held), coherence_scores(classifier, held, mixed(held, labels, 0)))
        < coherence.LEAST
    )


def test_the_same_seed_gives_the_same_scores(tiny_prepared):
    pixels = np.asarray(tiny_prepared.pixels[:9])
    first, again, other = (coherence_scores(fit_coherence(tiny_prepared, seed, 256), pixels) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert ((first >= 0) & (first <= 1)).all()


def test_no_held_out_image_is_learned_from(tiny_prepared):
    pixels = np.array(tiny_prepared.pixels)
    pixels[np.asarray(tiny_prepared.held_out)] = 255
    both = (
        SimpleNamespace(**{**vars(striped(60)), **vars(tiny_prepared), "pixels": p})
        for p in (pixels, tiny_prepared.pixels)
    )
    first, second = (coherence_scores(fit_coherence(each, 0, 256), pixels[:5]) for each in both)
    assert np.array_equal(first, second)


def asked(source, folder, seed=1):
    return Trial("a row", seed, 0.1, str(source), folder)


def test_real_images_are_the_upper_and_their_mixtures_the_lower_reference(short, tiny_source, tmp_path):
    whole, torn = (
        measure_coherence(asked(tiny_source, tmp_path), Variant("a row", {"real": real, "size": 16}))
        for real in ("whole", "mixed")
    )
    assert set(whole) == {"check", "coherence", "mixed", "tie"}
    assert set(torn) == {"check", "coherence"}
    assert whole["tie"] == whole["check"] == torn["check"]
    assert whole["mixed"] == torn["coherence"]
    assert whole["coherence"] != torn["coherence"]


def test_a_generators_images_and_mixtures_of_them_are_scored(short, small, large_source, tmp_path):
    run = {"pair": small()["pair"], "training": {"batch": 8}}
    result = measure_coherence(
        asked(large_source, tmp_path, seed=0), Variant("a row", {"recipe": "modern", "run": run, "size": 16})
    )
    assert set(result) == {"fcd", "images", "check", "coherence", "mixed", "tie"}
    assert 0 <= result["mixed"] <= 1
    assert 0 <= result["coherence"] <= 1
    assert gan_trials.strip_path(tmp_path, "a row").exists()


def test_a_classifier_that_fails_its_check_gives_no_other_figure(short, tiny_source, tmp_path, monkeypatch):
    monkeypatch.setattr(coherence, "LEAST", 1.1)
    assert set(measure_coherence(asked(tiny_source, tmp_path), Variant("a row", {"real": "whole", "size": 16}))) == {
        "check"
    }


def test_every_generator_of_the_question_is_conditional_and_of_one_size():
    from ganvas.config.recipes import configure

    sizes = {row.choices["size"] for row in EXPERIMENT.variants}
    runs = [
        configure("digits", row.choices["recipe"], row.choices["run"])
        for row in EXPERIMENT.variants
        if "run" in row.choices
    ]
    assert sizes == {64}
    assert [run.labels for run in runs] == ["on"] * 4
    assert [run.pair.model_dump().get("attention", False) for run in runs] == [False, False, False, True]
