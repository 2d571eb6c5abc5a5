"""The record: it survives JSON, and other files are refused."""

import json

import pytest

from ganvas.errors import UserError
from ganvas.evaluation.scorecard import FORMAT, Scorecard, read_scorecard


def write(tmp_path, content):
    path = tmp_path / "scorecard.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_scorecard_survives_json(card, tmp_path):
    again = read_scorecard(write(tmp_path, Scorecard.model_validate(card).to_json()))
    assert again.labels == Scorecard.model_validate(card).labels
    assert read_scorecard(write(tmp_path, again.to_json())) == again


def test_unknown_keys_are_ignored(card, tmp_path):
    card["distances"]["evaluator"]["another"] = {"value": 1}
    card["more"] = [1, 2]
    assert read_scorecard(write(tmp_path, card)).main_distances.frechet.value == 5


def test_a_part_that_was_not_measured_is_absent(card):
    del card["copies"]
    assert "copies" not in json.loads(Scorecard.model_validate(card).to_json())


def test_infinite_bounds_are_null_in_json_and_infinite_when_read(card, tmp_path):
    card["diversity"].update(low=0.5, high=float("inf"))
    text = Scorecard.model_validate(card).to_json()
    assert "Infinity" not in text
    estimate = read_scorecard(write(tmp_path, text)).diversity.estimate
    assert (estimate.low, estimate.high) == (0.5, float("inf"))


def test_numbers_are_rounded_to_eight_digits(card):
    card["distances"]["evaluator"]["frechet"]["value"] = 5.123456789
    assert (
        json.loads(Scorecard.model_validate(card).to_json())["distances"]["evaluator"]["frechet"]["value"] == 5.1234568
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is not a scorecard"),
        ("[1]", "is not a scorecard"),
        ({"format": FORMAT - 1}, f"is not a scorecard of format {FORMAT}"),
        ({"format": FORMAT, "protocol": {}}, "is a damaged scorecard"),
    ],
)
def test_other_files_are_refused(tmp_path, content, sentence):
    with pytest.raises(UserError, match=sentence):
        read_scorecard(write(tmp_path, content))


def test_a_field_of_the_wrong_type_is_named(card, tmp_path):
    card["labels"]["accuracy"] = "high"
    with pytest.raises(UserError, match=r"damaged scorecard \(labels.accuracy: "):
        read_scorecard(write(tmp_path, card))
