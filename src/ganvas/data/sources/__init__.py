"""SOURCE, the one argument that names images: a known set, a path, or `hf:owner/name`."""

import re
from contextlib import suppress
from pathlib import Path

from ganvas import console
from ganvas.data.sources.contents import Source
from ganvas.data.sources.digits import DIGITS
from ganvas.data.sources.hub import CELEBA, FASHION_MNIST, MNIST, hub_source
from ganvas.data.sources.single_file import path_source
from ganvas.errors import UserError, nearest

SOURCES = {source.name: source for source in (CELEBA, DIGITS, FASHION_MNIST, MNIST)}


def find_source(source: str) -> Source:
    """The source that a person names; a UserError where there is none. Uses names and sizes, and reads no image."""
    if source in SOURCES:
        if Path(source).exists():
            console.info(f"{source} is the known set, and not {source} in this folder; for that give ./{source}")
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
    return path_source(path)


def is_place(source: str) -> bool:
    """Whether a source is a file or a folder, and not a name."""
    return source not in SOURCES and not source.startswith("hf:")


def location_of(source: str) -> str:
    """The resolved path of a source, or its name where it has none. It keeps apart folders with equal content."""
    if not is_place(source):
        return source
    with suppress(RuntimeError):  # `~name` of an unknown user: a folder of that name, as in a shell
        return str(Path(source).expanduser().resolve())
    return str(Path(source).resolve())
