"""Images whose faults are known, made of real photographs: each is flagged by a view that names it rightly."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.stats import kendalltau

from ganvas.data import open_source
from ganvas.evaluation import report
from ganvas.evaluation.evaluator import evaluator_for
from ganvas.evaluation.protocol import Protocol
from ganvas.evaluation.samples import Samples
from ganvas.evaluation.score import score
from ganvas.evaluation.scorecard import Origin
from ganvas.images import from_uint8, to_uint8

PHOTOGRAPHS = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos.zip"
COUNT = 1000
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not PHOTOGRAPHS.is_file(), reason="needs a set of photographs beside the checkout"),
]


@pytest.fixture(autouse=True)
def moment():
    """Fits have their full length here."""


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """(a prepared set of photographs, pixels and labels of COUNT others: those of a perfect generator)."""
    folder = tmp_path_factory.mktemp("photographs")
    with zipfile.ZipFile(PHOTOGRAPHS) as archive:
        archive.extractall(folder)
    prepared, others = open_source(str(folder / "train")), open_source(str(folder / "test"))
    labels = np.asarray(others.labels)
    rows = np.sort(np.random.default_rng(0).permutation(len(labels))[:COUNT])
    return prepared, np.asarray(others.pixels[rows]), labels[rows]


def card_of(halves, pixels, labels=None, quick=True):
    prepared, _, own = halves
    samples = Samples("theirs", pixels, own if labels is None else labels, Origin())
    return score(samples, prepared, Protocol(count=COUNT, quick=quick)).card


def bad(card):
    """What a scorecard calls bad or doubtful."""
    return " ".join(sentence for mark, sentence in report.findings(card) if mark in (report.BAD, report.DOUBT))


def dots(pixels, share=0.05):
    random = np.random.default_rng(1)
    at = random.random((len(pixels), 1, *pixels.shape[2:])) < share
    return np.where(at, random.integers(0, 2, at.shape) * 255, pixels).astype(np.uint8)


def chroma_noise(pixels, strength=20.0):
    noise = np.random.default_rng(2).normal(0, strength, pixels.shape)
    return (pixels + noise - noise.mean(1, keepdims=True)).clip(0, 255).astype(np.uint8)


def blur(pixels, times=1):
    images = pixels.astype(np.float32)
    for _ in range(times):
        padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
        across = (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]) / 4
        images = (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 4
    return images.astype(np.uint8)


def shuffled_patches(pixels, share=1.0):
    random, result = np.random.default_rng(3), pixels.copy()
    side = 8
    places = [(y, x) for y in range(0, pixels.shape[2], side) for x in range(0, pixels.shape[3], side)]
    for image in result[: round(share * len(result))]:
        patches = [image[:, y : y + side, x : x + side].copy() for y, x in places]
        for (y, x), index in zip(places, random.permutation(len(places)), strict=True):
            image[:, y : y + side, x : x + side] = patches[index]
    return result


def saturated(pixels, by=2.5):
    grey = pixels.mean(1, keepdims=True)
    return (grey + by * (pixels - grey)).clip(0, 255).astype(np.uint8)


def jpeg(pixels, quality=20):
    results = []
    for image in pixels:
        file = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(file, "JPEG", quality=quality)
        results.append(np.asarray(Image.open(file, formats=["JPEG"])).transpose(2, 0, 1))
    return np.stack(results)


def class_averages(pixels, labels):
    """A sharpened mean image of each class, with a little noise."""
    means = np.stack([pixels[labels == label].mean(0) for label in range(labels.max() + 1)])[labels]
    sharp = means + 2 * (means - blur(means.clip(0, 255).astype(np.uint8)))
    return (sharp + np.random.default_rng(4).normal(0, 4, pixels.shape)).clip(0, 255).astype(np.uint8)


def caricature(halves, steps=20):
    """The images, moved for some steps towards what the evaluator recognises as their class."""
    prepared, pixels, labels = halves
    network = evaluator_for(prepared).network
    images, targets = from_uint8(torch.from_numpy(pixels.copy())), torch.from_numpy(labels)
    for _ in range(steps):
        images.requires_grad_(True)
        (gradient,) = torch.autograd.grad(F.cross_entropy(network(images), targets, reduction="sum"), images)
        images = (images.detach() - 0.02 * gradient.sign()).clamp(-1, 1)
    return to_uint8(images).numpy()


def test_fresh_photographs_are_flagged_by_nothing(halves):
    card = card_of(halves, halves[1], quick=False)
    assert card.two_sample.auc.low < 0.55
    assert bad(card) == ""
    assert card.disagreements == ()
    assert card.copies.flagged is False
    assert card.labels.warning is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dots, "Too grainy"),
        (chroma_noise, "Too much colour noise"),
        (blur, "Too blurred"),
        (shuffled_patches, "Blocky"),
        (saturated, "Too saturated"),
        (jpeg, "Blocky"),
    ],
)
def test_a_fault_of_the_pixels_is_named_and_told(halves, change, words):
    card = card_of(halves, change(halves[1]))
    assert words in bad(card)
    # A network that learned for a moment hardly sees JPEG's blocks: no view sees everything.
    assert change is jpeg or card.two_sample.auc.low > 0.8


def test_class_averages_are_told_and_collapsed(halves):
    card = card_of(halves, class_averages(halves[1], halves[2]), quick=False)
    assert card.two_sample.auc.low > 0.9
    assert "Collapsed" in bad(card)


def test_a_caricature_is_no_praise(halves):
    card = card_of(halves, caricature(halves))
    assert card.labels.accuracy > card.labels.real_accuracy
    assert "exaggerates what a classifier looks for" in bad(card)
    assert card.two_sample.auc.low > 0.7


def test_a_tenth_of_the_variety_is_told(halves):
    _, pixels, labels = halves
    few = np.concatenate([np.resize(np.flatnonzero(labels == k)[: COUNT // 50], (labels == k).sum()) for k in range(5)])
    card = card_of(halves, pixels[few], labels[few], quick=False)
    assert card.two_sample.auc.low > 0.6


@pytest.mark.parametrize(
    ("change", "strengths"),
    [
        (dots, (0.002, 0.01, 0.05)),
        (chroma_noise, (4.0, 10.0, 25.0)),
        (blur, (1, 2, 4)),
        (shuffled_patches, (0.25, 0.5, 1.0)),
        (saturated, (1.3, 1.8, 3.0)),
        (jpeg, (40, 12, 4)),  # milder ones it does not see
    ],
)
def test_the_headline_gets_worse_with_the_strength_of_a_fault(halves, change, strengths):
    values = [card_of(halves, change(halves[1], each)).two_sample.auc.value for each in strengths]
    assert values == sorted(values)


def some_distorted(pixels, step):
    """`step` elevenths of the images with their patches shuffled, and dots."""
    is_bad = np.random.default_rng(7).permutation(len(pixels)) < round(len(pixels) * step / 11)
    return np.where(is_bad[:, None, None, None], dots(shuffled_patches(pixels)), pixels)


def partly_blurred(pixels, step):
    """`step` elevenths of the way from the images to blurred ones."""
    return (pixels + step / 11 * (blur(pixels, 4).astype(float) - pixels)).round().astype(np.uint8)


@pytest.mark.parametrize("distorted", [some_distorted, partly_blurred])
def test_every_view_ranks_twelve_sets_in_their_known_order(halves, distorted):
    views = {name: [] for name in ("auc", "auc_blurred", "accuracy", "linear", "kid", "sliced_wasserstein", "frechet")}
    for step in range(12):
        card = card_of(halves, distorted(halves[1], step))
        for name in ("auc", "auc_blurred"):
            views[name].append(getattr(card.two_sample, name).value)
        for name in ("kid", "sliced_wasserstein"):
            views[name].append(getattr(card.label_free_distances, name).value)
        views["frechet"].append(card.main_distances.frechet.value)
        views["accuracy"].append(-card.labels.accuracy)
        views["linear"].append(-card.labels.linear.accuracy)
    orders = {name: kendalltau(range(12), values).statistic for name, values in views.items()}
    assert min(orders.values()) >= 0.8, orders
