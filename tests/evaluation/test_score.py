"""The scorecard as a whole: known good and known bad images score as they must."""

import numpy as np
import pytest

from ganvas.data import open_source
from ganvas.errors import UserError
from ganvas.evaluation.protocol import Protocol
from ganvas.evaluation.samples import Samples
from ganvas.evaluation.score import score
from ganvas.evaluation.scorecard import Origin, Scorecard

CLASSES = 3


def bars(count, seed):
    """(pixels (N, 1, 16, 16), labels): bars across, bars down, squares, of many places and greys."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    pixels = random.integers(0, 60, (count, 1, 16, 16))
    for image, label in zip(pixels, labels, strict=True):
        top, left = random.integers(1, 10, 2)
        rows = slice(None) if label == 1 else slice(top, top + 5)
        columns = slice(None) if label == 0 else slice(left, left + 5)
        image[0, rows, columns] += random.integers(120, 190)
    return pixels.astype(np.uint8), labels.astype(np.int64)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """2,000 images, 200 of them held out."""
    pixels, labels = bars(2000, 0)
    path = tmp_path_factory.mktemp("real") / "bars.npz"
    np.savez(path, images=pixels[:, 0], labels=labels)
    return open_source(str(path))


@pytest.fixture(autouse=True)
def longer(monkeypatch, moment):
    monkeypatch.setattr("ganvas.evaluation.evaluator.fit_images", lambda count, size: 16_000)
    monkeypatch.setattr("ganvas.evaluation.labels.fit_images", lambda count, size: 6_000)


def scored(real, pixels, labels, **more):
    return score(Samples("theirs", pixels, labels, Origin()), real, Protocol(count=400, **more)).card


@pytest.fixture(scope="module")
def fresh():
    """Images of the real distribution, as from a perfect generator."""
    return bars(400, 99)


def test_fresh_real_images_score_like_a_perfect_generator(real, fresh):
    card = scored(real, *fresh)
    assert card.labels.accuracy > 0.97
    assert card.main_distances.frechet.value < 2 * card.main_distances.frechet.floor
    assert card.copies.flagged is False
    assert card.diversity.within_classes == pytest.approx(1, abs=0.15)
    cas = card.classification_accuracy_score
    assert cas.accuracy > cas.real_accuracy - 0.05
    assert not any(scores.diversity.collapsed for scores in card.per_class)


def test_shuffled_labels_lower_label_accuracy_and_no_distance(real, fresh):
    pixels, labels = fresh
    shuffled = np.random.default_rng(0).permutation(labels)
    card, right = (scored(real, pixels, given, quick=True) for given in (shuffled, labels))
    assert card.labels.accuracy == pytest.approx(1 / CLASSES, abs=0.08)
    assert card.main_distances.frechet.value == pytest.approx(right.main_distances.frechet.value)


def test_one_image_repeated_is_collapsed_in_every_class(real, fresh):
    pixels, labels = fresh
    card = scored(real, pixels[labels], labels)  # the first of each class, over and over
    assert all(scores.diversity.collapsed for scores in card.per_class)
    assert card.main_distances.recall.value < 0.2
    assert card.labels.accuracy > 0.9
    assert card.labels.linear.accuracy == pytest.approx(card.labels.linear.real_accuracy, abs=0.1)


def test_shuffled_labels_lower_the_accuracy_by_a_linear_classifier_too(real, fresh):
    pixels, labels = fresh
    linear = scored(real, pixels, np.roll(labels, 1), quick=True).labels.linear
    assert linear.accuracy < 0.3
    assert linear.real_accuracy > 0.8


def test_copied_training_images_are_flagged(real):
    rows = np.asarray(real.train)[:400]
    card = scored(real, np.asarray(real.pixels[rows]), np.asarray(real.labels[rows]))
    assert card.copies.flagged
    assert card.copies.p_value < 0.01


def test_held_out_images_are_not_flagged(real):
    rows = np.asarray(real.held_out)
    assert scored(real, np.asarray(real.pixels[rows]), np.asarray(real.labels[rows])).copies.flagged is False


def test_noise_has_a_large_distance_and_no_coverage(real, fresh):
    noise = np.random.default_rng(0).integers(0, 255, (400, 1, 16, 16), np.uint8)
    card = scored(real, noise, fresh[1])
    assert card.main_distances.frechet.value > 10 * card.main_distances.frechet.floor
    assert card.copies.flagged is False
    assert card.main_distances.coverage.value < 0.2


def test_every_metric_is_present_and_survives_json(real, fresh):
    card = scored(real, *fresh)
    assert None not in (card.labels.estimate, card.labels.real_accuracy, card.labels.confusion, card.labels.worst)
    figures = [card.label_free_distances.kid, card.label_free_distances.sliced_wasserstein]
    for name in ("frechet", "kid", "sliced_wasserstein", "precision", "recall", "density", "coverage"):
        figures.append(getattr(card.main_distances, name))
    for figure in figures:
        assert None not in (figure.value, figure.low, figure.high, figure.floor)
    assert None not in (card.copies.p_value, card.copies.near_copies, card.classification_accuracy_score)
    assert [scores.name for scores in card.per_class] == ["0", "1", "2"]
    assert all(scores.kid.value is not None and scores.accuracy is not None for scores in card.per_class)
    assert card.protocol.features.startswith("evaluator@")
    assert card.protocol.n == 400
    again = Scorecard.model_validate_json(card.to_json())
    assert again.to_json() == card.to_json()
    assert again.labels.confusion == card.labels.confusion


def test_quick_has_label_accuracy_and_one_distance(real, fresh):
    card = scored(real, *fresh, quick=True)
    assert set(card.main_distances.model_dump(exclude_none=True)) == {"frechet"}
    assert card.copies is None
    assert card.classification_accuracy_score is None
    assert card.labels.accuracy > 0.9
    assert card.labels.linear.accuracy == pytest.approx(card.labels.linear.real_accuracy, abs=0.1)


def test_images_without_labels_have_the_share_predicted_of_each_class(real, fresh):
    card = scored(real, fresh[0], None)
    assert not card.labels.asked
    assert sum(card.labels.predicted.values()) == pytest.approx(1)
    assert card.labels.predicted["0"] == pytest.approx(1 / 3, abs=0.05)
    assert card.classification_accuracy_score is None


def test_a_metric_with_too_few_images_has_the_number_needed(tiny_prepared):
    pixels, labels = np.asarray(tiny_prepared.pixels), np.asarray(tiny_prepared.labels)
    card = score(Samples("few", pixels, labels, Origin()), tiny_prepared, Protocol(count=60)).card
    assert card.main_distances.frechet.value is None
    assert "needs at least 129 real images" in card.main_distances.frechet.why
    assert card.copies.flagged is None
    assert "needs at least 10 held-out images, and there are 6" in card.copies.verdict


def test_features_are_computed_once_for_all_metrics(real, fresh, monkeypatch):
    from ganvas.evaluation.evaluator import Evaluator

    embedded = []
    original = Evaluator.embed
    monkeypatch.setattr(
        Evaluator, "embed", lambda self, pixels, *more: embedded.append(len(pixels)) or original(self, pixels, *more)
    )
    scored(real, *fresh)
    held, train = len(real.held_out), len(real.train)
    planted = 4 * [-(-held // 2 // 10)]
    assert sorted(embedded) == sorted([400, held, 400, train, *planted])


def test_a_set_without_classes_is_scored_in_label_free_features_and_has_no_evaluator(tmp_path, fresh):
    np.savez(tmp_path / "unlabelled.npz", images=bars(300, 5)[0][:, 0])
    prepared = open_source(str(tmp_path / "unlabelled.npz"))
    card = scored(prepared, fresh[0], None)
    assert card.protocol.features.startswith("random@")
    assert card.main_distances.kid.value is not None
    with pytest.raises(
        UserError, match="has no labels, and an evaluator learns to tell classes apart: choose --features"
    ):
        scored(prepared, fresh[0], None, features="evaluator")
