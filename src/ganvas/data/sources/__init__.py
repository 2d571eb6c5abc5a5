"""SOURCE, the one argument that names images: a known set, a path, or `hf:owner/name`."""

import re
from contextlib import suppress
from functools import partial
from pathlib import Path

from ganvas.data.sources.celeba import is_celeba, read_celeba
from ganvas.data.sources.contents import Source
from ganvas.data.sources.digits import DIGITS
from ganvas.data.sources.folder import read_class_folders
from ganvas.data.sources.hub import CELEBA, FASHION_MNIST, MNIST, hub_source
from ganvas.data.sources.idx import idx_files, read_idx
from ganvas.data.sources.metadata import read_metadata
from ganvas.data.sources.npz import read_npz
from ganvas.data.sources.scan import FolderScan, escaped_name, scan_folder, state_line
from ganvas.errors import UserError, nearest

SOURCES = {source.name: source for source in (CELEBA, DIGITS, FASHION_MNIST, MNIST)}
FILES = {".npz": read_npz}
"""Sets in one file, by its suffix in lower case."""


def find_source(source: str) -> Source:
    """The source that a person names; a UserError where there is none. Uses names and sizes, and reads no image."""
    if source in SOURCES:
        return SOURCES[source]
    if source.startswith("hf:"):
        if not re.fullmatch(r"hf:[\w.-]+/[\w.-]+", source):
            raise UserError(f"a set on the hub is written hf:owner/name, not {source}")
        return hub_source(source.removeprefix("hf:"))
    siblings: list[str] = []
    try:
        path = Path(source).expanduser()
        exists = bool(source) and path.exists()
        if source and not exists:
            siblings = [p.name for p in path.parent.iterdir() if not p.name.startswith(".")]
    except (OSError, ValueError, RuntimeError):  # no such folder, a zero byte, no such user
        exists = False
    if not exists:
        close = nearest(source, [*SOURCES, *(str(Path(source).parent / name) for name in siblings)])
        guess = close.partition("? ")[0] + "? " if "? " in close else ""
        raise UserError(
            f"there is no source {source!r}: no such file or folder, and no known set; {guess}"
            f"known are {', '.join(SOURCES)}, hf:owner/name"
        )
    if path.is_dir():
        listing = scan_folder(path)
        if idx_files(listing):
            read = read_idx
        elif is_celeba(listing):
            read = read_celeba
        else:
            read = read_metadata if "metadata.csv" in listing.files[""] else read_class_folders
        return Source(escaped_name(path.resolve().name) or "images", listing.state, partial(read, listing))
    if read_file := FILES.get(path.suffix.lower()):
        state = FolderScan(path.parent, lines=[state_line(path.name, path.stat())]).state
        return Source(escaped_name(path.stem) or "images", state, partial(read_file, path))
    raise UserError(f"{source} is a file, and only {', '.join(FILES)} files are read; give a folder of images")


def location_of(source: str) -> str:
    """The resolved path of a source, or its name where it has none. It keeps apart folders with equal content."""
    if source in SOURCES or source.startswith("hf:"):
        return source
    with suppress(RuntimeError):  # `~name` of an unknown user: a folder of that name, as in a shell
        return str(Path(source).expanduser().resolve())
    return str(Path(source).resolve())
