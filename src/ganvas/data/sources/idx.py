"""MNIST's own format: idx files of images and labels, gzipped or not, found by their content and not by their names."""

import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ganvas.data.labels import LabelChoice
from ganvas.data.sources.contents import RawImages, SourceContents
from ganvas.data.sources.formats import is_image_name, suffix_of
from ganvas.data.sources.partition import is_held_out_part
from ganvas.data.sources.scan import FolderScan, escaped_name, path_below
from ganvas.data.sources.signatures import GZIP_START, IDX_START
from ganvas.errors import UserError

LABELS, IMAGES = 1, 3
WHAT = {LABELS: "labels", IMAGES: "images"}
ROLES = ("images", "image", "labels", "label", "data", "targets", "target", "x", "y")  # words of a name
NAMED_IDX = re.compile(r"idx\d|ubyte", re.IGNORECASE)
# A set has a dozen files. A folder with more that may be idx files is not one, and is not opened file by file.
MOST_FILES = 100
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True)
class IdxFile:
    """A file in idx format."""

    path: str
    """Below the root of the listing."""
    dimensions: int
    """1 for labels, 3 for images."""

    @property
    def folder(self) -> str:
        """Its folder, below the root."""
        return self.path.rpartition("/")[0]

    @property
    def words(self) -> list[str]:
        """The words of its name, without those of the format."""
        name = re.sub(r"idx\d?|ubyte|\.gz$", " ", self.path.rpartition("/")[2].lower())
        return [word for word in re.findall(r"[a-z0-9]+", name) if word not in ROLES]

    @property
    def part(self) -> str:
        """`train`, `t10k`, `test`, ...; empty where the name has no part."""
        return next((word for word in self.words if is_held_out_idx(word) is not None), "")

    @property
    def family(self) -> str:
        """The rest of its name, which the files of a set share: `emnist letters`."""
        return " ".join(word for word in self.words if word != self.part)


def is_held_out_idx(part: str) -> bool | None:
    """`is_held_out_part`, which also knows MNIST's name for its 10,000 test images."""
    return True if part == "t10k" else is_held_out_part(part)


def idx_files(listing: FolderScan) -> list[IdxFile]:
    """The idx files of a folder, or of one below it where there are no images beside."""
    found = []
    for folder, names in listing.files.items():
        candidates = [name for name in names if _may_be_idx(name)]
        if len(candidates) <= MOST_FILES:
            paths = (path_below(folder, name) for name in candidates)
            found += [IdxFile(path, sides) for path in paths if (sides := _dimensions(listing.root / path))]
    at_root = [file for file in found if not file.folder]
    return at_root or ([] if found and listing.images_below("") else found)


def read_idx(
    listing: FolderScan, files: Sequence[IdxFile], chosen: str | None, scratch: Path, choice: LabelChoice
) -> SourceContents:
    """Raw images of the set, or of that of the file `chosen`; `t10k` and `test` are held out, classes are numbers."""
    where = listing.root
    files = _one_set(where, _one_folder(where, files, chosen), chosen)
    pairs, notes = _pairs(where, files)
    parts, labels, held_out = list[RawImages](), [], []
    is_turned = "emnist" in files[0].family.split()
    for image_file, label_file in pairs:
        path, offset, shape = _array(where / image_file.path, IMAGES, scratch / f"{len(parts)}-images")
        label_path, label_offset, _ = _array(where / label_file.path, LABELS, scratch / f"{len(parts)}-labels")
        part_labels = np.fromfile(label_path, np.uint8, offset=label_offset)
        name = image_file.part or "images"
        if len(part_labels) != shape[0]:
            raise UserError(f"{where}: {shape[0]} {name} images but {len(part_labels)} labels")
        if is_turned:  # stored column by column
            shape = (shape[0], shape[2], shape[1])
        parts.append(RawImages(path, offset, shape, name, axes=(0, 2, 1) if is_turned else ()))
        labels.append(part_labels)
        held_out.append(np.full(len(part_labels), bool(is_held_out_idx(image_file.part))))
    values, indices = np.unique(np.concatenate(labels), return_inverse=True)
    own_split: NDArray[np.bool_] | None = np.concatenate(held_out)
    used = {file.path for pair in pairs for file in pair}
    folder = files[0].folder
    return SourceContents(
        "idx files" + (f" in {escaped_name(folder)}/" if folder else "") + ", turned upright" * is_turned,
        tuple(parts),
        tuple(str(value) for value in values),
        indices,
        own_split if own_split is not None and own_split.any() else None,
        refused=list(listing.refused),
        ignored=[path for path in listing.paths() if path not in used],
        notes=notes + ["EMNIST stores its images column by column: they were turned"] * is_turned,
    )


def _may_be_idx(name: str) -> bool:
    if NAMED_IDX.search(name) or is_image_name(name) is None:
        return True
    return suffix_of(name) == "gz" and not name.lower().endswith(".tar.gz")


def _dimensions(path: Path) -> int:
    """1 or 3 for an idx file by its first bytes, and for one that is named so; 0 for any other file."""
    start = _start(path, 4)
    if start[:3] == IDX_START and start[3:] in (b"\1", b"\3"):
        return start[3]
    if NAMED_IDX.search(path.name):  # to be refused by name
        return LABELS if re.search("label|idx1", path.name, re.IGNORECASE) else IMAGES
    return 0


def _start(path: Path, length: int) -> bytes:
    """The first bytes of a file, unpacked; none of a file that cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(length)
        if start[:2] == GZIP_START:
            with gzip.open(path) as unpacked:
                start = unpacked.read(length)
    except (OSError, *DAMAGED):
        return b""
    return start


def _one_folder(where: Path, files: Sequence[IdxFile], chosen: str | None) -> list[IdxFile]:
    """The files of the uppermost folder that holds images and labels; all files where they lie one by one."""
    folders: dict[str, list[IdxFile]] = {}
    for file in files:
        folders.setdefault(file.folder, []).append(file)
    if chosen is not None:
        return folders[chosen.rpartition("/")[0]]
    whole = [folder for folder, some in folders.items() if len({file.dimensions for file in some}) == 2]
    depths = [folder.count("/") + bool(folder) for folder in whole]
    uppermost = [folder for folder, depth in zip(whole, depths, strict=True) if depth == min(depths)]
    if len(uppermost) > 1:
        names = ", ".join(f"{escaped_name(folder)}/" for folder in uppermost[:6])
        raise UserError(f"{where} holds several sets of idx files, in {names}: give one of these folders")
    return folders[uppermost[0]] if uppermost else list(files)


def _one_set(where: Path, files: list[IdxFile], chosen: str | None) -> list[IdxFile]:
    """The files of one family. Where a file is there gzipped and unpacked, the unpacked one is used."""
    families = list(dict.fromkeys(file.family for file in files if file.dimensions == IMAGES or chosen is not None))
    if chosen is not None:
        families = [file.family for file in files if file.path == chosen]
    if len(families) > 1:
        names = ", ".join(repr(family) for family in families[:6])
        raise UserError(f"{where} holds several sets of idx files, {names}: give one of their files in place of it")
    if not families:
        raise UserError(f"{where} holds labels in idx format but no images")
    own = [file for file in files if file.family == families[0]]
    # Labels of another name are those of the only images.
    if not any(file.dimensions == LABELS for file in own):
        own += [file for file in files if file.dimensions == LABELS]
    plain = {(file.folder, file.part, file.dimensions) for file in own if suffix_of(file.path) != "gz"}
    return [f for f in own if suffix_of(f.path) != "gz" or (f.folder, f.part, f.dimensions) not in plain]


def _pairs(where: Path, files: list[IdxFile]) -> tuple[list[tuple[IdxFile, IdxFile]], list[str]]:
    """(images, labels) of each part, the one that is trained on first, and notes."""
    parts = list(dict.fromkeys(file.part for file in files))
    pairs, alone = [], list[IdxFile]()
    for part in parts:
        images, labels = ([f for f in files if (f.part, f.dimensions) == (part, d)] for d in (IMAGES, LABELS))
        if len(images) > 1 or len(labels) > 1:
            names = ", ".join(escaped_name(file.path) for file in (*images, *labels))
            raise UserError(f"{where} leaves open which idx files belong together: {names}")
        if images and labels:
            pairs.append((images[0], labels[0]))
        else:
            alone += images + labels
    by_count, notes = _paired_by_count(where, alone), []
    if by_count:
        notes = [f"labels of {escaped_name(i.path)} by their number: {escaped_name(j.path)}" for i, j in by_count]
        pairs, alone = pairs + by_count, []
    if alone:
        lost = alone[0]
        has, lacks = WHAT[lost.dimensions], WHAT[LABELS + IMAGES - lost.dimensions]
        prefix = f"{lost.part}-" if lost.part else ""
        raise UserError(f"{where} holds {prefix}{has} in idx format but no {prefix}{lacks}")
    trained = [pair for pair in pairs if not is_held_out_idx(pair[0].part)]
    if not trained:
        raise UserError(f"{where} holds only the {pairs[0][0].part} idx files, nothing to train on")
    if len(trained) > 1:
        names = ", ".join(escaped_name(pair[0].path) for pair in trained)
        raise UserError(f"{where} leaves open which idx files are to be trained on: {names}")
    return [*trained, *(pair for pair in pairs if pair not in trained)], notes


def _paired_by_count(where: Path, files: list[IdxFile]) -> list[tuple[IdxFile, IdxFile]]:
    """(images, labels) of files whose numbers of images leave one way to pair them; else nothing."""
    counted: dict[int, dict[int, IdxFile]] = {IMAGES: {}, LABELS: {}}
    for file in files:
        head = _start(where / file.path, 8)
        counted[file.dimensions][int.from_bytes(head[4:], "big")] = file
    images, labels = counted[IMAGES], counted[LABELS]
    if images.keys() != labels.keys() or 2 * len(images) != len(files):
        return []
    return [(image, labels[count]) for count, image in images.items()]


def _array(path: Path, dimensions: int, scratch: Path) -> tuple[Path, int, tuple[int, ...]]:
    """(file, offset in bytes, shape) of the numbers in an idx file. A gzipped one is unpacked to the file `scratch`."""
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == GZIP_START
        with gzip.open(path) if is_packed else path.open("rb") as file:
            head = file.read(4 + 4 * dimensions)
            if head[:4] != IDX_START + bytes([dimensions]) or len(head) < 4 + 4 * dimensions:
                raise UserError(f"{path.name} is not an idx file of unsigned bytes with {dimensions} dimensions")
            shape = tuple(int.from_bytes(head[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions))
            expected = len(head) + int(np.prod(shape, dtype=object))
            length = path.stat().st_size
            if is_packed:  # no more is unpacked than the file announces
                length = _copy(head, file, scratch, expected + 1)
    except DAMAGED as error:
        raise UserError(f"{path} is damaged: {str(error)[:80]}") from None
    except (PermissionError, FileNotFoundError) as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if expected != length or 0 in shape:
        raise UserError(f"{path.name} should have {expected} bytes for {shape} and has {length}: damaged or cut off")
    return scratch if is_packed else path, len(head), shape


def _copy(head: bytes, file: IO[bytes] | gzip.GzipFile, target: Path, most: int) -> int:
    """Writes what was read of a file and its rest, `most` bytes in all, and returns how many there were."""
    with target.open("wb") as copy:
        copy.write(head)
        while piece := file.read(min(2**20, most - copy.tell())):
            copy.write(piece)
        return copy.tell()
