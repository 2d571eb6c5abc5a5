"""`ganvas studio`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from ganvas.cli import Parameter, schema_flags, switch
from ganvas.errors import UserError
from ganvas.settings import parse
from ganvas.studio.config import StudioConfig

NEEDED = ("fastapi", "uvicorn")


@schema_flags(StudioConfig)
def studio(
    folder: Annotated[Path, Parameter(help="A folder with runs, or with a folder runs (default: this one).")] = Path(),
    /,
    *,
    no_open: Annotated[bool, switch("Open no browser.")] = False,
    **options: object,
) -> int:
    """Show runs in a browser: watch them learn, ask them for images, start and stop them."""
    config = parse(StudioConfig, options)
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UserError(f"the studio needs {' and '.join(missing)}, not installed here: pip install 'ganvas[studio]'")
    from ganvas.studio.server import serve

    serve(folder, config, opens_page=not no_open)
    return 0
