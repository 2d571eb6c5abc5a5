"""The split: the source's own held-out part, else a tenth of each class by the hash of the decoded image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas.data.duplicates import DuplicateGroups

ONE_IN = 10


@dataclass(frozen=True)
class Split:
    """Indices of images, ascending. Every image is in one of the three, but for hidden ones."""

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    left_out: NDArray[np.int64]
    """Training images of a source with its own split that are exact copies of held-out ones: never trained on."""

    def without(self, hidden: NDArray[np.bool_]) -> "Split":
        """The split of the images that are not hidden (N,), which are then in none of the three."""
        return Split(*(rows[~hidden[rows]] for rows in (self.train, self.held_out, self.left_out)))


def split_indices(
    groups: DuplicateGroups,
    digests: NDArray[np.uint64],
    labels: NDArray[np.int64] | None,
    own_held_out: NDArray[np.bool_] | None,
) -> Split:
    """The source's own split, without training images that are also held out; or a tenth of each class, rounded down.

    labels: (N,), what a tenth is held out of each.

    The hash of an image decides, so that the split depends neither on the order of the files nor on a seed: the images
    with the smallest hashes are held out. A group of near-duplicates stays together, or training would see what is held
    out: it is held out when its first image's hash is in the lowest tenth of all hashes and each of its classes may
    still hold out so many images; otherwise it is trained on.
    """
    if own_held_out is not None:
        left_out = np.isin(groups.exact, groups.exact[own_held_out]) & ~own_held_out
        return Split(np.flatnonzero(~own_held_out & ~left_out), np.flatnonzero(own_held_out), np.flatnonzero(left_out))
    hashes, first_of_group = digests[:, 0], groups.near
    labels = np.zeros(len(hashes), np.int64) if labels is None else labels
    room = np.bincount(labels) // ONE_IN  # (classes,): how many more images of each class may be held out
    held_out = np.zeros(len(hashes), np.bool_)
    is_grouped = first_of_group != np.arange(len(hashes))
    is_grouped[first_of_group[is_grouped]] = True
    members = np.flatnonzero(is_grouped)
    members = members[np.argsort(first_of_group[members], kind="stable")]
    firsts, starts = np.unique(first_of_group[members], return_index=True)
    stops = np.append(starts[1:], len(members))
    for index in np.argsort(hashes[firsts], kind="stable"):
        if hashes[firsts[index]] >= np.uint64(2**64 // ONE_IN):
            break
        group = members[starts[index] : stops[index]]
        group_classes, needed = np.unique(labels[group], return_counts=True)
        if (needed <= room[group_classes]).all():
            room[group_classes] -= needed
            held_out[group] = True
    for label, count in enumerate(room):
        single = np.flatnonzero((labels == label) & ~is_grouped)
        held_out[single[np.argsort(hashes[single], kind="stable")[:count]]] = True
    return Split(np.flatnonzero(~held_out), np.flatnonzero(held_out), np.empty(0, np.int64))
