"""`ganvas export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ganvas import console
from ganvas.cli import Parameter, flag, schema_flags
from ganvas.errors import UserError
from ganvas.settings import Flag, Settings, parse

if TYPE_CHECKING:
    from ganvas.export.exportable import Exportable


class ExportConfig(Settings):
    """What a generator is exported to."""

    to: Annotated[Literal["onnx", "web", "hub"], Flag("onnx|web|hub")]
    """onnx: a model for any program with an ONNX runtime; web: a page that generates images in the browser; hub: a
    folder for the Hugging Face Hub, with both."""
    licence: Annotated[str | None, Flag("NAME")] = Field(default=None, pattern=r"^[a-z0-9][a-z0-9.-]{0,60}$")
    """Of the weights, on the card for the Hub, as the Hub writes it: mit, cc-by-4.0 (default: unknown)."""
    push: Annotated[str | None, Flag("OWNER/NAME")] = None
    """Upload the folder for the Hub, with your own login (hf auth login)."""
    private: Annotated[bool, Flag("")] = False
    """Make what --push uploads visible to its owner alone."""


@schema_flags(ExportConfig)
def export(
    run: Annotated[Path, Parameter(help="A run's folder, or a bundle's.")],
    /,
    *,
    out: Annotated[Path | None, flag("FOLDER", "Where to (default: a folder of that name in the run).")] = None,
    **options: object,
) -> int:
    """Give a generator away: as ONNX, as a page for the browser, or for the Hub."""
    from ganvas.export.exportable import open_exportable
    from ganvas.export.folder import refuse_occupied, write_export
    from ganvas.export.onnx import require_libraries
    from ganvas.runs.hub import upload_export
    from ganvas.runs.paths import refuse_inside_source, refuse_no_run
    from ganvas.runs.source import source_of

    if "to" not in options:
        raise UserError("ganvas export needs --to onnx, --to web or --to hub")
    config = parse(ExportConfig, options)
    refuse_wrong_choices(config)
    refuse_no_run(run)
    folder = default_place(run, config.to) if out is None else out
    refuse_occupied(folder)
    if (source := source_of(run)) is not None:
        refuse_inside_source(source, folder)
    require_libraries()
    exportable = open_exportable(run)
    refuse_parts(config, exportable)
    contents = contents_of(config, exportable)
    write_export(folder, contents, {"to": config.to, **exportable.facts()})
    console.info(f"export {folder / next(iter(contents))}")
    if config.push is not None:
        console.info(f"uploaded {upload_export(folder, config.push, config.private)}")
    return 0


def refuse_parts(config: ExportConfig, exportable: "Exportable") -> None:
    """UserError for a page of a generator whose labels have several parts: its buttons ask for one class."""
    if exportable.info.labels is not None and config.to != "onnx":
        parts = ", ".join(part.name for part in exportable.info.labels.parts)
        raise UserError(
            f"labels of {exportable.name} have several parts ({parts}), and the page of --to {config.to} asks for one "
            "class: --to onnx takes weights for all parts"
        )


def refuse_wrong_choices(config: ExportConfig) -> None:
    """UserError for choices that mean nothing here, or a name that the Hub cannot have."""
    from ganvas.runs.hub import require_hub_name

    if config.to != "hub" and (config.licence, config.push, config.private) != (None, None, False):
        raise UserError("--licence, --push and --private are of a folder for the Hub: add --to hub")
    if config.private and config.push is None:
        raise UserError("--private is of what --push OWNER/NAME uploads, which was not given")
    if config.push is not None:
        require_hub_name(config.push)


def contents_of(config: ExportConfig, exportable: "Exportable") -> dict[str, bytes]:
    """The files of an export, the one to open first at the beginning."""
    from ganvas.export.hub import hub_files
    from ganvas.export.onnx import onnx_files
    from ganvas.export.web import web_files

    if config.to == "hub":
        return hub_files(exportable, config.licence or "unknown", config.push)
    return onnx_files(exportable) if config.to == "onnx" else web_files(exportable)


def default_place(run: Path, name: str) -> Path:
    """The folder of an export in the run's, and beside a bundle: nothing is added to that."""
    from ganvas.runs.sealed import MANIFEST

    if (run / MANIFEST).is_file():
        return run.resolve().parent / name
    return run / name
