"""Sets that are dropped on the page: archives, written below the runs in parts and checked before they are kept."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tarfile import is_tarfile
from zipfile import is_zipfile

from ganvas import files
from ganvas.data.sources import find_source
from ganvas.errors import UserError
from ganvas.studio.places import Places
from ganvas.studio.refusals import ConflictError, TooLargeError

SUFFIXES = (".zip", ".tar", ".npz")
NAME = re.compile(r"[\w][\w .-]{0,99}")
FREE_BYTES_LEFT = 1 << 30
_dropping: set[Path] = set()


async def keep_dropped(places: Places, name: str, parts: AsyncIterator[bytes], most: int) -> str:
    """Writes an archive as `name` and returns its name as a set. UserError, and nothing is kept, if it is none.

    What is inside is not unpacked here: a training reads it with the limits of `ganvas data`.
    """
    if not NAME.fullmatch(name) or Path(name).suffix.lower() not in SUFFIXES:
        raise UserError(
            f"a set that is dropped is one file, named {', '.join(SUFFIXES)}, with no signs but - _ . in it"
        )
    path = places.dropped / name
    if path.exists():
        raise ConflictError(f"there is a set {name} already: give this one another name")
    if path in _dropping:
        raise ConflictError(f"{name} is being dropped already")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = files.part_of(path)
    room = shutil.disk_usage(path.parent).free - FREE_BYTES_LEFT
    size = 0
    _dropping.add(path)
    try:
        with part.open("wb") as file:
            async for content in parts:
                size += len(content)
                if size > min(most, room):
                    raise TooLargeError(
                        f"the set has more than {min(most, max(room, 0)) >> 20:,} MiB, all that is free"
                    )
                file.write(content)
            files.sync(file)
        # Looked at under a name of its type, since the type is also known by name.
        checked = part.with_name(f".checked-{name}")
        part.rename(checked)
        part = checked
        if not (is_tarfile(checked) if path.suffix.lower() == ".tar" else is_zipfile(checked)):
            raise UserError(f"{name} is damaged, or no archive of its type")
        find_source(str(checked))
        checked.rename(path)
    except BaseException:
        files.remove(part)
        raise
    finally:
        _dropping.discard(path)
    return name
