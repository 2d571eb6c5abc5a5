"""A folder of images: a sub-folder per class, splits of those, or images without labels."""

from pathlib import Path

import numpy as np

from ganvas.data.sources.contents import ImageFiles, SourceContents
from ganvas.data.sources.scan import FolderScan, escaped_name, natural_key
from ganvas.errors import UserError

HELD_OUT_NAMES = ("test", "val", "valid", "validation")


ImageFolder = tuple[str, str | None, bool]  # (path of a folder that directly holds images, class, is held out)


def read_class_folders(listing: FolderScan, scratch: Path, attribute: str | None) -> SourceContents:
    """Files by class, classes in natural order, from `cats/ dogs/`, `train/ test/`, or neither."""
    if listing.unreadable:
        reason = dict(listing.refused)[listing.unreadable[0]]
        raise UserError(f"the folder {listing.root / listing.unreadable[0]} {reason}; a class would vanish")
    layout, folders = _layout(listing)
    images = [(path, name, is_held_out) for folder, name, is_held_out in folders for path in listing.images(folder)]
    if not images:
        others = [escaped_name(name) for name in listing.others()]
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        content = f"; it holds {', '.join(others[:5])}{more}" if others else "" if listing.refused else ": it is empty"
        raise UserError(f"there are no images in {listing.root}{content}")
    names = sorted({name for _, name, _ in images if name is not None}, key=natural_key)
    classes = tuple(escaped_name(name) for name in names)
    if len(set(classes)) < len(classes):
        raise UserError(f"two class folders of {listing.root} have the same name once written as Unicode NFC")
    index = {name: label for label, name in enumerate(names)}
    empty = {escaped_name(name) for _, name, _ in folders if name is not None} - {*classes}
    has_split = any(is_held_out for _, _, is_held_out in folders)
    return SourceContents(
        layout,
        (ImageFiles(listing.root, [path for path, _, _ in images]),),
        classes,
        np.array([index[name or ""] for _, name, _ in images], np.int64) if names else None,
        np.array([is_held_out for _, _, is_held_out in images]) if has_split else None,
        refused=list(listing.refused),
        ignored=listing.others(),
        notes=[f"class folder without images, left out: {name}" for name in sorted(empty)],
    )


def _layout(listing: FolderScan) -> tuple[str, list[ImageFolder]]:
    """The layout in words, and the folders that hold images."""
    top = listing.folders[""]
    lowered = {name.lower(): name for name in top}
    held_out = [name for low, name in lowered.items() if low in HELD_OUT_NAMES]
    train = lowered.get("train")
    if train is None or len(held_out) + 1 != len(top) or not (held_out or listing.folders.get(train)):
        if not top:
            return "images without labels", [("", None, False)]
        return "a folder per class", _classes(listing, "", False)
    if listing.images(""):
        raise UserError(f"{listing.root} mixes layouts: there are images beside train/")
    splits = [train, *held_out]
    without_classes = [split for split in splits if not listing.folders[split]]
    if without_classes and len(without_classes) < len(splits):
        raise UserError(
            f"{listing.root} mixes layouts: {without_classes[0]}/ has no class folders and another part has"
        )
    names = ", ".join(f"{split}/" for split in splits)
    if without_classes:
        return f"{names} with images without labels", [(split, None, split != train) for split in splits]
    folders = [folder for split in splits for folder in _classes(listing, split, split != train)]
    return f"{names} with a folder per class", folders


def _classes(listing: FolderScan, parent: str, is_held_out: bool) -> list[ImageFolder]:
    """The class folders in a folder; nested and mixed layouts are refused with an example."""
    if loose := listing.images(parent):
        raise UserError(
            f"{listing.root} mixes layouts: there are {len(loose)} images beside the class folders, "
            f"such as {escaped_name(loose[0])}"
        )
    folders: list[ImageFolder] = []
    for name in listing.folders[parent]:
        path = f"{parent}/{name}" if parent else name
        if inner := listing.folders.get(path):
            raise UserError(
                f"{listing.root} is nested: images must be directly in a class's folder, "
                f"and {escaped_name(path)}/ holds the folder {escaped_name(inner[0])}/"
            )
        folders.append((path, name, is_held_out))
    return folders
