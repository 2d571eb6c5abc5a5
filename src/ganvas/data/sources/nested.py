"""Nested class folders whose levels are the parts of a label: `star/red/`, `star/blue/`, ..."""

from dataclasses import dataclass

import numpy as np

from ganvas.data.labels import MISSING, LabelChoice, LabelPart
from ganvas.data.sources.contents import ImageFiles, SourceContents
from ganvas.data.sources.folder import skipped_with, some_of, split_folders
from ganvas.data.sources.scan import FolderScan, escaped_name, natural_key, path_below
from ganvas.errors import UserError


@dataclass(frozen=True)
class _Found:
    """An image in nested class folders."""

    path: str
    names: tuple[str, ...]
    """Of its class folders, the outermost first; fewer than the levels where it lies less deep."""
    is_held_out: bool


def read_nested(listing: FolderScan, choice: LabelChoice) -> SourceContents:
    """Files by the folders that they lie in, a part of the label for each level. UserError for images that lie deeper.

    An image that lies less deep lacks the parts of the levels below it; one beside the outermost folders is refused.
    """
    if listing.unreadable:
        reason = dict(listing.refused)[listing.unreadable[0]]
        raise UserError(f"the folder {listing.root / listing.unreadable[0]} {reason}; a class would vanish")
    levels = len(choice.folders)
    base = _base(listing, levels)
    train, held_out = split_folders(listing, base)
    parts = [(path_below(base, name), name in held_out) for name in (*train, *held_out)] or [(base, False)]
    found = [each for path, is_held_out in parts for each in _images_in(listing, path, is_held_out)]
    if deep := [each for each in found if len(each.names) > levels]:
        raise UserError(
            f"--nested {choice} is of {levels} levels of folders, and {len(deep)} images of {listing.root} lie deeper, "
            f"such as {escaped_name(deep[0].path)}"
        )
    labelled = [each for each in found if each.names]
    if not labelled:
        raise UserError(f"--nested {choice} needs folders in folders, and {listing.root} holds no image in a folder")
    strays = [path_below(base, name) + "/" for name in listing.folders[base] if train and name not in train + held_out]
    strays += listing.images(base) if train else []
    notes = [f"left out, beside the splits: {some_of(strays)}"] if strays else []
    words = f"{', '.join(f'{name}/' for name in train + held_out)} with " if train else ""
    classes = [
        sorted({each.names[level] for each in labelled if len(each.names) > level}, key=natural_key)
        for level in range(levels)
    ]
    if empty := [name for name, names in zip(choice.folders, classes, strict=True) if not names]:
        raise UserError(f"--nested {choice}: no image of {listing.root} lies deep enough to have a {empty[0]}")
    index = [{name: k for k, name in enumerate(names)} for names in classes]
    rows = [[index[level][name] for level, name in enumerate(each.names)] for each in labelled]
    label_parts = tuple(
        LabelPart(name=name, classes=tuple(map(escaped_name, names)))
        for name, names in zip(choice.folders, classes, strict=True)
    )
    if any(len({*part.classes}) < len(part.classes) for part in label_parts):
        raise UserError(f"two class folders of {listing.root} have the same name once written as Unicode NFC")
    is_held_out = np.array([each.is_held_out for each in labelled], np.bool_)
    return SourceContents(
        f"{words}nested class folders, {choice}",
        (ImageFiles(listing.root, [each.path for each in labelled]),),
        labels=np.array([row + [MISSING] * (levels - len(row)) for row in rows], np.int64),
        label_parts=label_parts,
        held_out=is_held_out if is_held_out.any() else None,
        refused=[
            *listing.refused,
            *((each.path, "lies beside the class folders, in none of them") for each in found if not each.names),
        ],
        ignored=listing.others(),
        skipped=skipped_with(listing, [stray for stray in strays if stray.endswith("/")]),
        notes=notes,
        choice=choice,
    )


def _base(listing: FolderScan, levels: int) -> str:
    """The folder that holds the outermost class folders or the splits: single folders around all of it are entered."""
    base = ""
    while not listing.images(base) and not any(split_folders(listing, base)):
        inner = [name for name in listing.folders.get(base, ()) if listing.images_below(path_below(base, name))]
        if len(inner) != 1 or max(len(each.names) for each in _images_in(listing, base, False)) <= levels:
            break
        base = path_below(base, inner[0])
    return base


def _images_in(listing: FolderScan, root: str, is_held_out: bool) -> list[_Found]:
    """The images below a folder, with the folders between it and them."""
    skip = len(path_below(root, ""))
    return [_Found(path, tuple(path[skip:].split("/")[:-1]), is_held_out) for path in listing.images_below(root)]
