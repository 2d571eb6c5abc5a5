"""Paired intervals and Holm, against numbers worked out by hand, scipy, and chance itself."""

import numpy as np
import pytest
from scipy import stats

from ganvas.experiments.statistics import LEVEL, compared, holm, holm_levels, paired


def test_a_paired_interval_is_the_one_worked_out_by_hand():
    difference = paired(np.array([0.02, 0.04, 0.06]))
    # Mean 0.04, deviation 0.02, over √3 is 0.011547; times 4.302653, the quantile of two degrees: 0.049683.
    assert difference.value == pytest.approx(0.04)
    assert (difference.low, difference.high) == pytest.approx((0.04 - 0.049683, 0.04 + 0.049683), abs=1e-6)
    assert difference.degrees == 2


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_a_paired_interval_and_its_p_value_are_scipys(seeds):
    differences = np.random.default_rng(seeds).normal(0.01, 0.02, seeds)
    difference, known = paired(differences), stats.ttest_1samp(differences, 0.0)
    interval = known.confidence_interval(0.95)
    assert (difference.low, difference.high) == pytest.approx((interval.low, interval.high))
    assert difference.p_value() == pytest.approx(known.pvalue)
    assert difference.p_value(0.005) == pytest.approx(stats.ttest_1samp(differences, 0.005).pvalue)


def test_differences_that_are_all_the_same_are_certain_and_none_is_no_difference():
    assert paired(np.full(3, 0.1)).p_value() < 1e-12
    assert paired(np.zeros(3)).p_value() == 1.0


def test_the_spread_over_held_out_images_widens_the_interval_and_brings_its_degrees():
    differences = np.array([0.02, 0.04, 0.06])
    narrow, wide = paired(differences), paired(differences, variance_of_test=4e-4)
    assert wide.error == pytest.approx(np.sqrt(0.02**2 / 3 + 4e-4))
    assert wide.error > narrow.error
    # Satterthwaite: 2 ((1.333e-4 + 4e-4) / 1.333e-4)^2 = 32.
    assert wide.degrees == 32


def test_the_variance_of_a_test_is_that_of_one_mean_difference_an_image():
    more = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    less = np.array([[1, 0, 1, 0], [0, 1, 0, 0]], bool)
    variance_of_test = max(np.var([0.5, 0.5, 0, 0], ddof=1) / 4, 1 / 16)
    assert compared(more, less) == pytest.approx(paired(np.array([0.25, 0.25]), variance_of_test))


def test_a_few_held_out_images_all_alike_by_luck_are_no_certainty():
    more, less = np.ones((3, 4), bool), np.ones((3, 4), bool)
    less[:, 0] = False
    assert compared(more, less).value == pytest.approx(0.25)
    assert compared(more, less).p_value() > LEVEL


def test_holm_is_the_one_worked_out_by_hand():
    # In order 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1, each at least the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.03]) == [0.03]


def simulated(random, gain, seeds=3, images=300):
    """Two rows of right answers: images are easy or hard, some for one row alone; seeds are lucky or not."""
    hard = random.normal(0, 1.0, (images,))
    alone = random.normal(0, 0.5, (2, images))
    luck = random.normal(0, 0.1, (2, seeds, 1))
    noise = random.normal(0, 0.5, (2, seeds, images))
    levels = np.array([1.0 + gain, 1.0])[:, None, None]
    more, less = levels + luck + hard + alone[:, None] + noise > 0
    return more, less


def test_intervals_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(0)
    sizes, truth = 400, 0.0
    differences = [compared(*simulated(random, 0.0)) for _ in range(sizes)]
    held = np.mean([each.low <= truth <= each.high for each in differences])
    assert held >= 0.95 - 2.6 * np.sqrt(0.05 * 0.95 / sizes)
    paired_alone = [paired(more.mean(1) - less.mean(1)) for more, less in (simulated(random, 0.0) for _ in range(200))]
    # Over seeds alone the held-out images count as all there are, and one is sure too often.
    assert np.mean([each.low <= truth <= each.high for each in paired_alone]) < held


def test_an_interval_at_the_level_of_holms_procedure_holds_no_difference_exactly_where_it_does_not_reject():
    random = np.random.default_rng(5)
    for _ in range(200):
        gaps = [paired(random.normal(shift, 1, 6)) for shift in random.choice([0.0, 1.0, 2.5], 5)]
        p_values = [gap.p_value() for gap in gaps]
        for gap, level, adjusted in zip(gaps, holm_levels(p_values), holm(p_values), strict=True):
            inside = gap.at_level(level)
            assert (inside.low > 0 or inside.high < 0) == (adjusted <= 0.05)


def test_the_levels_of_holms_procedure_by_hand():
    assert holm_levels([0.001, 0.04, 0.02, 0.015]) == pytest.approx([0.0125, 0.05, 0.025, 0.05 / 3])
    assert holm_levels([0.5, 0.6]) == pytest.approx([0.025, 0.025])
    assert holm_levels([]) == []
