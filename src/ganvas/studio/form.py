"""The form for a new training, made of the same schema as the flags, the file and the record."""

from collections.abc import Iterator
from typing import Any, Literal

from ganvas.config.recipes import RECIPES
from ganvas.config.run import RunConfig
from ganvas.config.training import RunBasics
from ganvas.settings import Flag, Settings
from ganvas.studio.trainings import check_recipe

Entry = Literal["text", "whole", "number", "choice", "switch"]
FIRST = ("training.minutes", "data.size", "seed")
"""What most people choose; they stand on top."""
NOT_ASKED = ("source", "recipe", "kind")
TYPES: dict[str, Entry] = {"integer": "whole", "number": "number", "boolean": "switch"}


class FormField(Settings):
    """One option: a field of the form."""

    name: str
    """Its full name: `training.minutes`."""
    part: str
    """The heading: `training`; `run` for the run's own options."""
    help: str
    entry: Entry
    choices: tuple[str, ...] = ()
    """The allowed values of a choice; words that a number or a text may be instead, such as auto."""
    least: float | None = None
    most: float | None = None
    default: str | int | float | bool | None = None
    """What the recipe has; None where the data or the machine decide."""
    rank: Literal["first", "usual", "rare"]
    """`usual` ones have a short flag."""


class Form(Settings):
    """All options of a training by one recipe."""

    recipe: str
    recipes: dict[str, str]
    """What each recipe is, in a sentence or two."""
    fields: tuple[FormField, ...]


def form_of(recipe: str) -> Form:
    """The form with the defaults of a recipe. UserError for an unknown one."""
    run = RECIPES[check_recipe(recipe)]("digits")
    rows = [
        *fields_of(RunBasics, "", run),
        *(each for part in PARTS for each in fields_of(type(getattr(run, part)), part, getattr(run, part))),
    ]
    about = {name: " ".join((make.__doc__ or "").split("\n\n")[0].split()) for name, make in RECIPES.items()}
    order = {name: place - len(FIRST) for place, name in enumerate(FIRST)}
    return Form(recipe=recipe, recipes=about, fields=tuple(sorted(rows, key=lambda field: order.get(field.name, 0))))


PARTS = tuple(name for name in RunConfig.model_fields if name not in RunBasics.model_fields or name == "data")


def fields_of(model: type[Settings], part: str, values: Settings) -> Iterator[FormField]:
    """A field for each option of a model that is no model itself."""
    properties: dict[str, Any] = model.model_json_schema()["properties"]
    for name, schema in properties.items():
        if name in NOT_ASKED or (not part and name == "data"):
            continue
        full = f"{part}.{name}" if part else name
        marked = any(isinstance(mark, Flag) for mark in model.model_fields[name].metadata)
        kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
        words = tuple(
            str(word) for each in kinds for word in each.get("enum", [each["const"]] if "const" in each else [])
        )
        typed = [each for each in kinds if "enum" not in each and "const" not in each]
        entry = TYPES.get(typed[0].get("type", ""), "text") if typed else "choice"
        bounds = typed[0] if typed else {}
        default = getattr(values, name)
        yield FormField(
            name=full,
            part=part or "run",
            help=" ".join(schema.get("description", "").split()),
            entry=entry,
            choices=words,
            least=bounds.get("minimum", bounds.get("exclusiveMinimum")),
            most=bounds.get("maximum", bounds.get("exclusiveMaximum")),
            default=default if isinstance(default, str | int | float | bool) else None,
            rank="first" if full in FIRST else "usual" if marked else "rare",
        )
