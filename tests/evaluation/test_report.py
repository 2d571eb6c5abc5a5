"""What a scorecard says in words: label accuracy, distances, copies and CAS, most important first."""

import pytest

from ganvas.evaluation import report
from ganvas.evaluation.artifacts import SHEETS
from ganvas.evaluation.scorecard import Scorecard
from ganvas.report import page


def findings(card):
    return [*report.findings(Scorecard.model_validate(card))]


def sentences(card):
    return " ".join(sentence for _, sentence in findings(card))


def marks(card):
    return {sentence.split(" ")[0]: mark for mark, sentence in reversed(findings(card))}


def markdown(card, sheets=()):
    return report.markdown(Scorecard.model_validate(card), sheets)


@pytest.mark.parametrize(("accuracy", "mark"), [(0.96, report.GOOD), (0.9, report.BAD), (0.3, report.BAD)])
def test_label_accuracy_is_held_against_real_images_and_chance(card, accuracy, mark):
    card["labels"].update(accuracy=accuracy, low=accuracy - 0.01, high=accuracy + 0.01)
    assert f"Label accuracy {100 * accuracy:.1f} % " in sentences(card)
    assert "; real held-out images: 95.0 %), by a classifier of this set's labels" in sentences(card)
    assert ("chance is 50.0 %" in sentences(card)) == (accuracy == 0.3)
    assert marks(card)["Label"] == mark


def test_near_chance_is_bad_even_where_real_images_do_no_better(card):
    card["labels"].update(accuracy=0.52, low=0.5, high=0.54, real_accuracy=0.5)
    assert marks(card)["Label"] == report.BAD


def test_the_class_with_the_lowest_label_accuracy_is_named(card):
    assert "Lowest label accuracy of a class: 80.0 % (78.0 to 82.0), dog." in sentences(card)
    card["per_class"][1].update(low=0.6, high=0.91)  # of few images
    assert "Lowest label accuracy" not in sentences(card)


def test_a_second_classifier_stands_beside_label_accuracy(card):
    card["labels"]["linear"] = {"accuracy": 0.7, "low": 0.68, "high": 0.72, "real_accuracy": 0.8}
    assert "by a classifier of this set's labels; 70.0 % (real: 80.0 %) by a linear one of label-free features" in (
        sentences(card)
    )


def test_a_distance_stands_beside_its_floor(card):
    said = sentences(card)
    assert "FCD 5 (4.5 to 5.5) on 1,000 images; real-vs-real floor 1, in the features of a classifier of this" in said
    assert "KID 0.2 (0.1 to 0.3) on 1,000 images; real-vs-real floor 0, in the features of a random network" in (
        sentences(card)
    )


def test_precision_and_recall_are_called_that(card):
    assert "Precision 90.0 %, recall 70.0 % (real images: 95.0 % and 95.0 %)." in sentences(card)


def test_a_distance_that_could_not_be_computed_has_the_reason(card):
    card["distances"]["evaluator"]["frechet"] = {"name": "FCD", "value": None, "why": "too few", "floor": None, "n": 3}
    assert "No FCD: too few." in sentences(card)
    assert markdown(card)


def test_flagged_copies_are_bad_and_near_duplicates_between_the_splits_are_counted(card):
    assert marks(card)["No"] == report.GOOD
    card["copies"].update(flagged=True, verdict="Copies: all of them.")
    assert marks(card)["Copies:"] == report.BAD
    assert "3 held-out images have near-duplicates among the training images" in sentences(card)


def test_collapsed_classes_are_named(card):
    assert "Diversity within a class: 85.0 % of that of real images." in sentences(card)
    card["per_class"][1]["diversity"]["collapsed"] = True
    assert "Collapsed, with less than half of the diversity of real images: dog." in sentences(card)


def test_cas_is_held_against_as_many_real_images(card):
    assert "CAS 80.0 %: the accuracy on real held-out images" in sentences(card)
    assert "trained on 1,000 generated images alone; trained on as many real ones: 90.0 %." in sentences(card)


def test_images_without_labels_have_the_most_and_least_predicted_class(card):
    card["labels"] = {"asked": False, "predicted": {"cat": 0.9, "dog": 0.1}, "real_accuracy": 0.95}
    for scores in card["per_class"]:
        scores.update(accuracy=None, n=None)
    assert "Predicted most often: cat (90.0 %), least often: dog (10.0 %)." in sentences(card)
    assert markdown(card)


def test_a_set_without_classes_has_a_sentence_and_no_table(card):
    card.update(labels=None, classes=[], per_class=[], diversity={"within_classes": None})
    del card["classification_accuracy_score"]
    assert "The set has no classes" in sentences(card)
    assert "By class" not in markdown(card)


def test_the_page_holds_figures_images_and_protocol(card):
    text = page.render(markdown(card, SHEETS), "title", dict.fromkeys(SHEETS, b"png"))
    assert text.count("<img") == 6
    assert text.count('<img class="pixels"') == 4
    for words in ("90.0 %", "evaluator@01234567", "500 held-out images of pets", "No copying found."):
        assert words in text


def test_markdown_links_only_sheets_that_exist(card):
    assert "](" not in markdown(card)
    assert markdown(card, SHEETS[:1]).count("](scorecard.png") == 1


def test_a_class_named_like_a_script_or_a_table_is_plain_text(card):
    card["per_class"][0]["name"] = "<script>alert(1)</script>|\n`"
    text = markdown(card)
    assert "<script>" not in text
    assert "<script>" not in page.render(text, "title", {})
    row = next(line for line in text.splitlines() if line.startswith("| \\<script\\>"))
    assert row.replace("\\|", "").count("|") == 9


def test_where_no_class_has_a_frechet_distance_the_table_has_kid(card):
    assert "| KID | floor |" in markdown(card)
    card["per_class"][0]["frechet"]["value"] = 3.0
    assert "| FCD | floor |" in markdown(card)


def test_the_class_farthest_above_its_floor_is_named(card):
    card["per_class"][0]["kid"] = {"value": 0.9, "low": 0.8, "high": 1.0, "floor": 0.8}
    card["per_class"][1]["kid"] = {"value": 0.5, "low": 0.45, "high": 0.55, "floor": 0.01}
    assert "Class farthest above its floor: dog, KID 0.5 (floor 0.01)." in sentences(card)
    card["per_class"][1]["kid"].update(low=0.0, high=1.0)
    assert "farthest" not in sentences(card)  # too few images to say
    del card["per_class"][1]["kid"]
    assert "farthest" not in sentences(card)


@pytest.mark.parametrize(
    ("value", "text"), [(0.36456, "0.365"), (5.3954, "5.4"), (254.4, "254"), (5491.0, "5,490"), (-25.03, "-25")]
)
def test_a_distance_has_three_digits_and_no_exponent(value, text):
    assert report.three_digits(value) == text


def test_the_headline_is_whether_the_images_are_distinguished_from_real_ones(card):
    first = findings(card)[0]
    assert first[1].startswith("The images are distinguished from real ones often: AUC 0.8 (0.77 to 0.83) of a network")
    assert first[1].endswith("; both blurred: 0.75 (0.72 to 0.78).")
    card["two_sample"]["auc"] = {"value": 0.99, "low": 0.98, "high": 1.0}
    assert findings(card)[0][0] == report.BAD
    card["two_sample"]["auc"] = {"value": 0.52, "low": 0.49, "high": 0.55}
    assert findings(card)[0][0] == report.GOOD


def test_a_label_accuracy_above_real_images_is_in_doubt_and_never_good(card):
    card["labels"].update(accuracy=0.99, low=0.98, high=1.0, warning="higher than for real images: it exaggerates")
    assert marks(card)["Label"] == report.DOUBT
    assert "That is higher than for real images: it exaggerates." in sentences(card)


def test_statistics_that_are_off_disagreements_and_advice_are_on_the_page(card):
    card["statistics"]["neighbour_difference"]["value"] = 9.0
    card.update(disagreements=["One view praises."], advice="Try this.")
    text = markdown(card)
    assert "Too grainy: differences of neighbouring pixels 3 times those of real images." in text
    assert f"- {report.DOUBT}One view praises." in text
    assert "**What to try next:** Try this." in text
    assert "| differences of neighbouring pixels | 9 | 3 | 2.9 to 3.1 | 3.00 |" in text
    assert "| KID | random | 0.2 (0.1 to 0.3) | 0 |" in text


def test_the_share_of_copies_that_would_be_noticed_is_on_the_page(card):
    card["copies"]["sensitivity"] = {"exact": {"caught": 1.0, "flagged_from": 0.05}, "mirrored": {"caught": 0.0}}
    card["copies"]["false_alarms"] = 0.002
    text = markdown(card)
    assert "| exact copies | 100.0 % | 5% |" in text
    assert "| mirrored copies | 0.0 % | not at 10% |" in text
    assert "taken for near-copies: 0.2 %." in text


def test_a_distance_in_features_that_are_label_free_themselves_is_reported_once(card):
    card["protocol"].update(features="imagenet@579344-64px", label_free="imagenet@579344-64px")
    card["distances"] = {"imagenet": {"kid": card["distances"]["random"]["kid"]}}
    assert sum("KID 0.2" in sentence for _, sentence in findings(card)) == 1
