import numpy as np
import pytest

from ganvas.evaluation.distances import TooFewError
from ganvas.evaluation.diversity import COLLAPSED, diversity, rms_distance


def normal(count, deviation=1.0, seed=0):
    return np.random.default_rng(seed).normal(0, deviation, (count, 5))


def test_the_spread_is_the_root_of_the_mean_squared_distance_of_two_images():
    rows = normal(40)
    pairs = [np.square(a - b).sum() for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]
    assert rms_distance(rows) == pytest.approx(np.sqrt(np.mean(pairs)))


@pytest.mark.parametrize("deviation", [0.25, 1.0, 2.0])
def test_diversity_is_the_ratio_of_deviations(deviation):
    result = diversity(normal(4000), normal(4000, deviation, 1))
    assert result.value == pytest.approx(deviation, rel=0.05)
    assert result.low < deviation < result.high
    assert (result.value < COLLAPSED) == (deviation < 0.5)


def test_one_image_repeated_has_no_diversity():
    result = diversity(normal(50), np.ones((50, 5)))
    assert result.value == 0


def test_identical_real_images_have_a_ratio_of_1_to_identical_ones_and_infinity_to_others():
    assert diversity(np.ones((9, 5)), np.zeros((9, 5))) == (1, 1, 1)
    assert diversity(np.ones((9, 5)), normal(9)).value == np.inf


def test_its_interval_covers_nineteen_times_in_twenty():
    result = [diversity(normal(60, seed=2 * k), normal(80, 0.8, 2 * k + 1)) for k in range(300)]
    assert 0.91 <= np.mean([entry.low <= 0.8 <= entry.high for entry in result]) <= 0.985


def test_too_few_images_are_refused_with_the_number_needed():
    with pytest.raises(TooFewError, match="at least 4 real images, and there are 3"):
        diversity(normal(3), normal(9))


@pytest.mark.parametrize("level", [0.1, 7.3])
def test_one_image_repeated_has_a_spread_of_0_whatever_its_features(level):
    rows = np.full((1000, 5), level)
    assert rms_distance(rows) == 0
    assert diversity(rows, rows * 3) == (1, 1, 1)


def test_where_one_real_image_differs_the_ratio_has_no_upper_bound():
    real = np.ones((10, 5))
    real[3] = 2
    result = diversity(real, normal(10))
    assert (result.low, result.high) == (0, np.inf)
    assert result.value == pytest.approx(rms_distance(normal(10)) / rms_distance(real))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_features_that_are_not_finite_raise_an_assertion(wrong):
    rows = normal(50)
    rows[3, 1] = wrong
    for pair in ((rows, normal(50, seed=1)), (normal(50, seed=1), rows)):
        with pytest.raises(AssertionError, match="not finite"):
            diversity(*pair)
