"""A whole scorecard of images that are neither square nor opaque."""

import numpy as np
import pytest

from ganvas import alpha
from ganvas.data import open_source
from ganvas.evaluation.artifacts import COPIES, SAMPLES, SPECTRUM, write_scorecard
from ganvas.evaluation.distances import kid
from ganvas.evaluation.features import label_free
from ganvas.evaluation.protocol import Protocol
from ganvas.evaluation.samples import Samples
from ganvas.evaluation.score import score, statistics_of
from ganvas.evaluation.scorecard import Origin, Scorecard


def icons(count, seed):
    """(images (N, 20, 16, 4) as in files, labels): coloured discs and bars on nothing."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = np.zeros((count, 20, 16, 4), np.uint8)
    rows, columns = np.mgrid[:20, :16]
    for image, label in zip(images, labels, strict=True):
        y, x, width = random.integers(5, 15), random.integers(5, 11), random.integers(2, 5)
        is_inside = np.hypot(rows - y, columns - x) <= width if label else np.abs(rows - y) < width
        image[is_inside] = (*random.integers(0, 256, 3), 255)
    return images, labels


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    images, labels = icons(1000, 0)
    path = tmp_path_factory.mktemp("real") / "icons.npz"
    np.savez(path, images=images, labels=labels, classes=np.array(["bar", "disc"]))
    return open_source(str(path))


@pytest.fixture(autouse=True)
def longer(monkeypatch, moment):
    monkeypatch.setattr("ganvas.evaluation.evaluator.fit_images", lambda count, side: 6_000)
    monkeypatch.setattr("ganvas.evaluation.features.find_spec", lambda name: None)  # the random network: it is quicker


def scored(real, pixels, labels):
    samples = Samples("theirs", pixels, labels, Origin())
    return score(samples, real, Protocol(count=200, features="evaluator")), samples


def test_fresh_transparent_rectangles_score_well_and_the_card_is_written_whole(real, tmp_path):
    images, labels = icons(200, 99)
    found, samples = scored(real, alpha.premultiply(images.transpose(0, 3, 1, 2)), labels)
    assert found.card.labels.accuracy > 0.95
    assert found.card.copies.flagged is False
    assert found.card.protocol.size == (20, 16)
    assert found.card.protocol.channels == 4
    write_scorecard(found, samples, real, tmp_path / "card")
    assert all((tmp_path / "card" / name).stat().st_size for name in (SAMPLES, COPIES, SPECTRUM))
    again = Scorecard.model_validate_json((tmp_path / "card" / "scorecard.json").read_text())
    assert again.protocol == found.card.protocol


def test_images_that_lost_their_transparency_are_far_off(real):
    images, labels = icons(200, 99)
    pixels = alpha.premultiply(images.transpose(0, 3, 1, 2))
    opaque = np.concatenate([pixels[:, :3], np.full_like(pixels[:, 3:], 255)], axis=1)  # the same on black
    fresh, lost = (Samples("theirs", each, labels, Origin()) for each in (pixels, opaque))
    assert statistics_of(lost, real)["brightness"].value < 0.7 * statistics_of(fresh, real)["brightness"].value
    features = label_free(4).features
    reference = features(real.pixels[real.held_out])
    assert kid(reference, features(opaque)).value > 10 * abs(kid(reference, features(pixels)).value)
