"""Subsets and budgets: a share of every class, one within another, and no more than was asked for."""

import re
from dataclasses import replace

import numpy as np
import pytest

from ganvas import machine
from ganvas.errors import UserError
from ganvas.experiments import budget
from ganvas.experiments.budget import Plan, Rates, Wish, class_counts, counts, enough, parts, plan, subset

FAST = Rates(fitting=2_500.0, training=900.0)


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 2)
    monkeypatch.setattr(machine, "device", lambda: "cpu")


@pytest.fixture
def prepared(tiny_prepared):
    """made(1000, 500, 60) -> a set with so many training images a class, and 10 held-out ones after them."""

    def made(*of_class):
        labels = np.repeat(np.arange(len(of_class)), of_class)
        labels = np.concatenate([np.random.default_rng(0).permutation(labels), np.arange(10) % len(of_class)])
        return replace(
            tiny_prepared,
            pixels=np.zeros((len(labels), 1, 28, 28), np.uint8),
            labels=labels,
            classes=tuple("abcdefghij"[: len(of_class)]),
            train=np.arange(len(labels) - 10),
            held_out=np.arange(len(labels) - 10, len(labels)),
        )

    return made


def test_a_subset_has_its_share_of_every_class_and_no_image_twice(prepared):
    whole = prepared(1000, 500, 60)
    rows = subset(whole, 0.1, 0)
    assert np.bincount(whole.labels[rows]).tolist() == [100, 50, 6]
    assert len(np.unique(rows)) == len(rows)
    assert set(rows) <= set(whole.train)
    assert np.array_equal(rows, np.sort(rows))


def test_a_smaller_subset_lies_within_a_larger_one_of_the_same_seed(prepared):
    whole = prepared(1000, 500, 60)
    for seed in range(3):
        assert set(subset(whole, 0.01, seed)) < set(subset(whole, 0.1, seed)) < set(subset(whole, 1.0, seed))
    assert np.array_equal(subset(whole, 1.0, 5), whole.train)


def test_a_subset_depends_on_its_seed_alone(prepared):
    whole = prepared(1000, 500, 60)
    assert np.array_equal(subset(whole, 0.1, 1), subset(whole, 0.1, 1))
    assert not np.array_equal(subset(whole, 0.1, 1), subset(whole, 0.1, 2))


def test_no_class_has_fewer_than_two_images_unless_the_set_has_and_that_is_said(prepared):
    whole = prepared(1000, 120, 1)
    assert counts(whole, 0.01).tolist() == [10, 2, 1]
    assert class_counts(whole).tolist() == [1000, 120, 1]
    (_, tenth, _), (_, hundredth, note) = parts(whole, quick=True)
    assert (tenth, hundredth) == (100 + 12 + 1, 10 + 2 + 1)
    assert note == "2 classes would have fewer than 2 images, and got that many"


def test_a_share_with_the_images_of_another_is_left_out_and_that_is_said(prepared):
    found = parts(prepared(20, 20), quick=True)
    assert found == [(0.1, 4, "1 % would be the same images, at 2 of each class at least")]


@pytest.mark.parametrize("quick", [True, False])
def test_a_set_without_a_part_smaller_than_itself_is_refused(prepared, quick):
    with pytest.raises(UserError, match="has 4 training images of 2 classes, too few to learn from a part of them"):
        parts(prepared(2, 2), quick)


def minutes_of(planned, wish):
    """With two cores that are never idle."""
    shown, trained = planned.shares[-1].shown, planned.shares[-1].trained
    return budget.cpu_seconds([each.share for each in planned.shares], FAST, wish, trained, shown) / 60 / 2


@pytest.mark.parametrize(("minutes", "quick"), [(15, False), (3, True), (10, True), (40, False)])
def test_a_plan_takes_no_longer_than_was_asked(prepared, minutes, quick):
    tested = budget.QUICK_TESTED if quick else budget.MOST_TESTED
    wish = Wish(3, quick, 10**9, tested)
    taken = minutes_of(plan(prepared(30_000, 30_000), FAST, minutes, wish), wish)
    assert 0.6 * minutes < taken <= minutes


def test_more_cores_show_more_in_the_same_time_and_an_accelerator_is_counted_once(prepared, monkeypatch):
    whole, wish = prepared(30_000, 30_000), Wish(3, True, 10**9, 500)
    two = plan(whole, FAST, 4, wish).shares[0].shown
    monkeypatch.setattr(machine, "cores", lambda: 4)
    assert plan(whole, FAST, 4, wish).shares[0].shown > 1.5 * two
    monkeypatch.setattr(machine, "device", lambda: "cuda")
    assert budget.at_once(30) == 1


def test_the_time_of_everything_is_the_one_counted_by_hand():
    wish, rates = Wish(2, True, 10**6, 1_000), Rates(fitting=100.0, training=10.0)
    # 5 fits and a generator start in 4 s each; 5 fits of 2,000 images and 500 more in the time of their tests; 3,000
    # images trained, and 1,000 drawn in the time of 500.
    by_hand = 2 * (6 * 4 + 5 * 2_500 / 100 + 3_500 / 10)
    assert budget.cpu_seconds([0.1], rates, wish, 3_000, 2_000) == pytest.approx(by_hand)


def test_quick_leaves_the_whole_set_out_and_the_whole_set_uses_the_runs_own_generator(prepared):
    whole = prepared(3_000, 3_000)
    shares = plan(whole, FAST, 3, Wish(3, True, 10**6, 500)).shares
    assert [(each.share, each.images) for each in shares] == [(0.1, 600), (0.01, 60)]
    shares = plan(whole, FAST, 15, Wish(3, False, 10**6, 500)).shares
    assert [(each.share, each.trained is None) for each in shares] == [(1.0, True), (0.1, False), (0.01, False)]


def test_fits_of_a_size_show_whole_batches_and_half_of_them_at_most_is_drawn(prepared):
    for share in plan(prepared(30_000, 30_000), FAST, 15, Wish(3, False, 10**6, 10_000)).shares:
        assert share.shown % 128 == 0
        assert share.generated == min(9 * share.images, share.shown // 2)


def test_no_generator_is_trained_longer_than_the_runs_own(prepared):
    shares = plan(prepared(3_000, 3_000), FAST, 15, Wish(3, False, 700, 500)).shares
    assert [each.trained for each in shares] == [None, 700, 700]


def test_too_few_minutes_are_refused_with_those_that_would_do(prepared):
    whole, wish = prepared(3_000, 3_000), Wish(3, True, 10**6, 500)
    sentence = r"0.1 minutes are too few for 30 fits and 6 trainings on this machine: give --minutes (\S+) or more"
    with pytest.raises(UserError, match=sentence) as refused:
        plan(whole, FAST, 0.1, wish)
    least = float(re.search(sentence, str(refused.value))[1])
    assert plan(whole, FAST, least, wish).shares[0].shown >= budget.FEWEST_SHOWN
    with pytest.raises(UserError, match="too few"):
        plan(whole, FAST, 0.8 * least, wish)


def test_minutes_grow_only_where_they_have_to(prepared):
    whole, wish = prepared(3_000, 3_000), Wish(3, True, 10**6, 500)
    assert enough(whole, FAST, 3, wish) == 3
    slow = Rates(*(rate / 10 for rate in FAST))
    assert 3 < enough(whole, slow, 3, wish) < 30


def test_a_quick_comparison_of_sixty_thousand_images_fits_into_its_minutes_on_two_cores(prepared):
    whole = prepared(30_000, 30_000)
    assert enough(whole, FAST, 3, Wish(3, True, 10**6, budget.QUICK_TESTED)) == 3
    assert enough(whole, FAST, 15, Wish(3, False, 10**6, budget.MOST_TESTED)) == 15


def test_a_plan_is_read_back_as_it_was_written(prepared):
    written = plan(prepared(3_000, 3_000), FAST, 15, Wish(3, False, 700, 500))
    assert Plan.model_validate_json(written.model_dump_json()) == written
