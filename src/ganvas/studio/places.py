"""The folder that the studio shows: its runs and its sets, and nothing that lies outside it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ganvas.console import printable
from ganvas.data.sources import SOURCES
from ganvas.errors import nearest
from ganvas.runs.folder import RunFolder
from ganvas.studio.refusals import NotFoundError

RUNS = "runs"
OWN = ".studio"  # below the runs: what trainings print, and sets that were dropped on the page
MOST_SET_FOLDERS = 200


class Places:
    """A folder with runs, or with a folder `runs`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        holds_runs = self.root.name == RUNS or next(self.root.glob("*/run.json"), None) is not None
        self.runs = self.root if holds_runs else self.root / RUNS

    def run_folders(self) -> Iterator[RunFolder]:
        """The runs, in no order. A link is no run: it may lead out of the folder."""
        with suppress(OSError), os.scandir(self.runs) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    folder = RunFolder(Path(entry.path))
                    if is_inside(folder.record, self.runs) and folder.exists():
                        yield folder

    def run(self, name: str) -> RunFolder:
        """The run of a name. NotFoundError for any other name, a path among them."""
        for folder in self.run_folders():
            if folder.path.name == name:
                return folder
        known = [folder.path.name for folder in self.run_folders()]
        raise NotFoundError(f"there is no run {printable(name)[:100]!r}; {nearest(name[:200], known[:200])}")

    def console_of(self, name: str) -> Path:
        """Where a training that the studio started prints."""
        return self.runs / OWN / f"{name}.txt"

    @property
    def dropped(self) -> Path:
        """Where sets lie that were dropped on the page."""
        return self.runs / OWN / "sets"

    def source(self, given: str) -> str:
        """A known set's name, or the path of a set below the folder. NotFoundError for anything else."""
        if given in SOURCES:
            return given
        for base in (self.root, self.dropped):
            path = base / given
            if given and "\0" not in given and is_inside(path, base) and path.exists() and path.resolve() != self.root:
                return str(path.resolve())
        known = [*SOURCES, *self.sets()]
        raise NotFoundError(
            f"there is no set {printable(given)[:100]!r} below the folder; {nearest(given[:200], known)}"
        )

    def sets(self) -> list[str]:
        """What below the folder may be a set: archives and arrays, folders, and what was dropped. At most 200."""
        found = []
        with suppress(OSError):
            found += [path.name for path in sorted(self.dropped.iterdir()) if not path.name.startswith(".")]
        with suppress(OSError), os.scandir(self.root) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                is_set = entry.is_dir() or Path(entry.name).suffix in (".zip", ".tar", ".npz", ".npy")
                is_run = (self.root / entry.name / "run.json").exists() or entry.name == RUNS
                if is_set and not is_run and not entry.name.startswith(".") and is_inside(Path(entry.path), self.root):
                    found.append(entry.name)
        return found[:MOST_SET_FOLDERS]

    def without_paths(self, sentence: str) -> str:
        """A sentence that shows no path of this machine."""
        for folder in (self.runs, self.root, Path.home()):
            if len(folder.parts) > 1:
                sentence = sentence.replace(f"{folder}{os.sep}", "").replace(str(folder), folder.name)
        return sentence


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path lies below a folder when all links are followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        return False
