"""Where a result may be written: not into its source, not over other files, and only where there is permission."""

import os
from pathlib import Path

from ganvas.data.sources import location_of
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
