"""Where an export goes: a folder of its own, written whole or not at all."""

from collections.abc import Mapping
from pathlib import Path

from ganvas import console, files
from ganvas.errors import RunFailedError, UserError
from ganvas.runs import sealed
from ganvas.runs.paths import refuse_file, refuse_unwritable

MARK = "export.json"  # in every export: what it is an export of


def refuse_occupied(folder: Path) -> None:
    """UserError, before any work is done, unless `folder` can be written: it is new, empty, or an unchanged export.

    So the same command replaces what it wrote, and nothing that anybody else wrote is lost.
    """
    refuse_file(folder)
    refuse_unwritable(folder)
    if any((place / sealed.MANIFEST).is_file() for place in folder.absolute().parents):
        raise UserError(f"--out {folder} lies in a sealed folder, to which nothing is added: choose another place")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / MARK).is_file():
        raise UserError(f"{folder} is there already and holds other things: choose another --out")
    try:
        written = sealed.verify_sealed(folder, (MARK,)) | {sealed.MANIFEST}
    except files.DamagedError as error:
        raise UserError(f"{folder} was changed since it was exported ({error}): choose another --out") from None
    if others := sorted({path.name for path in folder.iterdir()} - written):
        name = console.printable(others[0])
        raise UserError(f"{folder} holds what is no part of the export, such as {name}: choose another --out")


def write_export(folder: Path, contents: Mapping[str, bytes], about: Mapping[str, object]) -> None:
    """Writes an export, with `about` as its MARK, in place of an earlier one. RunFailedError leaves that as it was."""
    try:
        sealed.write_sealed(folder, {**contents, MARK: files.to_json(dict(about))})
    except OSError as error:
        raise RunFailedError(f"{folder} cannot be written: {error.strerror or error}; nothing was changed") from None
