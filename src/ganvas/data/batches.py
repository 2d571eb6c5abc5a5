"""Stateless batches: a batch depends on (seed, step) alone, so there is no state to save or to restore."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganvas.data.labels import LabelSpace
from ganvas.data.prepared import PreparedSet
from ganvas.rng import stream

Sampler = Literal["epochs", "balanced", "square-root"]
EVENLY = {"balanced": 0.0, "square-root": 0.5}
"""A class's share of a batch is its number of images to this power, normalised; 1 would keep the set's own shares.

An image whose label has several parts counts as one of the rarest of its classes, whatever its combination: so a rare
class is drawn more often, and a rare combination of common classes is not.
"""


class Batches:
    """The training images in batches, for one of `world` processes.

    "epochs" uses each image once per epoch. "balanced" samples a class first, each with the same probability, then one
    of its images; "square-root" does the same with probabilities proportional to the square root of the class's number
    of images (Mahajan et al. 2018, arXiv 1805.00932). The global batch is sampled and this process takes its contiguous
    slice, so that the number of processes does not change the data.
    """

    def __init__(
        self,
        prepared: PreparedSet,
        batch: int,
        seed: int,
        sampler: Sampler = "epochs",
        labelled: bool = True,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        assert batch % world == 0, f"a batch of {batch} does not divide among {world} processes"
        self.prepared, self.batch, self.seed, self.sampler = prepared, batch, seed, sampler
        self.slice = slice(rank * (batch // world), (rank + 1) * (batch // world))
        self.labels = prepared.labels if labelled else None
        self._epoch, self._order = -1, np.empty(0, np.int64)
        if sampler != "epochs":
            assert prepared.labels is not None
            train_labels = np.asarray(prepared.labels[prepared.train])
            labels, counts = np.unique(train_labels, return_counts=True)
            order = prepared.train[np.argsort(train_labels, kind="stable")]
            self._by_class = np.split(order, np.cumsum(counts)[:-1])
            rarest = rarest_class_sizes(prepared.label_space)[labels]
            shares = counts / rarest * rarest ** EVENLY[sampler]
            self._cumulative = np.cumsum(shares) / shares.sum()
            self._cumulative[-1] = 1.0  # rounding may leave it below

    def rows(self, step: int) -> NDArray[np.int64]:
        """Indices of the images of one step, (N,): this process's share."""
        return self._rows(step)[self.slice]

    def _rows(self, step: int) -> NDArray[np.int64]:
        """(batch,) row numbers of the global batch."""
        if self.sampler != "epochs":
            # Of each pair of random numbers one selects a class, the other one of its images.
            generator = stream(self.seed, "balanced", step)
            pairs = torch.rand((self.batch, 2), generator=generator, dtype=torch.float64).numpy()
            classes = (self._by_class[index] for index in np.searchsorted(self._cumulative, pairs[:, 0], side="right"))
            return np.array([rows[int(u * len(rows))] for rows, u in zip(classes, pairs[:, 1], strict=True)], np.int64)
        # A batch may end one epoch and begin the next.
        first, count = step * self.batch, len(self.prepared.train)
        rows = np.empty(0, np.int64)
        while len(rows) < self.batch:
            epoch, start = divmod(first + len(rows), count)
            if epoch != self._epoch:  # a cache and not a state: the order depends on the epoch's number alone
                order = torch.randperm(count, generator=stream(self.seed, "epoch", epoch))
                self._epoch, self._order = epoch, self.prepared.train[order.numpy()]
            rows = np.concatenate([rows, self._order[start : start + self.batch - len(rows)]])
        return rows


def rarest_class_sizes(space: LabelSpace) -> NDArray[np.int64]:
    """(M,): for each combination the training images of the rarest of its classes, with whatever other parts."""
    sizes = [np.append(part, part.sum()) for part in space.class_sizes()]  # a part that is missing is not rare
    rarest: NDArray[np.int64] = np.min(
        [part[column] for part, column in zip(sizes, space.values.T, strict=True)], axis=0
    )
    return rarest


class FakeLabels:
    """Labels for G to generate: sampled from the frequencies of the set's combinations of classes ("data"), or
    uniformly from those that training images have ("uniform").

    With "paired" the labels are those of the real half of the batch, and `draw` is not called.
    """

    def __init__(self, prepared: PreparedSet, how: Literal["paired", "data", "uniform"], seed: int) -> None:
        assert prepared.labels is not None
        self.how, self.seed = how, seed
        counts = np.array(prepared.label_space.counts)
        self.seen, self.weights = torch.from_numpy(np.flatnonzero(counts)), torch.from_numpy(counts / counts.sum())

    def draw(self, purpose: str, step: int, count: int) -> Tensor:
        """(count,) int64, indices of combinations, for the global batch."""
        assert self.how != "paired"
        generator = stream(self.seed, purpose, step)
        if self.how == "uniform":
            return self.seen[torch.randint(len(self.seen), (count,), generator=generator)]
        return torch.multinomial(self.weights, count, replacement=True, generator=generator)
