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
    own: NDArray[np.bool_] | None,
) -> Split:
    """The set's own split, less the training images that it also holds out; or a tenth of each class."""
    if own is None:
        held = _tenth(groups, digests[:, 0], labels)
        return Split(np.flatnonzero(~held), np.flatnonzero(held), np.empty(0, np.int64))
    occurs = np.zeros(len(own), np.bool_)
    occurs[groups.equal[own]] = True
    leaked = occurs[groups.equal] & ~own
    return Split(np.flatnonzero(~own & ~leaked), np.flatnonzero(own), np.flatnonzero(leaked))


def _tenth(groups: DuplicateGroups, keys: NDArray[np.uint64], labels: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    """(N,): a tenth of each class, rounded down, the images with the smallest hash.

    A group goes as a whole when its first image's hash is in the lowest tenth and every class it touches has room
    for it; a group with no room is trained on as a whole.
    """
    kinds = np.zeros(len(keys), np.int64) if labels is None else labels
    room = np.bincount(kinds) // ONE_IN
    held = np.zeros(len(keys), np.bool_)
    grouped = np.zeros(len(keys), np.bool_)
    follows = groups.alike != np.arange(len(keys))
    grouped[groups.alike[follows]] = True
    grouped |= follows
    _hold_groups(groups.alike, np.flatnonzero(grouped), keys, kinds, room, held)
    for kind in range(len(room)):
        single = np.flatnonzero((kinds == kind) & ~grouped)
        lowest = np.argsort(keys[single], kind="stable")[: room[kind]]
        held[single[lowest]] = True
    return held


def _hold_groups(
    alike: NDArray[np.int64],
    members: NDArray[np.int64],
    keys: NDArray[np.uint64],
    kinds: NDArray[np.int64],
    room: NDArray[np.int64],
    held: NDArray[np.bool_],
) -> None:
    """Marks whole groups in `held` and takes them from `room`."""
    if not len(members):
        return
    members = members[np.argsort(alike[members], kind="stable")]
    leaders = alike[members]
    starts = np.flatnonzero(np.concatenate([[True], leaders[1:] != leaders[:-1]]))
    ends = [*starts[1:], len(members)]
    chances = keys[leaders[starts]]
    low = np.uint64(2**64 // ONE_IN)
    for index in np.argsort(chances, kind="stable"):
        if chances[index] >= low:
            return
        group = members[starts[index] : ends[index]]
        touched, needed = np.unique(kinds[group], return_counts=True)
        if (needed <= room[touched]).all():
            room[touched] -= needed
            held[group] = True
