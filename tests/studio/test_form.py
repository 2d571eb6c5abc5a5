import pytest

from ganvas.config.flags import options
from ganvas.config.recipes import RECIPES, configure
from ganvas.errors import UserError
from ganvas.settings import leaves
from ganvas.studio.form import form_of
from ganvas.studio.trainings import nested_options


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_the_form_has_exactly_the_options_of_the_command_line(recipe):
    values = RECIPES[recipe]("digits")
    kinds = {"pair": values.pair.kind, "objective": values.objective.kind}
    known = {
        o.name
        for o in options()
        if o.kind in ("", kinds.get(o.name.partition(".")[0])) and not o.name.endswith(".kind")
    }
    assert {field.name for field in form_of(recipe).fields} == known


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_the_defaults_of_the_form_are_those_of_the_recipe(recipe):
    values = dict(leaves(RECIPES[recipe]("digits").model_dump()))
    for field in form_of(recipe).fields:
        assert field.default == (values[field.name] if values[field.name] is not None else None)
        assert field.help


def test_what_most_people_choose_comes_first():
    assert [field.name for field in form_of("modern").fields[:3]] == ["training.minutes", "data.size", "seed"]


def test_every_default_is_accepted_when_it_is_sent_back():
    form = form_of("modern")
    sent = {field.name: field.default for field in form.fields if field.default is not None}
    assert configure("digits", "modern", nested_options(sent)) == RECIPES["modern"]("digits")


NO_OPTIONS = ["training.minutes.x", "Training.minutes", "--out", "training", "source", "recipe", "", "a b", "training."]


@pytest.mark.parametrize("name", NO_OPTIONS)
def test_a_name_that_is_no_option_is_refused(name):
    with pytest.raises(UserError):
        configure("digits", "modern", nested_options({name: "1"}))


def test_an_unknown_recipe_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="did you mean modern"):
        form_of("modrn")
