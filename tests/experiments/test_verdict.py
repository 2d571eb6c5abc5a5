"""What is concluded from results: planted effects are detected, none is not, and the whole set never decides."""

import re

import numpy as np
import pytest

from ganvas.experiments.analysis import Outcome, assemble
from ganvas.experiments.budget import Share
from ganvas.experiments.experiment import Experiment, Measure, Variant
from ganvas.experiments.results import Failure
from ganvas.experiments.verdict import ACCURACY, conclude, name_of
from ganvas.experiments.worth_trials import Rare, rare_classes

SEEDS = (0, 1, 2)
IMAGES = 2_000


def share(size):
    return Share(share=size, images=100, shown=1280, generated=50, trained=None, note="")


def ways(size):
    return "abcd" if size == 1 else "abcdef"


def results(planned, seeds=SEEDS, spread=0.004):
    """{share: {way: accuracy}} -> what each fit got right: hard images are hard for all."""
    random = np.random.default_rng(1)
    hard = random.permutation(IMAGES) / IMAGES
    return {
        (size, seed, way): hard + random.normal(0, 0.01, IMAGES) < accuracy + random.normal(0, spread)
        for size, accuracies in planned.items()
        for way, accuracy in accuracies.items()
        for seed in seeds
    }


def rows(with_generated, real=0.8, augmented=0.82, both=None):
    both = with_generated if both is None else both
    return {"a": real, "b": augmented, "c": with_generated, "d": 0.7, "e": both, "f": both}


def asked(planned, seeds=SEEDS, failures=None, right=None, spread=0.004):
    right = results(planned, seeds, spread) if right is None else right
    flags = {(name_of(share(size), way), seed): {"accuracy": flags} for (size, seed, way), flags in right.items()}
    experiment = Experiment(
        name="worth",
        claim="",
        measure=lambda trial, variant: {},
        variants=tuple(Variant(name_of(share(size), way)) for size in planned for way in ways(size)),
        measures=(ACCURACY, Measure("rare_recall", "recall", "higher", "percent")),
        comparisons=(),
        limits=(),
        needs_every_seed=True,
    )
    figures = {key: {"accuracy": float(each["accuracy"].mean())} for key, each in flags.items()}
    failed = {(name_of(share(size), way), seed): why for (size, seed, way), why in (failures or {}).items()}
    outcome = Outcome(figures, flags, failed, 0.0)
    answer = conclude([share(size) for size in planned], seeds, outcome)
    return assemble(experiment, "a title", answer, outcome, seeds, (), "a command")


def variant(result, name):
    return next(each for each in result.variants if each.name == name)


def test_a_planted_effect_is_a_yes_at_what_size_and_by_how_much():
    result = asked({0.1: rows(0.9), 0.01: rows(0.82)})
    assert result.verdict == "yes"
    start = r"Yes: with 10 % of the training images \(100\) plain augmentation gives \d\d\.\d -> \d\d\.\d %, generated "
    assert re.match(start + r"images \w+ \w+ ?\w* \+[78]\.\d points \(\d\d\.\d %; \+\d", result.answer)
    assert "; with 1 % of the training images (100) plain augmentation" in result.answer
    assert result.answer.count("Yes") == 1


def test_no_effect_is_no_yes():
    for seed in range(3):
        flat = {share: dict.fromkeys("abcdef", 0.8) for share in (0.1, 0.01)}
        assert asked(flat, tuple(range(10 * seed, 10 * seed + 3))).verdict in ("unknown", "no")


def test_harm_at_every_size_is_a_no():
    result = asked({0.1: rows(0.7), 0.01: rows(0.6)})
    assert result.verdict == "no"
    assert result.answer.startswith("No: with 10 % of the training images (100) plain augmentation gives ")
    assert result.answer.count("nothing (") == 2


def test_a_generator_that_hardly_learned_answers_nothing():
    hardly = rows(0.7) | {"d": 0.3}
    result = asked({0.1: rows(0.7), 0.01: hardly})
    assert result.verdict == "unknown"
    assert "with 1 % of the training images (100) not answered, since the generator hardly learned" in result.answer
    assert "its images alone teach 30." in result.answer
    assert {each.verdict for each in result.comparisons if "(1 %)" in each.of[0]} == {"unknown"}
    assert {each.verdict for each in result.comparisons if "(10 %)" in each.of[0]} == {"no"}


@pytest.mark.parametrize("gained", [0.0, 0.004, 0.012, 0.02, 0.05])
def test_the_verdict_follows_from_the_interval_that_is_printed(gained):
    result = asked({0.1: rows(0.82 + gained), 0.01: rows(0.82 + gained)})
    for each in result.comparisons:
        expected = "yes" if each.low > 0 and each.value >= 0.005 else "no" if each.high < 0.005 else "unknown"
        assert each.verdict == expected


def test_harm_at_one_size_and_chance_at_the_other_cannot_be_told():
    right = results({0.1: rows(0.82), 0.01: rows(0.6)}, spread=0.05)
    assert asked({0.1: {}, 0.01: {}}, right=right).verdict == "unknown"


def test_beating_real_images_alone_is_no_yes_where_augmentation_does_as_much():
    assert asked({0.1: rows(0.86, 0.8, 0.9), 0.01: rows(0.86, 0.8, 0.9)}).verdict == "no"


def test_a_certain_trifle_is_a_no():
    """One image in a thousand more right, the same ones whatever the seed: certain, and not worth a generator."""
    index = np.arange(40_000)
    right = {(0.1, seed, way): index < (32_040 if way in "ce" else 32_000) for seed in SEEDS for way in "abcdef"}
    result = asked({0.1: {}}, right=right)
    assert max(gain.p_holm for gain in result.comparisons) < 0.001
    assert {gain.verdict for gain in result.comparisons} == {"no"}
    assert result.verdict == "no"


@pytest.mark.parametrize("whole", [0.5, 0.99])
def test_rows_of_the_whole_set_never_decide(whole):
    without = asked({0.1: rows(0.9), 0.01: rows(0.82)})
    planned = {1.0: {"a": 0.8, "b": 0.8, "c": whole, "d": whole}, 0.1: rows(0.9), 0.01: rows(0.82)}
    right = results({0.1: rows(0.9), 0.01: rows(0.82)}) | results({1.0: planned[1.0]})
    with_whole = asked(planned, right=right)
    assert (with_whole.verdict, with_whole.answer) == (without.verdict, without.answer)
    assert with_whole.comparisons == without.comparisons
    assert variant(with_whole, "real + generated (100 %)").figures["accuracy"].value == pytest.approx(whole, abs=0.02)


def test_the_whole_set_alone_gives_no_answer():
    assert asked({1.0: {"a": 0.5, "b": 0.5, "c": 0.9, "d": 0.9}}).verdict == "unknown"


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_fewer_than_three_seeds_give_no_answer_however_clear(seeds):
    result = asked({0.1: rows(0.95), 0.01: rows(0.95)}, seeds)
    assert (result.verdict, result.answer) == ("unknown", "Inconclusive: fewer than 3 seeds give no verdict.")


def test_one_seed_has_a_figure_and_no_interval():
    figure = variant(asked({0.1: rows(0.9)}, (0,)), "real only (10 %)").figures["accuracy"]
    assert figure.value == pytest.approx(0.8, abs=0.02)
    assert figure.low is None


def test_a_failed_fit_is_reported_and_never_averaged_away():
    right = results({0.1: rows(0.95), 0.01: rows(0.95)})
    del right[0.1, 1, "c"]
    result = asked({0.1: {}, 0.01: {}}, failures={(0.1, 1, "c"): "a loss is not a number"}, right=right)
    assert variant(result, "real + generated (10 %)").figures == {}
    assert variant(result, "real only (10 %)").figures["accuracy"].value > 0
    assert result.failures == (Failure(variant="real + generated (10 %)", seed=1, why="a loss is not a number"),)
    assert result.answer == "Inconclusive: 1 fit that it rests on could not be done."


def test_a_share_of_right_answers_has_an_interval_within_0_and_1():
    result = asked({0.1: dict.fromkeys("abcdef", 0.998)}, spread=0.01)
    figure = variant(result, "real only (10 %)").figures["accuracy"]
    assert figure.high <= 1.0


def test_chance_alone_says_yes_at_most_as_often_as_it_may():
    flat = {share: dict.fromkeys("abcdef", 0.8) for share in (0.1, 0.01)}
    random, positives = np.random.default_rng(3), 0
    hard = random.permutation(IMAGES) / IMAGES
    for _ in range(60):
        right = {
            (size, seed, way): hard < 0.8 + random.normal(0, 0.01)
            for size in flat
            for way in "abcdef"
            for seed in SEEDS
        }
        positives += asked(flat, right=right).verdict == "yes"
    assert positives <= 6


def test_the_rare_classes_are_those_with_the_fewest_images_that_can_be_tested():
    tested = np.array([0, 0, 1, 2])
    assert rare_classes(np.array([100, 20, 90, 3]), tested) == Rare((1,), False)
    assert rare_classes(np.array([100, 50, 90, 3]), tested) == Rare((0, 1, 2), True)
    many = np.array([9, 100, 8] + [100] * 9)
    assert rare_classes(many, np.arange(12)) == Rare((2, 0), False)


def test_recall_is_the_rare_classes_mean_and_in_a_balanced_set_the_lowest():
    right, labels = np.array([1, 1, 0, 1, 0, 0], bool), np.array([0, 0, 1, 1, 2, 2])
    assert Rare((1, 2), False).recall(right, labels) == pytest.approx(0.25)
    assert Rare((0, 1, 2), True).recall(right, labels) == 0.0
    assert Rare((0,), False).recall(right, labels) == 1.0
