"""Where prepared sets lie: whole or not at all, found by source and choices.

The cache is the folder named by the environment variable GANVAS_CACHE, else the user's cache folder for ganvas.
"""

import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from ganvas import console, files
from ganvas.data.manifest import Manifest
from ganvas.data.prepared import PreparedSet
from ganvas.errors import RunFailedError, UserError

SECONDS_UNTIL_ABANDONED = 3600


def cache_folder() -> Path:
    """`$GANVAS_CACHE`, else the user's cache folder for ganvas."""
    chosen = os.environ.get("GANVAS_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ganvas"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "ganvas" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganvas"


def prepared_folder(name: str, key: str) -> Path:
    """Where a prepared set lies. A person can read its name; the key tells it from every other."""
    return cache_folder() / "prepared" / f"{slug(name)}-{key[:16]}"


def slug(name: str) -> str:
    """A set's name as a part of a folder's."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40] or "images"


def load_prepared(folder: Path) -> PreparedSet | None:
    """Opens a prepared set; None where there is none or it is damaged."""
    try:
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        if any((folder / name).stat().st_size != length for name, length in manifest.bytes.items()):
            return None
        pixels = np.load(folder / "pixels.npy", mmap_mode="r")
        labels = np.load(folder / "labels.npy", mmap_mode="r") if "labels.npy" in manifest.bytes else None
        train, held_out = np.load(folder / "train.npy"), np.load(folder / "held_out.npy")
    except (OSError, ValueError):
        return None
    if len(pixels) != manifest.images or pixels.dtype != np.uint8:
        return None
    return PreparedSet(
        manifest.name, manifest.fingerprint, folder, pixels, labels, manifest.classes, train, held_out, manifest
    )


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """A folder to build in, synced and renamed to `target` at the end; nothing is left of it when building fails.

    Two processes that build the same set at once do not clash, since each has a folder of its own name: whoever ends
    first is kept. A lock inside tells a folder that is being built from one whose builder was killed.
    """
    parent = target.parent
    with _disk_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for other in parent.glob(".building-*"):
            if _is_abandoned(other):
                shutil.rmtree(other, ignore_errors=True)
        folder = parent / f".building-{uuid.uuid4().hex}"
        folder.mkdir()
        try:
            with files.lock(folder / "lock"):
                yield folder
                (folder / "lock").unlink()
                files.sync_contents(folder)
            _put(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _put(folder: Path, target: Path) -> None:
    """Renames a finished set to its place, unless a whole one lies there already."""
    if load_prepared(target) is not None:
        return
    files.remove(target)  # a damaged one, since a folder is never renamed over another
    try:
        folder.rename(target)
    except OSError:
        if load_prepared(target) is None:  # otherwise another process was quicker
            raise
    files.sync_folder(target.parent)


def _is_abandoned(folder: Path) -> bool:
    """Whether the builder of a folder was killed: its lock is free, or there was none yet or any more for an hour."""
    lock = folder / "lock"
    try:
        with files.lock(lock, create=False) as is_held:
            return is_held and lock.exists()  # gone: the builder has just finished and is about to rename the folder
    except FileNotFoundError:
        with suppress(OSError):
            return time.time() - folder.stat().st_mtime > SECONDS_UNTIL_ABANDONED
        return False
    except (OSError, files.LockedError, RunFailedError):
        return False


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise UserError(f"cannot write below {folder}: {error.strerror}; set GANVAS_CACHE to another folder") from None
    except (NotADirectoryError, FileExistsError):
        raise UserError(f"{folder} is not a folder; set GANVAS_CACHE to another one") from None
    except OSError as error:
        raise RunFailedError(
            f"preparing below {folder} failed: {error.strerror or error}; make room, or set GANVAS_CACHE to a folder "
            "of another disk"
        ) from None


def note_state(name: str, source_key: str, key: str) -> None:
    """Notes which state of a source was prepared last, and says so when it was another one before."""
    note = prepared_folder(name, source_key).with_suffix(".state")
    with suppress(OSError):
        if note.exists() and note.read_text() != key:
            console.info(f"{name} has changed since it was prepared: preparing it again")
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(key)
