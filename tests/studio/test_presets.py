import re

import pytest

from ganvas.config.recipes import configure
from ganvas.errors import UserError
from ganvas.runs.folder import RunFolder
from ganvas.studio.page_files import FOLDER
from ganvas.studio.places import Places
from ganvas.studio.presets import changed, preset_of, presets_of
from ganvas.studio.trainings import Trainings, nested_options

ALL = {"two-seeds", "ten-times-the-rate", "no-labels", "no-penalty", "one-image", "batch-norm"}


def run_of(record, name: str, minutes: float = 1.0):
    """The run that a preset makes, read from its flags as the command line reads them."""
    flags = changed(record, preset_of(record, name), minutes)
    assert flags.pop("recipe") == record.asked.recipe
    return configure(record.asked.source, record.asked.recipe, nested_options(flags))


def test_the_default_recipe_allows_every_change(tiny):
    assert {preset.name for preset in presets_of(tiny.read())} == ALL


def test_the_page_has_every_change_and_no_other():
    listed = re.search(r"PRESETS = \[(.*?)\]", (FOLDER / "break.js").read_text("utf-8"))[1]
    assert set(re.findall(r'"([\w-]+)"', listed)) == ALL


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_change_changes_what_it_names_and_nothing_else(tiny, name):
    record = tiny.read()
    before, after = record.asked.configure(), run_of(record, name)
    expected = {
        "two-seeds": lambda: after.seed == before.seed + 1,
        "ten-times-the-rate": lambda: after.optimiser.lr == pytest.approx(10 * record.run.optimiser.lr),
        "no-labels": lambda: (before.labels, after.labels) == ("on", "off"),
        "no-penalty": lambda: (after.objective.r1, after.objective.r2) == (0.0, 0.0),
        "one-image": lambda: after.training.batch == 1,
        "batch-norm": lambda: after.pair.kind == "dcgan-concat",
    }
    assert expected[name]()
    part = {
        "two-seeds": "seed",
        "ten-times-the-rate": "optimiser",
        "no-labels": "labels",
        "no-penalty": "objective",
        "one-image": "training",
        "batch-norm": "pair",
    }
    left = {*type(after).model_fields} - {part[name], "training"}
    assert {field: getattr(after, field) for field in left} == {field: getattr(before, field) for field in left}
    same = {"precision", "memory_format", "threads", "sampler", "ema_halflife_images"} | (
        {"batch"} - ({"batch"} if name == "one-image" else set())
    )
    assert all(getattr(after.training, field) == getattr(before.training, field) for field in same)


def test_the_budget_is_short_whatever_the_run_had(tiny):
    run = run_of(tiny.read(), "no-penalty", minutes=0.5)
    assert (run.training.minutes, run.training.images, run.training.epochs) == (0.5, None, None)


def test_scores_in_between_are_left_out_and_the_watchdog_lets_it_go_on(tiny):
    record = tiny.read()
    choices = {**record.asked.choices, "training": {**record.asked.choices["training"], "score_every": 80}}
    asked = record.asked.model_copy(update={"choices": choices})
    run = run_of(record.model_copy(update={"asked": asked}), "no-labels")
    assert run.training.score_every is None
    assert run.training.watch == "warn"


def test_what_is_so_already_is_not_offered(tiny):
    record = tiny.read()
    objective = record.run.objective.model_copy(update={"r1": 0.0, "r2": 0.0})
    training = record.run.training.model_copy(update={"batch": 1})
    run = record.run.model_copy(update={"labels": "off", "objective": objective, "training": training})
    offered = {preset.name for preset in presets_of(record.model_copy(update={"run": run}))}
    assert offered == {"two-seeds", "ten-times-the-rate"}


def test_a_rate_that_no_run_takes_is_not_offered(tiny):
    record = tiny.read()
    run = record.run.model_copy(update={"optimiser": record.run.optimiser.model_copy(update={"lr": 2.0})})
    assert "ten-times-the-rate" not in {each.name for each in presets_of(record.model_copy(update={"run": run}))}


def test_an_unknown_change_is_refused_with_the_nearest(tiny):
    with pytest.raises(UserError, match="did you mean no-labels"):
        preset_of(tiny.read(), "no-label")


def test_the_run_beside_has_a_name_of_its_own_each_time(home, tiny, monkeypatch):
    trainings, begun = Trainings(Places(home)), []

    def begin(name: str, source: str, flags: dict[str, str]) -> None:
        begun.append((name, source))
        (tiny.path.parent / name).mkdir()

    monkeypatch.setattr(trainings, "_begin", begin)
    assert trainings.start_beside(tiny, "no-labels", 1.0) == "tiny-no-labels"
    assert trainings.start_beside(tiny, "no-labels", 1.0) == "tiny-no-labels-2"
    assert trainings.start_beside(tiny, "two-seeds", 1.0) == "tiny-two-seeds"
    assert {source for _, source in begun} == {RunFolder(tiny.path).read().run.source}
