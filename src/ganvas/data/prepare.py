"""What a source holds -> one uint8 array, labels, splits and a manifest, in a folder."""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from ganvas import console, images
from ganvas.console import progress
from ganvas.data import duplicates, manifest, splits, workers
from ganvas.data.config import DataConfig
from ganvas.data.decode import HEADER_BYTES, DecodePlan, ImageStats, decode_chunk
from ganvas.data.sources.contents import Part, RawImages, SourceContents
from ganvas.errors import UserError

VERSION = 1
"""Of what preparing does to an image. Prepared sets of another version are made anew."""
LARGEST_DEFAULT = 64


def prepare(
    contents: SourceContents, config: DataConfig, name: str, folder: Path, processes: int | None = None
) -> None:
    """Fills `folder` (it must exist) with a prepared set; a UserError where there is nothing to train on."""
    candidates = len(contents) + len(contents.refused)
    if not len(contents):
        manifest.refuse_too_many(manifest.refusals(contents, ImageStats()), candidates, config.accept_refused)
        raise UserError(f"{name} holds no images")
    plan, stats = _decode_all(contents, config, folder, processes or workers.worker_count(len(contents)))
    manifest.refuse_too_many(manifest.refusals(contents, stats), candidates, config.accept_refused)
    kept = np.ones(len(contents), np.bool_)
    kept[[index for index, _ in stats.refused]] = False
    count = int(kept.sum())
    if count < 2:
        raise UserError(f"{name} holds {count or 'no'} usable image{'s' * (not count)}; at least two are needed")
    _drop_rows(plan, kept)

    labels, classes = _used_classes(contents, kept)
    pixels = np.memmap(folder / "pixels.npy", np.uint8, "r", HEADER_BYTES, (count, *plan.shape))
    digests = np.memmap(folder / "digests", np.uint64, "r").reshape(count, -1)
    keys = np.memmap(folder / "keys", np.uint64, "r").reshape(count, -1)
    groups = duplicates.find_duplicates(pixels, digests, keys)
    own_held_out = None if contents.held_out is None else contents.held_out[kept]
    split = splits.split_indices(groups, digests, labels, own_held_out)
    _check_split(name, split, labels, classes)
    fingerprint = _fingerprint(plan, digests, labels, classes, split)

    np.save(folder / "train", split.train)
    np.save(folder / "held_out", split.held_out)
    if labels is not None:
        np.save(folder / "labels", labels)
    del pixels, digests, keys
    for temporary in ("digests", "keys"):
        (folder / temporary).unlink()
    lengths = {path.name: path.stat().st_size for path in sorted(folder.glob("*.npy"))}
    record = manifest.build_manifest(
        contents, plan, stats, kept, labels, classes, groups, split,
        version=VERSION, name=name, fingerprint=fingerprint, lengths=lengths,
    )  # fmt: skip
    (folder / "manifest.json").write_text(record.model_dump_json(indent=1), encoding="utf-8")


def _decode_all(
    contents: SourceContents, config: DataConfig, folder: Path, processes: int
) -> tuple[DecodePlan, ImageStats]:
    """Decodes with a guess at size and channels, and once more where all images together tell another.

    Reading every header first would open each file twice; the guess from a hundred of them is right for nearly every
    set, and where both are chosen there is nothing to guess.
    """
    plan = _plan(config, folder, *_sample(contents))
    stats = _decode_pass(contents, plan, processes)
    better = _plan(config, folder, stats.sizes, stats.coloured > 0)
    if stats.sizes and better != plan:
        console.info(f"decoding again: all images together ask for {better.size} px, {better.channels} channels")
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
    length = max(16, min(2**22 // plan.row_bytes, total // (processes * 12), 2048))
    stats = ImageStats()
    tasks = ((plan, first, part) for first, part in contents.chunks(length))
    with progress.bar("preparing", total, "images") as bar:
        for chunk_stats, done in workers.map_in_order(_work, tasks, processes):
            stats.add(chunk_stats)
            bar.advance(done)
    return stats


def _work(task: tuple[DecodePlan, int, Part]) -> tuple[ImageStats, int]:
    return decode_chunk(*task), len(task[2])


def _plan(config: DataConfig, folder: Path, sizes: Counter[tuple[int, int]], is_coloured: bool) -> DecodePlan:
    """What the choices make of images of these (width, height)."""
    crop = None if config.crop == "square" else config.crop
    if config.size is not None:
        size = config.size
    elif crop is not None and crop <= 128:
        size = crop
    else:
        short_sides = [min(width, height, crop or width) for width, height in sizes.elements()]
        size = max(16, min(median_low(short_sides), LARGEST_DEFAULT)) if short_sides else LARGEST_DEFAULT
    return DecodePlan(folder, size, config.channels or (3 if is_coloured else 1), crop, config.background)


def _sample(contents: SourceContents) -> tuple[Counter[tuple[int, int]], bool]:
    """Sizes, and whether there is colour, of some images: a guess that is checked once all are decoded."""
    sizes: Counter[tuple[int, int]] = Counter()
    is_coloured = False
    for part in contents.parts:
        if isinstance(part, RawImages):
            sizes[part.shape[2], part.shape[1]] += len(part)
            is_coloured |= part.channels > 1
            continue
        for index in range(0, len(part), max(1, len(part) // 100)):
            try:
                width, height, mode = images.header(part.encoded(index))
            except images.RefusedImageError:
                continue
            sizes[width, height] += 1
            is_coloured |= mode not in ("L", "1", "LA") and not mode.startswith("I")
    return sizes, is_coloured


def _write_header(plan: DecodePlan, count: int) -> None:
    """An .npy header of fixed length, so that it can be written anew once the number of images is known."""
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


def _used_classes(
    contents: SourceContents, kept: NDArray[np.bool_]
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Labels of the images that were kept, and the classes that have any of them."""
    if contents.labels is None:
        return None, ()
    labels = contents.labels[kept]
    used = np.unique(labels)
    return np.searchsorted(used, labels), tuple(contents.classes[label] for label in used)


def _check_split(name: str, split: splits.Split, labels: NDArray[np.int64] | None, classes: tuple[str, ...]) -> None:
    if not len(split.train):
        raise UserError(f"{name} holds out every one of its images; there is nothing to train on")
    if labels is None:
        return
    untrained = np.bincount(labels[split.train], minlength=len(classes)) == 0
    if untrained.any():
        raise UserError(f"the class {classes[int(untrained.argmax())]} of {name} has no image to train on")


def _fingerprint(
    plan: DecodePlan,
    digests: NDArray[np.uint64],
    labels: NDArray[np.int64] | None,
    classes: tuple[str, ...],
    split: splits.Split,
) -> str:
    """Equal for equal prepared images, labels, classes and splits, wherever and whenever they were made.

    Runs record it, so that what goes into it stays byte for byte what it is.
    """
    hashed = hashlib.blake2b(digest_size=16)
    hashed.update(json.dumps([VERSION, plan.shape, classes, labels is not None]).encode())
    for array in (digests, labels, split.train, split.held_out):
        if array is not None:
            for start in range(0, len(array), 2**17):
                hashed.update(np.ascontiguousarray(array[start : start + 2**17]).tobytes())
            hashed.update(f"/{len(array)}".encode())
    return hashed.hexdigest()
