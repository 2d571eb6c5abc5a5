"""What a scorecard says in words: the truth about labels, copies and use, most important first."""

import pytest

from ganvas.evaluation import report


def said(card):
    return " ".join(sentence for _, sentence in report.sentences(card))


def moods(card):
    return {sentence.split(" ")[0]: mood for mood, sentence in reversed(report.sentences(card))}


@pytest.mark.parametrize(
    ("accuracy", "words", "mood"),
    [(0.96, "Labels are obeyed:", "good"), (0.9, "Labels are obeyed less than", "bad"), (0.3, "Labels are not", "bad")],
)
def test_labels_are_held_against_real_images_and_chance(card, accuracy, words, mood):
    card["labels"].update(accuracy=accuracy, low=accuracy - 0.01, high=accuracy + 0.01)
    assert words in said(card)
    assert moods(card)["Labels"] == mood


def test_the_worst_class_is_named(card):
    assert "The class obeyed least is dog, with 80.0 %." in said(card)


def test_a_distance_stands_beside_its_floor(card):
    assert "FCD 5 (4.5 to 5.5) with 1,000 images; real against real it is 1, the floor." in said(card)


def test_a_distance_that_could_not_be_taken_says_why(card):
    card["distances"]["frechet"] = {"name": "FCD", "value": None, "why": "too few", "floor": None, "n": 3}
    assert "No FCD: too few." in said(card)
    assert report.html(card, {})


def test_flagged_copies_are_bad_news_and_twins_between_the_splits_are_told(card):
    assert moods(card)["No"] == "good"
    card["copies"].update(flagged=True, verdict="Copies: all of them.")
    assert moods(card)["Copies:"] == "bad"
    assert "3 held-out images have a near-duplicate among those trained on" in said(card)


def test_collapsed_classes_are_named(card):
    card["per_class"][1]["diversity"]["collapsed"] = True
    assert "Collapsed, with less than half of the real spread within the class: dog." in said(card)


def test_use_is_held_against_as_many_real_images(card):
    assert "learns from 1,000 of these images alone gets 80.0 %" in said(card)
    assert "as many real ones 90.0 %" in said(card)


def test_images_nobody_asked_by_class_say_what_is_seen(card):
    card["labels"] = {"asked": False, "seen": {"cat": 0.9, "dog": 0.1}, "real_accuracy": 0.95}
    for found in card["per_class"]:
        found.update(accuracy=None, n=None)
    assert "The evaluator sees cat most often (90.0 %) and dog least (10.0 %)." in said(card)
    assert report.html(card, {})
    assert report.markdown(card)


def test_a_set_without_classes_says_so(card):
    card.update(labels=None, classes=[], per_class=[], use=None, diversity={"within_classes": None})
    assert said(card).startswith("The set has no classes")
    assert report.html(card, {})


def test_the_page_holds_figures_images_and_protocol(card):
    text = report.html(card, {"samples": b"a", "real": b"b", "confusion": b"c", "pairs": b"d"})
    assert text.count("<img") == 4
    for words in ("90.0 %", "evaluator@01234567", "500 held-out images of pets", "No copying seen."):
        assert words in text


def test_a_class_named_like_a_script_or_a_table_is_shown(card):
    card["per_class"][0]["class"] = "<script>alert(1)</script>|\n`"
    assert "<script>alert" not in report.html(card, {})
    assert "<script>" not in report.markdown(card)
    row = next(line for line in report.markdown(card).splitlines() if line.startswith("| \\<script\\>"))
    assert row.replace("\\|", "").count("|") == 9


def test_where_no_class_has_a_frechet_distance_the_table_has_the_kernel_one(card):
    assert report.per_class(card)[0][4] == "KID"
    card["per_class"][0]["frechet"]["value"] = 3.0
    assert report.per_class(card)[0][4] == "FCD"


def test_the_class_farthest_above_its_floor_is_named(card):
    card["per_class"][0]["kernel"] = {"value": 0.9, "floor": 0.8}
    assert "The class farthest from its real images is dog, with KID 0.5, floor 0.01." in said(card)
    del card["per_class"][1]["kernel"]
    assert "farthest" not in said(card)
