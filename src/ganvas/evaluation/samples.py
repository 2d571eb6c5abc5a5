"""The images to be scored: sampled from a run, or read from any folder or .npz."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganvas import machine
from ganvas.console import progress
from ganvas.data import DataConfig, PreparedSet, open_source
from ganvas.data.label_names import PartialLabel
from ganvas.data.labels import MISSING
from ganvas.errors import UserError, nearest
from ganvas.evaluation.scorecard import Origin
from ganvas.images import Pixels
from ganvas.runs import sealed
from ganvas.runs.bundle import open_run
from ganvas.runs.folder import RunFolder
from ganvas.runs.source import open_training_set
from ganvas.sampling import Sampler
from ganvas.sizes import Size

BYTES_IN_MEMORY = 2**31
MOST_UNSEEN = 1_000


@dataclass(frozen=True)
class Samples:
    """N images and the label that each was asked for."""

    name: str
    pixels: Pixels
    """(N, C, H, W) uint8."""
    labels: NDArray[np.int64] | None
    """(N,) indices into the set's classes; None for images without labels."""
    origin: Origin
    """Where they came from."""
    rewarded: str | None = None
    """What their generator was rewarded for besides looking real."""
    unseen: "Samples | None" = None
    """Images of combinations of classes that no training image shows, where labels have several parts."""


def is_run(path: Path) -> bool:
    """Whether a path is a run's folder or a bundle, rather than images."""
    return (path / "run.json").is_file()


def training_set_of(path: Path, moved_to: str | None = None) -> PreparedSet:
    """The prepared set that a run was trained on, which may have moved.

    UserError if it has changed or is gone, or for a bundle without its run.
    """
    if (path / sealed.MANIFEST).is_file():
        raise UserError(f"{path} is a bundle, which does not say where its images lie: give --against SOURCE")
    return open_training_set(RunFolder(path), moved_to)


def sample_run(path: Path, prepared: PreparedSet, count: int, seed: int) -> Samples:
    """`count` images of a run, its labels in the proportions of the set's training images."""
    sampler = Sampler(open_run(path), path.resolve().name)
    if machine.device() == "cuda":  # many images; `ganvas sample` stays on the CPU, whose bytes are the same everywhere
        sampler.generator.to("cuda")
    unseen = _unseen_numbers(sampler, prepared, count)
    more = 0 if unseen is None else int(unseen.sum())
    with progress.bar("generating", count + more, "images") as bar:
        samples = draw_samples(sampler, prepared, count, seed, bar.advance)
        never = None if unseen is None else draw_samples(sampler, prepared, more, seed, bar.advance, unseen)
    return replace(samples, rewarded=reward_of(path), unseen=never)


def _unseen_numbers(sampler: Sampler, prepared: PreparedSet, count: int) -> NDArray[np.int64] | None:
    """(M,): how many images to draw of each combination that was never seen in training; None without any.

    A fifth of `count` in all, and at least 8 of each; of at most 1,000 combinations.
    """
    if not sampler.classes or prepared.labels is None:
        return None
    space = prepared.label_space
    never = np.flatnonzero(~space.seen & (space.values != MISSING).all(1))[:MOST_UNSEEN]
    numbers = np.zeros(len(space.seen), np.int64)
    numbers[never] = max(8, count // (5 * max(1, len(never))))
    return numbers if len(never) else None


def reward_of(path: Path) -> str | None:
    """What the generator of a run was rewarded for besides looking real; None for nothing, or where it is not known."""
    folder = RunFolder(path)
    if not folder.exists() or (path / sealed.MANIFEST).is_file():  # a bundle does not say
        return None
    objective = folder.read().run.objective
    weight = getattr(objective, "classify_generator", 0.0)
    return f"the right class, by its own discriminator (weight {weight:g})" if weight else None


def draw_samples(
    sampler: Sampler,
    prepared: PreparedSet,
    count: int,
    seed: int,
    advance: Callable[[int], None] = lambda count: None,
    numbers: NDArray[np.int64] | None = None,
) -> Samples:
    """`count` images, their labels in the proportions of the set's training images.

    numbers: (M,) images of each combination of the set's label space, in place of that.
    """
    info, image_shape = sampler.info, sampler.info.shape.image
    require_same_shape(sampler.name, info.size, info.channels, prepared)
    counts: list[tuple[PartialLabel | None, int]] = [(None, count)]
    labels = None
    if sampler.classes:
        asked = _labels_of(sampler, prepared)
        rows = np.array([row for row, _ in asked], np.int64)
        per_label = (proportions(prepared, count) if numbers is None else numbers)[rows].tolist()
        counts = [(label, number) for (_, label), number in zip(asked, per_label, strict=True)]
        labels = np.repeat(rows, per_label)
    total = sum(number for _, number in counts)
    most = BYTES_IN_MEMORY // int(np.prod(image_shape))
    if total > most:
        raise UserError(f"-n {total} images do not fit into memory; at most {most} of this size are scored at once")
    pixels, filled = np.empty((total, *image_shape), np.uint8), 0
    for label, number in counts:
        for _, batch in sampler.stream(label, number, seed):
            pixels[filled : filled + len(batch)] = batch
            filled += len(batch)
            advance(len(batch))
    return Samples(sampler.name, pixels, labels, Origin(recipe=info.recipe, images=info.images, seed=seed))


def proportions(prepared: PreparedSet, count: int) -> NDArray[np.int64]:
    """(M,): how many of `count` images each class gets, in proportion to its training images, and at least one.

    Of labels of several parts so for each combination that was seen in training; where these are more than the images,
    those with the most training images get one each.
    """
    counts: NDArray[np.int64] = np.array(prepared.label_space.counts, np.int64)
    share = counts / counts.sum()
    if (counts > 0).sum() > count and not prepared.label_space.is_single:
        numbers: NDArray[np.int64] = np.zeros(len(counts), np.int64)
        numbers[np.argsort(-counts, kind="stable")[:count]] = 1
        return numbers
    numbers = np.maximum(np.floor(share * count), counts > 0).astype(np.int64)
    while (left := count - int(numbers.sum())) > 0:  # the classes with the largest remainders get the rest
        numbers[np.argsort(numbers - share * count, kind="stable")[:left]] += 1
    return numbers


def load_samples(source: str, prepared: PreparedSet, most: int) -> Samples:
    """At most `most` images of a folder or an .npz. UserError if they do not fit the set: they are not resized."""
    images = _open_images(source, prepared)
    sizes, expected = list(images.manifest.sizes), str(prepared.size)
    if sizes != [expected]:
        raise UserError(
            f"{source} holds images of {', '.join(sizes[:4])} px and {prepared.name} is prepared at {expected}: "
            "make them the same size, or choose the set's with --size"
        )
    require_same_shape(images.name, images.size, images.channels, prepared)
    labels = None
    if images.labels is not None:
        labels = np.array(_rows_of(images, prepared), np.int64)[np.asarray(images.labels)]
    rows = subsample(np.arange(len(images.pixels)), labels, most)
    origin = Origin(source=images.name, fingerprint=images.fingerprint, refused=len(images.manifest.refused))
    return Samples(images.name, np.asarray(images.pixels[rows]), None if labels is None else labels[rows], origin)


def _open_images(source: str, prepared: PreparedSet) -> PreparedSet:
    """The images to be scored; a folder by nested class folders where the labels of the set have several parts."""
    data = DataConfig(size=prepared.size, channels=4 if prepared.channels == 4 else None, accept_refused=True)
    images = _open_in_parts(source, prepared, data)
    if images.channels == 4 and prepared.channels != 4:  # laid on a ground, as the set's own were
        images = _open_in_parts(source, prepared, data.model_copy(update={"channels": 3}))
    return images


def _open_in_parts(source: str, prepared: PreparedSet, data: DataConfig) -> PreparedSet:
    if prepared.manifest.labels and Path(source).is_dir():
        parts = tuple(part.name for part in prepared.manifest.labels.parts)
        with suppress(UserError):
            return open_source(source, data.model_copy(update={"nested": parts}))
    return open_source(source, data)


def subsample(rows: NDArray[np.int64], labels: NDArray[np.int64] | None, most: int) -> NDArray[np.int64]:
    """At most `most` of the rows (N,), ascending, evenly spread over the rows sorted by class."""
    if len(rows) <= most:
        return rows
    order = rows if labels is None else rows[np.argsort(labels[rows], kind="stable")]
    return np.sort(order[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)])


def _rows_of(images: PreparedSet, prepared: PreparedSet) -> list[int]:
    """The combination of the set for each of the images. UserError for one that the set does not know.

    Images of a set whose labels have several parts may name each combination as a class: `star, red`.
    """
    space = prepared.label_space
    if space.is_single:
        return _class_indices(images.name, images.classes, prepared)
    for name in images.label_space.names:
        if name not in space.names:
            raise UserError(
                f"{images.name} has images of {name!r}, which {prepared.name} lacks; it has such as {space.names[0]!r}"
            )
    return [space.names.index(name) for name in images.label_space.names]


def require_same_shape(name: str, size: Size, channels: int, prepared: PreparedSet) -> None:
    """UserError unless images have the size and the channels of the set."""
    words = {1: "grey (1 channel)", 3: "RGB (3 channels)", 4: "RGBA (4 channels)"}
    if size != prepared.size:
        raise UserError(f"{name} holds images of {size} px, and {prepared.name} is prepared at {prepared.size} px")
    if channels != prepared.channels:
        raise UserError(f"{name} is {words[channels]}, and {prepared.name} is {words[prepared.channels]}")


def _labels_of(sampler: Sampler, prepared: PreparedSet) -> list[tuple[int, PartialLabel]]:
    """(combination of the set, the same as a label of the sampler) of each. UserError unless both have the same."""
    space = prepared.label_space
    if space.is_single and sampler.space.is_single:
        return [(row, (k,)) for k, row in enumerate(_class_indices(sampler.name, sampler.classes, prepared))]
    if sampler.space.parts != space.parts:
        own, known = (", ".join(part.name for part in each.parts) for each in (sampler.space, space))
        raise UserError(
            f"{sampler.name} draws by {own}, and {prepared.name} is labelled by {known}: their parts and classes must "
            "be the same"
        )
    return list(enumerate(space.combinations))


def _class_indices(name: str, classes: tuple[str, ...], prepared: PreparedSet) -> list[int]:
    """The index of each class among the set's classes. UserError unless both have the same names."""
    for own in classes:
        if own not in prepared.classes:
            raise UserError(f"{name} has a class {own!r} that {prepared.name} lacks; {nearest(own, prepared.classes)}")
    if missing := [known for known in prepared.classes if known not in classes]:
        raise UserError(f"{name} has no images of the class {missing[0]!r}, which {prepared.name} has")
    return [prepared.classes.index(own) for own in classes]
