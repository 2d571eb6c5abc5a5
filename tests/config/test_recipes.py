import pytest

from ganvas.config.recipes import RECIPES, configure
from ganvas.errors import UserError
from ganvas.networks.book import BookConv, BookMLP


def test_an_unknown_recipe_gets_the_nearest_name():
    with pytest.raises(UserError, match="there is no recipe 'modrn'; did you mean modern"):
        configure("digits", "modrn")


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_named_as_it_is_listed_and_says_what_it_is(recipe):
    assert RECIPES[recipe]("digits").recipe == recipe
    assert RECIPES[recipe].__doc__


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_has_a_budget_of_its_own(recipe):
    training = RECIPES[recipe]("digits").training
    assert [training.images, training.minutes, training.epochs].count(None) == 2


def test_the_default_runs_ten_minutes_and_the_book_its_epochs():
    assert RECIPES["modern"]("digits").training.minutes == 10
    epochs = {name: RECIPES[name]("digits").training.epochs for name in RECIPES if name != "modern"}
    assert epochs["book-conditional"] == 12
    assert epochs["book-classifier"] == 3


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name.startswith("book-")])
def test_the_book_shows_one_image_at_a_time_in_its_own_precision_and_averages_nothing(recipe):
    run = RECIPES[recipe]("digits")
    assert (run.training.batch, run.training.ema_halflife_images, run.training.precision) == (1, 0, "float32")
    assert (run.optimiser.lr_hold, run.optimiser.weight_decay) == (1.0, 0.0)


def test_the_books_plain_pairs_have_no_labels():
    off = {name for name in RECIPES if name.startswith("book-") and RECIPES[name]("digits").labels == "off"}
    assert off == {"book-gan", "book-conv", "book-conv-gelu"}


def test_another_kind_of_pair_starts_from_its_own_defaults():
    run = configure("digits", "modern", {"pair": {"kind": "book-conv", "ends": 4}})
    assert run.pair == BookConv(ends=4)


def test_the_same_kind_of_pair_keeps_what_the_recipe_chose():
    run = configure("digits", "book-conv-gelu", {"pair": {"kind": "book-conv", "width": 8}})
    assert run.pair == BookConv(activation="gelu", normalisation="instance", width=8)


def test_later_choices_win():
    run = configure("digits", "book-gan", {"pair": {"hidden": 5, "noise": 7}}, {"pair": {"hidden": 6}})
    assert run.pair == BookMLP(hidden=6, noise=7)


@pytest.mark.parametrize(
    ("choices", "match"),
    [
        ({"pair": {"widht": 3}}, "there is no --pair.widht: did you mean width"),
        ({"pare": {}}, "there is no --pare: did you mean pair"),
        ({"training": {"bacth": 3}}, "there is no --training.bacth: did you mean batch"),
        ({"objective": {"r3": 3}}, "there is no --objective.r3: did you mean r1|r2"),
        ({"pair": {"kind": "modren"}}, "pair"),
        ({"pair": {"kind": "book-mlp", "width": 3}}, "there is no --pair.width"),
        ({"pair": 3}, "--pair"),
    ],
)
def test_an_unknown_option_gets_the_nearest_name(choices, match):
    with pytest.raises(UserError, match=match):
        configure("digits", "modern", choices)
