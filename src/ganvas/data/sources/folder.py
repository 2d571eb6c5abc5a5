"""A folder of images: a sub-folder per class, splits of those, or images without labels."""

from pathlib import Path

import numpy as np

from ganvas.data.sources.contents import ImageFiles, SourceContents, refuse_attribute
from ganvas.data.sources.scan import FolderScan, FolderSource, escaped_name, natural_order
from ganvas.errors import UserError

HELD_OUT_NAMES = ("test", "val", "valid", "validation")


class ClassFolders(FolderSource):
    """Images in a folder: `cats/ dogs/`, `train/ test/`, or none of them."""

    def contents(self, scratch: Path) -> SourceContents:
        """Files by class, classes in natural order."""
        if self.listing.unreadable:
            reason = dict(self.listing.refused)[self.listing.unreadable[0]]
            raise UserError(
                f"the folder {self.listing.root / self.listing.unreadable[0]} {reason}; a class would vanish"
            )
        layout, placed = _layout(self.listing)
        refuse_attribute(self.attribute, layout)
        found = [(split, class_name, self.listing.images(folder)) for split, class_name, folder in placed]
        if not any(names for *_, names in found):
            raise UserError(f"there are no images in {self.listing.root}{_what_instead(self.listing)}")
        folders = {class_name for _, class_name, names in found if class_name is not None and names}
        known = natural_order(folders)
        classes = tuple(escaped_name(name) for name in known)
        if len(set(classes)) < len(classes):
            raise UserError(f"two class folders of {self.listing.root} have the same name once written as Unicode NFC")
        labels = [known.index(c) for _, c, names in found if c is not None for _ in names]
        held_out = [split != "train" for split, _, names in found for _ in names]
        splits = {split for split, *_ in found}
        empty = sorted({escaped_name(c) for _, c, names in found if c is not None and c not in folders})
        return SourceContents(
            layout,
            (ImageFiles(self.listing.root, [name for *_, names in found for name in names]),),
            classes,
            np.array(labels, np.int64) if known else None,
            np.array(held_out) if splits - {"train"} else None,
            refused=list(self.listing.refused),
            ignored=self.listing.others(),
            notes=[f"the folder {name} holds no images and is no class" for name in empty],
        )


def _layout(listing: FolderScan) -> tuple[str, list[tuple[str, str | None, str]]]:
    """The layout in words, and (split, class or None, folder) for each folder that holds images."""
    top = listing.folders[""]
    lowered = {name.lower(): name for name in top}
    held = [name for low, name in lowered.items() if low in HELD_OUT_NAMES]
    if "train" in lowered and len(held) + 1 == len(top) and (held or listing.folders.get(lowered["train"])):
        if listing.images(""):
            raise UserError(f"{listing.root} holds images beside train/: one layout at a time, please")
        return _splits(listing, [lowered["train"], *held])
    if not top:
        return "images without labels", [("train", None, "")]
    return "a folder per class", [("train", c, folder) for c, folder in _classes(listing, "")]


def _splits(listing: FolderScan, splits: list[str]) -> tuple[str, list[tuple[str, str | None, str]]]:
    placed: list[tuple[str, str | None, str]] = []
    with_classes = [bool(listing.folders[split]) for split in splits]
    if any(with_classes) and not all(with_classes):
        flat = splits[with_classes.index(False)]
        raise UserError(f"{listing.root} mixes layouts: {flat}/ has no class folders and another part has")
    for split in splits:
        part = "train" if split.lower() == "train" else "held out"
        if all(with_classes):
            placed += [(part, c, folder) for c, folder in _classes(listing, split)]
        else:
            placed.append((part, None, split))
    names = ", ".join(f"{split}/" for split in splits)
    return f"{names} with {'a folder per class' if all(with_classes) else 'images without labels'}", placed


def _classes(listing: FolderScan, above: str) -> list[tuple[str, str]]:
    """(class, folder) below a folder; nested and mixed layouts are refused with what was found."""
    where = f"{above}/" if above else ""
    loose = listing.images(above)
    if loose:
        raise UserError(
            f"{listing.root} mixes layouts: {len(loose)} images lie beside the class folders, "
            f"such as {escaped_name(loose[0])}"
        )
    found = []
    for name in listing.folders[above]:
        inner = listing.folders.get(where + name, ())
        if inner:
            raise UserError(
                f"{listing.root} is nested: images must lie directly in a class's folder, "
                f"and {escaped_name(where + name)}/ holds the folder {escaped_name(inner[0])}/"
            )
        found.append((name, where + name))
    return found


def _what_instead(listing: FolderScan) -> str:
    others = [escaped_name(name) for name in listing.others()]
    if not others:
        return "" if listing.refused else ": it is empty"
    return f"; it holds {', '.join(others[:5])}" + (f" and {len(others) - 5} more" if len(others) > 5 else "")
