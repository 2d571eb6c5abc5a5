"""The content of a folder: names, sizes and times, by one pass of scandir."""

import hashlib
import os
import re
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from ganvas.errors import UserError

# Suffixes of the files that are opened as images; their content decides whether they are. The last line is of formats
# that are not read: such a file is refused by name and not silently ignored.
IMAGE_SUFFIXES = frozenset(
    [
        "png", "apng", "jpg", "jpeg", "jpe", "jfif", "mpo", "webp", "bmp", "dib", "gif", "tif", "tiff", "ppm", "pgm",
        "pbm", "pnm",
        "eps", "ps", "svg", "psd", "heic", "heif", "avif", "jxl", "jp2", "ico", "tga", "pfm", "raw", "pcx",
    ]
)  # fmt: skip
# Files without a suffix that are common beside images and are not images.
PLAIN_TEXTS = frozenset(
    ("LICENSE", "LICENCE", "COPYING", "NOTICE", "README", "MAKEFILE", "AUTHORS", "CHANGELOG", "CREDITS", "CITATION")
)
DEEPEST = 4


@dataclass
class FolderScan:
    """A folder and what is below it, four folders deep at most."""

    root: Path
    files: dict[str, list[str]] = field(default_factory=dict)
    """Folder (`""` is the root) -> names of the regular files in it, sorted."""
    folders: dict[str, list[str]] = field(default_factory=dict)
    """Folder -> names of the folders in it, in natural order."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(path, reason): dead or circular links, unreadable files, devices."""
    hidden: list[str] = field(default_factory=list)
    """Folders whose names begin with a dot: not searched, but reported as ignored."""
    unreadable: list[str] = field(default_factory=list)
    """Folders that we have no permission to read."""
    lines: list[str] = field(default_factory=list)
    """A line for each file: path, size, times."""

    def state(self) -> str:
        """Digest of names, sizes and times."""
        lines = sorted(self.lines) + [f"{name}\0{reason}" for name, reason in sorted(self.refused)]
        return hashlib.blake2b("\n".join(lines).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()

    def paths(self) -> list[str]:
        """Paths, below the root, of all regular files."""
        return [_below(folder, name) for folder, names in self.files.items() for name in names]

    def images(self, folder: str) -> list[str]:
        """Paths of the files in a folder that are named like images."""
        return [_below(folder, name) for name in self.files.get(folder, ()) if is_image_name(name)]

    def others(self) -> list[str]:
        """Paths of the files that are not named like images, and of hidden folders."""
        return [path for path in self.paths() if not is_image_name(path.rpartition("/")[2])] + self.hidden


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def is_image_name(name: str) -> bool:
    """Whether a file is opened as an image: it has such a suffix, or none and is not one of `PLAIN_TEXTS`."""
    _, dot, suffix = name.rpartition(".")
    return suffix.lower() in IMAGE_SUFFIXES if dot else name.upper() not in PLAIN_TEXTS


def natural_key(name: str) -> tuple[list[str | int], str]:
    """A key that sorts 2 before 10, and `img2` before `img10`."""
    # Texts and numbers alternate, also where a name begins with a number (the first text is ""), so text is compared
    # with text. Python converts at most 4300 digits.
    parts: list[str | int] = [*re.split(r"([0-9]{1,4000})", name.casefold())]
    parts[1::2] = [int(number) for number in parts[1::2]]
    return parts, name


def escaped_name(name: str) -> str:
    """A file's name as one line of valid text, equal on every system: NFC, with unprintable characters escaped."""
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
    prefix = _below(folder, "")
    with os.scandir(listing.root / folder) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini"):
                if entry.is_dir() and name not in ("__MACOSX", ".git"):
                    listing.hidden.append(f"{prefix}{name}/")
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
