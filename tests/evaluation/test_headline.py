"""The headline: its four measures follow what is wrong with images, and each needs only what the set has."""

import numpy as np
import pytest

from ganvas.data import open_source
from ganvas.errors import UserError
from ganvas.evaluation.distances import kid
from ganvas.evaluation.headline import Headline, kid_within_classes, refuse_unscorable
from ganvas.evaluation.samples import Samples
from ganvas.evaluation.scorecard import Origin


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """1,500 squares at the top or at the bottom, 150 of them held out."""
    pixels, labels = squares(1500, 0)
    path = tmp_path_factory.mktemp("real") / "squares.npz"
    np.savez(path, images=pixels[:, 0], labels=labels)
    return open_source(str(path))


def squares(count, seed):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = random.integers(0, 60, (count, 1, 16, 16))
    for image, label in zip(pixels, labels, strict=True):
        top, left = random.integers(0, 4) + 8 * label, random.integers(0, 11)
        image[0, top : top + 5, left : left + 5] += 150
    return pixels.astype(np.uint8), labels.astype(np.int64)


@pytest.fixture(autouse=True)
def longer(monkeypatch, moment):
    monkeypatch.setattr("ganvas.evaluation.evaluator.fit_images", lambda count, size: 16_000)


def scores(real, pixels, labels):
    return Headline(real)(Samples("theirs", pixels, labels, Origin()))


def test_fresh_real_images_have_the_best_headline_and_worse_ones_a_worse_one(real):
    pixels, labels = squares(400, 1)
    noise = np.random.default_rng(2).normal(0, 40, pixels.shape)
    good, bad = scores(real, pixels, labels), scores(real, (pixels + noise).clip(0, 255).astype(np.uint8), labels)
    assert good["auc"] == pytest.approx(0.5, abs=0.1)
    assert good["label_accuracy"] > 0.95
    assert bad["auc"] > 0.9
    assert bad["kid"] > 10 * abs(good["kid"])
    assert bad["fcd"] > good["fcd"]


def test_labels_that_are_not_obeyed_raise_kid_within_the_classes(real):
    pixels, labels = squares(400, 1)
    assert scores(real, pixels, 1 - labels)["kid"] > 10 * abs(scores(real, pixels, labels)["kid"])


def test_blurred_images_are_asked_about_where_that_is_wanted(real):
    pixels, labels = squares(400, 1)
    assert "auc_blurred" not in scores(real, pixels, labels)
    both = Headline(real).two_sample(Samples("theirs", pixels, labels, Origin()), blur=True)
    assert both["auc_blurred"] == pytest.approx(0.5, abs=0.1)


def test_a_set_without_labels_has_what_needs_none(tmp_path):
    pixels, _ = squares(300, 3)
    np.savez(tmp_path / "unlabelled.npz", images=pixels[:, 0])
    assert set(scores(open_source(str(tmp_path / "unlabelled.npz")), pixels, None)) == {"auc", "kid"}


def test_kid_within_classes_is_the_mean_weighted_by_real_images_and_of_all_where_a_class_is_small():
    random = np.random.default_rng(0)
    real, fake = random.normal(size=(60, 3)), random.normal(size=(50, 3)) + 1
    labels, others = np.repeat([0, 1], [40, 20]), np.repeat([0, 1], [25, 25])
    parts = [kid(real[labels == k], fake[others == k]).value for k in (0, 1)]
    assert kid_within_classes(real, labels, fake, others) == pytest.approx((40 * parts[0] + 20 * parts[1]) / 60)
    few = np.repeat([0, 1], [45, 5])
    whole = kid(real, fake).value
    assert kid_within_classes(real, labels, fake, few) == whole
    assert kid_within_classes(real, None, fake, None) == whole


def test_a_set_with_too_few_held_out_images_is_refused_with_the_number_needed(tiny_prepared):
    with pytest.raises(UserError, match=r"--score-every needs 10 held-out images, and .* has 6: leave it out"):
        refuse_unscorable(tiny_prepared)
