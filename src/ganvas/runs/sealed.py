"""Folders that are whole or absent: written beside their place, synced, renamed, and checked before they are read."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
LARGEST_JSON_BYTES = 8 << 20


class DamagedError(Exception):
    """A file of a sealed folder is missing, cut, changed or not what it should be. The text names it."""


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes `files` and their sha256 as `folder`, replacing what lay there. OSError leaves the old one as it was."""
    manifest = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    unfinished = folder.with_name(f".{folder.name}.part")
    replaced = folder.with_name(f".{folder.name}.old")
    folder.parent.mkdir(parents=True, exist_ok=True)
    for leftover in (unfinished, replaced):
        shutil.rmtree(leftover, ignore_errors=True)
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
        shutil.rmtree(unfinished, ignore_errors=True)
        if replaced.exists() and not folder.exists():
            replaced.rename(folder)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def verify(folder: Path) -> None:
    """DamagedError unless every file that the manifest names is there and unchanged."""
    sums = read_json(folder / MANIFEST).get("sha256")
    if not isinstance(sums, dict) or not sums:
        raise DamagedError(f"{MANIFEST} names no files")
    for name, digest in sums.items():
        if Path(name).name != name or name in ("", ".", ".."):
            raise DamagedError(f"{MANIFEST} names {name!r}, which is no plain file name")
        try:
            with (folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    raise DamagedError(f"{name} does not match its sha256")
        except OSError as error:
            raise DamagedError(f"{name} cannot be read ({error.strerror})") from None


def to_json(value: Any) -> bytes:
    """JSON as we write it: sorted, indented, a newline at the end, so that equal values are equal bytes."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of bounded size. DamagedError when it is missing or something else."""
    try:
        if path.stat().st_size > LARGEST_JSON_BYTES:
            raise DamagedError(f"{path.name} is larger than {LARGEST_JSON_BYTES >> 20} MB")
        value = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    except OSError as error:
        raise DamagedError(f"{path.name} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise DamagedError(f"{path.name} is not JSON") from None
    if not isinstance(value, dict):
        raise DamagedError(f"{path.name} holds no JSON object")
    return value


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
    except OSError:
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
