"""What preparing a set found and did: the record beside the arrays, which `ganvas data` reports."""

from collections import Counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganvas import __version__, console
from ganvas.data.decode import DecodePlan, ImageStats
from ganvas.data.duplicates import DuplicateGroups
from ganvas.data.near_duplicates import CRITERION
from ganvas.data.sources.contents import SourceContents
from ganvas.data.sources.scan import escaped_name
from ganvas.data.splits import Split
from ganvas.errors import UserError
from ganvas.images import FILTER
from ganvas.settings import Settings

FORMAT = 2
"""Of this record. A set with another one is prepared again; the fingerprint does not depend on it."""
LARGEST_SHARE_REFUSED = 0.1
MOST_LISTED = 20
MOST_SIZES = 100


class Refusal(Settings):
    """An image that cannot be used."""

    name: str
    reason: str


class ClassCounts(Settings):
    """How many images of a class there are."""

    name: str
    train: int
    held_out: int


class Manifest(Settings):
    """A prepared set in facts."""

    version: int
    """Of what preparing does to an image."""
    name: str
    fingerprint: str
    classes: tuple[str, ...]
    layout: str = ""
    """How the source lies, in words."""
    size: int
    channels: int
    crop: Literal["square"] | int = "square"
    filter: str = FILTER
    background: Literal["white", "black"] = "white"
    sizes: dict[str, int]
    """"20x24" -> images of this width and height, the commonest first."""
    modes: dict[str, int]
    """Pillow's name of a mode -> images, the commonest first."""
    animated: int = 0
    enlarged: int = 0
    """Images that are smaller than `size`."""
    refused: tuple[Refusal, ...] = ()
    ignored: tuple[str, ...] = ()
    """Files that are no images and do not claim to be."""
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
    """Held-out images with a near-duplicate to train on: only a source's own split has any."""
    bytes: dict[str, int]
    """Array file -> its length, by which a damaged set is noticed."""

    @property
    def small_classes(self) -> tuple[str, ...]:
        """Classes too small to hold an image out."""
        return tuple(counts.name for counts in self.per_class if not counts.held_out)


def refuse_too_many(refused: tuple[Refusal, ...], candidates: int, is_accepted: bool) -> None:
    """Stops with the list where more than a tenth of the images cannot be used."""
    if is_accepted or len(refused) <= LARGEST_SHARE_REFUSED * candidates:
        return
    for refusal in refused:
        console.info(f"refused: {refusal.name}: {refusal.reason}")
    raise UserError(
        f"{len(refused)} of {candidates} images cannot be used, more than a tenth; mend or remove them, or go on "
        "without them with --accept-refused"
    )


def refusals(contents: SourceContents, stats: ImageStats) -> tuple[Refusal, ...]:
    """What was refused before decoding, then what could not be decoded."""
    undecoded = [(contents.name(index), reason) for index, reason in stats.refused]
    return tuple(Refusal(name=escaped_name(name), reason=reason) for name, reason in contents.refused + undecoded)


def build_manifest(
    contents: SourceContents,
    plan: DecodePlan,
    stats: ImageStats,
    kept: NDArray[np.bool_],
    labels: NDArray[np.int64] | None,
    classes: tuple[str, ...],
    groups: DuplicateGroups,
    split: Split,
    *,
    version: int,
    name: str,
    fingerprint: str,
    lengths: dict[str, int],
) -> Manifest:
    """The record of a set. `kept` (N of the source,) tells which images `labels`, `groups` and `split` are of."""
    import PIL

    own_index = np.arange(len(groups.exact))
    is_copy = groups.exact != own_index
    is_near = (groups.near != groups.exact) & ~is_copy  # a copy of a near-duplicate counts as a copy
    original = np.flatnonzero(kept)
    without_images = [name for name in contents.classes if name not in classes]
    return Manifest(
        version=version,
        name=name,
        fingerprint=fingerprint,
        classes=classes,
        layout=contents.layout,
        size=plan.size,
        channels=plan.channels,
        crop=plan.crop or "square",
        background=plan.background,
        sizes=_commonest(stats.sizes),
        modes=dict(stats.modes.most_common()),
        animated=stats.animated,
        enlarged=sum(n for (w, h), n in stats.sizes.items() if min(w, h, plan.crop or w) < plan.size),
        refused=refusals(contents, stats),
        ignored=tuple(escaped_name(name) for name in contents.ignored),
        notes=(*contents.notes, *(f"class left out, no image of it could be used: {name}" for name in without_images)),
        versions={"ganvas": __version__, "numpy": np.__version__, "pillow": PIL.__version__},
        images=len(own_index),
        train=len(split.train),
        held_out=len(split.held_out),
        left_out=len(split.left_out),
        own_split=contents.held_out is not None,
        per_class=_class_counts(labels, classes, split),
        duplicates=int(is_copy.sum()),
        duplicate_examples=_examples(contents, original, groups.exact, is_copy),
        near_duplicates=int(is_near.sum()),
        near_duplicate_examples=_examples(contents, original, groups.near, is_near),
        near_across_split=int(np.isin(groups.near[split.held_out], groups.near[split.train]).sum()),
        bytes=lengths,
    )


def _class_counts(labels: NDArray[np.int64] | None, classes: tuple[str, ...], split: Split) -> tuple[ClassCounts, ...]:
    if labels is None:
        return ()
    train, held_out = (np.bincount(labels[part], minlength=len(classes)) for part in (split.train, split.held_out))
    return tuple(
        ClassCounts(name=name, train=int(train[k]), held_out=int(held_out[k])) for k, name in enumerate(classes)
    )


def _commonest(sizes: Counter[tuple[int, int]]) -> dict[str, int]:
    """The commonest sizes, and how many images have another: photographs may all differ."""
    common = {f"{width}x{height}": count for (width, height), count in sizes.most_common(MOST_SIZES)}
    others = sizes.total() - sum(common.values())
    return common | ({"other sizes": others} if others else {})


def _examples(
    contents: SourceContents, original: NDArray[np.int64], first: NDArray[np.int64], chosen: NDArray[np.bool_]
) -> tuple[tuple[str, str], ...]:
    """(an image, the first that it repeats), a few of them."""
    pairs = [(int(original[index]), int(original[first[index]])) for index in np.flatnonzero(chosen)[:MOST_LISTED]]
    return tuple((escaped_name(contents.name(a)), escaped_name(contents.name(b))) for a, b in pairs)
