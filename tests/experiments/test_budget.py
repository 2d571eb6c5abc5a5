"""Subsets and budgets: a share of every class, one within another, and no more than was asked for."""

import re
from dataclasses import replace

import numpy as np
import pytest

from ganvas import machine
from ganvas.errors import UserError
from ganvas.experiments import budget
from ganvas.experiments.budget import CostPlan, Rates, Share, Worth, class_counts, list_shares, plan_costs, subset

FAST = Rates(fitting=2_500.0, training=900.0)


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 2)
    monkeypatch.setattr(machine, "device", lambda: "cpu")


@pytest.fixture
def prepared(tiny_prepared):
    """prepared(1000, 500, 60) -> a set with so many training images a class, and 10 held-out ones after them."""

    def build(*of_class):
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

    return build


@pytest.fixture
def small(prepared):
    """small(minutes, ...) -> the plan of a set of 6,000 images."""

    def build(minutes=None, rates=FAST, most_trained=10**6, quick=False):
        return plan_costs(prepared(3_000, 3_000), rates, Worth(minutes=minutes, quick=quick), 500, most_trained)

    return build


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


def test_no_class_has_fewer_than_two_images_unless_the_set_has_and_a_note_says_so(prepared):
    whole = prepared(1000, 120, 1)
    assert class_counts(whole, 0.01).tolist() == [10, 2, 1]
    assert class_counts(whole).tolist() == [1000, 120, 1]
    tenth, hundredth = list_shares(whole, quick=True)
    assert (tenth.images, hundredth.images) == (100 + 12 + 1, 10 + 2 + 1)
    assert hundredth.note == "2 classes would have fewer than 2 images, and got that many"


def test_a_share_with_the_images_of_another_is_left_out_and_a_note_says_so(prepared):
    note = "1 % would be the same images, at 2 of each class at least"
    assert list_shares(prepared(20, 20), quick=True) == [Share(share=0.1, images=4, note=note)]


@pytest.mark.parametrize("quick", [True, False])
def test_a_set_without_a_part_smaller_than_itself_is_refused(prepared, quick):
    with pytest.raises(UserError, match="has 4 training images of 2 classes, too few to learn from a part of them"):
        list_shares(prepared(2, 2), quick)


def cpu_seconds(planned, rates, seeds, tested):
    """Of a plan, counted by hand: forward passes take half the time of a fit's or a training's steps."""
    seconds = 0.0
    for share in planned.shares:
        fits, draws = (4, 1) if share.share == 1 else (6, 2)  # of a part the run's own generator draws too
        seconds += budget.SECONDS_TO_START * (fits + draws)
        seconds += fits * (share.shown + tested / 2) / rates.fitting
        seconds += ((share.trained or 0) + draws * share.shown / 2 / 2) / rates.training
    return seeds * seconds


@pytest.mark.parametrize(("minutes", "quick"), [(15, False), (4, True), (10, True), (40, False)])
def test_a_plan_takes_no_longer_than_was_asked(prepared, minutes, quick):
    tested = budget.QUICK_TESTED if quick else budget.MOST_TESTED
    planned = plan_costs(prepared(30_000, 30_000), FAST, Worth(minutes=minutes, quick=quick), tested, 10**9)
    taken = cpu_seconds(planned, FAST, 3, tested) / 60 / 2  # two cores that are never idle
    assert 0.6 * minutes < taken <= minutes
    assert planned.minutes == minutes


def test_generators_take_half_of_the_time(prepared):
    planned = plan_costs(prepared(30_000, 30_000), FAST, Worth(minutes=10, quick=True), 500, 10**9)
    trainings = sum(share.trained for share in planned.shares) * 3 / FAST.training
    started = cpu_seconds(
        CostPlan(minutes=0, shares=[share.model_copy(update={"shown": 0, "trained": 0}) for share in planned.shares]),
        FAST,
        3,
        500,
    )
    assert trainings == pytest.approx(0.5 * (10 * 60 * 2 * budget.SHARE_IN_USE - started), rel=1e-3)


def test_more_cores_show_more_in_the_same_time_and_an_accelerator_is_counted_once(prepared, monkeypatch):
    def shown():
        planned = plan_costs(prepared(30_000, 30_000), FAST, Worth(minutes=5, quick=True), 500, 10**9)
        return planned.shares[0].shown

    two = shown()
    monkeypatch.setattr(machine, "cores", lambda: 4)
    assert shown() > 1.5 * two
    monkeypatch.setattr(machine, "device", lambda: "cuda")
    assert budget.at_once(30) == 1


def test_quick_leaves_the_whole_set_out_and_the_whole_set_uses_the_runs_own_generator(small):
    assert [(share.share, share.images) for share in small(4, quick=True).shares] == [(0.1, 600), (0.01, 60)]
    shares = small(15).shares
    assert [(share.share, share.trained is None) for share in shares] == [(1.0, True), (0.1, False), (0.01, False)]


def test_every_fit_shows_the_same_number_of_whole_batches_and_at_most_half_of_them_is_generated(prepared):
    shares = plan_costs(prepared(30_000, 30_000), FAST, Worth(minutes=15), 10_000, 10**6).shares
    assert len({share.shown for share in shares}) == 1
    for share in shares:
        assert share.shown % 128 == 0
        assert share.generated == min(9 * share.images, share.shown // 2)


def test_no_generator_is_trained_longer_than_the_runs_own(small):
    assert [share.trained for share in small(15, most_trained=700).shares] == [None, 700, 700]


def test_too_few_minutes_are_refused_with_those_that_are_enough(small):
    sentence = r"0.1 minutes are too few for 36 fits and 6 trainings on this machine: give --minutes (\S+) or more"
    with pytest.raises(UserError, match=sentence) as refused:
        small(0.1, quick=True)
    least = float(re.search(sentence, str(refused.value))[1])
    assert small(least, quick=True).shares[0].shown >= budget.FEWEST_SHOWN
    with pytest.raises(UserError, match="too few"):
        small(0.8 * least, quick=True)


def test_minutes_that_were_not_given_grow_only_where_they_have_to(small, said):
    assert small(quick=True).minutes == 4
    assert said == []
    slow = Rates(*(rate / 10 for rate in FAST))
    grown = small(rates=slow, quick=True).minutes
    assert 4 < grown < 40
    few = "4 minutes are too few for 36 fits and 6 trainings on this machine"
    assert said == [f"{few}: the budget becomes {grown:g} minutes"]


@pytest.mark.parametrize(
    ("minutes", "quick", "tested"), [(4, True, budget.QUICK_TESTED), (15, False, budget.MOST_TESTED)]
)
def test_sixty_thousand_images_fit_into_the_default_minutes_on_two_cores(prepared, minutes, quick, tested):
    plan_costs(prepared(30_000, 30_000), FAST, Worth(minutes=minutes, quick=quick), tested, 10**6)


def test_a_plan_is_read_back_as_it_was_written(small):
    written = small(15)
    assert CostPlan.model_validate_json(written.model_dump_json()) == written
