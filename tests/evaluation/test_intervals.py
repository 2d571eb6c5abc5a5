"""Intervals: against tables, and whether they cover the true value in 95 % of samples."""

import numpy as np
import pytest
from scipy import stats

from ganvas.evaluation.intervals import Estimate, jackknife, mean, student_quantile, subtract, wilson


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 19, 38, 100, 999])
@pytest.mark.parametrize("probability", [0.6, 0.95, 0.975, 0.999])
def test_quantiles_of_students_t_agree_with_scipy(degrees, probability):
    assert student_quantile(degrees, probability) == pytest.approx(stats.t.ppf(probability, degrees), rel=1e-9)


@pytest.mark.parametrize(("hits", "total"), [(0, 10), (1, 10), (5, 10), (10, 10), (81, 263), (9941, 10_000)])
def test_wilson_agrees_with_scipy(hits, total):
    expected = stats.binomtest(hits, total).proportion_ci(0.95, "wilson")
    result = wilson(hits, total)
    assert result.value == hits / total
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= result.low <= result.value <= result.high <= 1


def test_the_interval_of_a_hand_computed_mean():
    # Mean 2, deviation 1, t of 2 degrees of freedom 4.3027, over the root of 3.
    assert mean(np.array([1.0, 2.0, 3.0])) == pytest.approx((2.0, 2 - 2.4841, 2 + 2.4841), abs=1e-4)


def test_the_jackknife_of_a_mean_is_the_interval_of_a_mean():
    values = np.random.default_rng(0).normal(size=30)
    without = np.array([np.delete(values, k).mean() for k in range(30)])
    assert jackknife(float(values.mean()), without) == pytest.approx(mean(values))


def covered(estimates: list[Estimate], truth: float) -> float:
    return float(np.mean([result.low <= truth <= result.high for result in estimates]))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_wilson_covers_a_share_nineteen_times_in_twenty(share):
    random = np.random.default_rng(1)
    result = [wilson(int(hits), 200) for hits in random.binomial(200, share, 2000)]
    assert 0.92 <= covered(result, share) <= 0.985


def test_the_mean_covers_nineteen_times_in_twenty():
    random = np.random.default_rng(2)
    assert 0.93 <= covered([mean(random.normal(3, 2, 5)) for _ in range(1500)], 3) <= 0.97


def test_the_jackknife_covers_a_ratio_of_two_samples_nineteen_times_in_twenty():
    random = np.random.default_rng(3)
    result = []
    for _ in range(600):
        first, second = random.normal(4, 1, 40), random.normal(2, 0.5, 60)
        block = np.arange(40) % 20, np.arange(60) % 20
        result.append(
            jackknife(
                first.mean() / second.mean(),
                np.array([first[block[0] != b].mean() / second.mean() for b in range(20)]),
                np.array([first.mean() / second[block[1] != b].mean() for b in range(20)]),
            )
        )
    assert 0.92 <= covered(result, 2.0) <= 0.98


def test_impossible_counts_raise_an_assertion():
    for wrong in (lambda: wilson(1, 0), lambda: wilson(3, 2), lambda: mean(np.array([1.0]))):
        with pytest.raises(AssertionError):
            wrong()


def test_the_interval_of_a_difference_is_recovered_from_both():
    """Newcombe 1998, table II: 56/70 less 48/80 by Wilson's intervals is 0.0524 to 0.3339."""
    found = subtract(wilson(56, 70), wilson(48, 80))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
