"""The images to be scored: drawn by a run, or made by anyone and lying in a folder or an .npz."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganvas.console import progress
from ganvas.data import DataConfig, PreparedSet, open_source
from ganvas.errors import UserError, nearest
from ganvas.images import Pixels
from ganvas.runs import sealed
from ganvas.runs.bundle import open_run
from ganvas.runs.folder import RunFolder
from ganvas.sampling import Sampler

BYTES_IN_MEMORY = 2**31


@dataclass(frozen=True)
class Samples:
    """N images and what each was asked to show."""

    name: str
    pixels: Pixels
    """(N, C, H, W) uint8."""
    labels: NDArray[np.int64] | None
    """(N,) indices into the set's classes; None where nothing was asked for."""
    facts: dict[str, Any]
    """Where they came from, for the record."""


def is_run(path: Path) -> bool:
    """Whether a path is a run's folder or a bundle, rather than images."""
    return (path / "run.json").is_file()


def training_set_of(path: Path) -> PreparedSet:
    """The prepared set that a run was trained on. UserError if it has changed, or is not named by a bundle alone."""
    folder = RunFolder(path)
    if (path / sealed.MANIFEST).is_file():
        raise UserError(f"{path} is a bundle, which does not say where its images lie: give --against SOURCE")
    record = folder.read()
    run = record["run"]
    prepared = open_source(run["source"], DataConfig.model_validate(run["data"]))
    if prepared.fingerprint != record["data"]["fingerprint"]:
        raise UserError(
            f"{run['source']} is no longer what {path} was trained on: its images have changed; "
            "give --against SOURCE and --out to score against it all the same"
        )
    return prepared


def sample_run(path: Path, prepared: PreparedSet, count: int, seed: int) -> Samples:
    """`count` images of a run: labels in the proportions of the set's training images."""
    sampler = Sampler(open_run(path), path.resolve().name)
    with progress.bar("drawing", count, "images") as bar:
        return draw_samples(sampler, prepared, count, seed, bar.advance)


def draw_samples(
    sampler: Sampler, prepared: PreparedSet, count: int, seed: int, advance: Callable[[int], None] = lambda done: None
) -> Samples:
    """`count` images, labels in the proportions of the set's training images."""
    require_same_shape(sampler.name, sampler.card.size, sampler.card.channels, prepared)
    facts = {"recipe": sampler.card.recipe, "images": sampler.card.images, "seed": seed}
    if not sampler.classes:
        return Samples(sampler.name, _draw(sampler, [(None, count)], seed, advance), None, facts)
    places = _places(sampler.name, sampler.classes, prepared)
    shares = proportions(prepared, count)
    asked = [(label, int(shares[place])) for label, place in enumerate(places)]
    labels = np.repeat(np.array(places, np.int64), [number for _, number in asked])
    return Samples(sampler.name, _draw(sampler, asked, seed, advance), labels, facts)


def proportions(prepared: PreparedSet, count: int) -> NDArray[np.int64]:
    """(K,): how many of `count` images each class gets, as the training images have them, and at least one."""
    assert prepared.labels is not None
    share = np.bincount(prepared.labels[prepared.train], minlength=len(prepared.classes)) / len(prepared.train)
    found = np.maximum(1, np.floor(share * count)).astype(np.int64)
    while (left := count - int(found.sum())) > 0:  # the largest remainders get what is left
        found[np.argsort(found - share * count, kind="stable")[:left]] += 1
    return found


def load_samples(source: str, prepared: PreparedSet, most: int) -> Samples:
    """Images that anyone made: at most so many of a folder or an .npz, compared with a set as they are."""
    theirs = open_source(source, DataConfig(size=prepared.size, accept_refused=True))
    sizes = list(theirs.manifest.sizes)
    wanted = f"{prepared.size}x{prepared.size}"
    if sizes != [wanted]:
        raise UserError(
            f"{source} holds images of {', '.join(sizes[:4])} px and {prepared.name} is prepared at {wanted}: "
            "make them the same size, or choose the set's with --size"
        )
    require_same_shape(theirs.name, theirs.size, theirs.channels, prepared)
    rows = np.arange(len(theirs.pixels))
    labels = None
    if theirs.labels is not None:
        places = np.array(_places(theirs.name, theirs.classes, prepared), np.int64)
        labels = places[np.asarray(theirs.labels)]
    rows = subsample(rows, labels, most)
    facts = {"source": theirs.name, "fingerprint": theirs.fingerprint, "refused": len(theirs.manifest.refused)}
    return Samples(theirs.name, np.asarray(theirs.pixels[rows]), None if labels is None else labels[rows], facts)


def subsample(rows: NDArray[np.int64], labels: NDArray[np.int64] | None, most: int) -> NDArray[np.int64]:
    """At most so many of the rows, evenly spread over them in the order of their classes, ascending."""
    if len(rows) <= most:
        return rows
    order = rows if labels is None else rows[np.argsort(labels[rows], kind="stable")]
    return np.sort(order[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)])


def require_same_shape(name: str, size: int, channels: int, prepared: PreparedSet) -> None:
    """UserError unless images have the size and the channels of the set they are compared with."""
    words = {1: "grey (1 channel)", 3: "RGB (3 channels)"}
    if size != prepared.size:
        raise UserError(f"{name} holds images of {size} px, and {prepared.name} is prepared at {prepared.size} px")
    if channels != prepared.channels:
        raise UserError(f"{name} is {words[channels]}, and {prepared.name} is {words[prepared.channels]}")


def _places(name: str, classes: tuple[str, ...], prepared: PreparedSet) -> list[int]:
    """The index in the set's classes of each of these classes; UserError unless they are the same ones."""
    for own in classes:
        if own not in prepared.classes:
            raise UserError(f"{name} has a class {own!r} that {prepared.name} lacks; {nearest(own, prepared.classes)}")
    if missing := [known for known in prepared.classes if known not in classes]:
        raise UserError(f"{name} has no images of the class {missing[0]!r}, which {prepared.name} has")
    return [prepared.classes.index(own) for own in classes]


def _draw(
    sampler: Sampler, asked: Sequence[tuple[int | None, int]], seed: int, advance: Callable[[int], None]
) -> Pixels:
    total = sum(number for _, number in asked)
    most = BYTES_IN_MEMORY // int(np.prod(sampler.card.shape.image))
    if total > most:
        raise UserError(f"-n {total} images do not fit into memory; at most {most} of this size are scored at once")
    pixels = np.empty((total, *sampler.card.shape.image), np.uint8)
    filled = 0
    for label, number in asked:
        for _, part in sampler.stream(label, number, seed):
            pixels[filled : filled + len(part)] = part
            filled += len(part)
            advance(len(part))
    return pixels
