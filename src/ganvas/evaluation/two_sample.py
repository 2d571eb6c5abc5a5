"""The classifier two-sample test: how well a network learns to distinguish generated images from real ones.

Lopez-Paz & Oquab 2017 (arXiv 1610.06545). It learns from generated and real training images, and is asked about others
that it never saw, the real ones held out. No label of the set takes part, and no generator is rewarded for it. Where
nothing distinguishes the two, the area under its ROC curve (AUC) is 0.5; where everything does, 1.

A second network sees both blurred, so that it has to find something else than grain.
"""

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ganvas.console import progress
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.distances import refuse_too_few
from ganvas.evaluation.evaluator import split_in_halves
from ganvas.evaluation.fit import fit_classifier
from ganvas.evaluation.intervals import NORMAL_QUANTILE, Estimate
from ganvas.evaluation.predict import predict
from ganvas.evaluation.samples import subsample
from ganvas.images import Pixels
from ganvas.rng import stream

FEWEST = 20  # of either kind, to learn from
MOST_FITTED = 5_000  # of either kind
IMAGES_SHOWN, QUICK_IMAGES_SHOWN = 60_000, 20_000
EPOCHS = 60  # at most: on few images more would only teach their noise
BLUR = 1 / 32  # of the shorter side: the standard deviation of the Gaussian


class TwoSampleResult(NamedTuple):
    """How well generated images are distinguished from real ones."""

    auc: Estimate
    """The probability that the network finds a generated image less real than a held-out one."""
    auc_blurred: Estimate | None
    """The same where both are blurred; None where that was not asked for."""
    fitted: int
    """Generated images that the network learned from, and as many real ones."""
    tested: int
    """Generated images that it was asked about."""
    order: NDArray[np.int64]
    """Rows of the generated images that it was asked about, the most real first."""


def two_sample_test(
    pixels: Pixels,
    labels: NDArray[np.int64] | None,
    prepared: PreparedSet,
    held_out: NDArray[np.int64],
    seed: int = 0,
    shown: int | None = None,
    blur: bool = True,
    bar: bool = True,
) -> TwoSampleResult:
    """The test of images (N, C, H, W) uint8 against a set, asked about its rows `held_out`. TooFewError for few images.

    labels: (N,) of the generated images; each class is then in both halves alike.
    shown: images that each network learns from in all epochs together, by default IMAGES_SHOWN; fewer for large images.
    blur: whether a second network is asked about blurred images. bar: whether a progress bar is shown.
    The intervals are over the images asked about; they do not include the variation between fits.
    """
    # In a random order: images that repeat in a fixed one might repeat within a half alone, and be new to the other.
    order = torch.randperm(len(pixels), generator=stream(seed, "two sample/halves")).numpy()
    halves = split_in_halves(np.zeros(len(pixels), np.int64) if labels is None else labels[order])
    fit_rows, test_rows = (np.sort(order[half]) for half in halves)
    train = np.asarray(prepared.train)
    refuse_too_few("distinguishing generated from real images needs", FEWEST, generated=fit_rows, training=train)
    refuse_too_few("distinguishing generated from real images needs", FEWEST // 2, held_out=held_out)
    count = min(len(fit_rows), len(train), MOST_FITTED)
    fit_rows = subsample(fit_rows, labels, count)
    both = np.concatenate([prepared.pixels[subsample(train, prepared.labels, count)], pixels[fit_rows]])
    is_generated = np.repeat(np.array([0, 1], np.int64), count)
    shown = min(IMAGES_SHOWN if shown is None else shown, EPOCHS * len(both))
    shown = max(1, int(shown * min(1.0, 32 / prepared.size.side)))
    real, asked = prepared.pixels[held_out], pixels[test_rows]
    changes: list[Callable[[Pixels], Pixels]] = [lambda images: images, blurred]
    changes = changes if blur else changes[:1]
    title = "learning to distinguish generated from real"
    with progress.bar(title, len(changes) * shown, "images") if bar else nullcontext() as opened:
        results = []
        for change in changes:
            advance = opened.advance if opened else lambda count: None
            network = fit_classifier(change(both), is_generated, 2, shown, seed, advance, augment=as_they_are)
            scores, real_scores = (np.diff(predict(network, change(images)))[:, 0] for images in (asked, real))
            results.append((auc(scores, real_scores), scores))
    plain, scores = results[0]
    soft = results[1][0] if blur else None
    return TwoSampleResult(plain, soft, count, len(asked), test_rows[np.argsort(scores, kind="stable")])


def as_they_are(images: Tensor, _: torch.Generator) -> Tensor:
    """No augmentation: a shift would hide patterns that lie on a generator's grid, and take longer to learn."""
    return images


def auc(above: NDArray[np.floating], below: NDArray[np.floating]) -> Estimate:
    """P(a > b) + P(a = b)/2 of a in `above` (N,), b in `below` (M,), with the interval of DeLong et al. 1988.

    The variance is that of each value's mean placement among the others, over their number, summed over both samples.
    """
    a, b = np.sort(np.asarray(above, np.float64)), np.sort(np.asarray(below, np.float64))
    placed_a = (np.searchsorted(b, a, "left") + np.searchsorted(b, a, "right")) / (2 * len(b))
    placed_b = 1 - (np.searchsorted(a, b, "left") + np.searchsorted(a, b, "right")) / (2 * len(a))
    value = float(placed_a.mean())
    variance = sum(float(np.var(placed, ddof=1)) / len(placed) for placed in (placed_a, placed_b))
    # Two samples that do not overlap have no variance left, and yet are no proof: at least one pair may be the other
    # way round in another sample of the same size.
    half = max(NORMAL_QUANTILE * math.sqrt(variance), 1 / min(len(a), len(b)) if value in (0.0, 1.0) else 0.0)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def blurred(pixels: Pixels) -> Pixels:
    """Images (N, C, H, W) uint8, blurred by a Gaussian of 1/32 of the shorter side; the edge is repeated outside."""
    deviation = max(0.8, BLUR * min(pixels.shape[2:]))
    radius = math.ceil(3 * deviation)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-offsets.square() / (2 * deviation**2))
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    results = []
    for start in range(0, len(pixels), 500):
        images = torch.from_numpy(np.array(pixels[start : start + 500])).float()
        maps = F.pad(images.flatten(0, 1)[:, None], (radius,) * 4, mode="replicate")  # (N * C, 1, H + 2r, W + 2r)
        maps = F.conv2d(F.conv2d(maps, kernel), kernel.transpose(2, 3))
        results.append(maps.view(images.shape).round_().to(torch.uint8).numpy())
    return np.concatenate(results)
