"""Duplicates and near-duplicates: which images must stay on one side of a split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas.data import near_duplicates
from ganvas.images import Pixels

# In a run of equal keys each image is compared with so many that follow it: all pairs of a long run would cost its
# square, and a chain of neighbours joins it as well.
FOLLOWING = 8
CANDIDATES_AT_ONCE = 2**16
PAIRS_AT_ONCE = 256


@dataclass(frozen=True)
class DuplicateGroups:
    """Images that equal or nearly equal one another."""

    equal: NDArray[np.int64]
    """(N,): the first image with the same decoded pixels; itself, mostly."""
    alike: NDArray[np.int64]
    """(N,): the first image of the same group of duplicates and near-duplicates; itself, mostly."""


def find_duplicates(pixels: Pixels, digests: NDArray[np.uint64], keys: NDArray[np.uint64]) -> DuplicateGroups:
    """Groups among N images from their digests (N, 2) and perceptual keys (N, 4)."""
    equal = _first_with_same(digests[:, 0])
    distinct = np.flatnonzero(equal == np.arange(len(equal)))
    parent: NDArray[np.int64] | None = None
    for table in range(keys.shape[1]):
        order, same_as_next = _runs(keys[distinct, table])
        for step in range(1, FOLLOWING + 1):
            linked = _linked(same_as_next, step)
            if not len(linked):
                break
            parent = _unite(pixels, keys, distinct, order[linked], order[linked + step], parent)
    if parent is None:
        return DuplicateGroups(equal, equal)
    alike = equal.copy()
    alike[distinct] = distinct[parent]  # the root of a tree is its smallest member
    return DuplicateGroups(equal, alike[equal])


def _first_with_same(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(N,) -> (N,): the index of the first equal value."""
    order, same_as_next = _runs(values)
    starts = np.concatenate([[True], ~same_as_next[: len(order) - 1]])
    first = np.empty(len(values), np.int64)
    # A stable sort keeps each run in its old order, so that its start is its smallest index.
    first[order] = order[np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))]
    return first


def _runs(values: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The order that sorts the values, and for each place whether the next holds an equal one."""
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    same = np.zeros(len(values), np.bool_)
    np.equal(sorted_values[1:], sorted_values[:-1], out=same[:-1])
    return order, same


def _linked(same_as_next: NDArray[np.bool_], step: int) -> NDArray[np.int64]:
    """Places whose run reaches `step` places further."""
    linked = same_as_next[: len(same_as_next) - step + 1].copy()
    for ahead in range(1, step):
        linked &= same_as_next[ahead : len(linked) + ahead]
    return np.flatnonzero(linked)


def _unite(
    pixels: Pixels,
    keys: NDArray[np.uint64],
    distinct: NDArray[np.int64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    parent: NDArray[np.int64] | None,
) -> NDArray[np.int64] | None:
    """Joins the candidate pairs that are nearly equal; reads their pixels a few at a time."""
    for start in range(0, len(first), CANDIDATES_AT_ONCE):
        a, b = first[start : start + CANDIDATES_AT_ONCE], second[start : start + CANDIDATES_AT_ONCE]
        few = near_duplicates.few_steps_apart(keys[distinct[a]], keys[distinct[b]])
        if parent is not None:
            few &= parent[a] != parent[b]
        a, b = a[few], b[few]
        for at in range(0, len(a), PAIRS_AT_ONCE):
            some, others = a[at : at + PAIRS_AT_ONCE], b[at : at + PAIRS_AT_ONCE]
            near = near_duplicates.are_near_duplicates(pixels[distinct[some]], pixels[distinct[others]])
            if near.any():
                parent = np.arange(len(distinct)) if parent is None else parent
                _join(parent, some[near].tolist(), others[near].tolist())
    return parent


def _join(parent: NDArray[np.int64], ones: list[int], others: list[int]) -> None:
    for one, other in zip(ones, others, strict=True):
        a, b = sorted((_root(parent, one), _root(parent, other)))
        parent[b] = a
    _flatten(parent)


def _root(parent: NDArray[np.int64], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = int(parent[index])
    return index


def _flatten(parent: NDArray[np.int64]) -> None:
    while True:
        above = parent[parent]
        if (above == parent).all():
            return
        parent[:] = above
