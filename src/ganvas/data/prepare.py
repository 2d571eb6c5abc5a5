"""Contents -> one uint8 array, labels, splits and a manifest, in a folder."""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganvas import console, images
from ganvas.console import progress
from ganvas.data import duplicates, manifest, splits, workers
from ganvas.data.config import DataConfig
from ganvas.data.decode import DIGEST_BYTES, HEADER, KEY_BYTES, DecodePlan, ImageStats, decode_chunk
from ganvas.data.sources.contents import Part, RawImages, SourceContents
from ganvas.errors import UserError
from ganvas.images import Pixels

VERSION = 1
"""Of what preparing does to an image. Prepared sets of another version are made anew."""
LARGEST_DEFAULT = 64


def prepare(contents: SourceContents, data: DataConfig, name: str, folder: Path, processes: int | None = None) -> None:
    """Fills `folder` (it must exist) with a prepared set; a UserError where there is nothing to train on."""
    if not len(contents):
        manifest.refuse_too_many(manifest.refusal_records(contents.refused), len(contents.refused), data.accept_refused)
        raise UserError(f"{name} holds no images")
    plan, met = _decode_all(contents, data, folder, processes or workers.worker_count(len(contents)))
    refused = manifest.refusal_records(
        contents.refused + [(contents.name(index), reason) for index, reason in met.refused]
    )
    manifest.refuse_too_many(refused, len(contents) + len(contents.refused), data.accept_refused)
    kept = np.ones(len(contents), np.bool_)
    kept[[index for index, _ in met.refused]] = False
    images = int(kept.sum())
    if images < 2:
        raise UserError(f"{name} holds {images or 'no'} usable image{'s' * (not images)}; at least two are needed")
    _drop_rows(plan, kept)

    labels, classes, emptied = _labels(contents, kept)
    own = None if contents.held_out is None else contents.held_out[kept]
    pixels: Pixels = np.memmap(folder / "pixels.npy", np.uint8, "r", HEADER, (images, *_shape(plan)))
    digests = np.memmap(folder / "digests", np.uint64, "r", shape=(images, 2))
    keys = np.memmap(folder / "keys", np.uint64, "r", shape=(images, KEY_BYTES // 8))
    found = duplicates.find_duplicates(pixels, digests, keys)
    split = splits.split_indices(found, digests, labels, own)
    _check_split(name, split, labels, classes)
    fingerprint = _fingerprint(plan, digests, labels, classes, split)

    for part in ("train", "held_out"):
        np.save(folder / part, getattr(split, part))
    if labels is not None:
        np.save(folder / "labels", labels)
    facts: dict[str, Any] = {"version": VERSION, "name": name, "fingerprint": fingerprint, "classes": classes}
    facts |= manifest.preparation_facts(contents, plan, met, refused, emptied)
    facts |= manifest.count_facts(contents, kept, labels, classes, found, split)
    del pixels, digests, keys
    (folder / "digests").unlink()
    (folder / "keys").unlink()
    write_manifest(folder, facts)


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes `manifest.json` with the length of each array beside it, by which a damaged set is known."""
    manifest["bytes"] = {path.name: path.stat().st_size for path in sorted(folder.glob("*.npy"))}
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def _decode_all(
    contents: SourceContents, data: DataConfig, folder: Path, processes: int
) -> tuple[DecodePlan, ImageStats]:
    """Decodes with a guess at size and channels; once more when all images together tell another."""
    sizes, coloured = _sample(contents)
    while True:
        plan = _plan(data, folder, sizes, coloured)
        met = _pass(contents, plan, processes)
        better = _plan(data, folder, met.sizes, met.coloured > 0)
        if not met.sizes or better == plan:
            return plan, met
        console.info(
            f"all images together ask for {better.size} px and {better.channels} channels: decoding them again"
        )
        sizes, coloured = met.sizes, met.coloured > 0


def _pass(contents: SourceContents, plan: DecodePlan, processes: int) -> ImageStats:
    total = len(contents)
    _allocate(plan, total)
    met = ImageStats()
    tasks = ((plan, first, part) for first, part in contents.chunks(_chunk_length(contents, plan, processes)))
    with progress.bar("preparing", total, "images") as bar:
        for task_met, done in workers.map_in_order(_work, tasks, processes):
            met.add(task_met)
            bar.advance(done)
    return met


def _work(task: tuple[DecodePlan, int, Part]) -> tuple[ImageStats, int]:
    return decode_chunk(*task), len(task[2])


def _plan(data: DataConfig, folder: Path, sizes: Counter[tuple[int, int]], coloured: bool) -> DecodePlan:
    crop = None if data.crop == "square" else data.crop
    if data.size is not None:
        size = data.size
    elif crop is not None and crop <= 128:
        size = crop
    else:
        shorts = [min(width, height, crop or width) for width, height in sizes]
        size = _weighted_median(shorts, list(sizes.values())) if shorts else LARGEST_DEFAULT
        size = max(16, min(size, LARGEST_DEFAULT))
    return DecodePlan(folder, size, data.channels or (3 if coloured else 1), crop, data.background)


def _weighted_median(values: list[int], weights: list[int]) -> int:
    """The lower median of values that occur so many times."""
    half, passed = sum(weights) / 2, 0
    for value, weight in sorted(zip(values, weights, strict=True)):
        passed += weight
        if passed >= half:
            return value
    raise AssertionError("no values")


def _sample(contents: SourceContents) -> tuple[Counter[tuple[int, int]], bool]:
    """Sizes, and whether there is colour, of some images: a guess that is checked once all are decoded."""
    sizes: Counter[tuple[int, int]] = Counter()
    coloured = False
    for part in contents.parts:
        if isinstance(part, RawImages):
            sizes[part.shape[2], part.shape[1]] += len(part)
            coloured |= part.channels > 1
            continue
        for index in range(0, len(part), max(1, len(part) // 100)):
            try:
                met = images.header(part.encoded(index))
            except images.RefusedImageError:
                continue
            if met is not None:
                sizes[met[0], met[1]] += 1
                coloured |= met[2] not in ("L", "1", "LA") and not met[2].startswith("I")
    return sizes, coloured


def _chunk_length(contents: SourceContents, plan: DecodePlan, processes: int) -> int:
    """Images in a chunk: about 4 MB of them, and enough chunks for every process to end at the same time."""
    by_memory = 2**22 // plan.row_bytes
    return max(16, min(by_memory, len(contents) // (processes * 12), 2048))


def _shape(plan: DecodePlan) -> tuple[int, int, int]:
    return plan.channels, plan.size, plan.size


def _allocate(plan: DecodePlan, images: int) -> None:
    for name, length in (
        ("pixels.npy", HEADER + images * plan.row_bytes),
        ("digests", images * DIGEST_BYTES),
        ("keys", images * KEY_BYTES),
    ):
        with (plan.folder / name).open("wb") as file:
            file.truncate(length)
    _write_header(plan, images)


def _write_header(plan: DecodePlan, images: int) -> None:
    """An .npy header of fixed length, so that it can be written anew once the number of images is known."""
    shape = (images, *_shape(plan))
    text = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode()
    head = b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + text.ljust(HEADER - 11) + b"\n"
    assert len(head) == HEADER
    with (plan.folder / "pixels.npy").open("r+b") as file:
        file.write(head)


def _drop_rows(plan: DecodePlan, kept: NDArray[np.bool_]) -> None:
    """Closes the gaps that refused images left in each file."""
    images = int(kept.sum())
    if images == len(kept):
        return
    for name, start, width in (
        ("pixels.npy", HEADER, plan.row_bytes),
        ("digests", 0, DIGEST_BYTES),
        ("keys", 0, KEY_BYTES),
    ):
        path = plan.folder / name
        rows = np.memmap(path, np.uint8, "r+", start, (len(kept), width))
        target = 0
        for first in range(0, len(kept), 4096):
            block = rows[first : first + 4096][kept[first : first + 4096]]
            rows[target : target + len(block)] = block
            target += len(block)
        rows.flush()
        del rows
        os.truncate(path, start + images * width)
    _write_header(plan, images)


def _labels(
    contents: SourceContents, kept: NDArray[np.bool_]
) -> tuple[NDArray[np.int64] | None, tuple[str, ...], list[str]]:
    """Labels of what was kept, its classes, and the classes of which nothing was."""
    if contents.labels is None:
        return None, (), []
    labels = contents.labels[kept]
    there = np.bincount(labels, minlength=len(contents.classes)) > 0
    classes = tuple(name for name, is_there in zip(contents.classes, there, strict=True) if is_there)
    emptied = [name for name, is_there in zip(contents.classes, there, strict=True) if not is_there]
    return (np.cumsum(there) - 1)[labels].astype(np.int64, copy=False), classes, emptied


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
    """Equal for equal prepared images, labels, classes and splits, wherever and whenever they were made."""
    whole = hashlib.blake2b(digest_size=16)
    whole.update(json.dumps([VERSION, _shape(plan), classes, labels is not None]).encode())
    for array in (digests, labels, split.train, split.held_out):
        if array is not None:
            for start in range(0, len(array), 2**17):
                whole.update(np.ascontiguousarray(array[start : start + 2**17]).tobytes())
            whole.update(f"/{len(array)}".encode())
    return whole.hexdigest()
