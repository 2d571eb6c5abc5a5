"""Subsets and budgets: a share of every class, one within another, and no more than was asked for."""

import re
from dataclasses import replace

import numpy as np
import pytest

from ganvas.errors import UserError
from ganvas.experiments import budget
from ganvas.experiments.budget import Plan, Rates, Wish, counts, enough, planned, read_plan, reduced, subset, trained_on

FAST = Rates(fitting=4_000.0, training=1_500.0, drawing=3_000.0)


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
    assert trained_on(whole).tolist() == [1000, 120, 1]
    (_, tenth, _), (_, hundredth, note) = reduced(whole, quick=True)
    assert (tenth, hundredth) == (100 + 12 + 1, 10 + 2 + 1)
    assert note == "2 classes would have fewer than 2 images, and got that many"


def test_a_share_with_the_images_of_another_is_left_out_and_that_is_said(prepared):
    found = reduced(prepared(20, 20), quick=True)
    assert found == [(0.1, 4, "1 % would be the same images, at 2 of each class at least")]


@pytest.mark.parametrize("quick", [True, False])
def test_a_set_without_a_part_smaller_than_itself_is_refused(prepared, quick):
    with pytest.raises(UserError, match="has 4 training images of 2 classes, too few to learn from a part of them"):
        reduced(prepared(2, 2), quick)


def seconds_of(sizes, rates, seeds, tested):
    work = [budget.work_seconds(size, rates, tested) for size in sizes]
    return seeds * sum(
        each["fit"] * len(size.rows) + each["draw"] + each["train"] * (size.trained is not None)
        for each, size in zip(work, sizes, strict=True)
    )


@pytest.mark.parametrize(("minutes", "quick"), [(15, False), (3, True), (10, True), (40, False)])
def test_a_plan_takes_no_longer_than_was_asked(prepared, minutes, quick):
    tested = budget.QUICK_TESTED if quick else budget.MOST_TESTED
    sizes = planned(prepared(30_000, 30_000), FAST, minutes, Wish(3, quick, 10**9, tested))
    taken = seconds_of(sizes, FAST, 3, tested) / 60
    assert 0.6 * minutes < taken <= minutes


def test_quick_leaves_the_whole_set_out_and_the_whole_set_uses_the_runs_own_generator(prepared):
    whole = prepared(3_000, 3_000)
    sizes = planned(whole, FAST, 3, Wish(3, True, 10**6, 500))
    assert [(size.share, size.images) for size in sizes] == [(0.1, 600), (0.01, 60)]
    sizes = planned(whole, FAST, 15, Wish(3, False, 10**6, 500))
    assert [(size.share, size.trained is None) for size in sizes] == [(1.0, True), (0.1, False), (0.01, False)]


def test_fits_of_a_size_show_whole_batches_and_half_of_them_at_most_is_drawn(prepared):
    for size in planned(prepared(30_000, 30_000), FAST, 15, Wish(3, False, 10**6, 10_000)):
        assert size.shown % 128 == 0
        assert size.generated == min(9 * size.images, size.shown // 2)


def test_no_generator_is_trained_longer_than_the_runs_own(prepared):
    sizes = planned(prepared(3_000, 3_000), FAST, 15, Wish(3, False, 700, 500))
    assert [size.trained for size in sizes] == [None, 700, 700]


def test_too_few_minutes_are_refused_with_those_that_would_do(prepared):
    whole, wish = prepared(3_000, 3_000), Wish(3, True, 10**6, 500)
    sentence = r"0.1 minutes are too few for 30 fits and 6 trainings on this machine: give --minutes (\S+) or more"
    with pytest.raises(UserError, match=sentence) as refused:
        planned(whole, FAST, 0.1, wish)
    least = float(re.search(sentence, str(refused.value))[1])
    assert planned(whole, FAST, least, wish)[0].shown >= budget.FEWEST_SHOWN
    with pytest.raises(UserError, match="too few"):
        planned(whole, FAST, 0.8 * least, wish)


def test_minutes_grow_only_where_they_have_to(prepared):
    whole, wish = prepared(3_000, 3_000), Wish(3, True, 10**6, 500)
    assert enough(whole, FAST, 3, wish) == 3
    slow = Rates(*(rate / 10 for rate in FAST))
    assert 3 < enough(whole, slow, 3, wish) < 20


def test_a_quick_comparison_of_sixty_thousand_images_fits_into_its_minutes_on_two_cores(prepared):
    whole = prepared(30_000, 30_000)
    assert enough(whole, FAST, 3, Wish(3, True, 10**6, budget.QUICK_TESTED)) == 3
    assert enough(whole, FAST, 15, Wish(3, False, 10**6, budget.MOST_TESTED)) == 15


def test_a_plan_is_read_back_as_it_was_written(prepared):
    plan = Plan(15.0, FAST, planned(prepared(3_000, 3_000), FAST, 15, Wish(3, False, 700, 500)))
    assert read_plan(plan.to_json()) == plan
