"""`ganvas list`."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganvas import console
from ganvas.cli import Parameter
from ganvas.errors import UserError, nearest

if TYPE_CHECKING:
    from ganvas.runs.record import RunRecord

WHAT = ("recipes", "sources", "runs", "studies", "options")
OTHER_SOURCES = (
    ("FOLDER", "A folder per class, or a metadata.csv, the idx files or CelebA's layout; ./NAME is always a path."),
    ("FILE.npz", "Arrays images (N, H, W[, 3]) and labels (N,), perhaps classes."),
    ("hf:OWNER/NAME", "Any set of images on the hub. Downloaded; needs the extra hf."),
)


def list_(
    what: Annotated[
        str | None, Parameter(metavar="WHAT", help="recipes, sources, runs, studies or knobs; else the first three.")
    ] = None,
    /,
    *,
    runs: Annotated[
        Path | None, Parameter(metavar="FOLDER", help="The folder that holds your runs (default: runs).")
    ] = None,
) -> int:
    """Name the recipes, the known sources, your runs, the studies, or every option."""
    if what is not None and what not in WHAT:
        raise UserError(f"there is no list of {what}; {nearest(what, WHAT)}")
    if runs is not None and not runs.is_dir():
        raise UserError(f"--runs {runs}: there is no such folder")
    shown = [what] if what else list(WHAT[:3])
    if "recipes" in shown:
        show("recipe", recipes())
    if "sources" in shown:
        show("source", sources())
    if "runs" in shown:
        show("run", found(runs or Path("runs")))
    if "studies" in shown:
        show("study", studies())
    if "options" in shown:
        show("option", options())
    return 0


def show(kind: str, facts: Iterable[tuple[str, str]]) -> None:
    """One fact a line; on a terminal in columns under a heading."""
    facts = list(facts)
    if not sys.stdout.isatty():
        for name, text in facts:
            console.info(f"{kind} {name}: {text}")
        return
    width = min(32, max((len(name) for name, _ in facts), default=0))
    plural = "studies" if kind == "study" else f"{kind}s"
    console.info(plural if facts else f"{plural}: none yet")
    for name, text in facts:
        console.info(f"  {name:<{width}}  {text}")
    console.info("")


def recipes() -> Iterator[tuple[str, str]]:
    """Each recipe with its first line and its budget."""
    from ganvas.config.recipes import RECIPES

    for name, recipe in RECIPES.items():
        run = recipe("digits")
        training = run.training
        budget = f"{training.minutes:g} minutes" if training.minutes else f"{training.epochs or 0:g} epochs"
        text = " ".join((recipe.__doc__ or "").split("\n\n")[0].split())
        yield name, f"{text} Budget {budget}, batch {training.batch}, labels {run.labels}."


def sources() -> Iterator[tuple[str, str]]:
    """Each known source with what it is and needs, and the other ways to name one."""
    from ganvas.data.sources import SOURCES
    from ganvas.data.sources.hub import HubSet

    for name, source in SOURCES.items():
        needs = "needs no network"
        if isinstance(source, type) and issubclass(source, HubSet):
            needs = "downloaded; needs the extra hf"
        elif name == "digits":
            needs = "needs the extra digits, no network"
        text = " ".join((source.__doc__ or "").split("\n\n")[0].split())
        yield name, f"{text} {needs[0].upper()}{needs[1:]}."
    yield from OTHER_SOURCES


def studies() -> Iterator[tuple[str, str]]:
    """Every question, and what the notes say or ask."""
    from ganvas.experiments.questions import EXPERIMENTS

    for name, question in EXPERIMENTS.items():
        yield name, question.claim


def found(folder: Path) -> Iterator[tuple[str, str]]:
    """Each run below a folder, with how far it is."""
    from ganvas.runs.folder import RunFolder

    for record in sorted(folder.glob("*/run.json")):
        run = RunFolder(record.parent)
        try:
            yield str(run.path), told(run.read(), run.saved())
        except UserError as error:
            yield str(run.path), f"unreadable: {error}"
        except (KeyError, TypeError, ValueError):
            yield str(run.path), "unreadable: its run.json is not one of ours"


def told(record: "RunRecord", saved: list[Path]) -> str:
    """A run's record in one line: `finished, 2048 images, modern on digits, 28 px, 10 classes`."""
    data, run = record.data, record.run
    facts = [record.status, f"{run.images} images"]
    if record.status == "stopped":
        facts = ["stopped", f"{record.images_seen} of {run.images} images"]
    elif record.status != "finished":
        step = int(saved[-1].name.removeprefix("step-")) if saved else 0
        facts = ["unfinished", f"{step * run.training.batch} of {run.images} images saved"]
    facts += [f"{run.recipe} on {data.name}", f"{data.size} px"]
    facts += [f"{len(data.classes)} classes" if run.labels == "on" else "without labels"]
    if record.results is not None:
        facts += [f"accuracy {record.results.accuracy:.4f} on {record.results.held_out} held-out images"]
    return ", ".join(facts)


def options() -> Iterator[tuple[str, str]]:
    """Every choice of the schema as its flag, with what it may be."""
    from ganvas.cli import flags

    for option in flags.options():
        yield (
            flags.flag_of(option.name) + (f" of {option.kind}" if option.kind else ""),
            f"{option.help} Takes {option.values}.",
        )
