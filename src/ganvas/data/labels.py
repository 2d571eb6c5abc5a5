"""Labels of one part or of several: `cat`, or a shape and a colour.

A label space has the parts of a label with their classes, and the combinations of them that occur in a set. An image's
label is the index of its combination. Where labels have one part, its classes are the combinations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ganvas.settings import Settings

MOST_STORED = 2**18
MISSING = -1
"""The class index of a part that an image's label lacks."""


@dataclass(frozen=True)
class LabelChoice:
    """What a person chose to label a set by; nothing where the set decides."""

    columns: tuple[str, ...] = ()
    """Columns of a table or attributes, one for each part of the label."""
    folders: tuple[str, ...] = ()
    """Parts of the label by the levels of nested class folders, the outermost first."""

    def __str__(self) -> str:
        """`shape,colour`, or `shape/colour` of folders."""
        return "/".join(self.folders) or ",".join(self.columns)


class LabelPart(Settings):
    """One part of a label: its name, and its classes in order."""

    name: str
    classes: tuple[str, ...]


class LabelSpace(Settings):
    """The parts of a label, and the M combinations of their classes that occur in a set."""

    parts: tuple[LabelPart, ...]
    combinations: tuple[tuple[int, ...], ...]
    """(M, P): a class index for each part, `MISSING` where images lack it; in ascending order."""
    counts: tuple[Annotated[int, Field(ge=0)], ...]
    """(M,): training images of each combination. One without any was never seen in training."""

    @model_validator(mode="after")
    def _indices_fit(self) -> Self:
        limits = [len(part.classes) for part in self.parts]
        if len(self.counts) != len(self.combinations):
            raise ValueError(f"{len(self.counts)} counts of {len(self.combinations)} combinations")
        for row in self.combinations:
            if len(row) != len(limits) or not all(MISSING <= k < most for k, most in zip(row, limits, strict=True)):
                raise ValueError(f"{list(row)} is no combination of parts of {limits} classes")
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of classes of each part."""
        return tuple(len(part.classes) for part in self.parts)

    @property
    def is_single(self) -> bool:
        """Whether a label has one part."""
        return len(self.parts) == 1

    @cached_property
    def values(self) -> NDArray[np.int64]:
        """(M, P): `combinations` as an array."""
        return np.array(self.combinations, np.int64).reshape(len(self.combinations), len(self.parts))

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """(M,): the combinations that training images have."""
        return np.array(self.counts, np.int64) > 0

    @property
    def classes(self) -> tuple[str, ...]:
        """(K,): the classes of all parts side by side; those of several parts as `part=class`."""
        if self.is_single:
            return self.parts[0].classes
        return tuple(f"{part.name}={name}" for part in self.parts for name in part.classes)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """(M,): the combinations in words."""
        return tuple(self.name_of(row) for row in self.combinations)

    def name_of(self, label: Sequence[int]) -> str:
        """A label (P,) in words: `star, red`, with a dash for a missing part."""
        names = (part.classes[k] if k != MISSING else "–" for part, k in zip(self.parts, label, strict=True))
        return ", ".join(names)

    def commonest(self, most: int) -> list[int]:
        """At most `most` of the combinations seen in training, those with the most images; in ascending order.

        Of labels of one part the first classes, which people know by their order.
        """
        if self.is_single:
            return list(range(len(self.combinations)))[:most]
        order = sorted(np.flatnonzero(self.seen).tolist(), key=lambda index: -self.counts[index])
        return sorted(order[:most])

    def stored(self) -> Self:
        """The space as a run records it: no more than a quarter of a million indices, of the commonest combinations."""
        rows = self.commonest(max(1, MOST_STORED // len(self.parts)))
        changes = {name: tuple(getattr(self, name)[row] for row in rows) for name in ("combinations", "counts")}
        return self.model_copy(update=changes)

    def class_sizes(self) -> tuple[NDArray[np.int64], ...]:
        """For each part (K_p,): the training images of each of its classes."""
        counts = np.array(self.counts, np.int64)
        return tuple(
            np.bincount(column[column >= 0], counts[column >= 0], size).astype(np.int64)
            for column, size in zip(self.values.T, self.sizes, strict=True)
        )


def single_part(classes: tuple[str, ...], counts: Sequence[int], name: str = "label") -> LabelSpace:
    """The space of labels of one part."""
    part = LabelPart(name=name, classes=classes)
    return LabelSpace(parts=(part,), combinations=tuple((k,) for k in range(len(classes))), counts=tuple(counts))


def label_rows(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(N, P) class indices -> the (M, P) combinations that occur, ascending, and the (N,) index of each row's."""
    combinations, rows = np.unique(values, axis=0, return_inverse=True)
    return combinations, rows.reshape(-1)
