"""A file as a source: an archive of a set, arrays, or one file of a set of several."""

from functools import partial
from pathlib import Path

from ganvas.data.sources.archive import read_archive
from ganvas.data.sources.contents import Source
from ganvas.data.sources.idx import idx_files, read_idx
from ganvas.data.sources.layouts import folder_source
from ganvas.data.sources.npy import read_npy
from ganvas.data.sources.npz import read_npz
from ganvas.data.sources.pickles import WHY_NOT, is_pickle
from ganvas.data.sources.scan import FolderScan, escaped_name, scan_folder, state_line
from ganvas.data.sources.signatures import READ, file_kind, without_suffix
from ganvas.errors import UserError

KINDS_READ = ".npz, .npy, idx, .zip and .tar files"


def file_source(path: Path, in_archive: bool = False) -> Source:
    """The source in a file, by its content; a UserError for a file of another kind. Opens the file's start alone."""
    kind = file_kind(path)
    name = escaped_name(without_suffix(path.name)) or "images"
    state = FolderScan(path.parent, lines=[state_line(path.name, path.stat())]).state
    if kind == "npz":
        return Source(name, state, partial(read_npz, path))
    if kind in ("npy", "idx"):
        return _one_of_several(path, kind)
    if kind in READ and not is_pickle(path):
        if in_archive:
            raise UserError(f"{path} holds another archive, {escaped_name(path.name)}: unpack it and give that one")
        return Source(name, state, partial(read_archive, path, partial(path_source, in_archive=True)))
    if kind == "a pickle" or is_pickle(path):
        raise UserError(f"{path} is a pickle, {WHY_NOT}")
    if kind.endswith("archive") or kind.startswith("packed"):
        raise UserError(f"{path} is {kind}, which is not read: unpack it and give the folder")
    what = f"is {kind}" if kind else "is a file"
    raise UserError(f"{path} {what}, and only {KINDS_READ} are read; give a folder of images")


def path_source(path: Path, in_archive: bool = False) -> Source:
    """The source in a folder or file. A folder that holds one .npz file and no images is that file."""
    if path.is_dir():
        arrays = [
            other for other in path.iterdir() if other.suffix.lower() == ".npz" and not other.name.startswith(".")
        ]
        if len(arrays) != 1 or scan_folder(path).images_below(""):
            return folder_source(path)
        return file_source(arrays[0], in_archive)
    if in_archive and file_kind(path) not in READ:
        return folder_source(path.parent)
    return file_source(path, in_archive)


def _one_of_several(path: Path, kind: str) -> Source:
    """The set that an array's or an idx file belongs to, with the files beside it."""
    listing = FolderScan(path.parent)
    beside = sorted(other for other in path.parent.iterdir() if other.is_file() and not other.name.startswith("."))
    listing.files[""] = [other.name for other in beside]
    listing.folders[""] = []
    if kind == "npy":
        used = [other for other in beside if other.suffix.lower() == ".npy"]
        read = partial(read_npy, listing, [other.name for other in used], path.name)
    else:
        files = idx_files(listing)
        family = next(file.family for file in files if file.path == path.name)
        used = [path.parent / file.path for file in files if file.family == family]
        read = partial(read_idx, listing, files, path.name)
    listing.lines += [state_line(other.name, other.stat()) for other in used]
    name = path.resolve().parent.name if kind == "npy" else family.replace(" ", "-") or path.resolve().parent.name
    return Source(escaped_name(name) or "images", listing.state, read)
