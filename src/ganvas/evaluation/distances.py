"""Distances between generated and real images, in features (N, F); all arithmetic in float64.

A distance depends on the number of images, so it is read beside its floor: the distance between as many real images
and other real ones.
"""

from collections.abc import Callable, Iterator, Sized
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganvas import threads
from ganvas.errors import UserError
from ganvas.evaluation.intervals import Estimate, jackknife, mean, wilson
from ganvas.rng import stream

BLOCKS = 20
FEWEST_FOR_KID = 10  # 5 blocks of 2
NEIGHBOURS = 5
DIRECTIONS = 256  # of projections
CHUNK_BYTES = 2**26  # of one matrix of distances
FEWEST_FOR_A_COVARIANCE = 4  # a set without one of its two blocks still has one
SLACK = 1e-9  # of a squared distance: what float64 products leave undecided

Floats = NDArray[np.floating]


class TooFewError(UserError):
    """Too few images for a metric; the message says how many it needs."""


def refuse_too_few(metric: str, fewest: int, **sets: Sized) -> None:
    """TooFewError unless each set of images, by their features or rows, has at least `fewest`."""
    for name, features in sets.items():
        if len(features) < fewest:
            images = name.replace("_", "-")
            raise TooFewError(f"{metric} at least {fewest} {images} images, and there are {len(features)}")


class Neighbours(NamedTuple):
    """How far two sets overlap. An image's ball reaches to its k-th nearest neighbour in its own set."""

    precision: Estimate
    """The share of generated images within a ball of a real image."""
    recall: Estimate
    """The share of real images within a ball of a generated image."""
    density: Estimate
    """How many balls of real images a generated image lies in, over k, on average."""
    coverage: Estimate
    """The share of real images with a generated image in their ball."""


def frechet(real: Floats, fake: Floats, blocks: int = BLOCKS) -> Estimate:
    """|μr - μf|² + tr(Σr + Σf - 2 (Σr Σf)^½): the Fréchet distance of two normal distributions with these moments.

    Heusel et al. 2017 (arXiv 1706.08500). Interval: jackknife over blocks of either set. TooFewError unless each set
    has at least 4 images, and more images than features: otherwise a covariance does not have full rank.
    """
    width = real.shape[1]
    fewest = max(width + 1, FEWEST_FOR_A_COVARIANCE)
    refuse_too_few(f"a Fréchet distance in {width} features needs", fewest, real=real, generated=fake)
    real_moments, fake_moments = _moments(real, blocks), _moments(fake, blocks)
    whole_real, whole_fake = next(real_moments), next(fake_moments)
    # The root is always that of the set that stays whole, so that a replicate costs one eigen-decomposition.
    to_real, to_fake = _frechet_to(*whole_real), _frechet_to(*whole_fake)
    without_real = np.array([to_fake(*moments) for moments in real_moments])
    without_fake = np.array([to_real(*moments) for moments in fake_moments])
    estimate = jackknife(to_real(*whole_fake), without_real, without_fake)
    return estimate._replace(low=max(0.0, estimate.low))


def _moments(features: Floats, blocks: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(mean (F,), covariance (F, F)) of all rows (N, F), then of the rows without each block.

    Row i belongs to block i modulo the number of blocks, so that rows sorted by class are spread evenly over them.
    """
    blocks = max(2, min(blocks, len(features) - features.shape[1] if len(features) < 2 * blocks else blocks))
    rows = as_rows(features)
    shift = rows.mean(0)  # sums of squares around the mean lose no digits
    parts = [rows[block::blocks] - shift for block in range(blocks)]
    sums = torch.stack([part.sum(0) for part in parts])
    products = torch.stack([part.T @ part for part in parts])
    all_sums, all_products = sums.sum(0), products.sum(0)

    def moments(count: int, sums: Tensor, products: Tensor) -> tuple[Tensor, Tensor]:
        mean = sums / count
        return mean + shift, (products - count * torch.outer(mean, mean)) / (count - 1)

    yield moments(len(rows), all_sums, all_products)
    for part, part_sums, part_products in zip(parts, sums, products, strict=True):
        yield moments(len(rows) - len(part), all_sums - part_sums, all_products - part_products)


def _frechet_to(mean: Tensor, covariance: Tensor) -> Callable[[Tensor, Tensor], float]:
    """A function of another mean (F,) and covariance (F, F): their Fréchet distance to these."""
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T

    def distance(other_mean: Tensor, other_covariance: Tensor) -> float:
        # tr (Σr Σf)^½ from the symmetric Σr^½ Σf Σr^½, which has the same eigenvalues.
        root_trace = torch.linalg.eigvalsh(root @ other_covariance @ root).clamp_min(0).sqrt().sum()
        squared_gap = (mean - other_mean).square().sum()
        return max(0.0, float(squared_gap + covariance.trace() + other_covariance.trace() - 2 * root_trace))

    return distance


def kid(real: Floats, fake: Floats, blocks: int = BLOCKS) -> Estimate:
    """KID: the squared maximum mean discrepancy under k(x, y) = (x·y/F + 1)³, unbiased, over all pairs.

    Bińkowski et al. 2018 (arXiv 1801.01401) average over random subsets to save time; all pairs need no random draw.
    It may be below 0 where two sets are alike. Interval: jackknife over blocks. TooFewError below 10 of either.
    """
    refuse_too_few("KID needs", FEWEST_FOR_KID, real=real, generated=fake)
    blocks = min(blocks, len(real) // 2, len(fake) // 2)
    x, y = as_rows(real), as_rows(fake)
    own_x, own_y, across = _block_sums(x, x, blocks), _block_sums(y, y, blocks), _block_sums(x, y, blocks)
    for sums, rows in ((own_x, x), (own_y, y)):  # an image makes no pair with itself
        for block in range(blocks):
            sums[block, block] -= _kernel_of(rows[block::blocks].square().sum(1), rows.shape[1]).sum()
    count_x, count_y = (np.bincount(np.arange(len(rows)) % blocks, minlength=blocks) for rows in (x, y))

    def discrepancy(keep_x: NDArray[np.bool_], keep_y: NDArray[np.bool_]) -> float:
        n, m = int(count_x[keep_x].sum()), int(count_y[keep_y].sum())
        return float(
            own_x[np.ix_(keep_x, keep_x)].sum() / (n * (n - 1))
            + own_y[np.ix_(keep_y, keep_y)].sum() / (m * (m - 1))
            - 2 * across[np.ix_(keep_x, keep_y)].sum() / (n * m)
        )

    every = np.ones(blocks, np.bool_)
    without = ~np.eye(blocks, dtype=np.bool_)
    return jackknife(
        discrepancy(every, every),
        np.array([discrepancy(kept, every) for kept in without]),
        np.array([discrepancy(every, kept) for kept in without]),
    )


def sliced_wasserstein(real: Floats, fake: Floats, blocks: int = BLOCKS) -> Estimate:
    """The mean over directions of the squared 2-Wasserstein distance of the projections, in units of real variance.

    Rabin et al. 2011; in features of images arXiv 2605.06797. Unlike the Fréchet distance it compares whole
    distributions, not two moments. The directions are fixed; the set with more rows is cut to as many as the other.
    Interval: jackknife over blocks. TooFewError below 10 of either.
    """
    refuse_too_few("a sliced Wasserstein distance needs", FEWEST_FOR_KID, real=real, generated=fake)
    count = min(len(real), len(fake))
    x, y = (as_rows(rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]) for rows in (real, fake))
    directions = torch.randn(x.shape[1], DIRECTIONS, generator=stream(0, "sliced"), dtype=torch.float64)
    directions /= directions.norm(dim=0)
    scale = float(x.var(dim=0).sum()) / x.shape[1] or 1.0  # the mean variance of a projection on a random direction
    along_x, along_y = x @ directions, y @ directions  # (N, D)
    blocks = min(blocks, count // 2)
    block_of = torch.arange(count) % blocks

    def distance(kept_x: Tensor, kept_y: Tensor) -> float:
        fewer = min(int(kept_x.sum()), int(kept_y.sum()))
        quantiles = [
            _spread_evenly(rows[kept].sort(dim=0).values, fewer)
            for rows, kept in ((along_x, kept_x), (along_y, kept_y))
        ]
        return float((quantiles[0] - quantiles[1]).square().mean()) / scale

    every = torch.ones(count, dtype=torch.bool)
    without = [block_of != block for block in range(blocks)]
    estimate = jackknife(
        distance(every, every),
        np.array([distance(kept, every) for kept in without]),
        np.array([distance(every, kept) for kept in without]),
    )
    return estimate._replace(low=max(0.0, estimate.low))


def _spread_evenly(rows: Tensor, count: int) -> Tensor:
    """`count` of the rows (N, D), at even steps from the first to the last."""
    return rows[torch.linspace(0, len(rows) - 1, count).round().long()]


def _kernel_of(products: Tensor, features: int) -> Tensor:
    """(x·y/F + 1)³ from the products x·y, which it overwrites."""
    raised = products.div_(features).add_(1)
    return raised.mul_(raised.square())


def _block_sums(x: Tensor, y: Tensor, blocks: int) -> NDArray[np.float64]:
    """(B, B): the kernel summed over all pairs of a block of x and a block of y."""
    block_of_y = np.arange(len(y)) % blocks
    sums = np.zeros((blocks, blocks))
    chunk = max(1, CHUNK_BYTES // (8 * len(y)))
    for block in range(blocks):
        rows = x[block::blocks]
        for start in range(0, len(rows), chunk):
            columns = _kernel_of(rows[start : start + chunk] @ y.T, x.shape[1]).sum(0)
            sums[block] += np.bincount(block_of_y, columns.numpy(), blocks)
    return sums


def neighbourhood_scores(real: Floats, fake: Floats, k: int = NEIGHBOURS) -> Neighbours:
    """Precision and recall (Kynkäänniemi et al. 2019, arXiv 1904.06991), density and coverage (Naeem et al. 2020,
    arXiv 2002.09797).

    An image's ball reaches to its k-th nearest neighbour in its own set; an image on its surface is inside. Intervals:
    over the images averaged, the other set held fixed. TooFewError below 2k + 2 images.
    """
    refuse_too_few("precision and recall need", 2 * k + 2, real=real, generated=fake)
    x, y = as_rows(real), as_rows(fake)
    radius_x, radius_y = (knn_radius(rows, k) * (1 + SLACK) for rows in (x, y))
    balls = torch.zeros(len(y), dtype=torch.float64)  # of real images, that each generated image lies in
    recalled, covered = torch.zeros(len(x), dtype=torch.bool), torch.zeros(len(x), dtype=torch.bool)
    for start, squares in squared_distances(x, y):  # (n, M)
        rows = slice(start, start + len(squares))
        inside = squares <= radius_x[rows, None]
        balls += inside.sum(0)
        covered[rows] = inside.any(1)
        recalled[rows] = (squares <= radius_y).any(1)
    return Neighbours(
        precision=wilson(int((balls > 0).sum()), len(y)),
        recall=wilson(int(recalled.sum()), len(x)),
        density=mean((balls / k).numpy()),
        coverage=wilson(int(covered.sum()), len(x)),
    )


def knn_radius(rows: Tensor, k: int) -> Tensor:
    """(N,): each row's squared distance to its k-th nearest other row."""
    radius = torch.empty(len(rows), dtype=torch.float64)
    for start, squares in squared_distances(rows, rows):
        index = torch.arange(len(squares))
        squares[index, start + index] = torch.inf  # itself
        radius[start : start + len(squares)] = squares.kthvalue(k, dim=1).values
    return radius


def as_rows(features: Floats) -> Tensor:
    """(N, F) float64. AssertionError for a NaN or an infinity, which most metrics would silently ignore."""
    assert np.isfinite(features).all(), "features that are not finite"
    return torch.from_numpy(np.ascontiguousarray(features, np.float64))


def squared_distances(x: Tensor, y: Tensor, chunk: int = 0) -> Iterator[tuple[int, Tensor]]:
    """(first row, (n, M)): squared distances of `chunk` rows of x to all of y; rounding errors around 0 become 0."""
    chunk = chunk or max(1, CHUNK_BYTES // (8 * len(y)))
    # Centred, since products of features far from 0 would round small differences away.
    centre = y.mean(0)
    x, y = x - centre, y - centre
    norms_x, norms_y = x.square().sum(1), y.square().sum(1)
    for start in threads.adapt(range(0, len(x), chunk)):
        some = slice(start, start + chunk)
        scale = norms_x[some, None] + norms_y
        squares = torch.addmm(scale, x[some], y.T, alpha=-2)
        yield start, squares.masked_fill_(squares <= 1e-12 * scale, 0.0)
