from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from ganvas.errors import UserError
from ganvas.settings import Settings, parse


class Cat(Settings):
    kind: Literal["cat"] = "cat"
    lives: int = Field(default=9, ge=0)
    """How many."""


class Dog(Settings):
    kind: Literal["dog"] = "dog"
    barks: bool = True


class Home(Settings):
    rooms: int = 3
    warmth: float = 20.0
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat()

    @model_validator(mode="after")
    def _rule(self):
        if self.rooms == 13:
            raise ValueError("nobody wants --rooms 13")
        return self


def refused(values, match, prefix="--"):
    with pytest.raises(UserError, match=match) as caught:
        parse(Home, values, prefix)
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_values_become_a_model_and_text_becomes_numbers():
    assert parse(Home, {"rooms": "4", "pet": {"kind": "dog", "barks": "false"}}) == Home(rooms=4, pet=Dog(barks=False))


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        Home().rooms = 4


def test_an_unknown_name_gets_the_nearest():
    refused({"romos": 1}, "^there is no --romos: did you mean rooms")


def test_an_unknown_name_within_a_part_gets_those_of_the_part():
    refused({"pet": {"kind": "cat", "live": 1}}, r"^there is no --pet\.live: did you mean lives\? Allowed: lives$")
    refused({"pet": {"kind": "dog", "lives": 1}}, r"^there is no --pet\.lives: Allowed: barks$")


def test_a_wrong_value_is_named_with_its_flag_and_what_came():
    refused({"rooms": "many"}, r"^--rooms: .*'many'")
    refused({"pet": {"kind": "cat", "lives": -1}}, r"^--pet\.lives: .*greater than or equal to 0 \(it was -1\)")


def test_every_wrong_value_is_named():
    refused({"rooms": "x", "warmth": "y"}, r"--rooms: .*; --warmth: ")


def test_an_unknown_kind_is_refused():
    refused({"pet": {"kind": "cow"}}, r"^there is no --pet\.kind cow: Allowed: cat, dog$")
    refused({"pet": {"kind": "cats"}}, r"^there is no --pet\.kind cats: did you mean cat\? ")


def test_a_rule_about_several_choices_speaks_for_itself():
    refused({"rooms": 13}, "^nobody wants --rooms 13$")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "-inf", "NaN"])
def test_what_is_no_finite_number_is_refused(value):
    refused({"warmth": value}, "^--warmth: ")


def test_in_a_file_names_have_no_dashes():
    refused({"romos": 1}, "^there is no romos: ", prefix="")


def test_docstrings_of_fields_are_their_help():
    assert Cat.model_fields["lives"].description == "How many."
