"""From typed flags to the options of a run, and from the names of options back to the flags that people type.

Every option of the schema is a flag by its full name, `--pair.width`. A field marked with `Flag` has a short one as
well, `--size` for `data.size`. A `-` in a flag stands for the `_` in the schema's name.
"""

import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganvas.errors import UserError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from ganvas.settings import Flag, Settings

WHERE_THEY_ARE = "`ganvas list options` names them all"
FLAGS_OF_TRAIN = ("out", "more_images", "more_minutes", "config", "from", "track", "dry_run", "help")
"""Those that are no options of a run."""
BEYOND = 10**9
"""Bounds from here on are not worth a word: they only keep absurd values out."""
RENAMED = {
    "optimiser.rate": "optimiser.lr",
    "optimiser.constant": "optimiser.lr_hold",
    "optimiser.last": "optimiser.lr_final",
    "pair.waves": "pair.patch_dct",
    "objective.kind simultaneous": "objective.kind gan",
    "features judge": "features evaluator",
}
"""Names, and names with a value, of earlier versions."""
REMOVED = {"objective.label_ramp_images": "label ramps were removed, as they did not help"}


class Option(NamedTuple):
    """One option of the schema, of one kind of its part."""

    name: str
    """`pair.width`."""
    kind: str
    """The kind of the part that has it, `modern`; empty where the part has one kind only."""
    values: str
    """What it may be, and what it is when neither a flag nor the recipe says."""
    help: str


def flags_in(model: "type[Settings]") -> "Iterator[tuple[str, FieldInfo, Flag]]":
    """(name, field, mark) of each field that has a short flag."""
    from ganvas.settings import Flag

    for name, field in model.model_fields.items():
        yield from ((name, field, mark) for mark in field.metadata if isinstance(mark, Flag))


@cache
def short_names() -> dict[str, str]:
    """{"size": "data.size"}: the options of a run that have a short flag."""
    from ganvas.config.training import RunBasics, TrainingConfig
    from ganvas.data.config import DataConfig

    parts: dict[str, type[Settings]] = {"": RunBasics, "data.": DataConfig, "training.": TrainingConfig}
    return {name: part + name for part, model in parts.items() for name, _, _ in flags_in(model)}


def flag_of(name: str) -> str:
    """The flag of an option: its short one where there is one."""
    short = next((short for short, full in short_names().items() if full == name), name)
    return f"--{short}".replace("_", "-")


def parse_choices(options: Mapping[str, object], config: Path | None) -> dict[str, Any]:
    """The options that were given, nested as the schema nests them: flags over the file.

    UserError for a name that the schema does not have, or one option given twice.
    """
    from ganvas.config.run import merge

    typed: dict[str, object] = {}
    for flag, value in flat(options):
        refuse_unknown(flag, value)
        name = flag.replace("-", "_")
        name = short_names().get(name, name)
        if name in typed:
            raise UserError(f"{flag_of(name)} was given twice, once as --{flag}")
        typed[name] = value
    return merge(read_config(config) if config else {}, nested(typed))


def nested(values: Mapping[str, object]) -> dict[str, Any]:
    """{"pair.width": 48} -> {"pair": {"width": 48}}."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        part, _, field = name.rpartition(".")
        (result.setdefault(part, {}) if part else result)[field] = value
    return result


def flat(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """{"pair": {"width": 48}} -> ("pair.width", 48)."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def read_config(path: Path) -> dict[str, Any]:
    """A TOML file's options, perhaps its `recipe`. UserError if it cannot be read, is no TOML or has other names."""
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise UserError(f"--config {path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise UserError(f"--config {path} is not TOML: {error}") from None
    if not isinstance(values.get("recipe", ""), str):
        raise UserError(f"--config {path}: recipe is a name in quotes, not {values['recipe']!r}")
    for name, value in flat(values):
        if name == "source":
            raise UserError(f"--config {path} names a source; SOURCE is given on the command line alone")
        refuse_unknown(name, value, known_names(), f"--config {path}: ", "")
    return values


def refuse_unknown(
    name: str, value: object = "", known: Sequence[str] = (), begin: str = "", prefix: str = "--"
) -> None:
    """UserError, with the nearest right name, unless this is one of `known`, or else a flag of `train` without `--`."""
    refuse_renamed(name, value, begin, prefix)
    known = known or [*known_names(), *short_names(), *FLAGS_OF_TRAIN]
    wanted = name.replace("-", "_") if prefix else name
    if wanted in known:
        return
    if wanted == "source":
        raise UserError("SOURCE is given without a flag: ganvas train SOURCE")
    if of_part := [full for full in known if full.startswith(wanted + ".")]:
        options_of = ", ".join(f"--{full}".replace("_", "-") if prefix else full for full in of_part)
        raise UserError(f"{begin}{prefix}{name} is a part of a run; its options are {options_of}")
    close = nearest_option(wanted, known)
    guess = f"did you mean {flag_of(close) if prefix else close}? " if close else ""
    raise UserError(f"{begin}there is no {prefix}{name}; {guess}{WHERE_THEY_ARE}")


def nearest_option(name: str, known: Iterable[str]) -> str | None:
    """The nearest of the known names, by the whole of it or by its last part: `pair.width` for `widht`."""
    names: dict[str, str] = {}
    for full in known:
        names.setdefault(full.rpartition(".")[2], full)
        names[full] = full
    last = name.rpartition(".")[2]
    close = get_close_matches(name, names, n=1, cutoff=0.7) or get_close_matches(last, names, n=1, cutoff=0.7)
    return names[close[0]] if close else None


def refuse_renamed(name: str, value: object = "", begin: str = "", prefix: str = "--") -> None:
    """UserError with the name of today where an option, or its value, has one of an earlier version."""
    wanted = name.replace("-", "_")
    if wanted in REMOVED:
        raise UserError(f"{begin}there is no {prefix}{name}; {REMOVED[wanted]}")
    for old, shown in ((wanted, name), (f"{wanted} {value}", f"{name} {value}")):
        if old in RENAMED:
            raise UserError(f"{begin}there is no {prefix}{shown}; it is {prefix}{RENAMED[old]} now")


def explain(typed: str) -> str:
    """What is wrong with a flag that the parser could not take in: it is unknown, or lacks its value."""
    if typed.startswith("--no-") or not typed.startswith("--"):
        return f"there is no {typed}; {WHERE_THEY_ARE}"
    try:
        refuse_unknown(typed.removeprefix("--"))
    except UserError as error:
        return str(error)
    return f"{typed} needs a value"


def as_typed(sentence: str, arguments: Sequence[str]) -> str:
    """A sentence about options with the flags that people type: --save-every for --training.save_every.

    A full name that was typed stays.
    """
    typed = {argument.partition("=")[0].replace("-", "_").lstrip("_") for argument in arguments}

    def flag(match: re.Match[str]) -> str:
        return match[0].replace("_", "-") if match[1] in typed else flag_of(match[1])

    sentence = sentence.replace("--source ", "SOURCE ")
    if "n" in typed:
        sentence = sentence.replace("--count:", "-n:")
    return re.sub(r"--([a-z]+[._][a-z0-9_.]*[a-z0-9])", flag, sentence)


@cache
def known_names() -> tuple[str, ...]:
    """Every option's full name."""
    return tuple(dict.fromkeys(["recipe", *(option.name for option in options())]))


def options() -> Iterator[Option]:
    """Every option of the schema, in its order."""
    from ganvas.config.run import RunConfig
    from ganvas.settings import models_in

    for whole in _options_of(RunConfig):
        models = models_in(RunConfig.model_fields[whole.name].annotation)
        if not models and whole.name not in ("source", "recipe"):
            yield whole
        kinds = [str(model.model_fields["kind"].default) for model in models] if len(models) > 1 else [""]
        if len(models) > 1:
            yield Option(f"{whole.name}.kind", "", " | ".join(kinds), "Each kind starts from its own defaults.")
        for model, kind in zip(models, kinds, strict=False):
            yield from _options_of(model, f"{whole.name}.", kind)


def _options_of(model: "type[Settings]", prefix: str = "", kind: str = "") -> Iterator[Option]:
    for name, schema in model.model_json_schema()["properties"].items():
        if name != "kind":
            types = [entry for entry in schema.get("anyOf", [schema]) if entry.get("type") != "null"]
            default = schema.get("default")
            end = "" if default is None else f", else {_value_in_words(default)}"
            text = " ".join(schema.get("description", "").split())
            yield Option(prefix + name, kind, " | ".join(map(_type_in_words, types)) + end, text)


def _type_in_words(entry: dict[str, Any]) -> str:
    """`a whole number from 16 to 128`, `adam | adamw | sgd`: one type of a JSON schema."""
    if "const" in entry or "enum" in entry:
        return " | ".join(map(_value_in_words, entry.get("enum", [entry.get("const")])))
    types = {"boolean": "true | false", "integer": "a whole number", "number": "a number", "string": "a name"}
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    bounds = [
        f"{word} {_value_in_words(entry[key])}" for key, word in limits.items() if entry.get(key, math.inf) < BEYOND
    ]
    return " ".join([types.get(entry.get("type", ""), "a value"), *bounds])


def _value_in_words(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
