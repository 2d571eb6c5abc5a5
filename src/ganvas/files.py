"""Writes to disk: atomic files and folders, fsync, locks, JSON and JSONL.

A process may be killed and a disk may fill up at any moment. Therefore a new file is written beside the old one, synced
and renamed to it: a rename happens whole or not at all. The folder is synced after that, because it holds the name.
"""

import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from ganvas import console
from ganvas.errors import RunFailedError, UserError
from ganvas.settings import Model, parse

LARGEST_JSON_BYTES = 8 << 20
# Errors of the system and not of the file: too many open files, no memory, no permission.
PASSING = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM))
# Another process holds the lock; some network disks answer EACCES for that.
LOCKED = frozenset((errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES))
# Answers of network, FUSE and memory-card disks that have no locks, or that sync files but not folders.
UNSUPPORTED = frozenset((errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS))
NO_LOCKS = UNSUPPORTED | {errno.ENOLCK}
NO_FOLDER_SYNC = UNSUPPORTED | {errno.EBADF, errno.EISDIR}

_warned: set[tuple[str, int]] = set()  # (what a disk lacks, its device)


class DamagedError(Exception):
    """A file is missing, cut off, changed or of another type. The text names it."""


class LockedError(Exception):
    """Another process holds a lock. The text is `process 1234`, or `another process` where its id is not known."""


def part_of(path: Path) -> Path:
    """`.NAME.part` beside a path: unfinished content, to be removed or overwritten."""
    return path.with_name(f".{path.name}.part")


def old_of(path: Path) -> Path:
    """`.NAME.old` beside a path: a folder that is being replaced."""
    return path.with_name(f".{path.name}.old")


@contextmanager
def open_atomic(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which replaces `path` when the block ends.

    When the block or the disk fails, the old file at `path` is unchanged, and no other file is left beside it.
    """
    part = part_of(path)
    try:
        with part.open("wb") as file:
            yield file
            sync(file)
        part.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_atomic(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all. OSError leaves the old file unchanged."""
    with open_atomic(path) as file:
        file.write(content)


def replace_folder(new: Path, folder: Path) -> None:
    """Renames a synced folder to `folder` and removes the old one there. OSError leaves the old one unchanged."""
    old = old_of(folder)
    remove(old)
    try:
        # A folder cannot be renamed over another, so for a moment no folder has the name.
        with suppress(FileNotFoundError):
            folder.rename(old)
        new.rename(folder)
        sync_folder(folder.parent)
    except OSError:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    remove(old)


def remove(leftover: Path) -> None:
    """Removes a file or a folder; one that cannot be removed is left."""
    shutil.rmtree(leftover, ignore_errors=True)
    with suppress(OSError):
        leftover.unlink(missing_ok=True)


def sync(file: BinaryIO) -> None:
    """Waits until the content of an open file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_contents(folder: Path) -> None:
    """Waits until every file of a folder, and their names, are on the disk."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk, where the disk supports that."""
    if os.name == "nt":
        return  # Windows gives no handle to a folder
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in NO_FOLDER_SYNC:
            raise
        _warn_once(folder, "does not sync folders: a power cut may lose the newest files")


@contextmanager
def lock(path: Path, create: bool = True) -> Iterator[bool]:
    """Holds an advisory lock on a file until the block ends. LockedError if another process holds it.

    Yields whether the lock is held, since some systems and disks have no locks. The system frees the lock of a process
    that dies, for whatever reason.
    """
    with path.open("a+" if create else "r+", encoding="utf-8") as file:
        is_held = os.name != "nt"  # Windows has no advisory locks of this type
        if is_held:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in LOCKED:
                    file.seek(0)
                    holder = file.read(20).strip()
                    raise LockedError(f"process {holder}" if holder.isdigit() else "another process") from None
                if error.errno not in NO_LOCKS:
                    raise RunFailedError(f"{path} cannot be locked: {error.strerror or error}") from None
                _warn_once(path.parent, "has no file locks: a second process is not noticed there")
                is_held = False
        # The id only helps a person to find the process, so a full disk is no reason to stop.
        with suppress(OSError):
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), str(os.getpid()).encode())
        yield is_held


def _warn_once(folder: Path, lack: str) -> None:
    """Warns of what the disk of a folder lacks, once a disk, by the nearest folder that is not hidden."""
    disk = lack, folder.stat().st_dev
    if disk not in _warned:
        _warned.add(disk)
        shown = next(place for place in (folder, *folder.parents) if not place.name.startswith("."))
        console.error(f"warning: the disk of {shown} {lack}")


def open_regular(path: Path) -> BufferedReader:
    """Opens a file to read. DamagedError for a pipe or a device, which would have no end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise DamagedError(f"{path.name} is not a file")
    return path.open("rb")


def unreadable(path: Path, error: OSError) -> Exception:
    """The exception for a file that cannot be read: RunFailedError for a passing problem, else DamagedError."""
    reason = error.strerror or str(error)
    if error.errno in PASSING:
        return RunFailedError(f"{path} cannot be read ({reason}); nothing was changed")
    return DamagedError(f"{path.name} cannot be read ({reason})")


def to_json(value: Any) -> bytes:
    """JSON, sorted and indented, with a newline at the end: equal values give equal bytes."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of at most 8 MB. DamagedError for anything else, a missing file included."""
    try:
        with open_regular(path) as file:
            content = file.read(LARGEST_JSON_BYTES + 1)
    except OSError as error:
        raise unreadable(path, error) from None
    if len(content) > LARGEST_JSON_BYTES:
        raise DamagedError(f"{path.name} is larger than {LARGEST_JSON_BYTES >> 20} MB")
    try:
        value = json.loads(content.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise DamagedError(f"{path.name} is not JSON") from None
    if not isinstance(value, dict):
        raise DamagedError(f"{path.name} holds no JSON object")
    return value


def read_model(path: Path, model: type[Model]) -> Model:
    """A JSON file as a validated model. DamagedError, with the key and the value, for anything else."""
    try:
        return parse(model, read_json(path), prefix="")
    except UserError as error:
        if isinstance(error, RunFailedError):  # the file cannot be read for now; it is not damaged
            raise
        raise DamagedError(f"{path.name}: {error}") from None


def json_object(line: bytes) -> dict[str, Any] | None:
    """The JSON object of one line; None for anything else, such as a line that was cut off."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file, one per line. A damaged last line, as a killed process leaves it, is left out.

    DamagedError if another line is no JSON object; OSError if the file cannot be read.
    """
    record: dict[str, Any] | None = {}
    with path.open("rb") as lines:
        for number, line in enumerate(lines):
            if record is None:
                raise DamagedError(f"line {number} is damaged")
            record = json_object(line)
            if record is not None:
                yield record


def append_jsonl(file: BinaryIO, record: Mapping[str, Any], synced: bool = False) -> None:
    """Appends one line to an open file and flushes it to the system; `synced`: to the disk."""
    file.write(json.dumps(dict(record)).encode() + b"\n")
    if synced:
        sync(file)
    else:
        file.flush()
