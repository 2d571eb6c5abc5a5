"""Which images are held out: the set's own part, else a tenth by the hash of the decoded image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas.data.duplicates import DuplicateGroups

ONE_IN = 10


@dataclass(frozen=True)
class Split:
    """Indices of images, ascending. Every image is in one of the three."""

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    left_out: NDArray[np.int64]
    """Training images of a set with its own split whose exact copies it holds out: never trained on."""


def split_indices(
    groups: DuplicateGroups,
    digests: NDArray[np.uint64],
    labels: NDArray[np.int64] | None,
    own_held_out: NDArray[np.bool_] | None,
) -> Split:
    """The set's own split, less the training images that it also holds out; or a tenth of each class."""
    if own_held_out is None:
        held_out = _tenth(groups, digests[:, 0], labels)
        return Split(np.flatnonzero(~held_out), np.flatnonzero(held_out), np.empty(0, np.int64))
    has_held_out_copy = np.isin(groups.exact, groups.exact[own_held_out])
    left_out = has_held_out_copy & ~own_held_out
    return Split(np.flatnonzero(~own_held_out & ~left_out), np.flatnonzero(own_held_out), np.flatnonzero(left_out))


def _tenth(groups: DuplicateGroups, hashes: NDArray[np.uint64], labels: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    """(N,): a tenth of each class, rounded down, the images with the smallest hash.

    The hash of an image decides, so that the split depends neither on the order of the files nor on a seed. A group of
    near-duplicates goes as a whole, or training would have seen what is held out: it is held out when its first
    image's hash is in the lowest tenth and every class in it has room for its images; otherwise it is trained on.
    """
    labels = np.zeros(len(hashes), np.int64) if labels is None else labels
    room = np.bincount(labels) // ONE_IN
    held_out = np.zeros(len(hashes), np.bool_)
    is_grouped = groups.near != np.arange(len(hashes))
    is_grouped[groups.near[is_grouped]] = True
    for group in _groups_in_lowest_tenth(groups.near, np.flatnonzero(is_grouped), hashes):
        touched, needed = np.unique(labels[group], return_counts=True)
        if (needed <= room[touched]).all():
            room[touched] -= needed
            held_out[group] = True
    for label in range(len(room)):
        single = np.flatnonzero((labels == label) & ~is_grouped)
        lowest = np.argsort(hashes[single], kind="stable")[: room[label]]
        held_out[single[lowest]] = True
    return held_out


def _groups_in_lowest_tenth(
    first_of_group: NDArray[np.int64], members: NDArray[np.int64], hashes: NDArray[np.uint64]
) -> list[NDArray[np.int64]]:
    """Groups, as indices of their members, whose first image's hash is in the lowest tenth, the lowest first."""
    members = members[np.argsort(first_of_group[members], kind="stable")]
    firsts, starts = np.unique(first_of_group[members], return_index=True)
    all_groups = np.split(members, starts[1:]) if len(firsts) else []
    order = np.argsort(hashes[firsts], kind="stable")
    lowest = np.uint64(2**64 // ONE_IN)
    return [all_groups[index] for index in order if hashes[firsts[index]] < lowest]
