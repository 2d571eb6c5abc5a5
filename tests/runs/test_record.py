import json

import pytest

from ganvas.errors import UserError
from ganvas.runs import record
from ganvas.runs.record import Asked, RunRecord, State


def test_a_record_holds_everything_that_is_needed_to_repeat_a_run_and_what_it_cost(tiny_run):
    result = tiny_run.read()
    assert result.asked.recipe == result.run.recipe == "modern"
    assert result.run.seed == 0
    assert result.run.optimiser.lr > 0
    assert str(result.run.compute) == "1 thread, float32, contiguous"
    assert (result.run.steps, result.step, result.run.images, result.images_seen) == (20, 20, 160, 160)
    assert result.data.classes == ("across", "down", "spot")
    assert result.data.train + result.data.held_out == 60
    assert {"torch", "numpy", "ganvas", "python"} <= result.versions.keys()
    assert result.training_seconds > 0
    assert result.cpu_seconds > 0
    assert result.peak_memory_bytes > 10**7
    assert result.machine["device"]


def test_what_was_asked_and_what_it_was_resolved_to_are_both_recorded(tiny_run):
    result = tiny_run.read()
    assert "objective" not in result.asked.choices
    assert result.asked.configure().objective.augment == "auto"
    assert result.run.objective.augment == "on"
    assert any("randomly shifted" in reason for reason in result.run.reasons)


def test_a_record_is_the_same_after_it_was_written_and_read(tiny_run):
    result = tiny_run.read()
    assert RunRecord.model_validate(json.loads(json.dumps(result.model_dump(mode="json")))) == result


def test_the_end_adds_to_the_record_and_changes_nothing_else(tiny_run):
    before = tiny_run.read()
    after = before.ended(State(step=7, training_seconds=1.23456, cpu_seconds=2.0), "interrupted")
    assert (after.status, after.step, after.training_seconds) == ("interrupted", 7, 1.235)
    assert (after.run, after.asked, after.data, after.results) == (before.run, before.asked, before.data, None)
    assert before.status == "finished"


ASKED = Asked(source="digits", choices={"pair": {"width": 32}, "seed": 3})


def asked(**changes):
    return ASKED.model_copy(update=changes)


def test_choices_read_as_their_flags():
    assert ASKED.as_flags() == {"SOURCE": "digits", "--recipe": "modern", "--pair.width": "32", "--seed": "3"}


@pytest.mark.parametrize("width", [32, "32"])
def test_the_same_flags_are_the_same_run_as_text_or_as_numbers_and_after_json(width):
    again = Asked(**json.loads(asked(choices={"seed": "3", "pair": {"width": width}}).model_dump_json()))
    record.require_same_request("run", ASKED, again)


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ({"choices": {"pair": {"width": 8}, "seed": 3}}, r"--pair\.width 32, now 8\. "),
        ({"choices": {"pair": {"width": 32}}}, r"--seed 3, now not given\. "),
        ({"start_from": "runs/other"}, r"--from not given, now .*runs/other\. "),
        ({"source": "mnist", "recipe": "book-gan"}, r"--recipe modern, now book-gan; SOURCE digits, now mnist\. "),
    ],
)
def test_other_flags_are_refused_with_each_difference_and_the_way_on(now, message):
    way_on = "Give the flags it was begun with, or another --out; a finished run is trained further with --more-minutes"
    with pytest.raises(UserError, match=message + way_on):
        record.require_same_request("run", ASKED, asked(**now))


def test_images_that_changed_are_refused_even_where_their_shape_did_not(tiny_run, tiny_prepared):
    data = tiny_run.read().data
    record.require_same_data("run", data, tiny_prepared)
    with pytest.raises(UserError, match="run was begun on other data: its images have changed"):
        record.require_same_data("run", data.model_copy(update={"fingerprint": "another"}), tiny_prepared)
