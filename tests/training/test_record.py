import json

import pytest

from ganvas.errors import UserError
from ganvas.runs.folder import RunFolder
from ganvas.training import record
from ganvas.training.loop import State


def test_a_record_says_everything_that_is_needed_to_repeat_a_run_and_what_it_cost(tiny_run):
    found = tiny_run.read()
    assert found["asked"]["recipe"] == found["run"]["recipe"] == "modern"
    assert found["run"]["seed"] == 0
    assert found["run"]["optimiser"]["lr"] > 0
    assert found["speed"] == {"threads": 1, "precision": "float32", "memory_format": "contiguous"}
    assert (found["steps"], found["step"], found["images"]) == (20, 20, 160)
    assert found["data"]["classes"] == ["across", "down", "spot"]
    assert found["data"]["train"] + found["data"]["held_out"] == 60
    assert {"torch", "numpy", "ganvas", "python"} <= found["versions"].keys()
    assert found["training_seconds"] > 0
    assert found["cpu_seconds"] > 0
    assert found["peak_memory_bytes"] > 10**7
    assert found["machine"]["device"]


def test_the_end_adds_to_the_record_and_changes_nothing_else():
    before = {"status": "begun", "steps": 9, "run": {"a": 1}}
    after = record.ended_record(before, State(7, 1.23456, 2.0), "interrupted")
    assert after.items() >= {"status": "interrupted", "steps": 9, "step": 7, "training_seconds": 1.235}.items()
    assert after["run"] == {"a": 1}
    assert "results" not in after
    assert record.ended_record(before, State(), "finished", {"accuracy": 1.0})["results"] == {"accuracy": 1.0}
    assert before["status"] == "begun"


ASKED = {"source": "digits", "recipe": "modern", "from": None, "choices": {"pair": {"width": 32}, "seed": 3}}


def test_choices_read_as_their_flags():
    assert record.flatten(ASKED) == {
        "--source": "digits",
        "--recipe": "modern",
        "--pair.width": "32",
        "--seed": "3",
    }


@pytest.mark.parametrize("width", [32, "32"])
def test_the_same_flags_are_the_same_run_as_text_or_as_numbers_and_after_json(tmp_path, width):
    again = json.loads(json.dumps({**ASKED, "choices": {"seed": "3", "pair": {"width": width}}}))
    record.refuse_another(RunFolder(tmp_path), {"asked": ASKED}, again)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"choices": {"pair": {"width": 8}, "seed": 3}}, r"--pair\.width 32, now 8\. "),
        ({"choices": {"pair": {"width": 32}}}, r"--seed 3, now not given\. "),
        ({"from": "runs/other"}, r"--from not given, now runs/other\. "),
        ({"source": "mnist", "recipe": "book-gan"}, r"--recipe modern, now book-gan; --source digits, now mnist\. "),
    ],
)
def test_other_flags_are_refused_with_each_difference(tmp_path, now, said):
    with pytest.raises(UserError, match=said + "Give the flags it was begun with, or another --out"):
        record.refuse_another(RunFolder(tmp_path), {"asked": ASKED}, {**ASKED, **now})


def test_images_that_changed_are_refused_even_where_their_shape_did_not(tiny_run, tiny_prepared):
    found = tiny_run.read()
    record.refuse_other_data(tiny_run, found, tiny_prepared)
    found["data"]["fingerprint"] = "another"
    with pytest.raises(UserError, match="begun on other data: the images have changed"):
        record.refuse_other_data(tiny_run, found, tiny_prepared)
