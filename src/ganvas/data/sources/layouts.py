"""A folder as a source: its content decides which layout it has."""

from functools import partial
from pathlib import Path

from ganvas.data.sources.celeba import is_celeba, read_celeba
from ganvas.data.sources.contents import Source
from ganvas.data.sources.folder import read_class_folders
from ganvas.data.sources.idx import idx_files, read_idx
from ganvas.data.sources.labelling import may_have_tables
from ganvas.data.sources.metadata import read_metadata
from ganvas.data.sources.scan import escaped_name, scan_folder


def folder_source(path: Path) -> Source:
    """The source in a folder, named after it. Uses names and sizes, and opens no image."""
    listing = scan_folder(path)
    if idx_files(listing):
        read = read_idx
    elif is_celeba(listing):
        read = read_celeba
    else:
        read = read_metadata if may_have_tables(listing) else read_class_folders
    return Source(escaped_name(path.resolve().name) or "images", listing.state, partial(read, listing))
