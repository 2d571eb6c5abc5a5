"""Which file a table means: by its path, or by what is left of it where exactly one file fits."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganvas.data.sources.formats import IMAGE_SUFFIXES, suffix_of
from ganvas.data.sources.partition import part_of_path

Kind = Literal["folder", "suffix", "case", "number", "absolute"]
KINDS: dict[Kind, str] = {
    "absolute": "by an absolute path",
    "folder": "in another folder",
    "suffix": "with another suffix, or none",
    "case": "in other case or another form of Unicode",
    "number": "by the number",
}
"""How a file was found that is not where its table says, in words."""
SEVERAL = "fits several files"


@dataclass(frozen=True)
class Match:
    """The file that a cell means."""

    path: str = ""
    """Below the root; empty where there is none."""
    kinds: tuple[Kind, ...] = ()
    reason: str = ""
    """Why there is none: the end of a sentence about the cell."""


class FileMatcher:
    """Finds the files below a folder that the cells of a table name."""

    def __init__(self, root: Path, base: str, files: Iterable[str], images: Iterable[str]) -> None:
        self.root = root
        self._prefix = f"{base}/" if base else ""
        self._files = {path.removeprefix(self._prefix): path for path in files if path.startswith(self._prefix)}
        self._images = [path.removeprefix(self._prefix) for path in images if path.startswith(self._prefix)]
        folders = {str(root / base), str(root.absolute() / base), str(root.resolve() / base)}
        self._roots = tuple(folder.replace("\\", "/").rstrip("/") + "/" for folder in folders)
        self._tails: dict[str, list[str]] | None = None
        self._stems: dict[str, list[str]] = defaultdict(list)
        self._numbers: dict[int, list[str]] = defaultdict(list)

    def find(
        self, cell: str, shared: tuple[str, ...] = (), is_held_out: bool | None = None, by_number: bool = True
    ) -> Match:
        """The file of a cell. Of several that fit, the one in the part of the set that the row belongs to.

        `shared` are the folders that every path of the column begins with: they distinguish nothing.
        """
        plain, parts = _plain(cell)
        if plain in self._files:
            return Match(self._files[plain])
        inside = next((plain.removeprefix(root) for root in self._roots if plain.startswith(root)), None)
        if inside is not None:
            parts = tuple(inside.split("/"))
            if inside in self._files:
                return Match(self._files[inside], ("absolute",))
        is_elsewhere = inside is None and re.match(r"/|[A-Za-z]:/", plain) is not None
        nowhere = Match(reason="leads out of the folder" if is_elsewhere or ".." in parts else "is not there")
        if not parts:
            return nowhere
        part = part_of_path("/".join(parts)) if is_held_out is None else is_held_out
        droppable = len(shared) if parts[: len(shared)] == shared else 0
        for tail in (parts[start:] for start in range(1 + droppable)):
            for found, is_number in self._candidates(tail, by_number):
                fitting = [path for path in found if part is None or part_of_path(path) in (None, part)]
                if len(fitting) == 1:
                    return self._match(fitting[0], parts, is_number, inside is not None)
                if fitting:
                    return Match(reason=SEVERAL)
        return nowhere

    def _candidates(self, tail: tuple[str, ...], by_number: bool) -> Iterable[tuple[list[str], bool]]:
        """The files that fit a path, the best way first, and whether they fit by their number."""
        if self._tails is None:
            self._tails = self._index()
        key = _folded("/".join(tail))
        yield self._tails.get(key, []), False
        yield self._stems.get(key, []), False
        if suffix_of(key) in IMAGE_SUFFIXES:
            yield self._stems.get(key.rpartition(".")[0], []), False
        # A spreadsheet drops the zeros of 007.
        if by_number and len(tail) == 1 and re.fullmatch(r"[0-9]{1,18}", key):
            yield self._numbers.get(int(key), []), True

    def _index(self) -> dict[str, list[str]]:
        """Every end of every image's path -> the images that it fits."""
        tails: dict[str, list[str]] = defaultdict(list)
        for path in self._images:
            folders = _folded(path).split("/")
            name = folders.pop()
            stem = _stem(name)
            for start in range(len(folders) + 1):
                above = "".join(f"{folder}/" for folder in folders[start:])
                tails[above + name].append(path)
                self._stems[above + stem].append(path)
            if re.fullmatch(r"[0-9]{1,18}", stem):
                self._numbers[int(stem)].append(path)
        return tails

    def _match(self, path: str, parts: tuple[str, ...], is_number: bool, is_absolute: bool) -> Match:
        (folder, _, name), (named_folder, _, named) = path.rpartition("/"), "/".join(parts).rpartition("/")
        stem, named_stem = _stem(name), _stem(named)
        is_elsewhere = folder != named_folder and _folded(folder) != _folded(named_folder)
        # The two names, without what is another suffix.
        pairs = ((name, named), (stem, named), (stem, named_stem))
        same = next((pair for pair in pairs if pair[0] == pair[1] or _folded(pair[0]) == _folded(pair[1])), ("", ""))
        kinds: list[Kind] = ["absolute"] if is_absolute else []
        kinds += ["folder"] if is_elsewhere else []
        kinds += ["number"] if is_number else ["suffix"] if same[0] != name else []
        kinds += ["case"] if same[0] != same[1] or (folder != named_folder and not is_elsewhere) else []
        return Match(self._prefix + path, tuple(kinds))


def _plain(path: str) -> tuple[str, tuple[str, ...]]:
    """A path with `/` between its parts and without empty ones, and its parts; `/` is the first of an absolute one."""
    text = path.strip().replace("\\", "/")
    names = [name for name in text.split("/") if name not in ("", ".")]
    root = "/" if text.startswith("/") else ""
    return root + "/".join(names), (*root, *names)


def _stem(name: str) -> str:
    """A file's name without its suffix."""
    return name.rpartition(".")[0] if "." in name else name


def _folded(path: str) -> str:
    """A path as it is compared: `Ä.PNG` is `ä.png`, however it is composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def shared_folders(cells: list[str]) -> tuple[str, ...]:
    """The folders that every path of a column begins with."""
    shared: tuple[str, ...] | None = None
    for cell in cells:
        folders = _plain(cell)[1][:-1]
        if shared is None:
            shared = folders
        while shared != folders[: len(shared)]:
            shared = shared[:-1]
        if not shared:
            return ()
    return shared or ()
