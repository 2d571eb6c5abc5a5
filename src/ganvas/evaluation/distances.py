"""Distances of generated images from real ones, in features (N, F); all arithmetic in float64.

Such a distance depends on how many images it is taken with. It means something beside its floor: real images against
real images, as many.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganvas.errors import UserError
from ganvas.evaluation.intervals import Estimate, jackknife, mean, wilson

BLOCKS = 20
FEWEST_BLOCKS = 5
NEIGHBOURS = 5
CHUNK_BYTES = 2**26  # of one table of distances
FEWEST_FOR_A_COVARIANCE = 4  # so that a set without one of two blocks still has one
SLACK = 1e-9  # of a squared distance: what float64 products leave undecided

Floats = NDArray[np.floating]


class TooFewError(UserError):
    """Too few images for a metric; says how many are needed."""


class Neighbours(NamedTuple):
    """How two sets lie within each other. An image's ball has the distance to its k-th nearest neighbour as radius."""

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
    has more images than features, without which a covariance has no full rank, and at least 4.
    """
    for what, features in (("real", real), ("generated", fake)):
        assert np.isfinite(features).all(), f"features of {what} images that are no numbers"
        needed = max(features.shape[1] + 1, FEWEST_FOR_A_COVARIANCE)
        if len(features) < needed:
            raise TooFewError(
                f"a Fréchet distance in {features.shape[1]} features needs at least {needed} {what} images, "
                f"and there are {len(features)}"
            )
    real_moments, fake_moments = _Moments(real, blocks), _Moments(fake, blocks)
    # The root is always that of the set that stays whole, so that a replicate costs one eigen-decomposition.
    from_real, from_fake = _FrechetFrom(*real_moments.whole()), _FrechetFrom(*fake_moments.whole())
    estimate = jackknife(
        from_real.to(*fake_moments.whole()),
        np.array([from_fake.to(*real_moments.without(block)) for block in range(real_moments.blocks)]),
        np.array([from_real.to(*fake_moments.without(block)) for block in range(fake_moments.blocks)]),
    )
    return estimate._replace(low=max(0.0, estimate.low))


class _Moments:
    """Means and covariances of a set, whole and without one block of its rows.

    Row i belongs to block i modulo the number of blocks, so that rows sorted by class spread evenly over them.
    """

    def __init__(self, features: Floats, blocks: int) -> None:
        self.blocks = max(2, min(blocks, len(features) - features.shape[1] if len(features) < 2 * blocks else blocks))
        rows = as_rows(features)
        self.shift = rows.mean(0)  # so that sums of squares lose no digits
        parts = [rows[block :: self.blocks] - self.shift for block in range(self.blocks)]
        self.counts = [len(part) for part in parts]
        self.sums = torch.stack([part.sum(0) for part in parts])
        self.products = torch.stack([part.T @ part for part in parts])

    def whole(self) -> tuple[Tensor, Tensor]:
        """(mean (F,), covariance (F, F))."""
        return self._of(sum(self.counts), self.sums.sum(0), self.products.sum(0))

    def without(self, block: int) -> tuple[Tensor, Tensor]:
        """The same without a block."""
        count = sum(self.counts) - self.counts[block]
        return self._of(count, self.sums.sum(0) - self.sums[block], self.products.sum(0) - self.products[block])

    def _of(self, count: int, total: Tensor, products: Tensor) -> tuple[Tensor, Tensor]:
        middle = total / count
        return middle + self.shift, (products - count * torch.outer(middle, middle)) / (count - 1)


class _FrechetFrom:
    """Fréchet distances from one mean (F,) and covariance (F, F), whose root is taken once."""

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        self.mean, self.trace = mean, covariance.trace()
        values, vectors = torch.linalg.eigh(covariance)
        self.root = vectors * values.clamp_min(0).sqrt() @ vectors.T

    def to(self, mean: Tensor, covariance: Tensor) -> float:
        # tr (Σr Σf)^½ from the symmetric Σr^½ Σf Σr^½, which has the same eigenvalues.
        middle = torch.linalg.eigvalsh(self.root @ covariance @ self.root).clamp_min(0).sqrt().sum()
        apart = (self.mean - mean).square().sum()
        return max(0.0, float(apart + self.trace + covariance.trace() - 2 * middle))


def kid(real: Floats, fake: Floats, blocks: int = BLOCKS) -> Estimate:
    """KID: the squared maximum mean discrepancy under k(x, y) = (x·y/F + 1)³, unbiased, over all pairs.

    Bińkowski et al. 2018 (arXiv 1801.01401), who average over random subsets to save time; with all pairs there is no
    draw. It may be below 0 where two sets are alike. Interval: jackknife over blocks. TooFewError below 10 of either.
    """
    blocks = min(blocks, len(real) // 2, len(fake) // 2)
    if blocks < FEWEST_BLOCKS:
        raise TooFewError(
            f"KID needs at least {2 * FEWEST_BLOCKS} images of either kind, and there are {len(real)} real and "
            f"{len(fake)} generated"
        )
    x, y = as_rows(real), as_rows(fake)
    own_x, own_y, across = _block_sums(x, x, blocks), _block_sums(y, y, blocks), _block_sums(x, y, blocks)
    for sums, rows in ((own_x, x), (own_y, y)):  # an image is no pair with itself
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


def _kernel_of(products: Tensor, features: int) -> Tensor:
    """(x·y/F + 1)³, in the place of the products."""
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


def neighbours(real: Floats, fake: Floats, k: int = NEIGHBOURS) -> Neighbours:
    """Precision and recall (Kynkäänniemi et al. 2019, arXiv 1904.06991), density and coverage (Naeem et al. 2020,
    arXiv 2002.09797).

    An image's ball has the distance to its k-th nearest other image of its own set as radius, and ties count: what
    lies on the ball is inside. Intervals: over the images averaged, the other set held fixed. TooFewError below
    2k + 2.
    """
    for what, features in (("real", real), ("generated", fake)):
        if len(features) < 2 * k + 2:
            raise TooFewError(
                f"precision and recall need at least {2 * k + 2} {what} images, and there are {len(features)}"
            )
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
    """(N, F) float64. AssertionError for a NaN: nothing is near it, and no metric would show that it is there."""
    assert np.isfinite(features).all(), "features that are no numbers"
    return torch.from_numpy(np.ascontiguousarray(features, np.float64))


def squared_distances(x: Tensor, y: Tensor, chunk: int = 0) -> Iterator[tuple[int, Tensor]]:
    """(first row, (n, M)): squared distances of some rows of x to all of y; what rounding leaves of 0 is 0."""
    chunk = chunk or max(1, CHUNK_BYTES // (8 * len(y)))
    # About their middle: products of features far from 0 would leave nothing of small differences.
    middle = y.mean(0)
    x, y = x - middle, y - middle
    norms_x, norms_y = x.square().sum(1), y.square().sum(1)
    for start in range(0, len(x), chunk):
        some = slice(start, start + chunk)
        scale = norms_x[some, None] + norms_y
        squares = torch.addmm(scale, x[some], y.T, alpha=-2)
        yield start, squares.masked_fill_(squares <= 1e-12 * scale, 0.0)
