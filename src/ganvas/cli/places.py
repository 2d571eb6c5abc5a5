"""Where a command may write: not into a source, not over what is no result of ours, and only where it can."""

import os
from pathlib import Path

from ganvas.errors import UserError


def refuse_inside_source(source: str, path: Path) -> None:
    """UserError if a file or folder to be made lies within the folder of a source, which it would change."""
    from ganvas.data.sources import location_of

    folder = Path(location_of(source))
    if folder.is_dir() and folder in (resolved := path.resolve(), *resolved.parents):
        raise UserError(f"--out {path} lies in the source {source}, which would then be another: choose another place")


def refuse_unwritable(path: Path) -> None:
    """UserError, before any work is done, if a file or folder cannot be made at `path`."""
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
    """UserError if a folder is wanted and a file is there."""
    if path.exists() and not path.is_dir():
        raise UserError(f"--out {path} is a file; give a folder")
