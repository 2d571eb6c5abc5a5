"""SOURCE, the one argument that names images: a known set, a path, or `hf:owner/name`."""

import re
from collections.abc import Callable
from pathlib import Path

from ganvas.data.sources.celeba import CelebA, is_celeba
from ganvas.data.sources.contents import Source
from ganvas.data.sources.digits import Digits
from ganvas.data.sources.folder import ClassFolders
from ganvas.data.sources.hub import CelebAFromHub, FashionMnist, HubSet, Mnist
from ganvas.data.sources.idx import IdxFiles, idx_files
from ganvas.data.sources.metadata import MetadataTable
from ganvas.data.sources.npz import NpzFile
from ganvas.data.sources.scan import scan_folder
from ganvas.errors import UserError, nearest

SOURCES: dict[str, Callable[[str | None], Source]] = {
    "celeba": CelebAFromHub,
    "digits": Digits,
    "fashion-mnist": FashionMnist,
    "mnist": Mnist,
}


def find_source(source: str, attribute: str | None = None) -> Source:
    """The source that a person names; a UserError where there is none. Looks at names and sizes, reads no image."""
    if source in SOURCES:
        return SOURCES[source](attribute)
    if source.startswith("hf:"):
        if not re.fullmatch(r"hf:[\w.-]+/[\w.-]+", source):
            raise UserError(f"a set on the hub is written hf:owner/name, not {source}")
        return HubSet(source.removeprefix("hf:"), attribute)
    path = _existing(source)
    if path.is_dir():
        return _in_folder(path, attribute)
    if path.suffix.lower() == ".npz":
        return NpzFile(path, attribute)
    raise UserError(f"{source} is a file, and of single files only .npz is read; a folder of images would do")


def location_of(source: str) -> str:
    """A source's name, or where it lies: two folders whose files have equal names, sizes and times are still two."""
    return source if source in SOURCES or source.startswith("hf:") else str(Path(source).expanduser().resolve())


def _existing(source: str) -> Path:
    try:
        path = Path(source).expanduser()
        if source and path.exists():
            return path
        siblings = [p.name for p in path.parent.iterdir() if not p.name.startswith(".")] if source else []
    except (OSError, ValueError, RuntimeError):
        siblings = []
    close = nearest(source, [*SOURCES, *(str(Path(source).parent / name) for name in siblings)])
    guess = close.partition("? ")[0] + "? " if "? " in close else ""
    raise UserError(
        f"there is no source {source!r}: no such file or folder, and no known set; {guess}"
        f"known are {', '.join(sorted(SOURCES))}, hf:owner/name"
    )


def _in_folder(path: Path, attribute: str | None) -> Source:
    listing = scan_folder(path)
    if idx_files(listing):
        return IdxFiles(listing, attribute)
    if is_celeba(listing):
        return CelebA(listing, attribute)
    if "metadata.csv" in listing.files[""]:
        return MetadataTable(listing, attribute)
    return ClassFolders(listing, attribute)
