"""What is concluded from results: planted effects are found, none is not, and the whole set never decides."""

import numpy as np
import pytest

from ganvas.experiments.answer import Rare, rare_of, rare_recall, told
from ganvas.experiments.budget import Size

SEEDS = (0, 1, 2)
IMAGES = 2_000
LABELS = np.arange(IMAGES) % 4
BALANCED = Rare((0, 1, 2, 3), True)


def sizes(*shares):
    return [Size(share, 100, "abcd" if share == 1 else "abcde", 1280, 50, None, "") for share in shares or (0.1, 0.01)]


def results(planned, seeds=SEEDS, spread=0.004):
    """{share: {row: accuracy}} -> what each fit got right: hard images are hard for all."""
    random = np.random.default_rng(1)
    hard = random.permutation(IMAGES) / IMAGES
    return {
        (share, seed, row): hard + random.normal(0, 0.01, IMAGES) < accuracy + random.normal(0, spread)
        for share, rows in planned.items()
        for row, accuracy in rows.items()
        for seed in seeds
    }


def rows(with_generated, real=0.8, augmented=0.82, both=None):
    both = with_generated if both is None else both
    return {"a": real, "b": augmented, "c": with_generated, "d": 0.5, "e": both}


def asked(planned, seeds=SEEDS, failures=None, found=None):
    found = results(planned, seeds) if found is None else found
    return told(sizes(*planned), seeds, found, failures or {}, LABELS, BALANCED)


def test_a_planted_effect_is_a_yes_that_says_at_what_size_and_by_how_much():
    found = asked({0.1: rows(0.9), 0.01: rows(0.82)})["verdict"]
    assert found["answer"] == "yes"
    assert found["sentence"].startswith("Yes: with 10 % of the training images (100), real + generated")
    assert "+8." in found["sentence"] or "+7." in found["sentence"]
    assert "over real, augmented" in found["sentence"]


def test_no_effect_is_no_yes():
    for seed in range(3):
        flat = {share: dict.fromkeys("abcde", 0.8) for share in (0.1, 0.01)}
        assert asked(flat, tuple(range(10 * seed, 10 * seed + 3)))["verdict"]["answer"] in ("unknown", "no")


def test_harm_at_every_size_is_a_no():
    found = asked({0.1: rows(0.7), 0.01: rows(0.6)})["verdict"]
    assert found["answer"] == "no"
    assert found["sentence"].startswith("No: they add less than 0.5 points of accuracy: with 10 %")


def test_harm_at_one_size_and_chance_at_the_other_cannot_be_told():
    found = results({0.1: rows(0.82), 0.01: rows(0.6)}, spread=0.05)
    assert asked({0.1: {}, 0.01: {}}, found=found)["verdict"]["answer"] == "unknown"


def test_beating_real_images_alone_is_no_yes_where_augmentation_does_as_much():
    assert asked({0.1: rows(0.86, 0.8, 0.9), 0.01: rows(0.86, 0.8, 0.9)})["verdict"]["answer"] == "no"


def test_a_certain_trifle_is_a_no():
    """One image in a thousand more right, the same ones whatever the seed: certain, and not worth a generator."""
    place, labels = np.arange(40_000), np.arange(40_000) % 4
    found = {(0.1, seed, row): place < (32_040 if row in "ce" else 32_000) for seed in SEEDS for row in "abcde"}
    card = told(sizes(0.1), SEEDS, found, {}, labels, BALANCED)
    assert max(gain["p_holm"] for gain in card["sizes"][0]["gains"]) < 0.001
    assert card["verdict"]["answer"] == "no"


@pytest.mark.parametrize("whole", [0.5, 0.99])
def test_rows_of_the_whole_set_never_decide(whole):
    without = asked({0.1: rows(0.9), 0.01: rows(0.82)})
    planned = {1.0: {"a": 0.8, "b": 0.8, "c": whole, "d": whole}, 0.1: rows(0.9), 0.01: rows(0.82)}
    found = results({0.1: rows(0.9), 0.01: rows(0.82)})
    found |= results({1.0: planned[1.0]})
    with_whole = asked(planned, found=found)
    assert with_whole["verdict"] == without["verdict"]
    first = with_whole["sizes"][0]
    assert (first["decides"], first["comparisons"], first["gains"]) == (False, [], [])


def test_the_whole_set_alone_gives_no_answer():
    assert asked({1.0: {"a": 0.5, "b": 0.5, "c": 0.9, "d": 0.9}})["verdict"]["answer"] == "unknown"


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_fewer_than_three_seeds_give_no_answer_however_clear(seeds):
    found = asked({0.1: rows(0.95), 0.01: rows(0.95)}, seeds)
    assert found["verdict"]["sentence"] == "Cannot tell: one cannot tell with fewer than 3 seeds."


def test_one_seed_has_a_figure_and_no_interval():
    row = asked({0.1: rows(0.9)}, (0,))["sizes"][0]["rows"][0]
    assert row["accuracy"]["value"] is not None
    assert row["accuracy"]["low"] is None


def test_a_failed_fit_is_told_and_never_averaged_away():
    found = results({0.1: rows(0.95), 0.01: rows(0.95)})
    del found[0.1, 1, "c"]
    card = asked({0.1: {}, 0.01: {}}, failures={(0.1, 1, "c"): "a loss is not a number"}, found=found)
    row = next(row for row in card["sizes"][0]["rows"] if row["row"] == "c")
    assert row["accuracy"]["value"] is None
    assert row["rare_recall"]["value"] is None
    assert row["failed"] == [{"seed": 1, "why": "a loss is not a number"}]
    assert row["by_seed"][1] is None
    assert row["by_seed"][0] is not None
    assert card["verdict"]["sentence"] == "Cannot tell: 1 fit that it rests on could not be done."


def test_chance_alone_says_yes_at_most_as_often_as_it_may():
    flat = {share: dict.fromkeys("abcde", 0.8) for share in (0.1, 0.01)}
    random, said = np.random.default_rng(3), 0
    hard = random.permutation(IMAGES) / IMAGES
    for _ in range(60):
        found = {
            (share, seed, row): hard < 0.8 + random.normal(0, 0.01)
            for share in flat
            for row in "abcde"
            for seed in SEEDS
        }
        said += asked(flat, found=found)["verdict"]["answer"] == "yes"
    assert said <= 6


def test_the_rare_classes_are_those_with_the_fewest_images_that_can_be_tested():
    tested = np.array([0, 0, 1, 2])
    assert rare_of(np.array([100, 20, 90, 3]), tested) == Rare((1,), False)
    assert rare_of(np.array([100, 50, 90, 3]), tested) == Rare((0, 1, 2), True)
    many = np.array([9, 100, 8] + [100] * 9)
    assert rare_of(many, np.arange(12)) == Rare((2, 0), False)


def test_recall_is_the_rare_classes_mean_and_in_a_balanced_set_the_lowest():
    right, labels = np.array([1, 1, 0, 1, 0, 0], bool), np.array([0, 0, 1, 1, 2, 2])
    assert rare_recall(right, labels, Rare((1, 2), False)) == pytest.approx(0.25)
    assert rare_recall(right, labels, Rare((0, 1, 2), True)) == 0.0
    assert rare_recall(right, labels, Rare((0,), False)) == 1.0
