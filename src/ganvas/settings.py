"""What a person may choose: frozen, checked, and refused by name when unknown.

Every room keeps its choices in a `Settings` model beside the code it configures. One schema then serves the flags,
the TOML file and the JSON in the run folder.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from ganvas.errors import UserError, nearest

Model = TypeVar("Model", bound="Settings")


class Settings(BaseModel):
    """A frozen set of choices. Unknown keys are refused; field docstrings are the help a person reads."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Flag:
    """Marks a field (`Annotated[int, Flag("N", "Budget")]`) that has a short flag: `--save-every` for `save_every`."""

    metavar: str
    """What help shows in place of the value; empty for a switch."""
    group: str = "Options"
    """The heading of help that it stands under."""
    names: tuple[str, ...] = ()
    """Where it is not the field's own name: `("-n", "--count")`."""


def parse(model: type[Model], values: Mapping[str, Any], prefix: str = "--") -> Model:
    """Values -> a checked model, or a UserError with one sentence per wrong value.

    Strings are accepted where they read as the wanted type ("64" for an integer), since flags are strings.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(_sentence(model, item, prefix) for item in error.errors())) from None


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """{"pair": {"width": 48}} -> ("pair.width", 48)."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def models_in(annotation: object) -> list[type[Settings]]:
    """The settings that a field of this type may hold: every member of a union, in its order."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def _sentence(model: type[Settings], item: Any, prefix: str) -> str:
    name, allowed = _locate(model, item["loc"])
    if item["type"] == "extra_forbidden":
        return f"there is no {prefix}{name}: {nearest(str(item['loc'][-1]), allowed)}"
    if item["type"] == "union_tag_invalid":
        tag, tags = item["ctx"]["tag"], [tag.strip("' ") for tag in item["ctx"]["expected_tags"].split(",")]
        return f"there is no {prefix}{name}.kind {tag}: {nearest(tag, tags)}"
    value = "" if item["type"] == "missing" or isinstance(item["input"], dict) else f" (it was {item['input']!r})"
    message = (item["msg"][0].lower() + item["msg"][1:]).removeprefix("value error, ")
    # A rule about several choices gets all of them as its input, and names the wrong ones itself.
    is_rule = item["type"] == "value_error" and isinstance(item["input"], dict)
    return f"{message}{value}" if is_rule or not name else f"{prefix}{name}: {message}{value}"


def _locate(model: type[Settings], location: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """A dotted name for pydantic's path to a value, and the names of the fields beside it.

    Where a field is a union, the path holds the tag of the member as well; that is no part of the flag's name.
    """
    models, names, beside = [model], [], list(model.model_fields)
    for part in map(str, location):
        if tagged := [m for m in models if "kind" in m.model_fields and m.model_fields["kind"].default == part]:
            models = tagged
            continue
        names.append(part)
        beside = [name for m in models for name in m.model_fields if name != "kind"]
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        models = [inner for field in fields for inner in models_in(field.annotation)]
    return ".".join(names), beside
