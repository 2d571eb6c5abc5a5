"""The contents of a source -> one uint8 array, labels, splits and a manifest, in a folder."""

import hashlib
import json
import math
import os
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganvas import __version__, console
from ganvas.console import progress
from ganvas.data import duplicates, splits, workers
from ganvas.data.combinations import (
    UsedLabels,
    choose_combinations,
    refuse_other_choice,
    refuse_untrained,
    strata,
    train_every_class,
    unusable_classes,
    used_labels,
)
from ganvas.data.config import DataConfig
from ganvas.data.decode import HEADER_BYTES, DecodePlan, ImageStats, decode_chunk
from ganvas.data.plan import choose_plan, guess_stats
from ganvas.data.prepared import ClassCounts, LevelRange, Manifest, Refusal
from ganvas.data.report import refusal_lines
from ganvas.data.sources.contents import SourceContents
from ganvas.data.sources.scan import escaped_name
from ganvas.errors import UserError
from ganvas.sizes import Size

VERSION = 1
"""Of the processing of an image. Sets of another version are prepared again."""
LARGEST_SHARE_REFUSED = 0.1
MOST_EXAMPLES = 20
MOST_SIZES = 100


def prepare(
    contents: SourceContents, config: DataConfig, name: str, folder: Path, processes: int | None = None
) -> None:
    """Fills `folder` (it must exist) with a prepared set; a UserError where there is nothing to train on."""
    refuse_other_choice(config, contents)
    plan, stats = _decode_all(contents, config, folder, processes or workers.worker_count(len(contents)))
    undecoded = [(contents.name(index), reason) for index, reason in stats.refused]
    refused = tuple(Refusal(name=escaped_name(name), reason=why) for name, why in contents.refused + undecoded)
    kept = np.ones(len(contents), np.bool_)
    kept[[index for index, _ in stats.refused]] = False
    count = int(kept.sum())
    if not config.accept_refused:
        refuse_too_many(refused, count)
    if count < 2:
        raise UserError(f"{name} holds {count or 'no'} usable image{'s' * (not count)}; at least two are needed")
    _drop_rows(plan, kept)

    labels = used_labels(contents, kept)
    pixels = np.memmap(folder / "pixels.npy", np.uint8, "r", HEADER_BYTES, (count, *plan.shape))
    digests = np.memmap(folder / "digests", np.uint64, "r").reshape(count, -1)
    keys = np.memmap(folder / "keys", np.uint64, "r").reshape(count, -1)
    groups = duplicates.find_duplicates(pixels, digests, keys)
    own_held_out = None if contents.held_out is None else contents.held_out[kept]
    split = splits.split_indices(groups, digests, strata(labels), own_held_out)
    if not len(split.train):
        raise UserError(f"{name} holds out every one of its images; there is nothing to train on")
    if own_held_out is None and len(labels.parts) > 1:
        split = train_every_class(split, labels, groups.near)
    hidden = None
    if config.hold_out_combinations is not None:
        hidden, is_hidden = choose_combinations(labels, split.train, config.hold_out_combinations, name)
        split = split.without(is_hidden)
    refuse_untrained(labels, split.train, name)
    fingerprint = _fingerprint(plan, digests, labels, split)

    np.save(folder / "train", split.train)
    np.save(folder / "held_out", split.held_out)
    if labels.rows is not None:
        np.save(folder / "labels", labels.rows)
    del pixels, digests, keys
    for temporary in ("digests", "keys"):
        (folder / temporary).unlink()
    manifest = _manifest(contents, plan, stats, refused, kept, labels, groups, split, name, fingerprint)
    if hidden is not None:
        manifest = manifest.model_copy(update={"held_out_combinations": tuple(hidden.tolist())})
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=1), encoding="utf-8")


def refuse_too_many(refused: tuple[Refusal, ...], usable: int) -> None:
    """A UserError, after a list of the refused images, where they are more than a tenth of all."""
    candidates = usable + len(refused)
    if len(refused) <= LARGEST_SHARE_REFUSED * candidates:
        return
    for line in refusal_lines(refused):
        console.info(line)
    raise UserError(
        f"{len(refused)} of {candidates} images cannot be used, more than a tenth; mend or remove them, or go on "
        "without them with --accept-refused"
    )


def _decode_all(
    contents: SourceContents, config: DataConfig, folder: Path, processes: int
) -> tuple[DecodePlan, ImageStats]:
    """Decodes with a guessed size and number of channels, and again where all images together give other values.

    Reading every header first would open each file twice. The guess from a hundred of them is right for nearly every
    set, and there is nothing to guess where both are chosen.
    """
    plan = choose_plan(config, folder, guess_stats(contents))
    stats = _decode_pass(contents, plan, processes)
    better = choose_plan(config, folder, stats)
    if stats.sizes and better != plan:
        reason = f"{better.size} px, {better.channels} channels"
        if better.mapping != plan.mapping:
            reason += ", levels " + ", ".join(str(found) for found in _level_ranges(stats, better))
        console.info(f"decoding again: all images together ask for {reason}")
        plan, stats = better, _decode_pass(contents, better, processes)
    return plan, stats


def _decode_pass(contents: SourceContents, plan: DecodePlan, processes: int) -> ImageStats:
    """Decodes everything into files of the folder, chunk by chunk."""
    total = len(contents)
    for name, offset, width in plan.row_files:
        with (plan.folder / name).open("wb") as file:
            file.truncate(offset + total * width)
    _write_header(plan, total)
    # About 4 MB of images in a chunk, and enough chunks for every process to end at the same time.
    length = max(16, min(2**22 // math.prod(plan.shape), total // (processes * 12), 2048))
    stats = ImageStats()
    tasks = ((plan, first, part) for first, part in contents.chunks(length))
    with progress.bar("preparing", total, "images") as bar:
        for chunk_stats in workers.map_in_order(decode_chunk, tasks, processes):
            stats.add(chunk_stats)
            bar.advance(chunk_stats.sizes.total() + len(chunk_stats.refused))
    return stats


def _level_ranges(stats: ImageStats, plan: DecodePlan) -> tuple[LevelRange, ...]:
    """The levels that were met, for each full range."""
    met = [(full or plan.mapping.floats, levels) for full, levels in stats.levels.met.items()]
    return tuple(
        LevelRange(lowest=lowest, highest=highest, black=black, white=white)
        for (black, white), (lowest, highest) in sorted(met)
    )


def _write_header(plan: DecodePlan, count: int) -> None:
    """An .npy header of fixed length, so that it can be overwritten once the number of images is known."""
    text = repr({"descr": "|u1", "fortran_order": False, "shape": (count, *plan.shape)}).encode()
    head = b"\x93NUMPY\x01\x00" + (HEADER_BYTES - 10).to_bytes(2, "little") + text.ljust(HEADER_BYTES - 11) + b"\n"
    assert len(head) == HEADER_BYTES
    with (plan.folder / "pixels.npy").open("r+b") as file:
        file.write(head)


def _drop_rows(plan: DecodePlan, kept: NDArray[np.bool_]) -> None:
    """Closes the gaps that refused images left in each file."""
    count = int(kept.sum())
    if count == len(kept):
        return
    for name, offset, width in plan.row_files:
        rows = np.memmap(plan.folder / name, np.uint8, "r+", offset, (len(kept), width))
        end = 0
        for first in range(0, len(kept), 4096):
            block = rows[first : first + 4096][kept[first : first + 4096]]
            rows[end : end + len(block)] = block
            end += len(block)
        rows.flush()
        del rows
        os.truncate(plan.folder / name, offset + count * width)
    _write_header(plan, count)


def _fingerprint(plan: DecodePlan, digests: NDArray[np.uint64], labels: UsedLabels, split: splits.Split) -> str:
    """Hex digest, equal for equal prepared images, labels, classes and splits, on every machine and at any time.

    Runs record it, so its input must never change by a byte.
    """
    hashed = hashlib.blake2b(digest_size=16)
    classes = labels.parts[0].classes if labels.is_single else ()
    facts: list[object] = [VERSION, plan.shape, classes, labels.rows is not None]
    if len(labels.parts) > 1:
        facts += [[part.model_dump() for part in labels.parts], labels.combinations.tolist()]
    hashed.update(json.dumps(facts).encode())
    for array in (digests, labels.rows, split.train, split.held_out):
        if array is not None:
            hashed.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
            hashed.update(f"/{len(array)}".encode())
    return hashed.hexdigest()


def _manifest(
    contents: SourceContents,
    plan: DecodePlan,
    stats: ImageStats,
    refused: tuple[Refusal, ...],
    kept: NDArray[np.bool_],
    labels: UsedLabels,
    groups: duplicates.DuplicateGroups,
    split: splits.Split,
    name: str,
    fingerprint: str,
) -> Manifest:
    """The record of a set. `kept` (N of the source,) marks the images that `labels`, `groups` and `split` are about."""
    index = np.arange(len(groups.exact))
    is_copy = groups.exact != index
    is_near = (groups.near != groups.exact) & ~is_copy  # a copy of a near-duplicate counts as a copy
    source_index = np.flatnonzero(kept)

    def examples(first: NDArray[np.int64], chosen: NDArray[np.bool_]) -> tuple[tuple[str, str], ...]:
        pairs = [(source_index[i], source_index[first[i]]) for i in np.flatnonzero(chosen)[:MOST_EXAMPLES]]
        return tuple((escaped_name(contents.name(a)), escaped_name(contents.name(b))) for a, b in pairs)

    # Photographs may all differ in size, so only the commonest sizes are listed.
    sizes = {str(Size(height, width)): n for (width, height), n in stats.sizes.most_common(MOST_SIZES)}
    if others := stats.sizes.total() - sum(sizes.values()):
        sizes["other sizes"] = others
    spaces = [] if labels.rows is None else [labels.space(rows) for rows in (split.train, split.held_out)]
    counts = [np.concatenate(space.class_sizes()).tolist() for space in spaces]
    classes = spaces[0].classes if spaces else ()
    absent = contents.absent_classes + unusable_classes(contents, stats.refused, labels.parts)
    crop = plan.crop or ("square" if plan.size.is_square else "shape")
    return Manifest(
        version=VERSION, name=name, fingerprint=fingerprint, classes=classes, layout=contents.layout,
        labels=spaces[0] if len(labels.parts) > 1 else None, missing=labels.missing,
        size=plan.size, channels=plan.channels, crop=crop, background=plan.background,
        sizes=sizes,
        modes=dict(stats.modes.most_common()),
        levels=_level_ranges(stats, plan), stretched=plan.mapping.stretch is not None,
        transparent=stats.transparent, animated=stats.animated,
        enlarged=sum(n for (width, height), n in stats.sizes.items() if plan.enlarges(height, width)),
        refused=refused,
        ignored=tuple(escaped_name(name) for name in contents.ignored),
        skipped=dict(contents.skipped),
        absent_classes=tuple(Refusal(name=name, reason=why) for name, why in absent),
        notes=tuple(contents.notes),
        versions={"ganvas": __version__, "numpy": np.__version__, "pillow": metadata.version("pillow")},
        images=len(index), train=len(split.train), held_out=len(split.held_out), left_out=len(split.left_out),
        own_split=contents.held_out is not None,
        per_class=tuple(
            ClassCounts(name=name, train=counts[0][label], held_out=counts[1][label])
            for label, name in enumerate(classes)
        ),
        duplicates=int(is_copy.sum()),
        duplicate_examples=examples(groups.exact, is_copy),
        near_duplicates=int(is_near.sum()),
        near_duplicate_examples=examples(groups.near, is_near),
        near_across_split=int(np.isin(groups.near[split.held_out], groups.near[split.train]).sum()),
        bytes={path.name: path.stat().st_size for path in sorted(plan.folder.glob("*.npy"))},
    )  # fmt: skip
