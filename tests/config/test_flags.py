"""From what was typed to choices, and back."""

import inspect

import pytest
from cyclopts import App, UnknownOptionError

from ganvas.cli import schema_flags
from ganvas.cli.train import train
from ganvas.config import flags
from ganvas.config.recipes import RECIPES
from ganvas.config.run import RunConfig
from ganvas.data.config import DataConfig
from ganvas.errors import UserError
from ganvas.settings import leaves, models_in


def written(tmp_path, text):
    path = tmp_path / "options.toml"
    path.write_text(text)
    return path


def test_short_flags_and_full_names_meet_in_one_nest():
    options = {"size": "28", "batch": "8", "pair": {"width": "48"}, "seed": "3", "recipe": "modern"}
    nest = {"data": {"size": "28"}, "training": {"batch": "8"}, "pair": {"width": "48"}, "seed": "3"}
    assert flags.parse_choices(options, None) == nest | {"recipe": "modern"}


def test_a_dash_in_a_flag_is_the_underscore_of_the_schema():
    assert flags.parse_choices({"objective": {"penalty-every": "4"}}, None) == {"objective": {"penalty_every": "4"}}


def test_flags_win_over_the_file(tmp_path):
    path = written(tmp_path, 'recipe = "book-gan"\nseed = 4\n[training]\nbatch = 3\nimages = 9\n')
    choices = flags.parse_choices({"batch": "5"}, path)
    assert choices == {"recipe": "book-gan", "seed": 4, "training": {"batch": "5", "images": 9}}


def test_a_budget_typed_unsets_the_one_in_the_file(tmp_path):
    choices = flags.parse_choices({"images": "50"}, written(tmp_path, "[training]\nminutes = 3\n"))
    assert choices["training"] == {"images": "50", "minutes": None, "epochs": None}


def test_one_option_given_by_both_its_names_is_refused():
    with pytest.raises(UserError, match=r"^--images was given twice, once as --training\.images$"):
        flags.parse_choices({"images": "5", "training": {"images": "6"}}, None)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pair.widht", "--pair.width"),
        ("piar.width", "--pair.width"),
        ("widht", "--pair.width"),
        ("imges", "--images"),
        ("label", "--labels"),
        ("save-evry", "--save-every"),
        ("optimizer.lr", "--optimiser.lr"),
        ("lables", "--labels"),
    ],
)
def test_an_unknown_flag_gets_the_nearest(typed, meant):
    with pytest.raises(UserError) as caught:
        flags.parse_choices({typed: "1"}, None)
    assert str(caught.value).startswith(f"there is no --{typed}; did you mean {meant}? ")


def test_an_unknown_flag_like_no_other_is_refused_with_the_command_that_lists_them():
    with pytest.raises(UserError, match=r"^there is no --xyzzy; `ganvas list options` names them all$"):
        flags.parse_choices({"xyzzy": "1"}, None)


def test_a_part_is_no_option():
    with pytest.raises(UserError, match=r"^--optimiser is a part of a run; its options are --optimiser\.name, "):
        flags.parse_choices({"optimiser": "adam"}, None)


def test_the_source_has_no_flag():
    with pytest.raises(UserError, match="ganvas train SOURCE"):
        flags.parse_choices({"source": "digits"}, None)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("x = = 3", "is not TOML"),
        ("[pair]\nwidht = 48", "there is no pair.widht; did you mean pair.width"),
        ("images = 10", "there is no images; did you mean training.images"),
        ("pair = 3", r"pair is a part of a run; its options are pair\.kind, pair\.width"),
        ("recipe = 3", "recipe is a name in quotes, not 3"),
        ('source = "mnist"', "SOURCE is given on the command line alone"),
        ("[training.deep]\nx = 1", "there is no training.deep.x"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_its_name(text, match, tmp_path):
    with pytest.raises(UserError, match=match) as caught:
        flags.read_config(written(tmp_path, text))
    assert str(caught.value).startswith(f"--config {tmp_path / 'options.toml'}")


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for name, reason in (("none.toml", "No such file"), (".", "Is a directory"), ("binary.toml", "is not TOML")):
        with pytest.raises(UserError, match=reason):
            flags.read_config(tmp_path / name)


def test_a_sentence_names_flags_as_people_type_them():
    sentence = "--training.save_every: too few; --objective.penalty_every 3; --seed 3"
    expected = "--save-every: too few; --objective.penalty-every 3; --seed 3"
    assert flags.as_typed(sentence, ["train", "mnist", "--save-every", "0"]) == expected


def test_a_full_name_that_was_typed_stays():
    sentence = "--training.save_every: too few"
    assert flags.as_typed(sentence, ["train", "--training.save_every=0"]) == "--training.save-every: too few"
    assert flags.as_typed(sentence, ["train", "--training.save-every", "0"]) == "--training.save-every: too few"


def test_the_count_is_named_as_it_was_typed():
    assert flags.as_typed("--count: too many", ["sample", "run", "-n", "9"]) == "-n: too many"
    assert flags.as_typed("--count: too many", ["sample", "run", "--count", "9"]) == "--count: too many"


@pytest.mark.parametrize(("old", "new"), flags.RENAMED.items())
def test_an_old_name_is_refused_with_the_new_one(old, new):
    name, _, value = old.partition(" ")
    with pytest.raises(UserError) as caught:
        flags.refuse_renamed(name.replace("_", "-"), value)
    assert str(caught.value) == f"there is no --{old}; it is --{new} now"


def test_an_old_name_in_a_file_is_refused_with_the_new_one(tmp_path):
    with pytest.raises(UserError, match=r"options\.toml: there is no optimiser\.last; it is optimiser\.lr_final now$"):
        flags.read_config(written(tmp_path, "[optimiser]\nlast = 0.1\n"))


def test_an_old_value_is_refused_with_the_new_one(tmp_path):
    with pytest.raises(
        UserError, match=r"^there is no --objective\.kind simultaneous; it is --objective\.kind gan now$"
    ):
        flags.parse_choices({"objective": {"kind": "simultaneous"}}, None)
    with pytest.raises(UserError, match=r"there is no objective\.kind simultaneous; it is objective\.kind gan now$"):
        flags.read_config(written(tmp_path, '[objective]\nkind = "simultaneous"\n'))


def test_an_option_that_was_removed_is_refused_with_the_reason():
    with pytest.raises(UserError, match=r"^there is no --objective\.label-ramp-images; label ramps were removed"):
        flags.parse_choices({"objective": {"label-ramp-images": "5"}}, None)


def test_what_is_renamed_is_no_option_any_more_and_what_it_became_is_one():
    options = dict.fromkeys(flags.known_names())
    assert not options.keys() & flags.RENAMED.keys()
    assert {new for old, new in flags.RENAMED.items() if " " not in old} <= options.keys()


def test_every_field_that_is_marked_has_its_short_flag():
    marked = {
        f"{part}.{name}"
        for part, field in RunConfig.model_fields.items()
        for model in models_in(field.annotation)
        for name, _, _ in flags.flags_in(model)
    } | {name for name, _, _ in flags.flags_in(RunConfig)}
    assert marked == set(flags.short_names().values())
    assert marked <= set(flags.known_names())


def test_trains_own_flags_are_those_that_are_no_options():
    typed = {"start_from": "from", "moved_to": "source"}  # SOURCE is given without a flag, unless it has moved
    own = {typed.get(name, name) for name in inspect.signature(train).parameters}
    assert own - flags.short_names().keys() - {"source", "options"} | {"help"} == set(flags.FLAGS_OF_TRAIN)


def test_a_command_takes_the_flags_of_its_settings_as_text(capsys):
    taken = []

    @schema_flags(DataConfig)
    def command(source: str, /, *, out: str = "", **options: object) -> int:
        taken.append((source, out, options))
        return 0

    app = App(exit_on_error=False, print_error=False, result_action="return_value")
    app.default(command)
    app(["digits", "--size", "28", "--accept-refused", "--out", "x"])
    assert taken == [("digits", "x", {"size": "28", "accept_refused": True})]
    with pytest.raises(UnknownOptionError):
        app(["digits", "--batch", "3"])


def test_every_value_of_a_recipe_is_an_option():
    for recipe in RECIPES.values():
        for name, _ in leaves(recipe("digits").model_dump(exclude={"source", "recipe"})):
            assert name in flags.known_names()


def test_every_option_has_help_and_names_its_values():
    for option in flags.options():
        assert option.help, option.name
        assert option.values, option.name
        assert "\n" not in option.help + option.values


def test_an_option_lists_its_bounds_its_names_and_its_default():
    values = {(option.name, option.kind): option.values for option in flags.options()}
    assert values["data.size", ""] == "a whole number from 16 to 128, or two as HEIGHTxWIDTH"
    assert values["optimiser.name", ""] == "adam | adamw | sgd, else adamw"
    assert values["pair.width", "book-conv"] == "a whole number from 1 to 1024, else 256"
    assert values["training.minutes", ""] == "a number above 0 to 1000000"
    assert (
        values["pair.kind", ""]
        == "modern | book-mlp | book-conv | book-classifier | yardstick | dcgan-concat | acgan | sngan-projection"
        " | r3gan-small"
    )


def test_nesting_undoes_flattening():
    values = RunConfig.model_validate(RECIPES["modern"]("digits").model_dump()).model_dump()
    assert flags.nested(dict(leaves(values))) == values
