"""`ganvas export`."""

from pathlib import Path
from typing import Annotated, Literal

from ganvas import console
from ganvas.cli import Parameter, flag, schema_flags
from ganvas.errors import UserError
from ganvas.settings import Flag, Settings, parse


class ExportConfig(Settings):
    """What a generator is exported to."""

    to: Annotated[Literal["onnx", "web"], Flag("onnx|web")]
    """onnx: a model for any program with an ONNX runtime; web: a page that generates images in the browser."""


@schema_flags(ExportConfig)
def export(
    run: Annotated[Path, Parameter(help="A run's folder, or a bundle's.")],
    /,
    *,
    out: Annotated[Path | None, flag("FOLDER", "Where to (default: a folder of that name in the run).")] = None,
    **options: object,
) -> int:
    """Give a generator away: as ONNX, as a page for the browser, or for the Hub."""
    from ganvas.cli.sample import refuse_no_run, source_of
    from ganvas.export.exportable import open_exportable
    from ganvas.export.folder import refuse_occupied, write_export
    from ganvas.export.onnx import onnx_files, require_libraries
    from ganvas.export.web import web_files
    from ganvas.runs.paths import refuse_inside_source

    if "to" not in options:
        raise UserError("ganvas export needs --to onnx or --to web")
    config = parse(ExportConfig, options)
    refuse_no_run(run)
    folder = default_place(run, config.to) if out is None else out
    refuse_occupied(folder)
    if (source := source_of(run)) is not None:
        refuse_inside_source(source, folder)
    require_libraries()
    exportable = open_exportable(run)
    contents = {"onnx": onnx_files, "web": web_files}[config.to](exportable)
    write_export(folder, contents, {"to": config.to, **exportable.facts()})
    console.info(f"export {folder / next(iter(contents))}")
    return 0


def default_place(run: Path, name: str) -> Path:
    """The folder of an export in the run's, and beside a bundle: nothing is added to that."""
    from ganvas.runs.sealed import MANIFEST

    if (run / MANIFEST).is_file():
        return run.resolve().parent / name
    return run / name
