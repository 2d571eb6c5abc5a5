"""A numpy archive: images (N, H, W) or (N, H, W, C) uint8, labels (N,) integers, optional classes."""

import shutil
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ganvas.data.sources.contents import RawImages, SourceContents, refuse_attribute
from ganvas.data.sources.scan import FolderScan, escaped_name
from ganvas.errors import UserError

BLOCK = 2**20
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError, RuntimeError)


class NpzFile:
    """One `.npz` file. An uncompressed one is read in place by memory map, which numpy itself does not do."""

    def __init__(self, path: Path, attribute: str | None = None) -> None:
        self.path = path
        self.attribute = attribute

    @property
    def name(self) -> str:
        """The file's name without `.npz`."""
        return escaped_name(self.path.stem) or "images"

    def state(self) -> str:
        """From name, size and times."""
        status = self.path.stat()
        line = f"{self.path.name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}"
        return FolderScan(self.path.parent, lines=[line]).state()

    def contents(self, scratch: Path) -> SourceContents:
        """Raw images. Classes are `classes` in its order, else the labels that occur, by number."""
        refuse_attribute(self.attribute, "an .npz file")
        try:
            with zipfile.ZipFile(self.path) as archive:
                return self._contents(archive, scratch)
        except DAMAGED as error:
            raise UserError(f"{self.path} cannot be read as .npz: {str(error)[:120]}") from None

    def _contents(self, archive: zipfile.ZipFile, scratch: Path) -> SourceContents:
        names = {Path(name).stem for name in archive.namelist()}
        if "images" not in names:
            raise UserError(f"{self.path} holds no images; it holds {', '.join(sorted(names)) or 'nothing'}")
        images = self._images(archive, scratch)
        if "labels" not in names:
            return SourceContents("an .npz file without labels", (images,))
        labels = _read(archive, "labels", "iu")
        if labels.shape != (len(images),):
            raise UserError(f"{self.path}: labels of shape {labels.shape} for {len(images)} images")
        if "classes" not in names:
            values, indices = np.unique(labels, return_inverse=True)
            return SourceContents("an .npz file", (images,), tuple(str(value) for value in values), indices)
        classes = tuple(escaped_name(_text(name)) for name in _read(archive, "classes", "USiu").ravel().tolist())
        if len(set(classes)) < len(classes):
            raise UserError(f"{self.path} names a class twice")
        if nameless := [index for index, name in enumerate(classes) if not name.strip()]:
            raise UserError(f"{self.path} gives class {nameless[0]} no name")
        if labels.min() < 0 or labels.max() >= len(classes):
            raise UserError(f"{self.path} has labels {labels.min()} to {labels.max()} for {len(classes)} classes")
        return SourceContents("an .npz file", (images,), classes, labels.astype(np.int64))

    def _images(self, archive: zipfile.ZipFile, scratch: Path) -> RawImages:
        member = archive.getinfo("images.npy")
        with archive.open(member) as file:
            shape, order, dtype = _head(file)
            start = file.tell()
            if dtype != np.uint8 or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3, 4)):
                raise UserError(
                    f"{self.path}: images are {dtype} of shape {shape} and must be uint8 of shape (N, H, W) or "
                    "(N, H, W, C), C = 1, 3 or 4"
                )
            expected = start + int(np.prod(shape, dtype=object))
            if 0 in shape:
                raise UserError(f"{self.path} holds no images: their shape is {shape}")
            if expected != member.file_size:
                raise UserError(f"{self.path}: {member.file_size} bytes of images do not fit the shape {shape}")
            if member.compress_type != zipfile.ZIP_STORED:
                unpacked = scratch / "images"
                with unpacked.open("wb") as target:
                    shutil.copyfileobj(file, target, BLOCK)
                return RawImages(unpacked, 0, shape, "images", order)
        offset = _data_offset(self.path, member) + start
        if offset + expected - start > self.path.stat().st_size:
            raise UserError(f"{self.path} is cut off")
        with archive.open(member) as file:  # to its end, where its checksum is compared; a gigabyte takes a second
            while file.read(BLOCK):
                pass
        return RawImages(self.path, offset, shape, "images", order)


def _data_offset(path: Path, member: zipfile.ZipInfo) -> int:
    """Where a stored member's bytes begin: after its local header, whose lengths may differ from the directory's."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        local = file.read(30)
    if local[:4] != b"PK\3\4":
        raise zipfile.BadZipFile("a local header is missing")
    return member.header_offset + 30 + int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")


def _head(file: IO[bytes]) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype[Any]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return shape, "F" if fortran else "C", dtype


def _read(archive: zipfile.ZipFile, name: str, codes: str) -> NDArray[Any]:
    """An array of the archive, of one of numpy's one-letter kinds of type."""
    with archive.open(f"{name}.npy") as file:
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    if array.dtype.kind not in codes or not array.size:
        expected = "integers" if codes == "iu" else "text"
        raise UserError(f"{archive.filename}: {name} must be {expected} and are {array.dtype} of shape {array.shape}")
    return array


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
