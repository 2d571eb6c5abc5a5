"""Distances: closed forms, conventions that other tools broke, and whether their intervals cover."""

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from ganvas.evaluation import distances
from ganvas.evaluation.distances import TooFewError, frechet, kid, neighbourhood_scores


def normal(count, features=4, middle=0.0, deviation=1.0, seed=0):
    return np.random.default_rng(seed).normal(middle, deviation, (count, features))


class Identity(nn.Module):
    """Features as they come, for torchmetrics."""

    def __init__(self, features):
        super().__init__()
        self.num_features = features

    def forward(self, images):
        return images


def test_frechet_of_two_gaussians_is_the_closed_form():
    # |μ|² + Σ (σ - τ)² for diagonal covariances.
    deviations = np.array([1.0, 2.0, 0.5, 3.0])
    real, fake = normal(60_000, seed=1), normal(60_000, seed=2) * deviations + 0.5
    expected = 4 * 0.25 + float(np.square(deviations - 1).sum())
    assert frechet(real, fake).value == pytest.approx(expected, rel=0.02)


def test_frechet_of_rotated_gaussians_is_the_closed_form():
    # Σr = diag(4, 1), Σf the same rotated by 90°: tr Σr + tr Σf - 2 tr (Σr Σf)^½ = 10 - 2 (2 + 2) = 2.
    real = normal(60_000, 2, seed=1) * [2, 1]
    fake = normal(60_000, 2, seed=2) * [1, 2]
    assert frechet(real, fake).value == pytest.approx(2, rel=0.05)


def test_the_distance_of_a_set_from_itself_is_0():
    rows = normal(300, 6)
    assert frechet(rows, rows).value == pytest.approx(0, abs=1e-9)
    result = neighbourhood_scores(rows, rows)
    assert (result.precision.value, result.recall.value, result.coverage.value) == (1, 1, 1)


@pytest.mark.parametrize("repeats", [1, 2, 9])
def test_identical_sets_score_one_with_duplicates_too(repeats):
    """Ties count: with `<` in place of `<=`, duplicates, whose radius is 0, would lie outside each other's ball."""
    rows = np.repeat(normal(60, 5, 100.0, 0.01), repeats, axis=0)
    result = neighbourhood_scores(rows, rows[::-1])
    assert (result.precision.value, result.recall.value, result.coverage.value) == (1, 1, 1)


def test_distances_are_symmetric_where_they_should_be():
    real, fake = normal(200, seed=1), normal(300, middle=0.5, deviation=2, seed=2)
    assert frechet(real, fake).value == pytest.approx(frechet(fake, real).value)
    assert kid(real, fake).value == pytest.approx(kid(fake, real).value)
    one, other = neighbourhood_scores(real, fake), neighbourhood_scores(fake, real)
    assert one.precision.value == other.recall.value
    assert one.recall.value == other.precision.value


def test_frechet_is_invariant_to_a_rotation_and_a_shift_of_both_sets():
    real, fake = normal(400, 5, seed=1), normal(400, 5, 0.3, 1.5, seed=2)
    turn, _ = np.linalg.qr(normal(5, 5, seed=3))
    assert frechet(real @ turn + 7, fake @ turn + 7).value == pytest.approx(frechet(real, fake).value, rel=1e-6)


def test_frechet_agrees_with_torchmetrics():
    real, fake = normal(500, 16, seed=1), normal(400, 16, 0.2, 1.3, seed=2)
    oracle = FrechetInceptionDistance(Identity(16)).set_dtype(torch.float64)
    oracle.update(torch.from_numpy(real), real=True)
    oracle.update(torch.from_numpy(fake), real=False)
    assert frechet(real, fake).value == pytest.approx(float(oracle.compute()), rel=1e-6)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save")
def test_kid_agrees_with_torchmetrics_where_its_subset_is_the_whole_set():
    real, fake = normal(200, 16, seed=1), normal(200, 16, 0.2, 1.3, seed=2)
    oracle = KernelInceptionDistance(Identity(16), subsets=1, subset_size=200).set_dtype(torch.float64)
    oracle.update(torch.from_numpy(real), real=True)
    oracle.update(torch.from_numpy(fake), real=False)
    assert kid(real, fake).value == pytest.approx(float(oracle.compute()[0]), rel=1e-6)


def test_kid_of_sets_from_one_distribution_is_0_on_average():
    result = [kid(normal(60, seed=2 * k), normal(60, seed=2 * k + 1)).value for k in range(100)]
    assert abs(np.mean(result)) < 3 * np.std(result) / 10


def test_tight_fakes_inside_wide_reals_are_precise_and_recall_little():
    result = neighbourhood_scores(normal(1000, 4, seed=1), normal(1000, 4, deviation=0.1, seed=2))
    assert result.precision.value > 0.95
    assert result.recall.value < 0.1
    assert result.coverage.value < 0.2
    assert result.density.value > 1


def test_wide_fakes_around_tight_reals_recall_much_and_are_not_precise():
    result = neighbourhood_scores(normal(1000, 4, deviation=0.1, seed=1), normal(1000, 4, seed=2))
    assert result.precision.value < 0.1
    assert result.recall.value > 0.95
    assert result.density.value < 0.1


def test_one_image_repeated_has_a_recall_near_0():
    result = neighbourhood_scores(normal(500, seed=1), np.zeros((500, 4)))
    assert result.recall.value < 0.02
    assert result.coverage.value < 0.1


def test_noise_far_away_has_no_precision_recall_density_or_coverage():
    result = neighbourhood_scores(normal(300, seed=1), normal(300, middle=50, seed=2))
    assert result == (
        (0, 0, result.precision.high),
        (0, 0, result.recall.high),
        (0, 0, 0),
        (0, 0, result.coverage.high),
    )


def test_neighbours_in_chunks_equal_neighbours_as_a_whole(monkeypatch):
    real, fake = normal(157, 6, seed=1), normal(131, 6, 0.3, seed=2)
    whole = neighbourhood_scores(real, fake)
    original = distances.squared_distances
    monkeypatch.setattr(distances, "squared_distances", lambda x, y: original(x, y, chunk=13))
    parts = neighbourhood_scores(real, fake)
    assert [entry.value for entry in parts] == [entry.value for entry in whole]


def test_kid_in_chunks_equals_kid_as_a_whole(monkeypatch):
    real, fake = normal(157, 6, seed=1), normal(131, 6, 0.3, seed=2)
    whole, original, tables = kid(real, fake), distances._kernel_of, []

    def watched(products, features):
        tables.append(products.nelement())
        return original(products, features)

    monkeypatch.setattr(distances, "_kernel_of", watched)
    monkeypatch.setattr(distances, "CHUNK_BYTES", 8 * 131 * 3)  # three rows
    assert kid(real, fake) == pytest.approx(whole)
    assert max(tables) <= 3 * 131


def test_neighbours_are_invariant_to_a_large_shift_of_both_sets():
    real, fake = normal(300, 8, deviation=0.001, seed=1), normal(300, 8, deviation=0.0012, seed=2)
    near, far = neighbourhood_scores(real, fake), neighbourhood_scores(real + 1000, fake + 1000)
    for here, there in zip(near, far, strict=True):
        assert here.value == pytest.approx(there.value, abs=0.01)


def test_a_frechet_replicate_costs_one_decomposition(monkeypatch):
    counted = []
    for name in ("eigh", "eigvalsh"):
        original = getattr(torch.linalg, name)
        monkeypatch.setattr(torch.linalg, name, lambda rows, f=original: (counted.append(1), f(rows))[1])
    frechet(normal(100), normal(100, seed=1), blocks=10)
    assert len(counted) == 2 + 1 + 2 * 10  # a root of each set, the value, the replicates


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("metric", [frechet, kid, neighbourhood_scores])
def test_features_that_are_not_finite_raise_an_assertion(metric, wrong):
    rows = normal(50)
    rows[3, 1] = wrong
    for pair in ((rows, normal(50, seed=1)), (normal(50, seed=1), rows)):
        with pytest.raises(AssertionError, match="not finite"):
            metric(*pair)


@pytest.mark.parametrize(("count", "features"), [(2, 1), (3, 2), (3, 1)])
def test_sets_too_small_for_a_covariance_without_a_block_are_refused(count, features):
    with pytest.raises(TooFewError, match=f"needs at least 4 real images, and there are {count}"):
        frechet(normal(count, features), normal(count, features, seed=1))
    result = frechet(normal(4, features), normal(4, features, 2.0, seed=1))
    assert 0 <= result.low < result.value < result.high


def test_the_number_of_blocks_changes_intervals_alone():
    real, fake = normal(300, seed=1), normal(300, middle=0.3, seed=2)
    for metric in (frechet, kid):
        assert metric(real, fake, blocks=10).value == pytest.approx(metric(real, fake, blocks=20).value)


@pytest.mark.parametrize(
    ("metric", "needed"), [(frechet, "at least 5 real images"), (kid, "10"), (neighbourhood_scores, "at least 12 real")]
)
def test_too_few_images_are_refused_with_the_number_needed(metric, needed):
    with pytest.raises(TooFewError, match=needed):
        metric(normal(4), normal(100))
    with pytest.raises(TooFewError, match="4"):
        metric(normal(100), normal(4))


def test_the_smallest_accepted_sets_have_a_value():
    assert frechet(normal(5), normal(5, seed=1)).value > 0
    assert kid(normal(10), normal(10, seed=1)).low < kid(normal(10), normal(10, seed=1)).high
    assert neighbourhood_scores(normal(12), normal(12, seed=1)).precision.value >= 0


def simulated(metric, count, times, **fake):
    result = [metric(normal(count, 3, seed=2 * k), normal(count, 3, seed=2 * k + 1, **fake)) for k in range(times)]
    truth = float(np.mean([entry.value for entry in result]))
    return float(np.mean([entry.low <= truth <= entry.high for entry in result]))


def test_the_interval_of_frechet_covers_its_mean_nineteen_times_in_twenty():
    assert 0.9 <= simulated(frechet, 200, 200, middle=0.5, deviation=1.4) <= 0.99


def test_the_interval_of_kid_covers_its_mean_nineteen_times_in_twenty():
    assert 0.9 <= simulated(kid, 400, 150, middle=0.5, deviation=1.4) <= 0.99


def test_precisions_interval_covers_nineteen_times_in_twenty_with_the_real_set_held_fixed():
    real = normal(150, 3)
    result = [neighbourhood_scores(real, normal(150, 3, 0.7, 1.2, seed=k)).precision for k in range(1, 200)]
    truth = float(np.mean([entry.value for entry in result]))
    assert 0.9 <= np.mean([entry.low <= truth <= entry.high for entry in result]) <= 0.99


def test_densitys_interval_covers_nineteen_times_in_twenty_with_the_real_set_held_fixed():
    real = normal(150, 3)
    result = [neighbourhood_scores(real, normal(150, 3, 0.7, 1.2, seed=k)).density for k in range(1, 300)]
    truth = float(np.mean([entry.value for entry in result]))
    assert 0.9 <= np.mean([entry.low <= truth <= entry.high for entry in result]) <= 0.985


def test_recalls_interval_covers_nineteen_times_in_twenty_with_the_generated_set_held_fixed():
    fake = normal(150, 3)
    result = [neighbourhood_scores(normal(150, 3, 0.7, 1.2, seed=k), fake).recall for k in range(1, 300)]
    truth = float(np.mean([entry.value for entry in result]))
    assert 0.9 <= np.mean([entry.low <= truth <= entry.high for entry in result]) <= 0.985


def test_the_sliced_wasserstein_distance_of_a_shift_is_its_square_over_the_variance():
    random = np.random.default_rng(0)
    real = random.normal(0, 2, (4000, 16))
    shift = np.zeros(16)
    shift[0] = 3
    # A projection on a unit vector u moves by 3 u_0, and the mean of u_0² over directions is 1/16.
    estimate = distances.sliced_wasserstein(real, real + shift)
    assert estimate.value == pytest.approx(9 / 16 / 4, rel=0.2)
    assert estimate.low <= estimate.value <= estimate.high


def test_the_sliced_wasserstein_distance_sees_what_two_moments_do_not():
    random = np.random.default_rng(1)
    normal = random.normal(0, 1, (3000, 8))
    signs = random.choice([-1.0, 1.0], (3000, 8))  # the same mean and covariance
    floor = distances.sliced_wasserstein(normal, random.normal(0, 1, (3000, 8))).value
    assert distances.sliced_wasserstein(normal, signs).value > 5 * floor
    assert distances.frechet(normal, signs).value < 0.05


def test_the_sliced_wasserstein_distance_is_that_of_scipy_in_one_dimension():
    from scipy.stats import wasserstein_distance

    random = np.random.default_rng(2)
    one, other = random.normal(0, 1, (500, 1)), random.normal(0.5, 2, (500, 1))
    squared = np.mean((np.sort(one[:, 0]) - np.sort(other[:, 0])) ** 2)
    assert distances.sliced_wasserstein(one, other).value == pytest.approx(squared / one.var(ddof=1))
    assert wasserstein_distance(one[:, 0], other[:, 0]) ** 2 <= squared
