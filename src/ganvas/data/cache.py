"""The cache of prepared sets: `open_source` finds a set by its source and choices, and prepares it where it is missing.

The cache is the folder named by the environment variable GANVAS_CACHE, else the user's cache folder for ganvas.
"""

import errno
import hashlib
import json
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
from ganvas.data import sources
from ganvas.data.config import DataConfig
from ganvas.data.prepare import VERSION, prepare, refuse_too_many
from ganvas.data.prepared import FORMAT, Manifest, PreparedSet
from ganvas.errors import RunFailedError, UserError

SECONDS_UNTIL_ABANDONED = 3600
SET_CACHE = "set GANVAS_CACHE to a folder that can be written"
NOT_WRITABLE = frozenset((errno.EACCES, errno.EPERM, errno.EROFS))


def open_source(source: str, config: DataConfig | None = None, processes: int | None = None) -> PreparedSet:
    """Opens a set, and prepares it first where it is not prepared or its source has changed since.

    `processes` prepare it: by default one per core for a large set. A UserError says in one sentence what is wrong with
    the source. Prepared sets are stored in the folder named by GANVAS_CACHE, else in the user's cache folder.
    """
    config = config or DataConfig()
    origin = sources.find_source(source)
    refuse_cache_inside(source)
    choices = config.model_dump(exclude={"accept_refused"})
    # The key includes the manifest's format, so that sets with older manifests are left alone and not misread.
    source_key = _digest([origin.name, sources.location_of(source), choices, VERSION, FORMAT])
    key = _digest([source_key, origin.state()])
    folder = cache_folder() / "prepared" / f"{slug(origin.name)}-{key[:16]}"
    prepared = load_prepared(folder)
    if prepared is None:
        if folder.exists():
            console.info(f"the prepared set {folder} is damaged: preparing it again")
        else:
            # A note beside the sets holds the key of the source's last state, to report a change.
            note = folder.with_name(f"{slug(origin.name)}-{source_key[:16]}.state")
            with suppress(OSError):
                if note.exists() and note.read_text() != key:
                    console.info(f"{origin.name} has changed since it was prepared: preparing it again")
                note.parent.mkdir(parents=True, exist_ok=True)
                note.write_text(key)
        with building(folder) as unfinished:
            scratch = unfinished / "scratch"
            scratch.mkdir()
            prepare(origin.read(scratch, config.label_choice), config, origin.name, unfinished, processes)
            shutil.rmtree(scratch)
        prepared = load_prepared(folder)
    if prepared is None:
        raise RunFailedError(f"the prepared set {folder} cannot be read back")
    if not config.accept_refused:
        refuse_too_many(prepared.manifest.refused, len(prepared.pixels))
    if prepared.manifest.darkness:
        console.error(prepared.manifest.darkness)
    return prepared


def _digest(values: object) -> str:
    return hashlib.blake2b(json.dumps(values).encode(), digest_size=16).hexdigest()


def cache_folder() -> Path:
    """`$GANVAS_CACHE`, else the user's cache folder for ganvas. UserError for a user without a home folder."""
    chosen = os.environ.get("GANVAS_CACHE")
    try:
        return Path(chosen).expanduser() if chosen else _users_cache_folder()
    except RuntimeError:  # HOME is unset, and the system does not know the user; or `~name` of an unknown one
        known = f"GANVAS_CACHE is {chosen}, and no such home is known"
        lacks = known if chosen else "the cache needs a place, and this user has no home"
        raise UserError(f"{lacks}: {SET_CACHE}") from None


def _users_cache_folder() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ganvas"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "ganvas" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganvas"


def refuse_cache_inside(source: str) -> None:
    """UserError if the cache lies in the folder of a source, and so would become part of it. Hidden folders do not."""
    folder, place = Path(sources.location_of(source)), cache_folder().resolve()
    if not folder.is_dir() or folder not in (place, *place.parents):
        return
    if not any(part.startswith(".") for part in place.relative_to(folder).parts):
        raise UserError(
            f"the cache {place} lies in the source {source}, which would then be another: set GANVAS_CACHE to a folder "
            "outside"
        )


def refuse_read_only(folder: Path) -> None:
    """UserError, before any work is done, if a folder of the cache cannot be created."""
    existing = next(place for place in folder.absolute().parents if place.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise UserError(f"nothing can be kept in {existing}; {SET_CACHE}")


def slug(name: str) -> str:
    """A set's name as the readable part of a folder's name."""
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


def find_prepared(fingerprint: str) -> PreparedSet | None:
    """The prepared set of this fingerprint, if it is in the cache. Nothing is prepared, and no source is looked for."""
    for manifest in sorted((cache_folder() / "prepared").glob("*/manifest.json")):
        with suppress(OSError):
            if fingerprint.encode() in manifest.read_bytes():  # most are of other sets, and long
                found = load_prepared(manifest.parent)
                if found is not None and found.fingerprint == fingerprint:
                    return found
    return None


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """A folder to build in, synced and renamed to `target` at the end; it is removed when building fails.

    Two processes that build the same set at once do not clash, since each has a folder of its own name: the set that is
    finished first is kept. A lock inside distinguishes a folder that is being built from one whose builder was killed.
    """
    parent = target.parent
    try:
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
            if load_prepared(target) is None:
                files.remove(target)  # a damaged one, since a folder cannot be renamed over another
                try:
                    folder.rename(target)
                except OSError:
                    if load_prepared(target) is None:  # otherwise another process was faster
                        raise
                files.sync_folder(parent)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except (NotADirectoryError, FileExistsError):
        raise UserError(f"{parent} is not a folder; {SET_CACHE}") from None
    except OSError as error:
        if error.errno in NOT_WRITABLE:
            raise UserError(f"cannot write below {parent}: {error.strerror}; {SET_CACHE}") from None
        raise RunFailedError(
            f"preparing below {parent} failed: {error.strerror or error}; make room, or set GANVAS_CACHE to a folder "
            "of another disk"
        ) from None


def _is_abandoned(folder: Path) -> bool:
    """Whether the builder of a folder was killed: its lock is free, or the folder has had no lock for an hour."""
    lock = folder / "lock"
    try:
        with files.lock(lock, create=False) as is_held:
            return is_held and lock.exists()  # no lock: the builder has just finished and will rename the folder
    except FileNotFoundError:
        with suppress(OSError):
            return time.time() - folder.stat().st_mtime > SECONDS_UNTIL_ABANDONED
        return False
    except (OSError, files.LockedError, RunFailedError):
        return False
