"""Arrays of images and labels in .npy files of one folder."""

from pathlib import Path

from ganvas.data.sources.array_names import role_of
from ganvas.data.sources.arrays import read_arrays
from ganvas.data.sources.contents import SourceContents
from ganvas.data.sources.scan import FolderScan, path_below
from ganvas.data.sources.stored_arrays import ArrayHeader, NamedArrays, StoredArray, read_header
from ganvas.errors import UserError

SUFFIX = ".npy"


def npy_folder(listing: FolderScan) -> str | None:
    """The uppermost folder with .npy files that are named like images; None where there is none, or two."""
    holders = [
        folder
        for folder, names in listing.files.items()
        if any(name.lower().endswith(SUFFIX) and is_named_images(name) for name in names)
    ]
    depths = [folder.count("/") + bool(folder) for folder in holders]
    uppermost = [folder for folder, depth in zip(holders, depths, strict=True) if depth == min(depths)]
    return uppermost[0] if len(uppermost) == 1 else None


def is_named_images(name: str) -> bool:
    """Whether a file of an array is named as one of images."""
    role = role_of(Path(name).stem)
    return role is not None and role.holds == "images"


def read_npy(
    listing: FolderScan, folder: str, chosen: str | None, scratch: Path, attribute: str | None
) -> SourceContents:
    """Raw images of the arrays in a folder of the listing: of all, or of those that belong to the file `chosen`."""
    role = None if chosen is None else role_of(Path(chosen).stem)
    names = [name for name in listing.files[folder] if name.lower().endswith(SUFFIX)]
    if chosen is not None and role is None:
        names = [chosen]
    elif role is not None:
        roles = {name: role_of(Path(name).stem) for name in names}
        names = [name for name, found in roles.items() if found is None or found.family == role.family]
    paths = {Path(name).stem: listing.root / path_below(folder, name) for name in names}
    stored = {name: _open(path) for name, path in paths.items()}
    where = str(listing.root / folder)
    headers: dict[str, ArrayHeader] = {name: array.header for name, array in stored.items()}
    arrays = NamedArrays(where, ".npy files", headers, stored.__getitem__)
    return read_arrays(arrays, None if role is None else role.family)


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
