"""The options of the functions as keywords: their types for editors, and what is given checked as flags are.

The settings declare the options. What is written here again is for type checkers alone, which cannot read them, and a
test compares it with the settings.
"""

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, get_args

import numpy as np

from ganvas.config.flags import as_keywords, flags_in
from ganvas.data.sources import SOURCES
from ganvas.errors import UserError
from ganvas.settings import Settings

Place = str | os.PathLike[str]
"""A path. A source may be a name too."""
Function = TypeVar("Function", bound=Callable[..., object])


class DataOptions(TypedDict, total=False):
    """Those of `DataConfig`."""

    size: int | str | tuple[int, int] | None
    crop: Literal["square"] | int | None
    channels: Literal[1, 3, 4] | None
    attribute: str | None
    label_column: str | None
    label_columns: tuple[str, ...] | None
    nested: tuple[str, ...] | None
    hold_out_combinations: float | None
    background: Literal["white", "black"]
    stretch: bool
    accept_refused: bool


class TrainOptions(DataOptions, total=False):
    """Those of a run that have a short name, and its parts, with the options that have none."""

    recipe: str
    seed: int
    labels: Literal["on", "off"]
    batch: int
    images: int | None
    minutes: float | None
    epochs: float | None
    save_every: int
    score_every: int | None
    watch: Literal["on", "warn", "off"]
    threads: Literal["auto"] | int
    precision: Literal["auto", "float32", "bfloat16"]
    memory_format: Literal["auto", "contiguous", "channels-last"]
    deterministic: Literal["on", "off"]
    more_images: int | None
    more_minutes: float | None
    pair: Mapping[str, Any]
    objective: Mapping[str, Any]
    optimiser: Mapping[str, Any]
    training: Mapping[str, Any]
    data: Mapping[str, Any]


class ScoreOptions(DataOptions, total=False):
    """Those of `Protocol`; those of the data prepare the set to score against."""

    count: int
    features: str
    quick: bool
    seed: int


def documented(*models: type[Settings]) -> Callable[[Function], Function]:
    """Gives a function the keywords of these settings: for `help`, for `?` and for completion in notebooks."""

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)
        *own, rest = signature.parameters.values()
        assert rest.kind is inspect.Parameter.VAR_KEYWORD, "the options arrive in **options"
        fields = {name: field for model in models for name, field, _ in flags_in(model)}
        keywords = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None if field.is_required() else field.get_default(),
                annotation=field.annotation,
            )
            for name, field in fields.items()
        ]
        (options,) = get_args(rest.annotation)
        parts = [rest] if options.__annotations__.keys() - fields.keys() else []  # the parts of a run, as dictionaries
        function.__signature__ = signature.replace(parameters=[*own, *keywords, *parts])  # type: ignore[attr-defined]
        texts = (f"    {name}: {' '.join((field.description or '').split())}" for name, field in fields.items())
        function.__doc__ = as_keywords(f"{inspect.getdoc(function)}\n\nOptions:\n" + "\n".join(texts))
        return function

    return decorate


@contextmanager
def in_keywords() -> Iterator[None]:
    """Inside, a UserError gets its text in the words of Python: `size` for `--size`."""
    try:
        yield
    except UserError as error:
        error.args = (as_keywords(error.sentence),)
        raise


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are not None, as plain values: numpy's numbers become Python's, paths text, 5.0 becomes 5.

    So a record of them is JSON, and equal requests are equal however they were written.
    """
    return {name: _plain(value) for name, value in options.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def path_of(place: Place) -> Path:
    """A path as a shell reads it: `~/runs` is in the home folder. UserError for a home that is not known."""
    try:
        return Path(place).expanduser()
    except RuntimeError:
        raise UserError(f"there is no home folder for {os.fspath(place)}") from None


def source_text(source: Place) -> str:
    """A source as it is typed: a path object is a path, whatever it is called, and never a known name."""
    text = os.fspath(source)
    is_name = text in SOURCES or text.startswith("hf:")
    return f"./{text}" if is_name and not isinstance(source, str) else text
