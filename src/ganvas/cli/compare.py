"""`ganvas compare`."""

from pathlib import Path
from typing import Annotated

from ganvas import console
from ganvas.cli import Parameter
from ganvas.errors import UserError


def compare(
    *scorecards: Annotated[
        Path, Parameter(help="Two or more runs, folders with a scorecard.json, or such files.", negative="")
    ],
    out: Annotated[Path | None, Parameter(metavar="FOLDER", help="Where to write compare.md and compare.html.")] = None,
) -> int:
    """Put scorecards side by side, and say which is better."""
    from ganvas.evaluation import comparison
    from ganvas.evaluation.artifacts import write_comparison
    from ganvas.evaluation.scorecard import read_scorecard
    from ganvas.runs.paths import refuse_file, refuse_unwritable

    if len(scorecards) < 2:
        raise UserError("ganvas compare needs two scorecards or more: ganvas compare runs/one runs/another")
    files = [scorecard_file(path) for path in scorecards]
    cards = [read_scorecard(file) for file in files]
    comparison.refuse_other_protocols(cards)
    if out is not None:
        refuse_file(out)
        refuse_unwritable(out)
        sheets = [file.with_suffix(".png") for file in files]
        write_comparison(cards, [sheet.read_bytes() if sheet.is_file() else None for sheet in sheets], out)
    names = comparison.unique_names(cards)
    for sentence in comparison.verdict(cards):
        console.info(sentence)
    for metric, *figures, real in comparison.rows(cards):
        beside = f"; real images {real}" if real else ""
        each = ", ".join(f"{name} {figure}" for name, figure in zip(names, figures, strict=True))
        console.info(f"{metric}: {each}{beside}")
    if out is not None:
        console.info(f"comparison {out / 'compare.html'}")
    return 0


def scorecard_file(path: Path) -> Path:
    """The scorecard that a path means. UserError if there is none, with how to make it."""
    from ganvas.runs.sealed import MANIFEST

    file = path / "scorecard.json" if path.is_dir() else path
    if file.is_file():
        return file
    if path.is_dir() and (path / "run.json").is_file():
        raise UserError(f"{path} has not been scored yet: ganvas evaluate {path}")
    if path.is_dir() and (path / MANIFEST).is_file():
        raise UserError(f"{path} has not been scored yet: ganvas evaluate {path} --against SOURCE --out FOLDER")
    raise UserError(f"there is no scorecard at {path}; ganvas evaluate makes one")
