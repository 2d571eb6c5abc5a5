"""The test for copies: it flags them, and leaves fresh images alone."""

import numpy as np
import pytest
from scipy import stats

from ganvas.alpha import bounded
from ganvas.evaluation.copies import (
    PLANTED,
    copies_verdict,
    copy_test,
    fisher_exact,
    mann_whitney,
    nearest_training,
    sensitivity,
)
from ganvas.evaluation.distances import TooFewError


def clumps(count, seed, features=6):
    """Three clumps of different width."""
    random = np.random.default_rng(seed)
    clump = random.integers(0, 3, count)
    return (random.normal(size=(count, features)) * (0.5 + clump)[:, None]) + 6 * clump[:, None]


TRAINING = clumps(2000, 1)


def test_training_images_copied_are_flagged():
    result = copy_test(TRAINING[:500], TRAINING, clumps(500, 2))
    assert result.flagged
    assert result.p_value < 0.01
    assert result.z < -10
    assert result.closer > 0.99
    assert copies_verdict(result).startswith("Copies: ")


def test_every_fifth_image_a_copy_is_flagged():
    result = copy_test(np.concatenate([TRAINING[:200], clumps(800, 3)]), TRAINING, clumps(1000, 2))
    assert result.flagged
    assert result.near_copies == pytest.approx(0.2, abs=0.02)


def test_copies_with_a_little_noise_are_flagged():
    noise = np.random.default_rng(0).normal(0, 0.02, (500, 6))
    assert copy_test(TRAINING[:500] + noise, TRAINING, clumps(500, 2)).flagged


@pytest.mark.parametrize("seed", range(3, 11))
def test_held_out_images_are_not_flagged(seed):
    result = copy_test(clumps(500, seed), TRAINING, clumps(500, 2))
    assert not result.flagged
    assert copies_verdict(result).startswith("No copying found")


def test_noise_far_away_is_not_flagged():
    result = copy_test(clumps(500, 3) + 100, TRAINING, clumps(500, 2))
    assert not result.flagged
    assert result.closer < 0.01
    assert result.z > 10


def test_images_of_one_clump_alone_are_not_flagged():
    """Images of the tightest clump lie close to training images, but not closer than held-out images of their cell."""
    crowd = clumps(3000, 5)
    crowd = crowd[np.linalg.norm(crowd, axis=1) < 2.5][:500]
    result = copy_test(crowd, TRAINING, clumps(1500, 2))
    assert not result.flagged
    one_cell, _ = mann_whitney(nearest_training(crowd, TRAINING)[0], nearest_training(clumps(1500, 2), TRAINING)[0])
    assert one_cell < -5  # one test without cells would flag them


def test_p_values_of_fresh_images_are_as_small_as_by_chance():
    result = [copy_test(clumps(60, 100 + k), TRAINING, clumps(120, 400 + k)).p_value for k in range(120)]
    assert np.mean(np.array(result) < 0.05) < 0.13
    assert np.mean(result) == pytest.approx(0.5, abs=0.1)


def test_the_closest_pairs_are_listed_closest_first():
    generated = clumps(50, 3)
    generated[[7, 20]] = TRAINING[[1234, 99]]
    pairs = copy_test(generated, TRAINING, clumps(100, 2)).pairs
    assert pairs[:2] == [(7, 1234, 0.0), (20, 99, 0.0)]
    assert [distance for _, _, distance in pairs] == sorted(distance for _, _, distance in pairs)


def test_nearest_is_exact():
    queries, base = clumps(70, 1), clumps(90, 2)
    distances, rows = nearest_training(queries, base)
    every = np.linalg.norm(queries[:, None] - base[None], axis=2)
    assert np.array_equal(rows, every.argmin(1))
    assert distances == pytest.approx(every.min(1))


@pytest.mark.parametrize("ties", [False, True])
def test_mann_whitney_agrees_with_scipy(ties):
    random = np.random.default_rng(0)
    first, second = random.normal(size=40), random.normal(0.5, size=55)
    if ties:
        first, second = first.round(), second.round()
    z, share = mann_whitney(first, second)
    expected = stats.mannwhitneyu(first, second, alternative="less", method="asymptotic", use_continuity=False)
    assert stats.norm.cdf(z) == pytest.approx(expected.pvalue)
    assert share == pytest.approx(1 - expected.statistic / (40 * 55))


def test_equal_values_are_no_closer():
    assert mann_whitney(np.ones(5), np.ones(7)) == (0.0, 0.5)


def test_the_same_seed_gives_the_same_result():
    assert copy_test(clumps(300, 3), TRAINING, clumps(300, 2), 5) == copy_test(
        clumps(300, 3), TRAINING, clumps(300, 2), 5
    )


def test_too_few_images_are_refused_with_the_number_needed():
    with pytest.raises(TooFewError, match="needs at least 10 held-out images, and there are 3"):
        copy_test(clumps(100, 1), TRAINING, clumps(3, 2))


def test_with_labels_the_closest_pair_of_each_class_is_listed():
    generated = clumps(60, 3)
    labels = np.arange(60) % 4
    pairs = copy_test(generated, TRAINING, clumps(100, 2), labels=labels).pairs
    assert sorted(labels[row] for row, _, _ in pairs) == [0, 1, 2, 3]
    distances, _ = nearest_training(generated, TRAINING)
    for row, _, distance in pairs:
        assert distance == distances[labels == labels[row]].min()


def test_the_distance_of_a_copy_is_0_however_far_from_the_origin():
    base = np.random.default_rng(0).normal(1000, 0.001, (300, 64))
    distances, rows = nearest_training(base[::-1], base)
    assert not distances.any()
    assert np.array_equal(rows, np.arange(300)[::-1])


@pytest.mark.parametrize("index", range(3))
def test_features_that_are_not_finite_raise_an_assertion(index):
    sets = [clumps(100, 3), TRAINING.copy(), clumps(100, 2)]
    sets[index][3, 1] = np.nan
    with pytest.raises(AssertionError, match="not finite"):
        copy_test(*sets)


@pytest.mark.parametrize("seed", range(3))
def test_every_fifth_of_two_thousand_a_copy_is_flagged_and_every_fiftieth_is_not(seed):
    """A share s of exact copies among fresh images lies closer (1 + s)/2 of the time: 0.60 and 0.51."""
    held, fresh = clumps(2000, 200 + seed), clumps(2000, 300 + seed)
    many, few = (copy_test(np.concatenate([TRAINING[:n], fresh[n:]]), TRAINING, held) for n in (400, 40))
    assert many.flagged
    assert many.closer == pytest.approx(0.6, abs=0.03)
    assert not few.flagged


def test_fresh_images_are_rarely_flagged():
    result = [copy_test(clumps(300, 1000 + k), TRAINING, clumps(300, 2000 + k)) for k in range(200)]
    assert np.mean([entry.flagged for entry in result]) <= 0.03
    assert np.std([entry.z for entry in result]) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("features", [6, 20])
def test_images_of_little_variety_lie_close_and_are_no_copies(features):
    """Each clump shrunk towards its middle: closer to training images than held-out ones are, and no near-copies."""
    training, held_out = clumps(1500, 1, features), clumps(500, 2, features)
    fresh = clumps(500, 3, features)
    middle = 6 * (fresh.mean(axis=1, keepdims=True) / 6).round()
    result = copy_test(middle + 0.7 * (fresh - middle), training, held_out)
    assert result.closer > 0.6
    assert result.near_copies < 0.02
    assert not result.flagged
    assert copies_verdict(result).startswith("No copying found, but images of little variety")


def test_a_tenth_of_copies_is_flagged():
    result = copy_test(np.concatenate([TRAINING[:200], clumps(1800, 3)]), TRAINING, clumps(1000, 2))
    assert result.flagged
    assert result.near_copies == pytest.approx(0.1, abs=0.02)


def test_a_copy_of_a_training_image_that_is_there_twice_is_a_near_copy():
    twice = np.concatenate([TRAINING, TRAINING[:300]])
    assert copy_test(TRAINING[:300], twice, clumps(500, 2)).flagged


def test_planted_copies_that_the_features_see_are_caught_and_the_others_are_not():
    """Features that are the sum of an image's rows see no mirror image as another one, and no shift as the same."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (2400, 1, 4, 4), np.uint8)

    def embed(images):
        return images.sum(axis=3).reshape(len(images), -1).astype(np.float64)

    training, held_out = embed(pixels[:2000]), embed(pixels[2000:])
    found, false_alarms = sensitivity(embed, pixels, np.arange(2000), training, held_out)
    assert set(found) == set(PLANTED)
    assert found["exact"] == found["mirrored"] == (1.0, 0.05)
    assert found["shifted"][0] < 0.3
    assert found["shifted"][1] is None
    assert false_alarms < 0.03


@pytest.mark.parametrize("counts", [(3, 20, 0, 30), (0, 5, 2, 9), (13, 250, 2, 250), (4, 4, 0, 4), (0, 10, 0, 10)])
def test_fishers_exact_test_is_scipys(counts):
    hits, total, other, other_total = counts
    table = [[hits, total - hits], [other, other_total - other]]
    assert fisher_exact(*counts) == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue, rel=1e-9)


def test_a_few_exact_copies_among_fresh_images_are_flagged_though_most_lie_no_closer():
    planted = np.concatenate([TRAINING[:25], clumps(475, 3)])
    result = copy_test(planted, TRAINING, clumps(500, 2))
    assert result.closer < 0.6
    assert result.near_p_value < 1e-4
    assert result.flagged


@pytest.mark.parametrize("kind", PLANTED)
def test_a_hidden_copy_of_a_transparent_image_adds_no_more_than_it_covers(kind):
    icons = bounded(np.random.default_rng(0).integers(0, 256, (4, 4, 20, 16), np.uint8))
    hidden = PLANTED[kind](icons)
    assert hidden.shape == icons.shape
    assert (hidden[:, :3] <= hidden[:, 3:]).all()
    assert kind != "brightened" or (hidden[:, 3] == icons[:, 3]).all()
