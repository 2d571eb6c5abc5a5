"""A numpy archive: arrays of images and labels under the names that published sets use."""

import errno
import shutil
import zipfile
import zlib
from pathlib import Path

from ganvas.data.labels import LabelChoice
from ganvas.data.sources.arrays import read_arrays
from ganvas.data.sources.contents import SourceContents
from ganvas.data.sources.stored_arrays import ArrayHeader, NamedArrays, StoredArray, read_header
from ganvas.errors import UserError

SUFFIX = ".npy"
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


def read_npz(path: Path, scratch: Path, choice: LabelChoice) -> SourceContents:
    """Raw images, unpacked below `scratch`, which also compares their checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            headers: dict[str, ArrayHeader] = {}
            for member in archive.namelist():
                if member.endswith(SUFFIX):
                    with archive.open(member) as file:
                        headers[member.removesuffix(SUFFIX)] = read_header(file)

            def unpack(name: str) -> StoredArray:
                target = scratch / f"{list(headers).index(name)}{SUFFIX}"
                if not target.exists():
                    _unpack(path, archive, name, target)
                return StoredArray(target, 0, headers[name])

            return read_arrays(NamedArrays(str(path), "an .npz file", headers, unpack))
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise UserError(f"{path} cannot be read as .npz: {str(error)[:120]}") from None


def _unpack(path: Path, archive: zipfile.ZipFile, name: str, target: Path) -> None:
    """The numbers of an array as a file."""
    member = archive.getinfo(name + SUFFIX)
    with archive.open(member) as file:
        header = read_header(file)
        length = header.size * header.dtype.itemsize
        if file.tell() + length != member.file_size:
            raise UserError(f"{path}: the {member.file_size} bytes of {name} do not fit the shape {header.shape}")
        with target.open("wb") as unpacked:
            shutil.copyfileobj(file, unpacked, 2**20)
