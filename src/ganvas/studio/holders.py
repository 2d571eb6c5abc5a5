"""Which process trains a run: asked of the system, since what a file says of it may be old or wrong."""

import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

Holders = dict[int, list[int]]
"""The inode of a locked file -> the processes that hold it."""
LOCKS = Path("/proc/locks")


def lock_holders() -> Holders | None:
    """All file locks of this machine; None where the system does not list them."""
    found: Holders = defaultdict(list)
    try:
        for line in LOCKS.read_text("ascii").splitlines():
            # 3: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
            parts = line.split()
            if len(parts) >= 6 and parts[1] == "FLOCK" and parts[4].isdigit():
                found[int(parts[5].rpartition(":")[2])].append(int(parts[4]))
    except (OSError, ValueError):
        return None
    return found


def holder_of(path: Path, holders: Holders | None) -> int | None:
    """The id of the process that holds the lock on a file; None where no process does."""
    try:
        locked = path.stat()
    except OSError:
        return None
    if holders is None:
        return _noted(path)
    for process in holders.get(locked.st_ino, ()):
        # Inodes of two disks may be equal: the process has to have opened this very file.
        with suppress(OSError):
            for handle in list(Path(f"/proc/{process}/fd").iterdir()):
                with suppress(OSError):
                    opened = handle.stat()
                    if (opened.st_ino, opened.st_dev) == (locked.st_ino, locked.st_dev):
                        return process
    return None


def _noted(path: Path) -> int | None:
    # Without a list of locks: the process that the file names, if there is one.
    with suppress(OSError, ValueError):
        process = int(path.read_text("ascii")[:20])
        os.kill(process, 0)
        return process
    return None
