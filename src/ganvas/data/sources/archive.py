"""A set in a .zip or .tar archive, compressed or not: unpacked to a scratch folder, then read like any other.

Archives are hostile: nothing is written outside the scratch folder, links and devices are never made, and an archive
that unpacks to far more than it holds is refused.
"""

import errno
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from ganvas.console import progress
from ganvas.data.labels import LabelChoice
from ganvas.data.sources.contents import Source, SourceContents
from ganvas.data.sources.partition import is_held_out_part
from ganvas.data.sources.scan import SYSTEM_NAMES
from ganvas.data.sources.signatures import file_kind
from ganvas.errors import UserError

MOST_MEMBERS = 5_000_000
MOST_BYTES = 2**40
# Image files hardly shrink. A deflated file shrinks to a thousandth at most, and bombs come close to that.
LARGEST_RATIO = 200
SMALL_BYTES = 2**28  # so much is unpacked whatever the ratio
PIECE = 2**20
DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, lzma.LZMAError, tarfile.TarError, ValueError, RuntimeError, MemoryError,
)  # fmt: skip


@dataclass
class Unpacking:
    """What was unpacked of an archive so far."""

    archive: Path
    folder: Path
    members: int = 0
    length: int = 0
    """In bytes."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(name, reason) of members that are not unpacked."""

    def add(self, name: str, file: IO[bytes]) -> None:
        """Writes a member to its place in the folder, unless its name leads elsewhere."""
        self.members += 1
        if self.members > MOST_MEMBERS:
            raise UserError(f"{self.archive} holds more than {MOST_MEMBERS:,} files")
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or (parts and parts[0][1:2] == ":"):
            self.refused.append((name, "leads out of the archive"))
            return
        if not parts or any(part.lower() in SYSTEM_NAMES or part.startswith("._") for part in parts):
            return
        target = self.folder.joinpath(*parts)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as copy:
                while piece := file.read(PIECE):
                    self.count(len(piece))
                    copy.write(piece)
        except FileExistsError:
            self.refused.append((name, "is in the archive twice"))
        except OSError as error:
            if error.errno not in (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.EILSEQ):
                raise
            self.refused.append((name, f"cannot be unpacked: {error.strerror}"))

    def count(self, length: int) -> None:
        """Counts bytes that are about to be written; a UserError where they become too many."""
        self.length += length
        if self.length > MOST_BYTES or self.length > max(SMALL_BYTES, LARGEST_RATIO * self.archive.stat().st_size):
            raise UserError(
                f"{self.archive} unpacks to more than {(self.length - length) >> 20:,} MiB, far more than it holds: "
                "unpack it yourself where you trust it, and give the folder"
            )


def read_archive(
    path: Path, read_inner: Callable[[Path], Source], scratch: Path, choice: LabelChoice
) -> SourceContents:
    """The set in an archive, by `read_inner` of the folder or file that it unpacks to."""
    folder, inner_scratch = scratch / "archive", scratch / "inner"
    folder.mkdir()
    inner_scratch.mkdir()
    unpacking = Unpacking(path, folder)
    try:
        (_unpack_zip if file_kind(path) == "zip" else _unpack_tar)(unpacking)
    except NotImplementedError as error:
        raise UserError(
            f"{path} is packed in a way that is not read ({error}): unpack it and give the folder"
        ) from None
    except DAMAGED as error:
        raise UserError(f"{path} is damaged, cut off or no archive: {' '.join(str(error).split())[:120]}") from None
    except PermissionError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    root = _only_entry(folder)
    try:
        contents = read_inner(root).read(inner_scratch, choice)
    except UserError as error:  # the scratch folder means nothing to a reader
        raise UserError(str(error).replace(str(root), str(path)).replace(str(folder), str(path))) from None
    suffix = "".join(path.suffixes[-2:] if path.suffixes[-2:-1] == [".tar"] else path.suffixes[-1:])
    return replace(
        contents, layout=f"{contents.layout}, from a {suffix} archive", refused=unpacking.refused + contents.refused
    )


def _unpack_zip(unpacking: Unpacking) -> None:
    path = unpacking.archive
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if any(member.flag_bits & 1 for member in members):
            raise UserError(f"{path} is encrypted: unpack it with its password and give the folder")
        with progress.bar(f"unpacking {path.name}", len(members), "files") as bar:
            for member in members:
                kind = member.external_attr >> 28  # of Unix: 8 is a file, 10 a link; 0 where it is not stated
                if kind not in (0, 8):
                    unpacking.refused.append((_zip_name(member), "is a link or a device"))
                else:
                    with archive.open(member) as file:
                        unpacking.add(_zip_name(member), file)
                bar.advance()


def _zip_name(member: zipfile.ZipInfo) -> str:
    """A member's name. Some programs write UTF-8 and do not say so, and zipfile then takes it for IBM's code page."""
    if not member.flag_bits & 0x800:
        try:
            return member.filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return member.filename


def _unpack_tar(unpacking: Unpacking) -> None:
    path = unpacking.archive
    total = path.stat().st_size
    # In kilobytes of the archive, since how many files there are is known only at its end.
    with (
        path.open("rb") as raw,
        tarfile.open(fileobj=raw, mode="r:*") as archive,
        progress.bar(f"unpacking {path.name}", total // 1000 + 1, "kB") as bar,
    ):
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file is not None:
                unpacking.add(member.name, file)
            elif not member.isdir():
                unpacking.refused.append((member.name, "is a link or a device"))
            bar.advance(max(0, raw.tell() // 1000 - bar.done))
        bar.advance(bar.total - bar.done)
        # tarfile takes a damaged header for the end. The end is a block of zeros; behind it stands a packed file's
        # checksum.
        end = archive.fileobj
        assert end is not None
        end.seek(archive.offset)
        if end.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError("a header in the middle cannot be read")
        while piece := end.read(PIECE):
            unpacking.count(len(piece))


def _only_entry(folder: Path) -> Path:
    """What an archive is about: the one folder or file that it unpacks to, or all of it."""
    entries = _entries(folder)
    if len(entries) != 1 or is_held_out_part(entries[0].name) is not None:
        return folder
    (only,) = entries
    # Further folders around the set are entered as long as the next one holds folders: below them are the classes.
    while len(inner := _entries(only)) == 1 and is_held_out_part(inner[0].name) is None:
        deeper = _entries(inner[0])
        if not deeper or not all(entry.is_dir() for entry in deeper):
            break
        (only,) = inner
    return only


def _entries(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")] if folder.is_dir() else []
