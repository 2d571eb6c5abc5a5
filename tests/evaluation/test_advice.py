"""Where views contradict each other, and the one line of advice."""

import pytest

from ganvas.evaluation.advice import advice, disagreements, label_warning, words_for
from ganvas.evaluation.intervals import Estimate
from ganvas.evaluation.scorecard import Scorecard


def told(card, value):
    card["two_sample"]["auc"] = {"value": value, "low": value - 0.02, "high": min(1, value + 0.02)}
    return Scorecard.model_validate(card)


def test_a_label_accuracy_above_real_images_is_warned_of():
    few, many = Estimate(0.95, 0.88, 0.98), Estimate(0.95, 0.945, 0.955)  # real images
    assert label_warning(Estimate(0.95, 0.94, 0.96), many) is None
    assert label_warning(Estimate(0.96, 0.945, 0.97), many) is None  # by chance
    assert "exaggerates what a classifier looks for" in label_warning(Estimate(0.97, 0.96, 0.98), many)
    assert label_warning(Estimate(0.97, 0.96, 0.98), few) is None  # of few real images more is not known


def test_praise_by_labels_or_features_is_contradicted_where_a_network_tells_the_images(card):
    card["labels"]["accuracy"] = 0.95
    card["distances"]["evaluator"]["precision"]["value"] = 0.96
    both = [*disagreements(told(card, 0.98))]
    assert both[0].startswith("Labels are obeyed as in real images, yet a network distinguishes 98% of pairs")
    assert both[1].startswith("In the features of evaluator the images are nearly like real ones, yet")
    assert [*disagreements(told(card, 0.8))] == []


def test_where_every_view_finds_fault_there_is_no_disagreement(card):
    card["distances"]["evaluator"]["precision"]["value"] = 0.3
    assert [*disagreements(told(card, 0.99))] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda card: card["copies"].update(flagged=True), "Training images are copied"),
        (lambda card: card["per_class"][1]["diversity"].update(collapsed=True), "Images of dog are all alike"),
        (
            lambda card: (
                card.update(images={"recipe": "modern", "images": 100})
                or card["statistics"]["neighbour_difference"].update(value=9.0)
            ),
            "Too grainy: differences of neighbouring pixels 3 times those of real images. Try another recipe",
        ),
        (
            lambda card: card["two_sample"]["auc_blurred"].update(value=0.96, low=0.95, high=0.97),
            "The images are distinguished from real ones: train longer",
        ),
    ],
)
def test_advice_follows_from_what_is_worst(card, change, words):
    change(card)
    assert advice(told(card, 0.98)).startswith(words)


def test_grain_alone_is_called_that(card):
    card["two_sample"]["auc_blurred"] = {"value": 0.6, "low": 0.55, "high": 0.65}
    assert (
        advice(told(card, 0.98)) == "What gives the images away is mostly their grain: train longer (--more-minutes)."
    )


def test_without_a_fault_the_weakest_class_is_named_or_nothing(card):
    assert advice(told(card, 0.7)).startswith("Images of dog are recognised least")
    card["per_class"][1].update(accuracy=0.95, low=0.93, high=0.97)
    assert advice(told(card, 0.55)).startswith("Nothing stands out: the images are hardly distinguishable")


def test_the_words_for_an_auc():
    assert words_for(Estimate(0.52, 0.48, 0.56)) == "cannot be distinguished from real ones by this test"
    assert words_for(Estimate(0.57, 0.53, 0.6)) == "are hardly distinguishable from real ones"
    assert words_for(Estimate(0.8, 0.77, 0.83)) == "are distinguished from real ones often"
    assert words_for(Estimate(0.99, 0.98, 1.0)) == "are distinguished from real ones nearly always"
