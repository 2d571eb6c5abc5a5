"""Where a result may be written: not into its source, not among other images, and only with permission."""

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from ganvas.data.sources import location_of
from ganvas.data.sources.formats import is_image_file, is_image_name
from ganvas.data.sources.scan import DEEPEST
from ganvas.errors import UserError


def refuse_inside_source(source: str, path: Path) -> None:
    """UserError if a new file or folder at `path` lies in the folder of a source, and so would become part of it."""
    folder = Path(location_of(source))
    if folder.is_dir() and folder in (resolved := path.resolve(), *resolved.parents):
        raise UserError(f"{path} lies in the source {source}, which would then be another: choose another --out")


def refuse_unwritable(path: Path) -> None:
    """UserError, before any work is done, if a file or folder cannot be created at `path`."""
    is_file = path.suffix in (".png", ".npz")
    if is_file and path.is_dir():
        raise UserError(f"{path} is a folder; give it as {path}/ or choose another name")
    start = path.parent if is_file else path
    existing = next(folder for folder in (start, *start.parents) if folder.exists() or folder == folder.parent)
    if not existing.is_dir():
        raise UserError(f"{path} cannot be written: {existing} is not a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"{path} cannot be written: no permission in {existing}")


def refuse_file(path: Path) -> None:
    """UserError if `path`, which is to be a folder, is a file."""
    if path.exists() and not path.is_dir():
        raise UserError(f"--out {path} is a file; give a folder")


def other_image(folder: Path, own: Collection[str]) -> str | None:
    """The path, below a folder, of an image in it that is none of `own`; None where there is none."""
    for place, folders, names in os.walk(folder, followlinks=True):
        below = Path(place).relative_to(folder)
        is_searched = len(below.parts) < DEEPEST  # deeper than any layout that is read as a source
        folders[:] = sorted(name for name in folders if is_searched and not name.startswith("."))
        for path in ((below / name).as_posix() for name in sorted(names) if not name.startswith(".")):
            if path in own:
                continue
            by_name = is_image_name(path.rpartition("/")[2])
            if by_name or (by_name is None and is_image_file(folder / path)):
                return path
    return None


def folder_name(name: str) -> str:
    """A class's name as a folder's: unsafe or hidden names are cleaned, and get a hash that tells them apart."""
    safe = "".join("_" if character in '/\\:*?"<>|' or ord(character) < 32 else character for character in name)
    if safe == name and not name.startswith(".") and 0 < len(name.encode()) <= 200:
        return name
    mark = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{safe.lstrip('.')[:60]}-{mark}"
