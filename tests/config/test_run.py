import pytest

from ganvas.config.recipes import RECIPES, configure
from ganvas.config.run import RunConfig, merge
from ganvas.errors import UserError
from ganvas.settings import parse


def refused(match, recipe="modern", **choices):
    with pytest.raises(UserError, match=match):
        configure("digits", recipe, choices)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_survives_its_own_json(recipe):
    run = RECIPES[recipe]("digits")
    assert RunConfig.model_validate_json(run.model_dump_json()) == run


def test_one_budget_is_enough():
    with pytest.raises(UserError, match="one budget, please, not images and minutes"):
        parse(RunConfig, merge(RECIPES["modern"]("digits").model_dump(), {"training": {"images": 1, "minutes": 1.0}}))


def test_a_budget_above_unsets_the_one_below():
    training = configure("digits", "modern", {"training": {"minutes": 3}}, {"training": {"images": 100}}).training
    assert (training.images, training.minutes, training.epochs) == (100, None, None)


def test_merging_leaves_what_is_not_named_and_changes_neither_side():
    below, above = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}}
    assert merge(below, above) == {"a": {"b": 9, "c": 2}, "d": 3}
    assert below == {"a": {"b": 1, "c": 2}, "d": 3}
    assert above == {"a": {"b": 9}}


@pytest.mark.parametrize(
    ("choices", "match"),
    [
        ({"training": {"threads": 0}}, "threads must be at least 1"),
        ({"training": {"batch": 0}}, "--training.batch"),
        ({"training": {"images": 0}}, "--training.images"),
        ({"training": {"images": -5}}, "it was -5"),
        ({"training": {"minutes": float("nan")}}, "--training.minutes"),
        ({"training": {"minutes": float("inf")}}, "--training.minutes"),
        ({"training": {"precision": "float16"}}, "--training.precision"),
        ({"optimiser": {"lr": float("nan")}}, "--optimiser.lr"),
        ({"optimiser": {"weight_decay": float("inf")}}, "--optimiser.weight_decay"),
        ({"objective": {"r1": float("inf")}}, "--objective.r1"),
        ({"objective": {"r1": float("nan")}}, "--objective.r1"),
        ({"objective": {"r1": "much"}}, "number from 0, or auto.*it was .?much"),
        ({"objective": {"r2": -1}}, "--objective.r2"),
        ({"seed": -1}, "--seed"),
        ({"labels": "maybe"}, "--labels"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_flag(choices, match):
    refused(match, **choices)


def test_numbers_may_come_as_text():
    training = configure("digits", "modern", {"training": {"batch": "32", "threads": "2"}}).training
    assert (training.batch, training.threads) == (32, 2)


def test_a_classifier_learns_by_classification_and_nothing_else_does():
    refused("do not go together", pair={"kind": "book-classifier"})
    refused("do not go together", objective={"kind": "classification"})
    refused("do not go together", recipe="book-classifier", objective={"kind": "book"})


def test_a_classifier_is_not_left_without_labels():
    refused("^--labels off leaves a classifier nothing to learn", recipe="book-classifier", labels="off")


def test_batch_normalisation_of_vectors_needs_two_images():
    refused("give --batch 2 or more", recipe="book-gan", pair={"normalisation": "batch"})
    configure("digits", "book-gan", {"pair": {"normalisation": "batch"}, "training": {"batch": 2}})
