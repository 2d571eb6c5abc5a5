"""A folder as a source: its content decides which layout it has."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ganvas.data.labels import LabelChoice
from ganvas.data.sources.celeba import is_celeba, read_celeba
from ganvas.data.sources.contents import Source, SourceContents
from ganvas.data.sources.folder import read_class_folders
from ganvas.data.sources.idx import idx_files, read_idx
from ganvas.data.sources.labelling import may_have_tables
from ganvas.data.sources.metadata import read_metadata
from ganvas.data.sources.nested import read_nested
from ganvas.data.sources.npy import npy_files, read_npy
from ganvas.data.sources.pickles import refuse_pickles
from ganvas.data.sources.scan import FolderScan, escaped_name, scan_folder


def folder_source(path: Path) -> Source:
    """The source in a folder, named after it. Uses names and sizes, and opens no image."""
    listing = scan_folder(path)
    read: Callable[[Path, LabelChoice], SourceContents]
    if files := idx_files(listing):
        read = partial(read_idx, listing, files, None)
    elif (arrays := npy_files(listing)) and not listing.images_below(""):
        read = partial(read_npy, listing, arrays, None)
    elif is_celeba(listing):
        read = partial(read_celeba, listing)
    elif may_have_tables(listing):
        read = partial(_nested_or, read_metadata, listing)
    else:
        refuse_pickles(listing)
        read = partial(_nested_or, read_class_folders, listing)
    return Source(escaped_name(path.resolve().name) or "images", listing.state, read)


def _nested_or(
    read: Callable[[FolderScan, Path, LabelChoice], SourceContents],
    listing: FolderScan,
    scratch: Path,
    choice: LabelChoice,
) -> SourceContents:
    """Nested class folders where they were asked for, else what `read` makes of a folder."""
    return read_nested(listing, choice) if choice.folders else read(listing, scratch, choice)
