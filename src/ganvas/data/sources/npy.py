"""Arrays of images and labels in .npy files of one folder."""

from collections.abc import Sequence
from pathlib import Path

from ganvas.data.labels import LabelChoice
from ganvas.data.sources.array_names import role_of
from ganvas.data.sources.arrays import read_arrays
from ganvas.data.sources.contents import SourceContents
from ganvas.data.sources.scan import FolderScan, path_below
from ganvas.data.sources.stored_arrays import ArrayHeader, NamedArrays, StoredArray, read_header
from ganvas.errors import UserError

SUFFIX = ".npy"


def npy_files(listing: FolderScan) -> list[str]:
    """Paths of the .npy files in the uppermost folders that hold one named like images; none without such a file."""
    holders = [folder for folder, names in listing.files.items() if any(_is_of_images(folder, name) for name in names)]
    depths = [folder.count("/") + bool(folder) for folder in holders]
    uppermost = [folder for folder, depth in zip(holders, depths, strict=True) if depth == min(depths)]
    return [path_below(folder, name) for folder in uppermost for name in listing.files[folder] if _is_npy(name)]


def read_npy(
    listing: FolderScan, files: Sequence[str], chosen: str | None, scratch: Path, choice: LabelChoice
) -> SourceContents:
    """Raw images of the arrays in some files of the listing: of all, or of those that belong to the file `chosen`."""
    folders = {path.rpartition("/")[0] for path in files}
    # Where each part of the set has a folder, as train/images.npy, the folder is part of an array's name.
    prefix = path_below(folders.pop(), "") if len(folders) == 1 else ""
    names = {path.removeprefix(prefix)[: -len(SUFFIX)]: path for path in files}
    roles = {name: role_of(name) for name in names}
    family = None
    if chosen is not None:
        own = roles[chosen[: -len(SUFFIX)]]
        family = None if own is None else own.family
        names = {
            name: path
            for name, path in names.items()
            if (path == chosen if own is None else (role := roles[name]) is None or role.family == own.family)
        }
    stored = {name: _open(listing.root / path) for name, path in names.items()}
    headers: dict[str, ArrayHeader] = {name: array.header for name, array in stored.items()}
    where = str(listing.root / prefix)
    return read_arrays(NamedArrays(where, ".npy files", headers, stored.__getitem__), family)


def _is_npy(name: str) -> bool:
    return name.lower().endswith(SUFFIX)


def _is_of_images(folder: str, name: str) -> bool:
    role = role_of(path_below(folder, name)[: -len(SUFFIX)]) if _is_npy(name) else None
    return role is not None and role.holds == "images"


def _open(path: Path) -> StoredArray:
    try:
        with path.open("rb") as file:
            header = read_header(file)
            offset, length = file.tell(), file.seek(0, 2)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:120]
        raise UserError(f"{path} cannot be read as .npy: {reason}") from None
    if not header.dtype.hasobject and offset + header.size * header.dtype.itemsize != length:
        raise UserError(f"{path}: {length} bytes do not fit the shape {header.shape}: damaged or cut off")
    return StoredArray(path, offset, header)
