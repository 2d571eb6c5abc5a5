"""From typed flags to the options of a run, and from the names of options back to the flags that people type.

Every option of the schema is a flag by its full name, `--pair.width`. A field marked with `Flag` has a short one as
well, `--size` for `data.size`. A `-` in a flag stands for the `_` in the schema's name.
"""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganvas.errors import UserError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from ganvas.settings import Flag, Settings

SEE_LIST = "`ganvas list options` names them all"
FLAGS_OF_TRAIN = ("out", "more_images", "more_minutes", "config", "from", "track", "dry_run", "help")
"""The flags of `train` that are no options of a run."""
KEYWORDS = {"from": "start_from", "source": "moved_to", "n": "count"}
"""What Python has for flags whose names are words of Python, or are taken."""
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
    """One option of the schema."""

    name: str
    """`pair.width`."""
    kind: str
    """The kind of the part that has it, `modern`; empty where the part has one kind only."""
    values: str
    """Which values it takes, and its default."""
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
    from ganvas.settings import leaves

    typed: dict[str, object] = {}
    for flag, value in leaves(options):
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


def read_config(path: Path) -> dict[str, Any]:
    """A TOML file's options, perhaps its `recipe`. UserError if it cannot be read, is no TOML or has other names."""
    from ganvas.settings import leaves

    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise UserError(f"--config {path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise UserError(f"--config {path} is not TOML: {error}") from None
    if not isinstance(values.get("recipe", ""), str):
        raise UserError(f"--config {path}: recipe is a name in quotes, not {values['recipe']!r}")
    for name, value in leaves(values):
        if name == "source":
            raise UserError(f"--config {path} names a source; SOURCE is given on the command line alone")
        refuse_unknown(name, value, f"--config {path}: ")
    return values


def refuse_unknown(name: str, value: object = "", file: str = "") -> None:
    """UserError, with the nearest right name, unless this is a flag of `train` without `--`, or an option in `file`."""
    refuse_renamed(name, value, file)
    known = known_names() if file else [*known_names(), *short_names(), *FLAGS_OF_TRAIN]
    wanted = name if file else name.replace("-", "_")
    dashes = "" if file else "--"
    if wanted in known:
        return
    if wanted == "source":
        raise UserError("SOURCE is given without a flag: ganvas train SOURCE")
    if in_part := [full for full in known if full.startswith(wanted + ".")]:
        names = ", ".join(full if file else f"--{full}".replace("_", "-") for full in in_part)
        raise UserError(f"{file}{dashes}{name} is a part of a run; its options are {names}")
    # By the whole name or by its last part: `pair.width` for `widht`. Of equal last parts the first option's counts.
    full_names = {full.rpartition(".")[2]: full for full in reversed(known)} | {full: full for full in known}
    last = wanted.rpartition(".")[2]
    close = get_close_matches(wanted, full_names, 1, 0.7) or get_close_matches(last, full_names, 1, 0.7)
    nearest = full_names[close[0]] if close else ""
    guess = f"did you mean {nearest if file else flag_of(nearest)}? " if close else ""
    raise UserError(f"{file}there is no {dashes}{name}; {guess}{SEE_LIST}")


def refuse_renamed(name: str, value: object = "", file: str = "") -> None:
    """UserError with the name of today where an option, or its value, has one of an earlier version."""
    wanted, dashes = name.replace("-", "_"), "" if file else "--"
    if wanted in REMOVED:
        raise UserError(f"{file}there is no {dashes}{name}; {REMOVED[wanted]}")
    for old, typed in ((wanted, name), (f"{wanted} {value}", f"{name} {value}")):
        if old in RENAMED:
            raise UserError(f"{file}there is no {dashes}{typed}; it is {dashes}{RENAMED[old]} now")


def explain(typed: str) -> str:
    """Why the parser refuses a flag: it is unknown, or lacks its value."""
    if typed.startswith("--no-") or not typed.startswith("--"):
        return f"there is no {typed}; {SEE_LIST}"
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

    if "n" in typed:
        sentence = sentence.replace("--count:", "-n:")
    return re.sub(r"--([a-z]+[._][a-z0-9_.]*[a-z0-9])", flag, sentence)


def as_keywords(sentence: str) -> str:
    """A sentence about options with the keywords of the functions in Python: save_every for --training.save_every.

    >>> as_keywords("choose another --out, or train it further with --more-minutes M")
    'choose another out, or train it further with more_minutes=M'
    """

    def keyword(match: re.Match[str]) -> str:
        full = match[1].replace("-", "_")
        name = flag_of(full).removeprefix("--").replace("-", "_")
        if name != full and flag_of(full) in sentence:  # both names are in it, and have to be distinguished
            return full
        return KEYWORDS.get(name, name) + ("=" if match[2] else "")

    return re.sub(r"(?<![\w-])(?:--(?=[a-z]{2})|-(?=n\b))([a-z0-9_.-]*[a-z0-9])( (?=[A-Z]))?", keyword, sentence)


@cache
def known_names() -> tuple[str, ...]:
    """Every option's full name."""
    return tuple(dict.fromkeys(["recipe", *(option.name for option in options())]))


def options() -> Iterator[Option]:
    """Every option of the schema, in its order."""
    from ganvas.config.run import RunConfig
    from ganvas.settings import models_in

    for option in _fields(RunConfig):
        models = models_in(RunConfig.model_fields[option.name].annotation)
        if not models and option.name not in ("source", "recipe"):
            yield option
        kinds = [str(model.model_fields["kind"].default) for model in models] if len(models) > 1 else [""]
        if len(models) > 1:
            yield Option(f"{option.name}.kind", "", " | ".join(kinds), "Each kind starts from its own defaults.")
        for model, kind in zip(models, kinds, strict=False):
            yield from _fields(model, f"{option.name}.", kind)


def _fields(model: "type[Settings]", prefix: str = "", kind: str = "") -> Iterator[Option]:
    for name, schema in model.model_json_schema()["properties"].items():
        if name != "kind":
            types = [entry for entry in schema.get("anyOf", [schema]) if entry.get("type") != "null"]
            default = "" if schema.get("default") is None else f", else {_in_words(schema['default'])}"
            text = " ".join(schema.get("description", "").split())
            yield Option(prefix + name, kind, " | ".join(map(_type_in_words, types)) + default, text)


def _type_in_words(entry: dict[str, Any]) -> str:
    """`a whole number from 16 to 128`, `adam | adamw | sgd`: one type of a JSON schema."""
    if "const" in entry or "enum" in entry:
        return " | ".join(map(_in_words, entry.get("enum", [entry.get("const")])))
    types = {"boolean": "true | false", "integer": "a whole number", "number": "a number", "string": "a name"}
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    if entry.get("format") == "size":
        return f"a whole number from {entry['minimum']} to {entry['maximum']}, or two as HEIGHTxWIDTH"
    # Bounds of a billion and more are left out: they only keep absurd values away.
    bounds = [f"{word} {_in_words(entry[key])}" for key, word in limits.items() if entry.get(key, math.inf) < 10**9]
    return " ".join([types.get(entry.get("type", ""), "a value"), *bounds])


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
