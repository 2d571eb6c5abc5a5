"""The keywords of the functions are the options of the schema, by the names and with the checks of the flags."""

import doctest
import inspect
import json
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

import ganvas
from ganvas.api import keywords
from ganvas.api.keywords import DataOptions, ScoreOptions, TrainOptions, given, in_keywords, source_text
from ganvas.cli.data import data as data_command
from ganvas.cli.evaluate import evaluate as evaluate_command
from ganvas.cli.train import train as train_command
from ganvas.config import flags
from ganvas.config.run import RunConfig
from ganvas.config.training import MoreTraining, RunBasics, TrainingConfig
from ganvas.data.config import DataConfig
from ganvas.errors import InterruptedRunError, UserError
from ganvas.evaluation.protocol import Protocol
from ganvas.settings import models_in

PARTS = {name for name, field in RunConfig.model_fields.items() if models_in(field.annotation)}


@pytest.mark.parametrize(
    ("options", "models"),
    [
        (DataOptions, (DataConfig,)),
        (TrainOptions, (RunBasics, TrainingConfig, MoreTraining, DataConfig)),
        (ScoreOptions, (Protocol, DataConfig)),
    ],
)
def test_the_types_for_editors_are_those_of_the_settings(options, models):
    """An option was added, or its type changed: write it into api/keywords.py too, where type checkers see it."""
    declared = {name: field.annotation for model in models for name, field, _ in flags.flags_in(model)}
    written = get_type_hints(options)
    declared["size"] = int | str | tuple[int, int] | None  # what a size is read from: 64, "64x48" or (64, 48)
    assert {name: kind for name, kind in written.items() if name not in PARTS} == declared
    assert written.keys() & PARTS == (PARTS if options is TrainOptions else set())


# What the commands have that Python says otherwise, or not at all.
SAID_OTHERWISE = {"source": "moved_to", "dry_run": None}


@pytest.mark.parametrize(
    ("command", "function"),
    [(data_command, ganvas.prepare), (train_command, ganvas.train), (evaluate_command, ganvas.evaluate)],
)
def test_a_function_has_the_options_of_its_command(command, function):
    typed = {name for name, each in inspect.signature(command).parameters.items() if each.kind is each.KEYWORD_ONLY} - {
        "out"
    }
    taken = inspect.signature(function).parameters
    assert {SAID_OTHERWISE.get(name, name) for name in typed} - {None} <= taken.keys()


def test_help_and_completion_know_every_option():
    assert "minutes" in inspect.signature(ganvas.train).parameters
    assert inspect.signature(ganvas.train).parameters["batch"].default == 64
    assert "\n    minutes: Minutes of training, as the clock has them" in ganvas.train.__doc__
    assert "--" not in ganvas.train.__doc__
    assert {"train", "prepare", "load", "evaluate"} <= set(dir(ganvas))


def test_the_examples_hold():
    assert doctest.testmod(flags).failed == 0


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("--size: too small (it was '7')", "size: too small (it was '7')"),
        ("--training.save_every: too few; --objective.loss x", "save_every: too few; objective.loss x"),
        (
            "train it further with --more-minutes M or --more-images N",
            "train it further with more_minutes=M or more_images=N",
        ),
        ("begin a new run with --from runs/a-b", "begin a new run with start_from runs/a-b"),
        ("if it has moved, give --source PLACE", "if it has moved, give moved_to=PLACE"),
        ("-n 99 images do not fit", "count 99 images do not fit"),
        ("runs/digits-modern-s0 and a -- b and x--y and -1", "runs/digits-modern-s0 and a -- b and x--y and -1"),
    ],
)
def test_a_sentence_names_options_as_keywords(sentence, expected):
    assert flags.as_keywords(sentence) == expected
    assert flags.as_keywords(expected) == expected


def test_an_error_that_leaves_a_function_keeps_the_sentence_for_the_command():
    with pytest.raises(InterruptedRunError) as caught, in_keywords(), in_keywords():
        raise InterruptedRunError("give --out", 2)
    assert (str(caught.value), caught.value.sentence, caught.value.status) == ("give out", "give --out", 130)


def test_a_notebook_shows_the_sentence_alone():
    assert UserError("no --size")._render_traceback_() == ["UserError: no --size"]


def test_values_are_plain_so_that_equal_requests_are_equal():
    options = {
        "size": np.int64(32), "minutes": 5.0, "seed": np.array(3), "stretch": np.True_, "recipe": None,
        "pair": {"width": np.int8(4), "slope": np.float64(0.5)}, "label_column": Path("a"),
    }  # fmt: skip
    plain = {
        "size": 32,
        "minutes": 5,
        "seed": 3,
        "stretch": True,
        "pair": {"width": 4, "slope": 0.5},
        "label_column": "a",
    }
    assert given(options) == plain
    assert json.loads(json.dumps(given(options))) == plain


def test_a_path_is_a_path_whatever_it_is_called(tmp_path):
    assert source_text("digits") == "digits"
    assert source_text(Path("digits")) == "./digits"
    assert source_text(Path("hf:a")) == "./hf:a"
    assert source_text(tmp_path) == str(tmp_path)


def test_a_home_that_is_not_known_is_refused_in_a_sentence():
    assert keywords.path_of("~") == Path.home()
    with pytest.raises(UserError, match=r"^there is no home folder for ~nobody-of-that-name/x$"):
        keywords.path_of("~nobody-of-that-name/x")
