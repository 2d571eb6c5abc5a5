"""What every metric of two sets must be, whatever it computes."""

import numpy as np
import pytest

from ganvas.evaluation.distances import TooFewError, frechet, kid, neighbourhood_scores
from ganvas.evaluation.diversity import diversity

METRICS = {
    "frechet": frechet,
    "kernel": kid,
    "diversity": diversity,
    **{
        name: lambda real, fake, name=name: getattr(neighbourhood_scores(real, fake), name)
        for name in ("precision", "recall", "density", "coverage")
    },
}
DISTANCES = ("frechet", "kernel")


def normal(count, seed, middle=0.0, features=4):
    return np.random.default_rng(seed).normal(middle, 1, (count, features))


@pytest.fixture(params=METRICS)
def metric(request):
    return METRICS[request.param]


def test_its_value_lies_within_its_interval_and_all_are_numbers(metric):
    for middle in (0.0, 0.5, 3.0):
        found = metric(normal(80, 1), normal(90, 2, middle))
        assert np.isfinite(found).all()
        assert found.low <= found.value <= found.high


def test_the_order_of_the_images_does_not_matter(metric):
    real, fake = normal(80, 1), normal(90, 2, 0.3)
    shuffled = np.random.default_rng(3).permutation(90)
    assert metric(real, fake[shuffled]).value == pytest.approx(metric(real, fake).value)
    assert metric(real[shuffled[shuffled < 80]], fake).value == pytest.approx(metric(real, fake).value)


@pytest.mark.parametrize("metric", [name for name in METRICS if name != "kernel"], indirect=True)
def test_a_common_move_of_everything_changes_nothing(metric):
    """But for KID, whose kernel is a polynomial of inner products, which know where nought is."""
    real, fake = normal(80, 1), normal(90, 2, 0.3)
    assert metric(real + 5, fake + 5).value == pytest.approx(metric(real, fake).value, rel=1e-6)


def test_float32_features_give_what_float64_ones_give(metric):
    real, fake = normal(80, 1).astype(np.float32), normal(90, 2, 0.3).astype(np.float32)
    assert metric(real, fake) == pytest.approx(metric(real.astype(np.float64), fake.astype(np.float64)))


def test_the_arrays_are_left_as_they_were(metric):
    real, fake = normal(80, 1), normal(90, 2)
    before = real.copy(), fake.copy()
    metric(real, fake)
    assert np.array_equal(real, before[0])
    assert np.array_equal(fake, before[1])


def test_too_few_images_of_either_kind_are_refused(metric):
    for real, fake in ((normal(3, 1), normal(90, 2)), (normal(90, 1), normal(3, 2))):
        with pytest.raises(TooFewError, match=r"needs? at least"):
            metric(real, fake)


@pytest.mark.parametrize("name", DISTANCES)
def test_a_distance_grows_with_what_it_measures(name):
    values = [METRICS[name](normal(300, 1), normal(300, 2, middle)).value for middle in (0.0, 0.5, 1.0, 2.0)]
    assert values == sorted(values)
