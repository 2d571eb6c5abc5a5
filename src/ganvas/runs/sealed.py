"""Folders that are whole or absent: written beside their place, synced, renamed, and checked before they are read."""

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from ganvas.errors import RunFailedError, UserError
from ganvas.settings import Model, parse

MANIFEST = "manifest.json"
LARGEST_JSON_BYTES = 8 << 20
# Errors that say nothing of the file itself: no handle or memory to spare, no permission.
PASSING = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM))


class DamagedError(Exception):
    """A file of a sealed folder is missing, cut, changed or not what it should be. The text names it."""


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes `files` and their sha256 as `folder`, replacing what lay there. OSError leaves the old one as it was."""
    manifest = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    unfinished = folder.with_name(f".{folder.name}.part")
    replaced = folder.with_name(f".{folder.name}.old")
    folder.parent.mkdir(parents=True, exist_ok=True)
    for leftover in (unfinished, replaced):
        remove(leftover)
    unfinished.mkdir()
    try:
        for name, content in {**files, MANIFEST: to_json({"sha256": manifest})}.items():
            write_synced(unfinished / name, content)
        sync_folder(unfinished)
        if folder.exists():
            folder.rename(replaced)
        unfinished.rename(folder)
        sync_folder(folder.parent)
    except OSError:
        remove(unfinished)
        if replaced.exists() and not folder.exists():
            replaced.rename(folder)
        raise
    remove(replaced)


def remove(leftover: Path) -> None:
    """Takes a leftover away, whatever it is; one that cannot be is left."""
    shutil.rmtree(leftover, ignore_errors=True)
    with suppress(OSError):
        leftover.unlink(missing_ok=True)


def verify(folder: Path, needed: Iterable[str] = ()) -> frozenset[str]:
    """The names of a sealed folder's files. DamagedError unless all, and what is needed, are there and unchanged."""
    sums = read_json(folder / MANIFEST).get("sha256")
    if not isinstance(sums, dict) or not sums:
        raise DamagedError(f"{MANIFEST} names no files")
    if missing := sorted(set(needed) - sums.keys()):
        raise DamagedError(f"{MANIFEST} does not name {missing[0]}")
    for name, digest in sums.items():
        if Path(name).name != name or name in ("", ".", "..") or not name.isprintable():
            raise DamagedError(f"{MANIFEST} names {name!r}, which is no plain file name")
        try:
            with open_regular(folder / name) as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    raise DamagedError(f"{name} does not match its sha256")
        except OSError as error:
            raise unreadable(folder / name, error) from None
    return frozenset(sums)


def open_regular(path: Path) -> BufferedReader:
    """Opens a file to read. DamagedError for a pipe or a device, which would have no end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise DamagedError(f"{path.name} is not a file")
    return path.open("rb")


def unreadable(path: Path, error: OSError) -> Exception:
    """What it means that a file could not be read: damage, or a system that refuses for now and may not later."""
    said = error.strerror or str(error)
    if error.errno in PASSING:
        return RunFailedError(f"{path} cannot be read ({said}); nothing was changed")
    return DamagedError(f"{path.name} cannot be read ({said})")


def to_json(value: Any) -> bytes:
    """JSON as we write it: sorted, indented, a newline at the end, so that equal values are equal bytes."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of bounded size. DamagedError when it is missing or something else."""
    try:
        with open_regular(path) as file:
            content = file.read(LARGEST_JSON_BYTES + 1)
        if len(content) > LARGEST_JSON_BYTES:
            raise DamagedError(f"{path.name} is larger than {LARGEST_JSON_BYTES >> 20} MB")
        value = json.loads(content.decode("utf-8", "surrogatepass"))
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError):
        raise DamagedError(f"{path.name} is not JSON") from None
    if not isinstance(value, dict):
        raise DamagedError(f"{path.name} holds no JSON object")
    return value


def read_model(path: Path, model: type[Model]) -> Model:
    """A JSON file as a checked model. DamagedError, with the key and the value, for anything else."""
    values = read_json(path)
    try:
        return parse(model, values, prefix="")
    except UserError as error:
        raise DamagedError(f"{path.name}: {error}") from None


def write_synced(path: Path, content: bytes) -> None:
    """Writes a file and waits until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_synced(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, in place of the one there."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        write_synced(unfinished, content)
        unfinished.replace(path)
        sync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Waits until the disk has the names in a folder."""
    if os.name == "nt":
        return  # Windows gives no handle to a folder
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
