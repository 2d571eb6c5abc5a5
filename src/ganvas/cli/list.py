"""`ganvas list`."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from ganvas.cli import Parameter
from ganvas.errors import UserError, nearest
from ganvas.progress import say

WHAT = ("recipes", "sources", "runs", "studies", "knobs")
OTHER_SOURCES = (
    ("FOLDER", "A folder per class, or a metadata.csv, the idx files or CelebA's layout; ./NAME is always a path."),
    ("FILE.npz", "Arrays images (N, H, W[, 3]) and labels (N,), perhaps classes."),
    ("hf:OWNER/NAME", "Any set of pictures on the hub. Downloaded; needs the extra hf."),
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
    """Name the recipes, the known sources, your runs, the studies, or every knob."""
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
    if "knobs" in shown:
        show("knob", knobs())
    return 0


def show(kind: str, facts: Iterable[tuple[str, str]]) -> None:
    """One fact a line; on a terminal in columns under a heading."""
    facts = list(facts)
    if not sys.stdout.isatty():
        for name, text in facts:
            say(f"{kind} {name}: {text}")
        return
    width = min(32, max((len(name) for name, _ in facts), default=0))
    plural = "studies" if kind == "study" else f"{kind}s"
    say(plural if facts else f"{plural}: none yet")
    for name, text in facts:
        say(f"  {name:<{width}}  {text}")
    say("")


def recipes() -> Iterator[tuple[str, str]]:
    """Each recipe with its first line and its budget."""
    from ganvas.runs.recipes import RECIPES

    for name, recipe in RECIPES.items():
        run = recipe("digits")
        training = run.training
        budget = f"{training.minutes:g} minutes" if training.minutes else f"{training.epochs or 0:g} epochs"
        text = " ".join((recipe.__doc__ or "").split("\n\n")[0].split())
        yield name, f"{text} Budget {budget}, batch {training.batch}, labels {run.labels}."


def sources() -> Iterator[tuple[str, str]]:
    """Each known source with what it is and needs, and the other ways to name one."""
    from ganvas.data.hub import Hub
    from ganvas.data.sources import SOURCES

    for name, source in SOURCES.items():
        needs = "needs no network"
        if isinstance(source, type) and issubclass(source, Hub):
            needs = "downloaded; needs the extra hf"
        elif name == "digits":
            needs = "needs the extra digits, no network"
        text = " ".join((source.__doc__ or "").split("\n\n")[0].split())
        yield name, f"{text} {needs[0].upper()}{needs[1:]}."
    yield from OTHER_SOURCES


def studies() -> Iterator[tuple[str, str]]:
    """Every question, and what the notes say or ask."""
    from ganvas.studies.questions import QUESTIONS

    for name, question in QUESTIONS.items():
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


def told(record: dict[str, Any], saved: list[Path]) -> str:
    """A run's record in one line: `finished, 2048 pictures, modern on digits, 28 px, 10 classes`."""
    data, run = record["data"], record["run"]
    total = int(record["images"])
    facts = [record["status"], f"{total} pictures"]
    if record["status"] == "stopped":
        facts = ["stopped", f"{int(record['step']) * int(run['training']['batch'])} of {total} pictures"]
    elif record["status"] != "finished":
        step = int(saved[-1].name.removeprefix("step-")) if saved else 0
        facts = ["unfinished", f"{step * int(run['training']['batch'])} of {total} pictures saved"]
    facts += [f"{run['recipe']} on {data['name']}", f"{data['size']} px"]
    facts += [f"{len(data['classes'])} classes" if run["labels"] == "on" else "without labels"]
    results = record.get("results", {})
    if "accuracy" in results:
        facts += [f"accuracy {results['accuracy']:.4f} on {results['held_out']} held-out pictures"]
    return ", ".join(facts)


def knobs() -> Iterator[tuple[str, str]]:
    """Every choice of the schema as its flag, with what it may be."""
    from ganvas.cli.flags import knobs as all_knobs
    from ganvas.cli.flags import said

    for knob in all_knobs():
        yield said(knob.name) + (f" of {knob.kind}" if knob.kind else ""), f"{knob.help} Takes {knob.values}."
