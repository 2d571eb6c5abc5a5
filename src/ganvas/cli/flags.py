"""From what was typed to the choices of a run, and from the names of choices back to the flags that people type.

Every choice of the schema is a flag by its full name, `--pair.width`; those that are used most have a short one. A `-`
in a flag stands for the `_` in the schema's name.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganvas.errors import UserError

if TYPE_CHECKING:
    from ganvas.settings import Settings

SHORT = {
    "seed": "seed",
    "labels": "labels",
    "size": "data.size",
    "crop": "data.crop",
    "channels": "data.channels",
    "attribute": "data.attribute",
    "accept_refused": "data.accept_refused",
    "images": "training.images",
    "minutes": "training.minutes",
    "epochs": "training.epochs",
    "batch": "training.batch",
    "save_every": "training.save_every",
    "score_every": "training.score_every",
    "watch": "training.watch",
    "threads": "training.threads",
    "precision": "training.precision",
    "memory_format": "training.memory_format",
}
OTHERS_OF_TRAIN = ("recipe", "out", "config", "from", "track", "dry_run", "help")


class Option(NamedTuple):
    """One choice of the schema, of one kind of its part."""

    name: str
    """`pair.width`."""
    kind: str
    """The kind of the part that has it; empty where the part has one kind only."""
    values: str
    """What it may be, and what it is when neither a flag nor the recipe says."""
    help: str


def parse_choices(short: Mapping[str, object], options: Mapping[str, object], config: Path | None) -> dict[str, Any]:
    """The choices that were made, nested as the schema nests them: flags over the file.

    UserError for a name that the schema does not have, or one choice made twice.
    """
    from ganvas.config.run import merge

    typed = {SHORT[name]: value for name, value in short.items() if value is not None}
    for name, value in flat(options):
        _refuse_unknown(name)
        name = name.replace("-", "_")
        if name in typed:
            raise UserError(f"{flag_of(name)} was given twice, once as --{name}")
        typed[name] = value
    from_file = read_config(config) if config else {}
    return merge(from_file, nested(typed))


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
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        if isinstance(error, OSError):
            raise UserError(f"--config {path} cannot be read: {error.strerror}") from None
        raise UserError(f"--config {path} is not TOML: {error}") from None
    if not isinstance(values.get("recipe", ""), str):
        raise UserError(f"--config {path}: recipe is a name in quotes, not {values['recipe']!r}")
    known = known_names()
    for name, _ in flat(values):
        if name == "source":
            raise UserError(f"--config {path} names a source; SOURCE is given on the command line alone")
        if name != "recipe" and name not in known:
            close = _closest(name, known) or SHORT.get(name)
            guess = f"did you mean {close}? " if close else ""
            raise UserError(f"--config {path}: there is no {name}; {guess}{WHERE_THEY_ARE}")
    return values


WHERE_THEY_ARE = "`ganvas list options` names them all"


def explain(arguments: Iterable[str]) -> str:
    """What is wrong with options of `train` that could not be taken in: one is unknown, or lacks its value."""
    options = [option.partition("=")[0] for option in arguments if option.startswith("-") and not _is_number(option)]
    try:
        for option in options:
            if option.startswith("--no-") or not option.startswith("--"):
                return f"there is no {option}; {WHERE_THEY_ARE}"
            _refuse_unknown(option[2:])
    except UserError as error:
        return str(error)
    return f"{options[-1]} needs a value" if options else "a flag lacks its name"


def as_typed(sentence: str, arguments: Sequence[str]) -> str:
    """A sentence about choices with the flags that people type: --save-every for --training.save_every.

    A full name that was typed stays.
    """
    typed = {argument.partition("=")[0].replace("-", "_").lstrip("_") for argument in arguments}

    def short(match: re.Match[str]) -> str:
        name = match[1]
        return f"--{name}".replace("_", "-") if name in typed else flag_of(name)

    sentence = sentence.replace("--source ", "SOURCE ")
    if "n" in typed:
        sentence = sentence.replace("--count:", "-n:")
    return re.sub(r"--((?:data|pair|objective|optimiser|training)\.[a-z0-9_]+)", short, sentence)


def flag_of(name: str) -> str:
    """The flag of a choice: its short one where there is one."""
    short = next((short for short, full in SHORT.items() if full == name), name)
    return f"--{short}".replace("_", "-")


def known_names() -> list[str]:
    """Every choice's full name."""
    return list(dict.fromkeys(option.name for option in options()))


def options() -> list[Option]:
    """Every choice of the schema, in its order."""
    from ganvas.config.run import RunConfig

    found: list[Option] = []
    for part, field in RunConfig.model_fields.items():
        models = _models(field.annotation)
        if not models and part not in ("source", "recipe"):
            found.append(_option(RunConfig, part, part, ""))
        if len(models) > 1:
            kinds = " | ".join(map(_kind, models))
            found.append(Option(f"{part}.kind", "", kinds, "Another kind starts from that kind's own defaults."))
        for model in models:
            kind = _kind(model) if len(models) > 1 else ""
            found += [_option(model, inner, f"{part}.{inner}", kind) for inner in model.model_fields if inner != "kind"]
    return found


def _option(model: "type[Settings]", field: str, name: str, kind: str) -> Option:
    return Option(name, kind, _values(model, field), " ".join((model.model_fields[field].description or "").split()))


def _values(model: "type[Settings]", field: str) -> str:
    """`16 to 128`, `adam | adamw | sgd, else adamw`, from the JSON schema of a field."""
    schema = _schema(model)["properties"][field]
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    shown = " | ".join(_kind_of_value(kind) for kind in kinds)
    default = schema.get("default")
    return shown if default is None else f"{shown}, else {_plain(default)}"


@cache
def _schema(model: "type[Settings]") -> dict[str, Any]:
    return model.model_json_schema()


def _kind_of_value(kind: dict[str, Any]) -> str:
    if "const" in kind or "enum" in kind:
        return " | ".join(map(_plain, kind.get("enum", [kind.get("const")])))
    if kind.get("type") == "boolean":
        return "true | false"
    bounds = [
        f"{word} {_plain(kind[key])}"
        for key, word in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("exclusiveMaximum", "below"),
        )
        if key in kind
    ]
    words = {"integer": "a whole number", "number": "a number", "string": "a name"}
    return " ".join([words.get(kind.get("type", ""), "a value"), *bounds])


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _kind(model: "type[Settings]") -> str:
    return str(model.model_fields["kind"].default)


def _models(annotation: object) -> "list[type[Settings]]":
    from typing import get_args

    from ganvas.settings import Settings

    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _refuse_unknown(name: str) -> None:
    """UserError, with the nearest right flag, unless `name` is a flag of `train` (`--` taken away)."""
    full = known_names()
    wanted = name.replace("-", "_")
    if wanted in full or wanted in SHORT or wanted in OTHERS_OF_TRAIN:
        return
    if wanted == "source":
        raise UserError("SOURCE is given without a flag: ganvas train SOURCE")
    parts = {flag.partition(".")[0] for flag in full if "." in flag}
    if wanted in parts:
        raise UserError(f"--{name} is a part of a run; its options are {', '.join(_of_part(wanted, full))}")
    close = _closest(wanted, [*SHORT, *OTHERS_OF_TRAIN, *full])
    guess = f"did you mean {flag_of(close)}? " if close else ""
    raise UserError(f"there is no --{name}; {guess}{WHERE_THEY_ARE}")


def _of_part(part: str, full: list[str]) -> list[str]:
    return [f"--{flag}".replace("_", "-") for flag in full if flag.startswith(part + ".")]


def _closest(name: str, known: Sequence[str]) -> str | None:
    """The nearest of the known names, by the whole of it or else by its last part."""
    if whole := get_close_matches(name, known, n=1, cutoff=0.7):
        return whole[0]
    lasts = {full.rpartition(".")[2]: full for full in reversed(known)}
    last = get_close_matches(name.rpartition(".")[2], list(lasts), n=1, cutoff=0.7)
    return lasts[last[0]] if last else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
