"""What preparing met and did, as facts for the manifest and as lines for a person."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganvas import __version__, console, images
from ganvas.data import near_duplicates
from ganvas.data.decode import DecodePlan, ImageStats
from ganvas.data.duplicates import DuplicateGroups
from ganvas.data.sources.contents import SourceContents
from ganvas.data.sources.scan import printable
from ganvas.data.splits import Split
from ganvas.errors import UserError

LARGEST_SHARE_REFUSED = 0.1
MOST_LISTED = 20
MOST_SIZES = 100


def refuse_too_many(refused: list[dict[str, str]], candidates: int, accepted: bool) -> None:
    """Stops with the list where more than a tenth of the images cannot be used."""
    if accepted or len(refused) <= LARGEST_SHARE_REFUSED * candidates:
        return
    for line in refused_lines(refused):
        console.info(line)
    raise UserError(
        f"{len(refused)} of {candidates} images cannot be used, more than a tenth; mend or remove them, or go on "
        "without them with --accept-refused"
    )


def refusal_records(refused: list[tuple[str, str]]) -> list[dict[str, str]]:
    """(name, reason) as a manifest holds it."""
    return [{"name": printable(name), "reason": reason} for name, reason in refused]


def refused_lines(refused: list[dict[str, str]]) -> Iterator[str]:
    """A line for each refused image."""
    for item in refused:
        yield f"refused: {item['name']}: {item['reason']}"


def preparation_facts(
    contents: SourceContents, plan: DecodePlan, met: ImageStats, refused: list[dict[str, str]], emptied: list[str]
) -> dict[str, Any]:
    """How the set was made and what was met on the way."""
    import PIL

    smaller = sum(n for (w, h), n in met.sizes.items() if min(w, h, plan.crop or w) < plan.size)
    notes = list(contents.notes)
    notes += [f"no image of the class {name} could be used; it is no class" for name in emptied]
    return {
        "layout": contents.layout,
        "size": plan.size,
        "channels": plan.channels,
        "crop": plan.crop or "square",
        "filter": images.FILTER,
        "background": plan.background,
        "sizes": _sizes(met),
        "modes": dict(met.modes.most_common()),
        "animated": met.animated,
        "enlarged": smaller,
        "refused": refused,
        "ignored": [printable(name) for name in contents.ignored],
        "notes": notes,
        "versions": {"ganvas": __version__, "numpy": np.__version__, "pillow": PIL.__version__},
    }


def _sizes(met: ImageStats) -> dict[str, int]:
    """The commonest sizes, and how many images have another: photographs may all differ."""
    common = {f"{width}x{height}": count for (width, height), count in met.sizes.most_common(MOST_SIZES)}
    others = sum(met.sizes.values()) - sum(common.values())
    return common | ({"other sizes": others} if others else {})


def count_facts(
    contents: SourceContents,
    kept: NDArray[np.bool_],
    labels: NDArray[np.int64] | None,
    classes: tuple[str, ...],
    groups: DuplicateGroups,
    split: Split,
) -> dict[str, Any]:
    """How many images there are of each kind."""
    here = np.arange(len(groups.equal))
    per_class = []
    if labels is not None:
        trained = np.bincount(labels[split.train], minlength=len(classes))
        held = np.bincount(labels[split.held_out], minlength=len(classes))
        per_class = [
            {"name": name, "train": int(t), "held_out": int(h)}
            for name, t, h in zip(classes, trained, held, strict=True)
        ]
    original = np.flatnonzero(kept) if not kept.all() else here
    near = groups.alike != groups.equal
    near &= groups.equal == here  # copies of a near-duplicate are counted as copies
    return {
        "images": len(here),
        "train": len(split.train),
        "held_out": len(split.held_out),
        "left_out": len(split.left_out),
        "own_split": contents.held_out is not None,
        "per_class": per_class,
        "small_classes": [item["name"] for item in per_class if not item["held_out"]],
        "duplicates": int((groups.equal != here).sum()),
        "duplicate_examples": _examples(contents, original, groups.equal, groups.equal != here),
        "near_duplicates": int(near.sum()),
        "near_duplicate_examples": _examples(contents, original, groups.alike, near),
        "near_duplicate_threshold": near_duplicates.CRITERION,
        "near_across_split": _across(groups, split),
    }


def _examples(
    contents: SourceContents, original: NDArray[np.int64], same: NDArray[np.int64], which: NDArray[np.bool_]
) -> list[list[str]]:
    """[an image, the first that it repeats], a few of them."""
    return [
        [printable(contents.name(int(original[i]))), printable(contents.name(int(original[same[i]])))]
        for i in np.flatnonzero(which)[:MOST_LISTED]
    ]


def _across(groups: DuplicateGroups, split: Split) -> int:
    """Held-out images with a near-duplicate to train on: only a set's own split has any."""
    trained = np.zeros(len(groups.alike), np.bool_)
    trained[groups.alike[split.train]] = True
    return int(trained[groups.alike[split.held_out]].sum())
