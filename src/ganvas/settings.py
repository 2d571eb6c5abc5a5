"""What a person may choose: frozen, checked, and refused by name when unknown.

Every room keeps its choices in a `Settings` model beside the code it configures. One schema then serves the flags,
the TOML file, the JSON in the run folder and the web form.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ganvas.errors import UserError, nearest

Model = TypeVar("Model", bound="Settings")


class Settings(BaseModel):
    """A frozen set of choices. Unknown keys are refused; field docstrings are the help a person reads."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def parse(model: type[Model], values: Mapping[str, Any], prefix: str = "--") -> Model:
    """Values -> a checked model, or a UserError with one sentence per wrong value.

    Strings are accepted where they read as the wanted type ("64" for an integer), since flags are strings.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(_sentence(model, item, prefix) for item in error.errors())) from None


def _sentence(model: type[Settings], item: Any, prefix: str) -> str:
    path = [str(part) for part in item["loc"]]
    name = prefix + ".".join(part for part in path if not _is_tag(model, part))
    if item["type"] == "extra_forbidden":
        allowed = _names_beside(model, path)
        return f"there is no {name}: {nearest(path[-1], allowed)}"
    came = "" if item["type"] == "missing" or isinstance(item["input"], dict) else f" (it was {item['input']!r})"
    said = item["msg"][0].lower() + item["msg"][1:]
    is_rule = item["type"] == "value_error" and isinstance(item["input"], dict)
    named = "" if is_rule or not path else f"{name}: "  # a rule about several choices names them itself
    return f"{named}{said.removeprefix('value error, ')}{came}"


def _is_tag(model: type[Settings], part: str) -> bool:
    """Whether a part of an error's path is the tag of a union, which is no part of the flag's name."""
    return any(
        part == member.model_fields["kind"].default for member in _members(model) if "kind" in member.model_fields
    )


def _names_beside(model: type[Settings], path: list[str]) -> list[str]:
    """The field names that stood beside the unknown last part of a path."""
    here: list[type[Settings]] = [model]
    for part in path[:-1]:
        tagged = [m for m in here if "kind" in m.model_fields and m.model_fields["kind"].default == part]
        here = tagged or [m for parent in here if part in parent.model_fields for m in _models_in(parent, part)]
    return [name for m in here for name in m.model_fields if name != "kind"]


def _models_in(parent: type[Settings], field: str) -> list[type[Settings]]:
    from typing import get_args

    found: list[type[Settings]] = []
    todo: list[Any] = [parent.model_fields[field].annotation]
    while todo:
        kind = todo.pop()
        if isinstance(kind, type) and issubclass(kind, Settings):
            found.append(kind)
        todo.extend(get_args(kind))
    return found


def _members(model: type[Settings]) -> list[type[Settings]]:
    found: list[type[Settings]] = []
    for name in model.model_fields:
        for child in _models_in(model, name):
            found += [child, *_members(child)]
    return found
