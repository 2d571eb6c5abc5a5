"""`ganvas compare`."""

from pathlib import Path
from typing import Annotated, Any

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

    if len(scorecards) < 2:
        raise UserError("ganvas compare needs two scorecards or more: ganvas compare runs/one runs/another")
    cards = [read(path) for path in scorecards]
    try:
        comparison.refuse_other_protocols(cards)
        names, sentences, rows = comparison.named(cards), comparison.verdict(cards), list(comparison.rows(cards))
        texts = (comparison.markdown(cards), comparison.html(cards, [images(path) for path in scorecards]))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError("one of these is damaged or no scorecard of ganvas; evaluate it again") from None
    if out is not None:
        write(out, *texts)
    for sentence in sentences:
        console.info(sentence)
    for metric, *figures, real in rows:
        beside = f"; real {real}" if real else ""
        console.info(
            f"{metric}: " + ", ".join(f"{name} {value}" for name, value in zip(names, figures, strict=True)) + beside
        )
    if out is not None:
        console.info(f"comparison {out / 'compare.html'}")
    return 0


def read(path: Path) -> dict[str, Any]:
    """A scorecard. UserError if there is none, with how to make it."""
    from ganvas import files

    file = path / "scorecard.json" if path.is_dir() else path
    if not file.is_file():
        if path.is_dir() and (path / "run.json").is_file():
            raise UserError(f"{path} has not been scored yet: ganvas evaluate {path}")
        raise UserError(f"there is no scorecard at {path}; ganvas evaluate makes one")
    try:
        card = files.read_json(file)
    except files.DamagedError as error:
        raise UserError(f"{file} is no scorecard: {error}") from None
    if card.get("format") != 1 or not isinstance(card.get("protocol"), dict):
        raise UserError(f"{file} is no scorecard that this version of ganvas reads")
    return card


def images(path: Path) -> bytes | None:
    """The sheet of images beside a scorecard."""
    file = (path if path.is_dir() else path.parent) / "scorecard.png"
    return file.read_bytes() if file.is_file() and file.stat().st_size < 2**24 else None


def write(out: Path, markdown: str, html: str) -> None:
    """Writes both files."""
    from ganvas import files
    from ganvas.cli.places import refuse_file, refuse_unwritable

    refuse_file(out)
    refuse_unwritable(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        files.write_atomic(out / "compare.md", markdown.encode("utf-8"))
        files.write_atomic(out / "compare.html", html.encode("utf-8"))
    except OSError as error:
        raise UserError(f"the comparison cannot be written to {out}: {error.strerror or error}") from None
