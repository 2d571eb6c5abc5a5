"""Scorecards side by side: equal protocols alone compare, and a winner needs intervals that are apart."""

import copy

import pytest

from ganvas.errors import UserError
from ganvas.evaluation import comparison
from ganvas.evaluation.scorecard import Scorecard
from ganvas.report import page


@pytest.fixture
def two(card):
    other = copy.deepcopy(card)
    other["name"] = "two"
    return [card, other]


def read(cards):
    return [Scorecard.model_validate(card) for card in cards]


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("features", "imagenet@89abcdef", "features (evaluator@01234567 and imagenet@89abcdef)"),
        ("n", 2000, "number of images (1000 and 2000)"),
        ("fingerprint", "def", "real set (abc and def)"),
        ("size", 32, "size (28x28 and 32x32)"),
        ("size", "28x20", "size (28x28 and 28x20)"),
    ],
)
def test_different_protocols_are_refused_with_the_part_that_differs(two, part, value, words):
    two[1]["protocol"][part] = value
    with pytest.raises(UserError) as caught:
        comparison.refuse_other_protocols(read(two))
    assert words in str(caught.value)


def test_every_part_that_must_agree_is_in_a_protocol(card):
    assert set(comparison.MUST_AGREE) <= set(card["protocol"])


def test_another_seed_compares(two):
    two[1]["protocol"]["seed"] = 7
    comparison.refuse_other_protocols(read(two))


def improve(card, by):
    card["two_sample"]["auc"].update(value=0.8 - by / 10, low=0.77 - by / 10, high=0.83 - by / 10)
    card["distances"]["random"]["kid"].update(value=0.2 - by / 5, low=0.1 - by / 5, high=0.3 - by / 5)
    card["labels"].update(accuracy=0.9 + by / 50, low=0.88 + by / 50, high=0.92 + by / 50)
    card["distances"]["evaluator"]["frechet"].update(value=5 - by, low=4.5 - by, high=5.5 - by)
    card["classification_accuracy_score"].update(accuracy=0.8 + by / 20, low=0.78 + by / 20, high=0.82 + by / 20)


def test_the_better_one_in_all_that_decides_is_named(two):
    improve(two[1], 2)
    assert comparison.verdict(read(two))[0] == "two is the better one."


def test_within_the_intervals_the_verdict_is_inconclusive(two):
    improve(two[1], 0.05)
    verdict = comparison.verdict(read(two))
    assert verdict[0] == "Inconclusive: one, two."
    assert "Inconclusive in label accuracy: one, two." in verdict


def test_there_is_no_winner_where_each_is_better_in_something(two):
    improve(two[1], 2)
    two[1]["classification_accuracy_score"].update(accuracy=0.5, low=0.48, high=0.52)
    verdict = comparison.verdict(read(two))
    assert verdict[0] == "No winner: the views disagree."
    assert any(sentence.startswith("Best in distinguished from real (AUC): two, by ") for sentence in verdict)
    assert "Best in CAS: one, by 30.0 % (27.2 to 32.8) over two." in verdict


def test_the_interval_that_is_printed_is_the_one_that_decides(two):
    two[1]["two_sample"]["auc"].update(value=0.75, low=0.72, high=0.78)
    sentence = "Best in distinguished from real (AUC): two, by 0.05 (0.00757 to 0.0924) over one."
    assert sentence in comparison.verdict(read(two))  # their own intervals overlap
    two[1]["two_sample"]["auc"].update(value=0.76, low=0.73, high=0.79)
    assert "Inconclusive in distinguished from real (AUC): one, two." in comparison.verdict(read(two))


def test_a_label_accuracy_above_that_of_real_images_is_no_better_than_theirs(two):
    two[0]["labels"].update(accuracy=0.95, low=0.94, high=0.96)
    two[1]["labels"].update(accuracy=0.999, low=0.998, high=1.0)
    (labels,) = [metric for metric in comparison.METRICS if metric.name == "label accuracy"]
    assert comparison.best(read(two), labels) == [0, 1]


def test_one_that_is_told_from_real_is_not_the_winner_by_its_labels(two):
    improve(two[1], 2)
    two[1]["two_sample"]["auc"].update(value=0.99, low=0.985, high=0.995)
    assert comparison.verdict(read(two))[0] == "No winner: the views disagree."


def test_flagged_copies_are_named_at_once(two):
    improve(two[1], 2)
    two[1]["copies"]["flagged"] = True
    assert comparison.verdict(read(two))[1] == "Flagged as copies of training images: two."


def test_less_is_better_where_it_is_a_distance(two):
    improve(two[1], 2)
    (frechet,) = [metric for metric in comparison.METRICS if metric.name == "Fréchet distance"]
    assert comparison.best(read(two), frechet) == [1]


def test_a_metric_that_one_card_lacks_is_a_dash(two):
    del two[1]["classification_accuracy_score"]
    (row,) = [row for row in comparison.rows(read(two)) if row[0] == "CAS"]
    assert row[2] == "–"


def test_equal_names_get_a_number(two):
    two[1]["name"] = "one"
    assert comparison.unique_names(read(two)) == ["one (1)", "one (2)"]


def test_the_page_holds_names_figures_and_images(two):
    improve(two[1], 2)
    text = comparison.markdown(read(two), ["compare-1.png"])
    assert "| label accuracy |" in text
    html = page.render(text, "title", {"compare-1.png": b"png"})
    assert html.count("<img") == 1
    assert "94.0 % (92.0 to 96.0) ★" in html
