"""MNIST's own format: four idx files, gzipped or not."""

import gzip
import re
import shutil
import zlib
from pathlib import Path

import numpy as np

from ganvas.data.sources.contents import RawImages, SourceContents
from ganvas.data.sources.scan import FolderScan
from ganvas.errors import UserError

NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")


def read_idx(listing: FolderScan, scratch: Path, attribute: str | None) -> SourceContents:
    """Raw images of `train-images-idx3-ubyte` and its companions; t10k is held out, classes are named by number."""
    paths = idx_files(listing)
    parts, labels, held_out = [], [], []
    for split in ("train", "t10k"):
        if f"{split}-images" not in paths:
            continue
        images, offset, shape = _array(paths[f"{split}-images"], 3, scratch)
        label_file, label_offset, _ = _array(paths[f"{split}-labels"], 1, scratch)
        part_labels = np.fromfile(label_file, np.uint8, offset=label_offset)
        if len(part_labels) != shape[0]:
            raise UserError(f"{listing.root}: {shape[0]} {split} images but {len(part_labels)} labels")
        parts.append(RawImages(images, offset, shape, split))
        labels.append(part_labels)
        held_out.append(np.full(len(part_labels), split == "t10k"))
    values, indices = np.unique(np.concatenate(labels), return_inverse=True)
    classes = tuple(str(value) for value in values)
    own_split = np.concatenate(held_out) if len(parts) == 2 else None
    return SourceContents("idx files", tuple(parts), classes, indices, own_split, refused=list(listing.refused))


def idx_files(listing: FolderScan) -> dict[str, Path]:
    """`train-images` and so on -> its file; empty where the folder holds no idx files."""
    paths: dict[str, Path] = {}
    for name in listing.files[""]:
        if match := NAME.fullmatch(name):
            paths.setdefault(f"{match[1]}-{match[2]}", listing.root / name)
    for name in paths:
        partner = name.replace("images", "labels") if "images" in name else name.replace("labels", "images")
        if partner not in paths:
            raise UserError(f"{listing.root} holds {name} in idx format but no {partner}")
    if paths and "train-images" not in paths:
        raise UserError(f"{listing.root} holds only the t10k idx files, nothing to train on")
    return paths


def _array(path: Path, dimensions: int, scratch: Path) -> tuple[Path, int, tuple[int, ...]]:
    """(file, offset in bytes, shape) of the numbers in an idx file. A gzipped one is unpacked to `scratch`."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as packed, (scratch / path.stem).open("wb") as file:
                shutil.copyfileobj(packed, file)
            path = scratch / path.stem
        with path.open("rb") as file:
            head = file.read(4 + 4 * dimensions)
            length = file.seek(0, 2)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is damaged: {str(error)[:80]}") from None
    except (PermissionError, FileNotFoundError) as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if head[:4] != bytes((0, 0, 8, dimensions)) or len(head) < 4 + 4 * dimensions:
        raise UserError(f"{path.name} is not an idx file of unsigned bytes with {dimensions} dimensions")
    shape = tuple(int.from_bytes(head[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions))
    expected = len(head) + int(np.prod([int(side) for side in shape], dtype=object))
    if expected != length or 0 in shape:
        raise UserError(f"{path.name} should have {expected} bytes for {shape} and has {length}: damaged or cut off")
    return path, len(head), shape
