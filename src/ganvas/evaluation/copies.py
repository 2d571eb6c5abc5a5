"""Whether images are copies of training images: the three-sample test of data copying, and a count of near-copies.

Meehan, Chaudhuri & Dasgupta 2020 (arXiv 2004.05675). Fresh images lie as far from the training images as held-out
images do; copies lie closer. Distances are compared within cells of feature space, since a generator that prefers
crowded regions lies closer without copying.

Images of little variety also lie closer in every cell, near its centre, and a tenth of copies among varied images moves
the test little. So it flags nothing: near-copies do. A near-copy is less than a third as far from a training image as
that image's own nearest neighbour in the training set; fresh images, varied or not, hardly ever are. Images are flagged
where there are more near-copies among them than among held-out images by Fisher's exact test, and by so many.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganvas.alpha import CHANNELS
from ganvas.evaluation.distances import Floats, as_rows, refuse_too_few, squared_distances
from ganvas.images import Pixels
from ganvas.rng import stream

SIGNIFICANT = 0.01
NEAR_COPY = 1 / 3
MAX_NEAR_COPIES = 0.025  # share of the images, above the share of held-out images
UNUSUALLY_CLOSE = 0.55
FEWEST = 10
HELD_OUT_A_CELL = 50
MOST_CELLS = 50
FEWEST_IN_A_CELL = 10
MOST_PAIRS = 10
SHARES = (0.01, 0.05, 0.1)
PLANTED: dict[str, Callable[[Pixels], Pixels]] = {
    "exact": lambda pixels: pixels,
    "shifted": lambda pixels: np.concatenate([pixels[..., :1], pixels[..., :-1]], axis=3),  # by a pixel
    "brightened": lambda pixels: brightened(pixels),
    "mirrored": lambda pixels: pixels[..., ::-1].copy(),
}
"""Copies that are hidden a little: pixels (N, C, H, W) -> the same shape."""


def brightened(pixels: Pixels) -> Pixels:
    """(N, C, H, W), a tenth nearer to white; alpha stays as it is."""
    if pixels.shape[1] == CHANNELS:  # premultiplied: white is alpha
        return np.concatenate([(pixels[:, :3] * 0.9 + pixels[:, 3:] * 0.1).astype(np.uint8), pixels[:, 3:]], axis=1)
    return (pixels.astype(np.float32) * 0.9 + 25.5).astype(np.uint8)


class Copies(NamedTuple):
    """The result of the test."""

    z: float
    """Standard normal for fresh images; far below 0 for copies."""
    p_value: float
    """One-sided: the probability that fresh images lie as close."""
    closer: float
    """The probability that a generated image lies closer to its nearest training image than a held-out one."""
    near_copies: float
    """The share of near-copies among generated images, minus that among held-out ones."""
    near_p_value: float
    """One-sided, of Fisher's exact test: the probability of so many near-copies among fresh images."""
    flagged: bool
    pairs: list[tuple[int, int, float]]
    """The closest ones: (generated, training, distance)."""


def copy_test(
    generated: Floats, training: Floats, held_out: Floats, seed: int = 0, labels: NDArray[np.int64] | None = None
) -> Copies:
    """The test on features (N, F), (M, F), (H, F). TooFewError below 10 of any.

    labels: (N,), the class of each generated image; `pairs` then has the closest pair of each class.
    """
    refuse_too_few("the test for copies needs", FEWEST, generated=generated, held_out=held_out, training=training)
    distances, partners = nearest_training(generated, training)
    real_distances, real_partners = nearest_training(held_out, training)
    cell_of, real_cell_of = cell_of_each(training, generated, held_out, seed)
    results, weights = [], []
    for cell in np.unique(real_cell_of):
        inside, real_inside = distances[cell_of == cell], real_distances[real_cell_of == cell]
        if min(len(inside), len(real_inside)) >= FEWEST_IN_A_CELL:
            results.append(mann_whitney(inside, real_inside))
            weights.append(len(real_inside))
    if not results:  # no cell has enough of both: one test over the whole space
        results, weights = [mann_whitney(distances, real_distances)], [len(real_distances)]
    share = np.array(weights) / sum(weights)
    zs, closers = np.array(results).T
    # A weighted mean of independent standard normals has variance Σ w². Divided by its root, it has variance 1.
    z = float(share @ zs / math.sqrt(share @ share))
    p_value, closer = 0.5 * math.erfc(-z / math.sqrt(2)), float(share @ closers)
    near_copies, real_near_copies = (
        int(is_near_copy(*nearest_images, training).sum())
        for nearest_images in ((distances, partners), (real_distances, real_partners))
    )
    excess, near_p_value, flagged = assess(near_copies, len(generated), real_near_copies, len(held_out))
    order = np.argsort(distances, kind="stable")
    if labels is not None:
        _, firsts = np.unique(labels[order], return_index=True)
        order = order[np.sort(firsts)]
    pairs = [(int(row), int(partners[row]), float(distances[row])) for row in order[:MOST_PAIRS]]
    return Copies(z, p_value, closer, excess, near_p_value, flagged, pairs)


class NearCopies(NamedTuple):
    """What a number of near-copies means."""

    excess: float
    """Their share, above that among held-out images."""
    p_value: float
    flagged: bool


def assess(hits: int, total: int, real_hits: int, real_total: int) -> NearCopies:
    """Whether so many near-copies of `total` images are copying, beside those among held-out images."""
    excess, p_value = hits / total - real_hits / real_total, fisher_exact(hits, total, real_hits, real_total)
    return NearCopies(excess, p_value, p_value < SIGNIFICANT and excess >= MAX_NEAR_COPIES)


def fisher_exact(hits: int, total: int, other_hits: int, other_total: int) -> float:
    """One-sided p of at least so many hits of `total`, given the hits of both together (Fisher 1935)."""

    def log_choose(n: int, k: int) -> float:
        return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

    every = hits + other_hits
    most, whole = min(every, total), log_choose(total + other_total, every)
    logs = [log_choose(total, k) + log_choose(other_total, every - k) - whole for k in range(hits, most + 1)]
    return min(1.0, sum(map(math.exp, logs)))


def sensitivity(
    embed: Callable[[Pixels], Floats],
    pixels: Pixels,
    rows: NDArray[np.int64],
    training: Floats,
    held_out: Floats,
    seed: int = 0,
) -> tuple[dict[str, tuple[float, float | None]], float]:
    """(kind of PLANTED: (the share of copies that are near-copies, the smallest share flagged), false alarms).

    The smallest share of SHARES that the test flags is None where it flags not even 10 %. False alarms are the share
    of fresh images that are near-copies. Half of the held-out features (H, F) stand for fresh images, among which
    copies of training images are planted; the other half is what the test compares with.

    pixels, rows: all images, and which of them (M,) the features `training` (M, F) are of. embed: how these were made.
    """

    refuse_too_few("the test for copies needs", FEWEST, held_out=held_out, training=training)

    def near_copies(images: Floats) -> NDArray[np.bool_]:
        return is_near_copy(*nearest_training(images, training), training)

    near = near_copies(held_out)
    fresh, reference = near[::2], near[1::2]
    most = math.ceil(SHARES[-1] * len(fresh))
    chosen = torch.randperm(len(training), generator=stream(seed, "copies/planted"))[:most].numpy()

    found: dict[str, tuple[float, float | None]] = {}
    for kind, change in PLANTED.items():
        copies = near_copies(embed(change(np.asarray(pixels[rows[chosen]]))))
        found[kind] = float(copies.mean()), None
        for share in SHARES:
            count = math.ceil(share * len(fresh))
            planted = np.concatenate([copies[:count], fresh[count:]])
            if assess(int(planted.sum()), len(planted), int(reference.sum()), len(reference)).flagged:
                found[kind] = float(copies.mean()), share
                break
    return found, float(near.mean())


def copies_verdict(copies: Copies) -> str:
    """The result in one sentence."""
    closer = (
        f"{100 * copies.closer:.0f} % of the generated images lie closer to their nearest training image than "
        "held-out images do (chance: 50 %)"
    )
    near_copies = f"{100 * max(0.0, copies.near_copies):.1f} % near-copies"
    if copies.flagged:
        return f"Copies: {closer}; {near_copies} (p = {copies.near_p_value:.2g}). See the closest pairs."
    if copies.p_value < SIGNIFICANT and copies.closer >= UNUSUALLY_CLOSE:
        return f"No copying found, but images of little variety: {closer}; {near_copies}."
    return f"No copying found: {closer}; {near_copies} (flagged from {100 * MAX_NEAR_COPIES:.1f} %)."


def is_near_copy(distances: NDArray[np.float64], partners: NDArray[np.int64], training: Floats) -> NDArray[np.bool_]:
    """(N,): whether an image is a near-copy of its nearest training image, `partners` (N,), at `distances` (N,)."""
    rows = as_rows(training)
    unique, index = np.unique(partners, return_inverse=True)
    to_neighbour = np.empty(len(unique))  # the distance of each partner to its own nearest training image
    for start, squares in squared_distances(rows[unique], rows):
        some = unique[start : start + len(squares)]
        squares[torch.arange(len(some)), torch.from_numpy(some)] = torch.inf  # itself
        to_neighbour[start : start + len(some)] = squares.min(1).values.sqrt().numpy()
    return np.asarray(distances <= NEAR_COPY * to_neighbour[index])


def nearest_training(queries: Floats, base: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(distances (N,), rows (N,)) from each query (N, F) to its nearest row of base (M, F); exactly 0 for a copy."""
    x, y = as_rows(queries), as_rows(base)
    rows = nearest_rows(x, y)
    return (x - y[rows]).square().sum(1).sqrt().numpy(), rows.numpy()


def mann_whitney(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """(z, share): how far the first values lie below (z < 0) the second, and P(first < second) + P(tie)/2.

    Mann & Whitney 1947, the normal approximation with its correction for ties.
    """
    n, m = len(first), len(second)
    both = np.concatenate([first, second])
    _, index, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[index]  # equal values share their mean rank
    above = float(ranks[:n].sum()) - n * (n + 1) / 2  # pairs in which the first value is larger
    ties = float((counts.astype(np.float64) ** 3 - counts).sum())
    variance = n * m / 12 * ((n + m + 1) - ties / ((n + m) * (n + m - 1)))
    z = (above - n * m / 2) / math.sqrt(variance) if variance > 0 else 0.0
    return z, 1 - above / (n * m)


def cell_of_each(
    training: Floats, generated: Floats, held_out: Floats, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cells of the generated (N,) and held-out rows (H,): k-means of the training features, one cell per 50 H."""
    count = max(1, min(MOST_CELLS, len(held_out) // HELD_OUT_A_CELL))
    if count == 1:
        return np.zeros(len(generated), np.int64), np.zeros(len(held_out), np.int64)
    rows = as_rows(training)
    rows = rows[torch.randperm(len(rows), generator=stream(seed, "copies/cells"))[: 200 * count]]
    centres = rows[:count].clone()
    for _ in range(10):
        cell_of = nearest_rows(rows, centres)
        for cell in range(count):
            if (members := rows[cell_of == cell]).numel():
                centres[cell] = members.mean(0)
    return nearest_rows(as_rows(generated), centres).numpy(), nearest_rows(as_rows(held_out), centres).numpy()


def nearest_rows(x: Tensor, y: Tensor) -> Tensor:
    """(N,): the nearest row of y (M, F) to each row of x (N, F)."""
    return torch.cat([squares.argmin(1) for _, squares in squared_distances(x, y)])
