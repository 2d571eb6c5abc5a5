"""Where prepared sets lie: whole or not at all, found by source and specification."""

import contextlib
import json
import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganvas import console
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
    """The place of a prepared set. A person can read its name; the key tells it from every other."""
    return cache_folder() / "prepared" / f"{slug(name)}-{key[:16]}"


def slug(name: str) -> str:
    """A set's name as a part of a folder's."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40] or "images"


def load_prepared(folder: Path) -> PreparedSet | None:
    """Opens a prepared set by memory map; None where there is none or it is damaged."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
        for name, length in manifest["bytes"].items():
            if (folder / name).stat().st_size != length:
                return None
        return _prepared(folder, manifest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _prepared(folder: Path, manifest: dict[str, Any]) -> PreparedSet:
    labelled = "labels.npy" in manifest["bytes"]
    prepared = PreparedSet(
        name=manifest["name"],
        fingerprint=manifest["fingerprint"],
        folder=folder,
        pixels=np.load(folder / "pixels.npy", mmap_mode="r"),
        labels=np.load(folder / "labels.npy", mmap_mode="r") if labelled else None,
        classes=tuple(manifest["classes"]),
        train=np.load(folder / "train.npy", mmap_mode="r"),
        held_out=_read(folder / "held_out.npy"),
        manifest=manifest,
    )
    if len(prepared.pixels) != manifest["images"] or prepared.pixels.dtype != np.uint8:
        raise ValueError("the array is not the one that the manifest describes")
    return prepared


def _read(path: Path) -> NDArray[np.int64]:
    """By memory map, except that nothing at all cannot be mapped."""
    try:
        array: NDArray[np.int64] = np.load(path, mmap_mode="r")
    except ValueError:
        array = np.load(path)
    return array


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """A folder to build in, renamed to `target` at the end; nothing is left of it when building fails.

    Two that build the same set at once do not meet: whoever ends first is kept.
    """
    parent = target.parent
    with _disk_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(parent)
        folder = parent / f".building-{uuid.uuid4().hex}"
        folder.mkdir()
    try:
        with _locked(folder), _disk_errors(parent):
            yield folder
            _flush(folder)
        with _disk_errors(parent):
            _put(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(folder: Path, target: Path) -> None:
    if load_prepared(target) is not None:
        return
    if target.exists():  # a damaged one: out of the way first, since a folder is never renamed over another
        aside = target.parent / f".building-{uuid.uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):
            target.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
    try:
        folder.rename(target)
    except OSError:
        if load_prepared(target) is None:  # otherwise somebody else was quicker
            raise
    _flush_entry(target.parent)


def _flush(folder: Path) -> None:
    (folder / "lock").unlink(missing_ok=True)
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    _flush_entry(folder)


def _flush_entry(folder: Path) -> None:
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _disk_errors(where: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise UserError(f"cannot write below {where}: {error.strerror}; set GANVAS_CACHE to another folder") from None
    except (NotADirectoryError, FileExistsError):
        raise UserError(f"{where} is not a folder; set GANVAS_CACHE to another one") from None
    except OSError as error:
        raise RunFailedError(f"preparing below {where} failed: {error.strerror or error}") from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as file:
        _try_lock(file.fileno())
        yield


def _try_lock(handle: int) -> bool:
    """Whether the lock is ours. The system lets go of it when its holder dies, however that happens."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _clear_abandoned(parent: Path) -> None:
    """Removes what killed builders left behind."""
    for folder in parent.glob(".building-*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / "lock").open("r+") as file:
            if _try_lock(file.fileno()):
                return True
    except OSError:
        pass
    # Without a lock it may be a moment old, or about to be renamed.
    with contextlib.suppress(OSError):
        return sys.platform != "win32" and not (folder / "lock").exists() and _age(folder) > SECONDS_UNTIL_ABANDONED
    return False


def _age(folder: Path) -> float:
    return time.time() - folder.stat().st_mtime


def note_state(name: str, place: str, key: str) -> None:
    """Notes which state of a place was prepared last, and says so when it was another."""
    note = prepared_folder(name, place).with_suffix(".state")
    with contextlib.suppress(OSError):
        if note.exists() and note.read_text() != key:
            console.info(f"{name} has changed since it was prepared: preparing it again")
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(key)
