"""What kind of set a single file is, by its first bytes whatever it is called, else by its suffix."""

import gzip
import re
import zlib
from pathlib import Path

IDX_START = bytes((0, 0, 8))  # then the number of dimensions; 8 means unsigned bytes
GZIP_START = b"\x1f\x8b"
# The first bytes of files that are read, and of files whose kind a refusal should name.
STARTS = {
    b"\x93NUMPY": "npy", b"PK\3\4": "zip", b"PK\5\6": "zip", b"PK\7\x08": "zip",
    b"BZh": "tar", b"\xfd7zXZ\0": "tar",
    b"Rar!": "a rar archive", b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"\x28\xb5\x2f\xfd": "packed by zstd",
    b"\x89HDF": "an HDF5 file", b"MATLAB": "a MATLAB file", b"PAR1": "a Parquet file", b"ARROW1": "an Arrow file",
    b"\x80\2": "a pickle", b"\x80\3": "a pickle", b"\x80\4": "a pickle", b"\x80\5": "a pickle",
}  # fmt: skip
SUFFIXES = {".npz": "npz", ".npy": "npy", ".zip": "zip", ".tar": "tar", ".tgz": "tar", ".txz": "tar", ".tbz2": "tar"}
READ = ("npz", "npy", "idx", "zip", "tar")


def file_kind(path: Path) -> str:
    """One of `READ`; else what the file is, in words; empty where that is not known."""
    by_suffix = SUFFIXES.get(path.suffix.lower(), "")
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError:
        return by_suffix
    if start[:2] == GZIP_START:
        return "idx" if _unpacked_start(path)[:3] == IDX_START else "tar"
    if start[:3] == IDX_START and start[3:4] in (b"\1", b"\3"):
        return "idx"
    if start[257:262] == b"ustar":
        return "tar"
    found = next((kind for prefix, kind in STARTS.items() if start.startswith(prefix)), by_suffix)
    return "npz" if found == "zip" and by_suffix == "npz" else found


def without_suffix(name: str) -> str:
    """A file's name without the suffix of a set in one file.

    >>> without_suffix("photos.tar.gz")
    'photos'
    """
    return re.sub(r"\.(npz|npy|zip|tar|tgz|txz|tbz2|tar\.(gz|xz|bz2))$", "", name, flags=re.IGNORECASE)


def _unpacked_start(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(4)
    except (OSError, EOFError, zlib.error):
        return b""
