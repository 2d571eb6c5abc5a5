"""Whether images are copies of training images: the three-sample test of data copying, and a count of near-copies.

Meehan, Chaudhuri & Dasgupta 2020 (arXiv 2004.05675). Were the generated images fresh ones, they would lie as far
from the training images as held-out images do. Copies lie closer. Distances are compared within cells of the space,
since a generator that prefers crowded places lies closer without copying.

Images of little variety lie closer too, in any cell: nearer to the middle of what they imitate. So the test alone
flags nothing; there must be near-copies as well. A near-copy lies less than a third as far from a training image as
that one's own nearest neighbour among the training images, which fresh images, varied or not, hardly ever do.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganvas.evaluation.distances import Floats, TooFewError, as_rows, squared_distances
from ganvas.rng import stream

SIGNIFICANT = 0.01
NEAR_COPY = 1 / 3
MAX_NEAR_COPIES = 0.05  # of the images, beyond what held-out images have
UNUSUALLY_CLOSE = 0.55
FEWEST = 10
HELD_OUT_A_CELL = 50
MOST_CELLS = 50
FEWEST_IN_A_CELL = 10
MOST_PAIRS = 10


class Copies(NamedTuple):
    """The result of the test."""

    z: float
    """Standard normal were the images fresh; far below 0 for copies."""
    p_value: float
    """One-sided: of lying so much closer by chance."""
    closer: float
    """How often a generated image lies closer to its nearest training image than a held-out one to its own."""
    near_copies: float
    """The share of generated images that are near-copies, less that of held-out ones."""
    flagged: bool
    pairs: list[tuple[int, int, float]]
    """The closest ones: (generated, training, distance)."""


def copy_test(
    generated: Floats, training: Floats, held_out: Floats, seed: int = 0, labels: NDArray[np.int64] | None = None
) -> Copies:
    """The test on features (N, F), (M, F), (H, F). TooFewError below 10 of any.

    labels: (N,) class of each generated image: the closest pair of each class is then named, not the closest of all.
    """
    for what, features in (("generated", generated), ("held-out", held_out), ("training", training)):
        if len(features) < FEWEST:
            raise TooFewError(f"the test for copies needs {FEWEST} {what} images, and there are {len(features)}")
    distances, partners = nearest(generated, training)
    real_distances, real_partners = nearest(held_out, training)
    cell_of, real_cell_of = cells(training, (generated, held_out), len(held_out), seed)
    results, weights = [], []
    for cell in np.unique(real_cell_of):
        inside, real_inside = distances[cell_of == cell], real_distances[real_cell_of == cell]
        if min(len(inside), len(real_inside)) >= FEWEST_IN_A_CELL:
            results.append(mann_whitney(inside, real_inside))
            weights.append(len(real_inside))
    if not results:  # no cell holds enough of both: one test over the whole space
        results, weights = [mann_whitney(distances, real_distances)], [len(real_distances)]
    share = np.array(weights) / sum(weights)
    zs, closers = np.array(results).T
    # A weighted mean of independent standard normals has the variance Σ w²: divided by its root it has one.
    z = float(share @ zs / math.sqrt(share @ share))
    p_value, closer = 0.5 * math.erfc(-z / math.sqrt(2)), float(share @ closers)
    near_copies = float(
        np.mean(is_near_copy(distances, partners, training))
        - np.mean(is_near_copy(real_distances, real_partners, training))
    )
    order = np.argsort(distances, kind="stable")
    if labels is not None:
        _, firsts = np.unique(labels[order], return_index=True)
        order = order[np.sort(firsts)]
    pairs = [(int(row), int(partners[row]), float(distances[row])) for row in order[:MOST_PAIRS]]
    return Copies(z, p_value, closer, near_copies, p_value < SIGNIFICANT and near_copies >= MAX_NEAR_COPIES, pairs)


def verdict(copies: Copies) -> str:
    """The result in one sentence."""
    closer = (
        f"{100 * copies.closer:.0f} % of the generated images lie closer to their nearest training image than "
        "held-out images do (chance: 50 %)"
    )
    near_copies = f"{100 * max(0.0, copies.near_copies):.1f} % near-copies"
    if copies.flagged:
        return f"Copies: {closer}; {near_copies} (p = {copies.p_value:.2g}). Look at the closest pairs."
    if copies.p_value < SIGNIFICANT and copies.closer >= UNUSUALLY_CLOSE:
        return f"No copying found, but images of little variety: {closer}; {near_copies}."
    return f"No copying found: {closer}; {near_copies} (flagged from {100 * MAX_NEAR_COPIES:.0f} %)."


def is_near_copy(distances: NDArray[np.float64], partners: NDArray[np.int64], training: Floats) -> NDArray[np.bool_]:
    """(N,): whether an image is a near-copy of its nearest training image, `partners` (N,), `distances` (N,) away."""
    rows = as_rows(training)
    unique, index = np.unique(partners, return_inverse=True)
    to_neighbour = np.empty(len(unique))  # the distance of each partner to its own nearest training image
    for start, squares in squared_distances(rows[unique], rows):
        some = unique[start : start + len(squares)]
        squares[torch.arange(len(some)), torch.from_numpy(some)] = torch.inf  # itself
        to_neighbour[start : start + len(some)] = squares.min(1).values.sqrt().numpy()
    return np.asarray(distances <= NEAR_COPY * to_neighbour[index])


def nearest(queries: Floats, base: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each query (N, F) the distance to its nearest row of base (M, F), and that row. A copy's distance is 0."""
    x, y = as_rows(queries), as_rows(base)
    rows = torch.cat([squares.argmin(1) for _, squares in squared_distances(x, y)])
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


def cells(
    training: Floats, others: tuple[Floats, Floats], held_out: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cell of each row of the other sets: k-means of the training features, fewer cells for fewer held-out rows."""
    count = max(1, min(MOST_CELLS, held_out // HELD_OUT_A_CELL))
    if count == 1:
        return np.zeros(len(others[0]), np.int64), np.zeros(len(others[1]), np.int64)
    generator = stream(seed, "copies/cells")
    rows = as_rows(training)
    rows = rows[torch.randperm(len(rows), generator=generator)[: 200 * count]]
    centres = rows[:count].clone()
    for _ in range(10):
        nearest_centre = _nearest_row(rows, centres)
        for cell in range(count):
            if (members := rows[nearest_centre == cell]).numel():
                centres[cell] = members.mean(0)
    first, second = (_nearest_row(as_rows(other), centres).numpy() for other in others)
    return first, second


def _nearest_row(rows: Tensor, centres: Tensor) -> Tensor:
    return torch.cat([squares.argmin(1) for _, squares in squared_distances(rows, centres)])
