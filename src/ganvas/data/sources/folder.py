"""A folder of images: a sub-folder per class, splits of those, or images without labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ganvas.data.labels import LabelChoice
from ganvas.data.sources.contents import ImageFiles, SourceContents
from ganvas.data.sources.partition import is_held_out_part
from ganvas.data.sources.scan import FolderScan, escaped_name, natural_key, path_below
from ganvas.errors import UserError

ImageFolder = tuple[str, str | None, bool]  # (path of a folder that directly holds images, class, is held out)
MOST_NAMED = 5


@dataclass(frozen=True)
class FolderLayout:
    """Which folders hold the images of a set."""

    words: str
    folders: list[ImageFolder]
    strays: list[str] = field(default_factory=list)
    """Paths, below the root, of folders and files that are no part of the set."""
    notes: list[str] = field(default_factory=list)


def read_class_folders(listing: FolderScan, scratch: Path, choice: LabelChoice) -> SourceContents:
    """Files by class, classes in natural order, from `cats/ dogs/`, `train/ test/`, or neither."""
    if listing.unreadable:
        reason = dict(listing.refused)[listing.unreadable[0]]
        raise UserError(f"the folder {listing.root / listing.unreadable[0]} {reason}; a class would vanish")
    layout = folder_layout(listing)
    images = [
        (path, name, is_held_out) for folder, name, is_held_out in layout.folders for path in listing.images(folder)
    ]
    if not images:
        raise UserError(f"there are no images in {listing.root}{_content(listing)}")
    names = sorted({name for _, name, _ in images if name is not None}, key=natural_key)
    classes = tuple(escaped_name(name) for name in names)
    if len(set(classes)) < len(classes):
        raise UserError(f"two class folders of {listing.root} have the same name once written as Unicode NFC")
    index = {name: label for label, name in enumerate(names)}
    has_split = any(is_held_out for _, _, is_held_out in images)
    return SourceContents(
        layout.words,
        (ImageFiles(listing.root, [path for path, _, _ in images]),),
        classes,
        np.array([index[name or ""] for _, name, _ in images], np.int64) if names else None,
        np.array([is_held_out for _, _, is_held_out in images]) if has_split else None,
        refused=list(listing.refused),
        ignored=listing.others(),
        skipped=skipped_with(listing, layout.strays),
        absent_classes=_absent_classes(listing, layout.folders, {*names}),
        notes=layout.notes,
    )


def folder_layout(listing: FolderScan) -> FolderLayout:
    """The layout of a folder. A folder that holds all the images in sub-folders is looked into."""
    base, strays = "", list[str]()
    while inner := _only_folder(listing, base):
        strays += [path_below(base, name) + "/" for name in listing.folders[base] if path_below(base, name) != inner]
        base = inner
    layout = _layout_below(listing, base)
    words = f"{layout.words}, in {escaped_name(base)}/" if base else layout.words
    return FolderLayout(words, layout.folders, strays + layout.strays, layout.notes)


def split_folders(listing: FolderScan, base: str = "") -> tuple[list[str], list[str]]:
    """Names of the folders in a folder that are trained on and held out; two empty lists where there is no split."""
    top = listing.folders[base]
    train = [name for name in top if is_held_out_part(name) is False]
    held_out = [name for name in top if is_held_out_part(name)]
    # A `sample/` beside `test/` is a small copy of the set to try things on.
    if tests := [name for name in held_out if not name.lower().startswith("sample")]:
        held_out = tests
    # Without a held-out part, `train` may be the name of a class: it is a split where it holds the classes.
    is_alone = len(train) == 1 and listing.folders.get(path_below(base, train[0]))
    others = [path_below(base, name) for name in top if name not in train]
    if not train or not (held_out or (is_alone and not any(listing.images(path) for path in others))):
        return [], []
    return train, held_out


def skipped_with(listing: FolderScan, strays: list[str]) -> Mapping[str, int]:
    """What the scan skipped, and files and folders that are no part of a layout."""
    return {**listing.skipped, **{escaped_name(stray): 1 for stray in strays}}


def some_of(names: list[str]) -> str:
    """The first few of some names: `a, b and 3 more`."""
    first = ", ".join(map(escaped_name, names[:MOST_NAMED]))
    return first + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _layout_below(listing: FolderScan, base: str) -> FolderLayout:
    """The layout of the root, or of the one folder in it that holds all the images."""
    train, held_out = split_folders(listing, base)
    if not train:
        if not listing.folders[base]:
            return FolderLayout("images without labels", [(base, None, False)])
        return FolderLayout("a folder per class", _classes(listing, base, False))
    parts = [(path_below(base, name), name in held_out) for name in (*train, *held_out)]
    strays = [path_below(base, name) + "/" for name in listing.folders[base] if name not in (*train, *held_out)]
    strays += listing.images(base)
    notes = []
    if left := [path for path in strays if not path.endswith("/") or listing.images_below(path[:-1])]:
        notes.append(f"left out, beside the splits: images in {some_of(left)}")
    has_classes = {path: bool(listing.folders[path]) for path, _ in parts}
    if any(has_classes[path] for path, is_held_out in parts if not is_held_out):
        for path, is_held_out in list(parts):
            if has_classes[path]:
                continue
            if not is_held_out:
                raise UserError(
                    f"{listing.root} mixes layouts: {escaped_name(path)}/ has no class folders and another part has"
                )
            # The test images of a competition, whose labels are not published.
            parts.remove((path, True))
            count = len(listing.images(path))
            notes += [f"left out: {count} images in {escaped_name(path)}/, which has no class folders"] if count else []
        folders = [folder for path, is_held_out in parts for folder in _classes(listing, path, is_held_out)]
        what = "a folder per class"
    elif any(has_classes.values()):
        path = next(path for path, is_divided in has_classes.items() if is_divided)
        raise UserError(f"{listing.root} mixes layouts: only {escaped_name(path)}/ has class folders")
    else:
        folders = [(path, None, is_held_out) for path, is_held_out in parts]
        what = "images without labels"
    names = ", ".join(f"{escaped_name(path.rpartition('/')[2])}/" for path, _ in parts)
    return FolderLayout(f"{names} with {what}", folders, strays, notes)


def _only_folder(listing: FolderScan, base: str) -> str:
    """The one folder in a folder below which all images lie, in folders of its own; else empty."""
    if listing.images(base) or any(split_folders(listing, base)):
        return ""
    prefix = path_below(base, "")
    below = (folder for folder in listing.files if folder != base and folder.startswith(prefix))
    holders = {folder[len(prefix) :].partition("/")[0] for folder in below if listing.images(folder)}
    if len(holders) != 1:
        return ""
    inner = path_below(base, holders.pop())
    return "" if listing.images(inner) else inner


def _classes(listing: FolderScan, parent: str, is_held_out: bool) -> list[ImageFolder]:
    """The class folders in a folder; nested and mixed layouts are refused with an example."""
    if loose := listing.images(parent):
        raise UserError(
            f"{listing.root} mixes layouts: there are {len(loose)} images beside the class folders, "
            f"such as {escaped_name(loose[0])}"
        )
    folders: list[ImageFolder] = []
    for name in listing.folders[parent]:
        path = path_below(parent, name)
        if (inner := listing.folders.get(path)) and listing.images_below(path):
            raise UserError(
                f"{listing.root} is nested: images must be directly in a class's folder, "
                f"and {escaped_name(path)}/ holds the folder {escaped_name(inner[0])}/; --nested NAME/NAME takes the "
                "folders of each level as a part of the label, such as shape/colour"
            )
        folders.append((path, name, is_held_out))
    return folders


def _absent_classes(listing: FolderScan, folders: list[ImageFolder], names: set[str]) -> list[tuple[str, str]]:
    """(class, reason) of the class folders that hold no image."""
    absent: dict[str, str] = {}
    for folder, name, _ in folders:
        if name is not None and name not in names:
            files = listing.files.get(folder, [])
            absent[name] = f"its {len(files)} files are no images, such as {escaped_name(files[0])}" if files else ""
    return [(escaped_name(name), reason or "it holds no images") for name, reason in absent.items()]


def _content(listing: FolderScan) -> str:
    """What a folder without images holds, as the end of a sentence."""
    if others := listing.others():
        return f"; it holds {some_of(others)}"
    if listing.skipped:
        return f"; it holds {some_of(list(listing.skipped))}, which are not searched"
    return "" if listing.refused else ": it is empty"
