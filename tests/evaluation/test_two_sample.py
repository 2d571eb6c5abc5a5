"""Telling generated from real images: the AUC is that of the definition, and follows what is wrong with the images."""

import numpy as np
import pytest

from ganvas.data import open_source
from ganvas.evaluation import two_sample
from ganvas.evaluation.distances import TooFewError
from ganvas.evaluation.two_sample import auc, blurred, two_sample_test


def test_the_auc_is_the_share_of_pairs_in_order_ties_counting_half():
    random = np.random.default_rng(0)
    above, below = random.integers(0, 6, 40).astype(float) + 1, random.integers(0, 6, 30).astype(float)
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in above for b in below]
    assert auc(above, below).value == pytest.approx(np.mean(pairs))
    assert auc(np.array([3.0, 4.0]), np.array([1.0, 2.0])).value == 1
    assert auc(np.array([1.0, 1.0]), np.array([1.0, 1.0])).value == 0.5


def test_the_interval_of_the_auc_covers_the_truth_about_as_often_as_it_says():
    random, hits = np.random.default_rng(1), 0
    truth = 0.7602499  # of normals one apart: Φ(1/√2)
    for _ in range(300):
        estimate = auc(random.normal(1, 1, 80), random.normal(0, 1, 60))
        hits += estimate.low <= truth <= estimate.high
    assert 0.91 <= hits / 300 <= 0.98


def test_sets_that_do_not_overlap_have_an_interval_all_the_same():
    estimate = auc(np.arange(10.0) + 100, np.arange(20.0))
    assert (estimate.value, estimate.high) == (1, 1)
    assert estimate.low == pytest.approx(0.9)


def test_a_blur_keeps_the_mean_and_takes_away_single_pixels():
    flat = np.full((2, 3, 32, 32), 77, np.uint8)
    assert (blurred(flat) == 77).all()
    noise = np.random.default_rng(0).integers(0, 256, (4, 1, 32, 32), np.uint8)
    assert blurred(noise).std() < 0.4 * noise.std()
    assert blurred(noise).mean() == pytest.approx(noise.mean(), rel=0.02)
    assert blurred(noise).dtype == np.uint8


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """2,000 images of a soft spot at some place, 200 of them held out."""
    path = tmp_path_factory.mktemp("real") / "spots.npz"
    np.savez(path, images=spots(2000, 0), labels=np.arange(2000) % 2)
    return open_source(str(path))


def spots(count, seed):
    """(N, 16, 16)."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :16]
    places = random.uniform(4, 12, (count, 2, 1, 1))
    distances = (rows - places[:, 0]) ** 2 + (columns - places[:, 1]) ** 2
    return (200 * np.exp(-distances / 8) + random.integers(0, 20, distances.shape)).astype(np.uint8)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(two_sample, "IMAGES_SHOWN", 12_000)


def told(real, pixels, **more):
    held_out = np.asarray(real.held_out)
    return two_sample_test(pixels[:, None], np.arange(len(pixels)) % 2, real, held_out, **more)


def test_fresh_real_images_cannot_be_told(real):
    result = told(real, spots(600, 1))
    assert result.auc.value == pytest.approx(0.5, abs=0.08)
    assert result.auc_blurred.value == pytest.approx(0.5, abs=0.08)
    assert (result.fitted, result.tested) == (300, 300)


def test_grain_is_told_and_not_where_both_are_blurred(real):
    random = np.random.default_rng(2)
    fresh = spots(600, 1)
    grainy = np.clip(fresh + random.normal(0, 12, fresh.shape), 0, 255).astype(np.uint8)
    result = told(real, grainy)
    assert result.auc.low > 0.9
    assert result.auc_blurred.value < result.auc.value - 0.05


def test_the_more_is_wrong_the_better_it_is_told(real):
    fresh, random = spots(600, 1), np.random.default_rng(2)
    values = []
    for strength in (0, 3, 8, 20):
        images = np.clip(fresh + random.normal(0, 1, fresh.shape) * strength, 0, 255).astype(np.uint8)
        values.append(told(real, images).auc.value)
    assert values == sorted(values)


def test_images_of_which_most_are_the_same_few_are_told(real):
    result = told(real, np.tile(spots(12, 1), (50, 1, 1)))
    assert result.auc.low > 0.6


def test_the_most_and_the_least_real_are_at_the_ends_of_the_order(real):
    fresh = spots(600, 1)
    fresh[::3] = np.clip(fresh[::3] + np.random.default_rng(0).normal(0, 30, fresh[::3].shape), 0, 255)
    order = told(real, fresh).order
    assert len(order) == len(set(order)) == 300
    is_bad = order % 3 == 0
    assert is_bad[-50:].mean() > 0.9
    assert is_bad[:50].mean() < 0.2


def test_too_few_images_are_refused_with_the_number_needed(real):
    with pytest.raises(
        TooFewError, match="distinguishing generated from real images needs at least 20 generated images"
    ):
        told(real, spots(30, 1))
