"""MNIST's own format: four idx files, gzipped or not."""

import gzip
import re
import shutil
import zlib
from pathlib import Path

import numpy as np

from ganvas.data.sources.contents import RawImages, SourceContents, refuse_attribute
from ganvas.data.sources.scan import FolderScan, FolderSource
from ganvas.errors import UserError

NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")


class IdxFiles(FolderSource):
    """`train-images-idx3-ubyte` and its companions; t10k is the held-out part."""

    def contents(self, scratch: Path) -> SourceContents:
        """Raw images; classes are named by their number."""
        refuse_attribute(self.attribute, "a folder of idx files")
        paths = idx_files(self.listing)
        parts, labels, held_out = [], [], []
        for split in ("train", "t10k"):
            if f"{split}-images" not in paths:
                continue
            images, offset, shape = _array(paths[f"{split}-images"], 3, scratch)
            label_file, label_offset, _ = _array(paths[f"{split}-labels"], 1, scratch)
            numbers = np.fromfile(label_file, np.uint8, offset=label_offset)
            if len(numbers) != shape[0]:
                raise UserError(f"{self.listing.root}: {shape[0]} {split} images but {len(numbers)} labels")
            parts.append(RawImages(images, offset, shape, split))
            labels.append(numbers)
            held_out.append(np.full(len(numbers), split == "t10k"))
        numbers = np.concatenate(labels)
        values = np.unique(numbers)
        return SourceContents(
            "idx files",
            tuple(parts),
            tuple(str(value) for value in values),
            np.searchsorted(values, numbers),
            np.concatenate(held_out) if len(parts) == 2 else None,
            refused=list(self.listing.refused),
        )


def idx_files(listing: FolderScan) -> dict[str, Path]:
    """`train-images` and so on -> its file; empty where the folder holds no idx files."""
    paths: dict[str, Path] = {}
    for name in listing.files[""]:
        match = NAME.fullmatch(name)
        if match:
            paths.setdefault(f"{match[1]}-{match[2]}", listing.root / name)
    for name in paths:
        partner = name.replace("images", "labels") if "images" in name else name.replace("labels", "images")
        if partner not in paths:
            raise UserError(f"{listing.root} holds {name} in idx format but no {partner}")
    if paths and "train-images" not in paths:
        raise UserError(f"{listing.root} holds only the t10k idx files, nothing to train on")
    return paths


def _array(path: Path, dimensions: int, scratch: Path) -> tuple[Path, int, tuple[int, ...]]:
    """Where an idx file's numbers lie: (file, offset in bytes, shape). A gzipped one is unpacked to `scratch`."""
    if path.suffix == ".gz":
        path = _unpacked(path, scratch / path.stem)
    try:
        with path.open("rb") as file:
            head = file.read(4 + 4 * dimensions)
            length = file.seek(0, 2)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    if head[:4] != bytes((0, 0, 8, dimensions)) or len(head) < 4 + 4 * dimensions:
        raise UserError(f"{path.name} is not an idx file of unsigned bytes with {dimensions} dimensions")
    shape = tuple(int.from_bytes(head[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions))
    expected = len(head) + int(np.prod([int(side) for side in shape], dtype=object))
    if expected != length or 0 in shape:
        raise UserError(f"{path.name} should have {expected} bytes for {shape} and has {length}: damaged or cut off")
    return path, len(head), shape


def _unpacked(path: Path, target: Path) -> Path:
    try:
        with gzip.open(path) as packed, target.open("wb") as file:
            shutil.copyfileobj(packed, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is damaged: {str(error)[:80]}") from None
    return target
