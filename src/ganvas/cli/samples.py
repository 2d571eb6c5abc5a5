"""What `ganvas sample` draws, and what it calls it: labels, names of files, rows of a sheet."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ganvas.data.label_names import PartialLabel
    from ganvas.sampling import Sampler


def labels_to_draw(sampler: "Sampler", named: list[str]) -> "list[PartialLabel | None]":
    """The labels that were named, each once; else every class, or one label whose parts are all open."""
    if named or not sampler.classes:
        return list(dict.fromkeys(map(sampler.partial, named))) or [None]
    space = sampler.space
    return [*space.combinations] if space.is_single else [(None,) * len(space.parts)]


def file_names(sampler: "Sampler", values: "NDArray[np.int64] | None", total: int, seed: int) -> list[str]:
    """Where each image goes below a folder: `cat/seed0-000000.png`, or `star/red/seed0-000000.png` by its parts."""
    from ganvas.runs.paths import folder_name

    if values is None:
        return [f"seed{seed}-{index:06d}.png" for index in range(total)]
    numbers: Counter[str] = Counter()
    parts, names = sampler.space.parts, []
    for row in values.tolist():
        classes = [part.classes[k] if k >= 0 else "unknown" for part, k in zip(parts, row, strict=True)]
        folder = "/".join(map(folder_name, classes))
        names.append(f"{folder}/seed{seed}-{numbers[folder]:06d}.png")
        numbers[folder] += 1
    return names


def sheet_rows(sampler: "Sampler", labels: "Sequence[PartialLabel | None]") -> tuple[list[int], list[str]]:
    """(the row of each label on a sheet, the title of each row): in the order of the classes."""
    from ganvas.data.label_names import label_in_words

    known = [label for label in labels if label is not None]
    order = sorted(known, key=lambda label: [-1 if k is None else k for k in label])
    return [order.index(label) for label in known], [label_in_words(label, sampler.space) for label in order]


def npz_labels(
    sampler: "Sampler", values: "NDArray[np.int64] | None"
) -> tuple["NDArray[np.int64] | None", Sequence[str]]:
    """(labels (N,), names of the classes) of an .npz; the combinations that occur where labels have several parts."""
    from ganvas.data.labels import label_rows

    if values is None or sampler.space.is_single:
        return None if values is None else values[:, 0], sampler.classes
    combinations, rows = label_rows(values)
    return rows, [sampler.space.name_of(row) for row in combinations.tolist()]
