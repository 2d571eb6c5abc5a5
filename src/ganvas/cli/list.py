"""`ganvas list`."""

from pathlib import Path

from ganvas.progress import say


def list_(runs: Path = Path("runs")) -> int:
    """Name the recipes, the known sources and your runs.

    Parameters
    ----------
    runs
        The folder that holds your runs.
    """
    from ganvas.data import SOURCES
    from ganvas.errors import UserError
    from ganvas.runs.folder import RunFolder
    from ganvas.runs.recipes import RECIPES

    for name, recipe in RECIPES.items():
        say(f"recipe {name}: {(recipe.__doc__ or '').strip().splitlines()[0]}")
    for name in SOURCES:
        say(f"source {name}")
    for record in sorted(runs.glob("*/run.json")):
        folder = RunFolder(record.parent)
        try:
            found = folder.read()
            say(f"run {folder.path}: {found['status']}, {found['run']['recipe']} on {found['data']['name']}")
        except (UserError, KeyError):
            say(f"run {folder.path}: unreadable")
    return 0
