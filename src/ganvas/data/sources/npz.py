"""A numpy archive: images (N, H, W) or (N, H, W, C) uint8, labels (N,) integers, optional classes."""

import errno
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ganvas.data.sources.contents import RawImages, SourceContents
from ganvas.data.sources.scan import escaped_name
from ganvas.errors import UserError

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    OSError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
)


def read_npz(path: Path, scratch: Path, attribute: str | None) -> SourceContents:
    """Raw images. Classes are `classes` in its order, else the labels that occur, by number."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
            if "images" not in names:
                raise UserError(f"{path} holds no images; it holds {', '.join(sorted(names)) or 'nothing'}")
            images = _images(path, archive, scratch)
            if "labels" not in names:
                return SourceContents("an .npz file without labels", (images,))
            labels = _array(archive, "labels", "iu")
            class_names = _array(archive, "classes", "USiu").ravel().tolist() if "classes" in names else None
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise UserError(f"{path} cannot be read as .npz: {str(error)[:120]}") from None
    if labels.shape != (len(images),):
        raise UserError(f"{path}: labels of shape {labels.shape} for {len(images)} images")
    if class_names is None:
        values, indices = np.unique(labels, return_inverse=True)
        return SourceContents("an .npz file", (images,), tuple(str(value) for value in values), indices)
    texts = [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in class_names]
    classes = tuple(map(escaped_name, texts))
    if len(set(classes)) < len(classes):
        raise UserError(f"{path} names a class twice")
    if nameless := [index for index, name in enumerate(classes) if not name.strip()]:
        raise UserError(f"{path} gives class {nameless[0]} no name")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise UserError(f"{path} has labels {labels.min()} to {labels.max()} for {len(classes)} classes")
    return SourceContents("an .npz file", (images,), classes, labels.astype(np.int64))


def _images(path: Path, archive: zipfile.ZipFile, scratch: Path) -> RawImages:
    """The images, unpacked below `scratch`, which also compares their checksum."""
    member = archive.getinfo("images.npy")
    with archive.open(member) as file:
        read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if dtype != np.uint8 or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3, 4)):
            raise UserError(
                f"{path}: images are {dtype} of shape {shape} and must be uint8 of shape (N, H, W) or (N, H, W, C), "
                "C = 1, 3 or 4"
            )
        length = int(np.prod(shape, dtype=object))
        if not length:
            raise UserError(f"{path} holds no images: their shape is {shape}")
        if file.tell() + length != member.file_size:
            raise UserError(f"{path}: {member.file_size} bytes of images do not fit the shape {shape}")
        with (scratch / "images").open("wb") as target:
            shutil.copyfileobj(file, target, 2**20)
    return RawImages(scratch / "images", 0, shape, "images", "F" if fortran else "C")


def _array(archive: zipfile.ZipFile, name: str, codes: str) -> NDArray[Any]:
    """An array of the archive whose type has one of numpy's one-letter codes."""
    with archive.open(f"{name}.npy") as file:
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    if array.dtype.kind not in codes or not array.size:
        expected = "integers" if codes == "iu" else "text"
        raise UserError(f"{archive.filename}: {name} must be {expected} and are {array.dtype} of shape {array.shape}")
    return array
