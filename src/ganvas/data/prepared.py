"""A prepared set: one uint8 array on disk, its labels, its splits, and the manifest that `ganvas data` reports."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ganvas import levels
from ganvas.data.duplicates import CRITERION
from ganvas.data.labels import LabelSpace, single_part
from ganvas.errors import UserError
from ganvas.images import FILTER, Pixels
from ganvas.settings import Settings
from ganvas.sizes import Size, StoredSize

FORMAT = 4
"""Version of the manifest. A set with another one is prepared again; the fingerprint does not depend on it."""


class Refusal(Settings):
    """An image that cannot be used, or a class without one that can."""

    name: str
    reason: str


class ClassCounts(Settings):
    """How many images of a class there are."""

    name: str
    train: int
    held_out: int


class LevelRange(Settings):
    """The levels of images of one full range, as stored."""

    lowest: float
    highest: float
    black: float
    white: float

    def __str__(self) -> str:
        """`0..1 of 0..255`."""
        return f"{levels.describe((self.lowest, self.highest))} of {levels.describe((self.black, self.white))}"


class Manifest(Settings):
    """The facts of a prepared set, stored beside its arrays."""

    version: int
    """Of the processing of an image, `prepare.VERSION`."""
    name: str
    fingerprint: str
    classes: tuple[str, ...]
    """The classes of all parts of a label, side by side."""
    labels: LabelSpace | None = None
    """The parts of the labels and their combinations, where they have several parts."""
    held_out_combinations: tuple[int, ...] = ()
    """Indices of the combinations that `--hold-out-combinations` keeps from training."""
    missing: dict[str, int] = Field(default_factory=dict)
    """Part of a label -> images that lack it."""
    layout: str = ""
    """The layout of the source in words."""
    size: StoredSize
    channels: int
    crop: Literal["square", "shape"] | int = "square"
    """What of an image is kept: the largest square in its centre, the largest part of the set's shape, or a square of
    so many pixels."""
    filter: str = FILTER
    background: Literal["white", "black"] | None = "white"
    """Of transparent areas; None where they stay transparent."""
    sizes: dict[str, int]
    """"24x20" -> images of this height and width, the commonest first."""
    modes: dict[str, int]
    """Pillow's name of a mode -> images, the commonest first."""
    levels: tuple[LevelRange, ...] = ()
    """The lowest and the highest level of all images, for each full range: 8 bits, 16 bits, floats."""
    stretched: bool = False
    """Whether the lowest and the highest level became 0 and 255."""
    transparent: int = 0
    """Images whose ground is seen through a pixel of them."""
    animated: int = 0
    enlarged: int = 0
    """Images that are smaller than `size`."""
    refused: tuple[Refusal, ...] = ()
    ignored: tuple[str, ...] = ()
    """Files that are no images."""
    skipped: dict[str, int] = Field(default_factory=dict)
    """Name -> how many files and folders of that name are no part of the set: a system's, or beside the splits."""
    absent_classes: tuple[Refusal, ...] = ()
    """Classes of the source of which no image could be used."""
    notes: tuple[str, ...] = ()
    versions: dict[str, str]
    images: int
    train: int
    held_out: int
    left_out: int = 0
    """Images of neither part: exact copies of held-out ones."""
    own_split: bool = False
    """Whether the source itself holds images out."""
    per_class: tuple[ClassCounts, ...] = ()
    duplicates: int = 0
    duplicate_examples: tuple[tuple[str, str], ...] = ()
    """(an image, the first that it repeats), a few of them."""
    near_duplicates: int = 0
    near_duplicate_examples: tuple[tuple[str, str], ...] = ()
    near_duplicate_threshold: str = CRITERION
    near_across_split: int = 0
    """Held-out images with a near-duplicate in the training part: only a source's own split has any."""
    bytes: dict[str, int]
    """Array file -> its length, to detect a damaged set."""

    @property
    def colours(self) -> str:
        """The channels in words."""
        return {1: "grey", 3: "RGB", 4: "RGBA"}.get(self.channels, f"{self.channels} channels")

    @property
    def small_classes(self) -> tuple[str, ...]:
        """Classes too small to hold an image out."""
        return tuple(counts.name for counts in self.per_class if not counts.held_out)

    @property
    def darkness(self) -> str:
        """A sentence where the images are nearly black and were not stretched, else nothing."""
        met = [((found.black, found.white), (found.lowest, found.highest)) for found in self.levels]
        if self.stretched or not met or not levels.is_dark(met):
            return ""
        ranges = ", ".join(map(str, self.levels))
        return f"the images of {self.name} are nearly black, levels {ranges}: --stretch maps their own range to 0..255"


@dataclass(frozen=True)
class PreparedSet:
    """N images of one size. Pixels are opened by memory map: rows are read from disk when they are used."""

    name: str
    """What a person would call it: `digits`, or a folder's name. Never a path."""
    fingerprint: str
    """Hex digest of the decoded images, labels and preparation: equal for equal content."""
    folder: Path
    pixels: Pixels
    """(N, C, H, W) uint8."""
    labels: NDArray[np.int64] | None
    """(N,) indices of the combinations of `label_space`, which are the classes where labels have one part; None for a
    set without labels."""
    classes: tuple[str, ...]
    """Class names in order, those of all parts of a label side by side; empty for a set without labels."""
    train: NDArray[np.int64]
    """Indices of the images to train on, ascending."""
    held_out: NDArray[np.int64]
    """Indices of the images that are never trained on, ascending."""
    manifest: Manifest

    @property
    def size(self) -> Size:
        """Height and width in pixels."""
        _, _, height, width = self.pixels.shape
        return Size(int(height), int(width))

    @property
    def channels(self) -> int:
        """1 (grey), 3 (RGB) or 4 (RGBA, premultiplied)."""
        return int(self.pixels.shape[1])

    @cached_property
    def label_space(self) -> LabelSpace:
        """The parts of the labels, and their combinations with the number of training images of each."""
        assert self.labels is not None, "a set without labels has no label space"
        known = self.manifest.labels
        counts = np.bincount(self.labels[self.train], minlength=len(known.counts if known else self.classes)).tolist()
        return known.model_copy(update={"counts": tuple(counts)}) if known else single_part(self.classes, counts)

    @property
    def label_values(self) -> NDArray[np.int64]:
        """(N, P): the class index of each part of the labels, -1 where it is missing."""
        values: NDArray[np.int64] = self.label_space.values[self.labels]
        return values

    @property
    def unseen(self) -> NDArray[np.int64]:
        """Indices of the images whose combination of classes no training image has, held out or not, ascending."""
        if self.labels is None:
            return self.train[:0]
        return np.flatnonzero(~self.label_space.seen[self.labels])


def in_memory(
    name: str, pixels: Pixels, labels: NDArray[np.int64] | None = None, classes: tuple[str, ...] = ()
) -> PreparedSet:
    """A set of images (N, C, H, W) that is not on disk, all of it to train on."""
    count, channels, height, width = pixels.shape
    manifest = Manifest(
        version=0, name=name, fingerprint="", classes=classes, size=Size(height, width), channels=channels,
        sizes={}, modes={}, versions={}, images=count, train=count, held_out=0, bytes={},
    )  # fmt: skip
    rows = np.arange(count)
    return PreparedSet(name, "", Path(), pixels, labels, classes, rows, rows[:0], manifest)


def refuse_several_parts(prepared: PreparedSet, what: str) -> None:
    """UserError for a set whose labels have several parts; `what` needs one class an image."""
    if prepared.labels is not None and not prepared.label_space.is_single:
        names = [part.name for part in prepared.label_space.parts]
        raise UserError(
            f"{what} needs labels of one part, and those of {prepared.name} have {len(names)} ({', '.join(names)}): "
            "choose one, with --label-column or --attribute"
        )
