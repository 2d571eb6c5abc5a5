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

    exact: NDArray[np.int64]
    """(N,): the first image with the same decoded pixels; itself, mostly."""
    near: NDArray[np.int64]
    """(N,): the first image of the same group of duplicates and near-duplicates; itself, mostly."""


def find_duplicates(pixels: Pixels, digests: NDArray[np.uint64], keys: NDArray[np.uint64]) -> DuplicateGroups:
    """Groups among N images from their digests (N, 2) and perceptual keys (N, 4)."""
    exact = _first_with_same(digests[:, 0])
    distinct = np.flatnonzero(exact == np.arange(len(exact)))
    # A forest over the distinct images: each points to a smaller member of its group, or to itself.
    parent = np.arange(len(distinct))
    for table in range(keys.shape[1]):
        order, same_as_next = _runs(keys[distinct, table])
        for step in range(1, FOLLOWING + 1):
            linked = _linked(same_as_next, step)
            if not len(linked):
                break
            _unite(pixels, keys, distinct, order[linked], order[linked + step], parent)
    near = exact.copy()
    near[distinct] = distinct[parent]  # the root of a tree is its smallest member
    return DuplicateGroups(exact, near[exact])


def _first_with_same(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(N,) -> (N,): the index of the first equal value. np.unique would tell it too, with twice the memory."""
    order, same_as_next = _runs(values)
    # A stable sort keeps each run in its old order, so that its start is its smallest index.
    starts = np.flatnonzero(np.concatenate([[True], ~same_as_next[:-1]]))
    first = np.empty(len(values), np.int64)
    first[order] = np.repeat(order[starts], np.diff(starts, append=len(values)))
    return first


def _runs(values: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The order that sorts the values, and for each position whether the next holds an equal one."""
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    same = np.zeros(len(values), np.bool_)
    np.equal(sorted_values[1:], sorted_values[:-1], out=same[:-1])
    return order, same


def _linked(same_as_next: NDArray[np.bool_], step: int) -> NDArray[np.int64]:
    """Positions whose run reaches `step` positions further."""
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
    parent: NDArray[np.int64],
) -> None:
    """Joins the candidate pairs that are near-duplicates in `parent`; reads their pixels a few at a time."""
    for start in range(0, len(first), CANDIDATES_AT_ONCE):
        a, b = first[start : start + CANDIDATES_AT_ONCE], second[start : start + CANDIDATES_AT_ONCE]
        candidates = near_duplicates.few_steps_apart(keys[distinct[a]], keys[distinct[b]])
        candidates &= parent[a] != parent[b]
        a, b = a[candidates], b[candidates]
        for at in range(0, len(a), PAIRS_AT_ONCE):
            left, right = a[at : at + PAIRS_AT_ONCE], b[at : at + PAIRS_AT_ONCE]
            is_near = near_duplicates.are_near_duplicates(pixels[distinct[left]], pixels[distinct[right]])
            if is_near.any():
                _join(parent, left[is_near].tolist(), right[is_near].tolist())


def _join(parent: NDArray[np.int64], left: list[int], right: list[int]) -> None:
    """Joins the groups of each pair, then points every image straight to the smallest of its group."""
    for pair in zip(left, right, strict=True):
        smaller, larger = sorted(_root(parent, index) for index in pair)
        parent[larger] = smaller
    while ((above := parent[parent]) != parent).any():
        parent[:] = above


def _root(parent: NDArray[np.int64], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = int(parent[index])
    return index
