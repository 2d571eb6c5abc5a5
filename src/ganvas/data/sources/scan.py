"""The content of a folder: names, sizes and times, by one pass of scandir."""

import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ganvas.data.sources.formats import is_image_file, is_image_name
from ganvas.errors import UserError

# What systems, disks, editors and sharing programs leave in folders, in lower case. Names that begin with a dot are
# skipped as well.
SYSTEM_NAMES = frozenset(
    (
        "__macosx", "__pycache__", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini",
        "icon\r", "@eadir", "@tmp", "@recycle", "@recently-snapshot", "@sharebin", "@sharesnap", "#recycle",
        "#snapshot", "$recycle.bin", "system volume information", "lost+found", "found.000", "network trash folder",
        "temporary items",
    )
)  # fmt: skip
DEEPEST = 5


@dataclass
class FolderScan:
    """A folder and what is below it, five folders deep at most, itself included."""

    root: Path
    files: dict[str, list[str]] = field(default_factory=dict)
    """Folder (`""` is the root) -> names of the regular files in it, sorted."""
    folders: dict[str, list[str]] = field(default_factory=dict)
    """Folder -> names of the folders in it, in natural order."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(path, reason): dead or circular links, unreadable files, devices."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Name (a folder's ends with `/`) -> how many files and folders of hidden and system names were not searched."""
    unreadable: list[str] = field(default_factory=list)
    """Folders that we have no permission to read."""
    lines: list[str] = field(default_factory=list)
    """A line for each file: path, size, times."""
    _images: dict[str, list[str]] = field(default_factory=dict)

    def state(self) -> str:
        """Digest of names, sizes and times."""
        lines = sorted(self.lines) + [f"{name}\0{reason}" for name, reason in sorted(self.refused)]
        return hashlib.blake2b("\n".join(lines).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()

    def paths(self) -> list[str]:
        """Paths, below the root, of all regular files."""
        return [path_below(folder, name) for folder, names in self.files.items() for name in names]

    def images(self, folder: str) -> list[str]:
        """Paths of the files in a folder that are images by their suffix or content; the others are not opened."""
        if folder not in self._images:
            names = self.files.get(folder, ())
            self._images[folder] = [path for name in names if self._is_image(path := path_below(folder, name), name)]
        return self._images[folder]

    def images_below(self, folder: str) -> list[str]:
        """Paths of the images in a folder and in the folders below it."""
        below = path_below(folder, "")
        return [path for each in self.files if each == folder or each.startswith(below) for path in self.images(each)]

    def others(self) -> list[str]:
        """Paths of the files that are no images."""
        images = set(self.images_below(""))
        return [path for path in self.paths() if path not in images]

    def _is_image(self, path: str, name: str) -> bool:
        by_name = is_image_name(name)
        return is_image_file(self.root / path) if by_name is None else by_name


def path_below(folder: str, name: str) -> str:
    """The path of a name in a folder; the root is `""`."""
    return f"{folder}/{name}" if folder else name


def natural_key(name: str) -> tuple[list[str | int], str]:
    """A key that sorts 2 before 10, and `img2` before `img10`."""
    # Texts and numbers alternate, also where a name begins with a number (the first text is ""), so text is compared
    # with text. Python converts at most 4300 digits.
    parts: list[str | int] = [*re.split(r"([0-9]{1,4000})", name.casefold())]
    parts[1::2] = [int(number) for number in parts[1::2]]
    return parts, name


def escaped_name(name: str) -> str:
    """A file's name as one line of valid text, equal on every system: NFC, with unprintable characters escaped."""
    if name.isascii() and name.isprintable():
        return name
    text = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def scan_folder(root: Path) -> FolderScan:
    """Names, sizes and times of everything in a folder. Links are followed, except back to a folder above them."""
    listing = FolderScan(root)
    try:
        status = root.stat()
        _scan(listing, "", ((status.st_dev, status.st_ino),))
    except OSError as error:
        raise UserError(f"the folder {root} cannot be read: {error.strerror or error}") from None
    return listing


def state_line(name: str, status: os.stat_result) -> str:
    """A file in `FolderScan.lines`."""
    return f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}"


def _scan(listing: FolderScan, folder: str, parents: tuple[tuple[int, int], ...]) -> None:
    """Adds the content of a folder; `parents` are (device, inode) of the folder and of those above it."""
    files = listing.files[folder] = []
    folders: list[tuple[str, tuple[int, int]]] = []
    listing.folders[folder] = []
    prefix = path_below(folder, "")
    with os.scandir(listing.root / folder) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name.lower() in SYSTEM_NAMES:
                kind = "._*" if name.startswith("._") else name + "/" * entry.is_dir()
                listing.skipped[escaped_name(kind)] += 1
                continue
            try:
                status = entry.stat()
            except OSError as error:
                listing.refused.append((prefix + name, f"cannot be read: {error.strerror or error}"))
                continue
            if stat.S_ISREG(status.st_mode):
                files.append(name)
                listing.lines.append(state_line(prefix + name, status))
            elif stat.S_ISDIR(status.st_mode):
                folders.append((name, (status.st_dev, status.st_ino)))
            else:
                listing.refused.append((prefix + name, "is neither a file nor a folder"))
    files.sort()
    for name, identity in sorted(folders, key=lambda folder: natural_key(folder[0])):
        path = prefix + name
        if identity in parents:
            listing.refused.append((path, "a link that leads back to a folder above it"))
            continue
        listing.folders[folder].append(name)
        listing.lines.append(f"{path}/")
        if len(parents) >= DEEPEST:
            continue  # deeper than any layout that is read
        try:
            _scan(listing, path, (*parents, identity))
        except OSError as error:
            listing.unreadable.append(path)
            listing.refused.append((path, f"cannot be read: {error.strerror or error}"))
