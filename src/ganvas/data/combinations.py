"""Labels of the images of a set: the classes that are used, the combinations, and those kept from training."""

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganvas.data.config import DataConfig
from ganvas.data.labels import MISSING, LabelPart, LabelSpace, label_rows
from ganvas.data.sources.contents import SourceContents
from ganvas.data.splits import ONE_IN, Split
from ganvas.errors import UserError


@dataclass(frozen=True)
class UsedLabels:
    """The labels of N images of a set."""

    parts: tuple[LabelPart, ...]
    """With the classes that some image has; none without labels."""
    combinations: NDArray[np.int64]
    """(M, P), ascending."""
    rows: NDArray[np.int64] | None
    """(N,): the combination of each image; None without labels."""

    @property
    def is_single(self) -> bool:
        """Whether labels have one part; its classes are then the combinations."""
        return len(self.parts) == 1

    @property
    def values(self) -> NDArray[np.int64]:
        """(N, P): the class index of each part of each image, -1 where it is missing."""
        assert self.rows is not None, "images without labels have no classes"
        values: NDArray[np.int64] = self.combinations[self.rows]
        return values

    @property
    def missing(self) -> dict[str, int]:
        """Part -> images that lack it."""
        if self.rows is None:
            return {}
        lacking = (self.values == MISSING).sum(0).tolist()
        return {part.name: count for part, count in zip(self.parts, lacking, strict=True) if count}

    def space(self, train: NDArray[np.int64]) -> LabelSpace:
        """The label space, with the number of training images of each combination."""
        assert self.rows is not None, "images without labels have no label space"
        counts = np.bincount(self.rows[train], minlength=len(self.combinations)).tolist()
        combinations = tuple(map(tuple, self.combinations.tolist()))
        return LabelSpace(parts=self.parts, combinations=combinations, counts=tuple(counts))


def refuse_other_choice(config: DataConfig, contents: SourceContents) -> None:
    """UserError where something was asked to label the set that its layout does not have."""
    if config.label_choice == contents.choice:
        return
    needs = "a table of labels, or a set of the hub"
    if config.attribute:
        needs = "a set in CelebA's layout"
    elif config.nested:
        needs = "class folders in class folders"
    names = ("attribute", "label_column", "label_columns", "nested")
    option = next(name for name in names if getattr(config, name) is not None).replace("_", "-")
    raise UserError(f"--{option} {config.label_choice} needs {needs}; this is {contents.layout}")


def refuse_untrained(labels: UsedLabels, train: NDArray[np.int64], name: str) -> None:
    """UserError for a class of which no image is trained on."""
    for part, column in zip(labels.parts, labels.values.T if labels.parts else (), strict=True):
        if len(untrained := np.setdiff1d(column, column[train])) and untrained[-1] >= 0:
            words = "" if labels.is_single else f"{part.name}="
            raise UserError(f"the class {words}{part.classes[int(untrained[-1])]} of {name} has no image to train on")


def source_parts(contents: SourceContents) -> tuple[tuple[LabelPart, ...], NDArray[np.int64] | None]:
    """(the parts of a source's labels, the labels (N, P)), of one part as of several."""
    if contents.labels is None:
        return (), None
    if contents.label_parts:
        return contents.label_parts, contents.labels
    return (LabelPart(name="label", classes=contents.classes),), contents.labels[:, None]


def used_labels(contents: SourceContents, kept: NDArray[np.bool_]) -> UsedLabels:
    """The labels of the images that were kept, (N of the source,): a class that none of them has is left out."""
    parts, values = source_parts(contents)
    if values is None:
        return UsedLabels((), np.empty((0, 0), np.int64), None)
    columns, used_parts = [], []
    for part, column in zip(parts, values[kept].T, strict=True):
        used, indices = np.unique(column, return_inverse=True)
        is_missing_first = len(used) > 0 and used[0] == MISSING
        columns.append(indices.reshape(-1) - is_missing_first)
        names = tuple(part.classes[k] for k in used[int(is_missing_first) :])
        used_parts.append(part.model_copy(update={"classes": names}))
    combinations, rows = label_rows(np.stack(columns, axis=1).astype(np.int64))
    return UsedLabels(tuple(used_parts), combinations, rows)


def unusable_classes(
    contents: SourceContents, refused: Sequence[tuple[int, str]], used: tuple[LabelPart, ...]
) -> list[tuple[str, str]]:
    """(class, reason) of the classes whose every image was refused. refused: (index of the image, reason)."""
    parts, values = source_parts(contents)
    absent = []
    for part, column, known in zip(parts, values.T if values is not None else (), used, strict=True):
        lost: dict[str, Counter[str]] = {name: Counter() for name in part.classes if name not in known.classes}
        for index, reason in refused if lost else ():
            if column[index] != MISSING and (name := part.classes[int(column[index])]) in lost:
                lost[name][reason] += 1
        absent += [
            (
                name if len(parts) == 1 else f"{part.name}={name}",
                f"none of its {reasons.total()} images can be used: {reasons.most_common(1)[0][0]}",
            )
            for name, reasons in lost.items()
            if reasons
        ]
    return absent


def strata(labels: UsedLabels) -> NDArray[np.int64] | None:
    """(N,): what a tenth is held out of: each class; of labels of several parts each combination of ten images or more,
    and all the rarer ones together, of which one by one no tenth could be held out.
    """
    if labels.rows is None or labels.is_single:
        return labels.rows
    is_rare = np.bincount(labels.rows, minlength=len(labels.combinations)) < ONE_IN
    return np.where(is_rare[labels.rows], len(labels.combinations), labels.rows)


def train_every_class(split: Split, labels: UsedLabels, near: NDArray[np.int64]) -> Split:
    """The split with at least one training image of each class of each part: a class that has none gets its held-out
    images, each with its group of near-duplicates (N,).
    """
    is_held_out = np.zeros(len(near), np.bool_)
    is_held_out[split.held_out] = True
    for column in labels.values.T:
        for label in np.setdiff1d(column[split.held_out], column[split.train]):
            is_held_out[np.isin(near, near[(column == label) & is_held_out])] = False
    moved = np.setdiff1d(split.held_out, np.flatnonzero(is_held_out))
    return Split(np.union1d(split.train, moved), np.flatnonzero(is_held_out), split.left_out)


def choose_combinations(
    labels: UsedLabels, train: NDArray[np.int64], share: float, name: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(that share of the combinations, rounded, at least one, to keep from training, ascending; (N,) their images).

    They are chosen by the hash of their names among those that have training images and no missing part, first those of
    whose classes the fewest combinations are chosen, so that each class of each part still occurs in training.
    UserError where labels have one part, or none can be spared.
    """
    if labels.rows is None or labels.is_single:
        words = "has no labels" if labels.rows is None else "has labels of one part"
        raise UserError(
            f"--hold-out-combinations needs labels of several parts, and {name} {words}: see --label-columns, "
            "--attribute and --nested"
        )
    occurring = np.unique(labels.rows[train])
    candidates = [int(row) for row in occurring if (labels.combinations[row] != MISSING).all()]
    left = [Counter(column.tolist()) for column in labels.combinations[occurring].T]
    taken: list[Counter[int]] = [Counter() for _ in labels.parts]
    wanted, chosen = max(1, round(share * len(candidates))), list[int]()

    def place(row: int) -> bytes:
        names = [part.classes[k] for part, k in zip(labels.parts, labels.combinations[row], strict=True)]
        return hashlib.blake2b(json.dumps(names).encode(), digest_size=8).digest()

    def chosen_beside(row: int) -> int:
        return sum(counts[k] for counts, k in zip(taken, labels.combinations[row].tolist(), strict=True))

    waiting = [(0, place(row), row) for row in candidates]
    heapq.heapify(waiting)
    while waiting and len(chosen) < wanted:
        before, mark, row = heapq.heappop(waiting)
        if (now := chosen_beside(row)) > before:  # it only ever grows, so that it is looked at where it is first again
            heapq.heappush(waiting, (now, mark, row))
            continue
        values = labels.combinations[row].tolist()
        if all(counts[k] > 1 for counts, k in zip(left, values, strict=True)):
            chosen.append(row)
            for counts, others, k in zip(left, taken, values, strict=True):
                counts[k] -= 1
                others[k] += 1
    if not chosen:
        raise UserError(f"--hold-out-combinations: no combination of {name} can be spared, each has a class of its own")
    hidden = np.sort(np.array(chosen, np.int64))
    return hidden, np.isin(labels.rows, hidden)
