"""Where a command may write: not into a source, not over what is no result of ours, and only where it can."""

import os
from pathlib import Path

from ganvas.errors import UserError


def refuse_inside_source(source: str, place: Path) -> None:
    """UserError if a file or folder to be made lies within the folder of a source, which it would change."""
    from ganvas.data.sources import location_of

    folder = Path(location_of(source))
    if folder.is_dir() and folder in (resolved := place.resolve(), *resolved.parents):
        raise UserError(f"--out {place} lies in the source {source}, which would then be another: choose another place")


def refuse_unwritable(place: Path) -> None:
    """UserError, before anything is drawn, if a file or folder cannot be made at `place`."""
    if place.suffix in (".png", ".npz") and place.is_dir():
        raise UserError(f"{place} is a folder; give it as {place}/ or choose another name")
    there = next(folder for folder in (place, *place.parents) if folder.exists() or folder == folder.parent)
    if place.suffix in (".png", ".npz") and there == place:
        there = place.parent
    if not there.is_dir():
        raise UserError(f"{place} cannot be written: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{place} cannot be written: no permission in {there}")


def refuse_file(place: Path) -> None:
    """UserError if a folder is wanted and a file is there."""
    if place.exists() and not place.is_dir():
        raise UserError(f"--out {place} is a file; give a folder")
