"""Folders that are whole or absent: written beside their place, synced, renamed, and checked before they are read."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from ganvas import files
from ganvas.files import DamagedError

MANIFEST = "manifest.json"


def write_sealed(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Writes files and their sha256 as `folder`, replacing what lay there. OSError leaves the old one as it was."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    part = files.part_of(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    files.remove(part)
    part.mkdir()
    try:
        for name, content in {**contents, MANIFEST: files.to_json({"sha256": sums})}.items():
            (part / name).write_bytes(content)
        files.sync_contents(part)
        files.replace_folder(part, folder)
    except OSError:
        files.remove(part)
        raise


def verify_sealed(folder: Path, needed: Collection[str] = (), others: bool = True) -> frozenset[str]:
    """The names of a sealed folder's files. DamagedError unless all, and what is needed, are there and unchanged.

    others: False leaves aside what is not needed; it may be missing or changed.
    """
    sums = files.read_json(folder / MANIFEST).get("sha256")
    if not isinstance(sums, dict) or not sums:
        raise DamagedError(f"{MANIFEST} names no files")
    if missing := sorted(set(needed) - sums.keys()):
        raise DamagedError(f"{MANIFEST} does not name {missing[0]}")
    for name, digest in sums.items():
        if not others and name not in needed:
            continue
        if Path(name).name != name or name in ("", ".", "..") or not name.isprintable():
            raise DamagedError(f"{MANIFEST} names {name!r}, which is no plain file name")
        try:
            with files.open_regular(folder / name) as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    raise DamagedError(f"{name} does not match its sha256")
        except OSError as error:
            raise files.unreadable(folder / name, error) from None
    return frozenset(sums)
