"""`ganvas list`."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from ganvas import console
from ganvas.cli import Parameter, flag
from ganvas.errors import UserError, nearest

SINGULAR = {"recipes": "recipe", "sources": "source", "runs": "run", "studies": "study", "options": "option"}
WIDEST_NAME = 32
OTHER_SOURCES = (
    ("FOLDER", "A folder per class, or a table of labels, the idx files or CelebA's layout; ./NAME is always a path."),
    ("FILE.npz", "Arrays images and labels, or train_images, x_test and so on; .npy files and idx files likewise."),
    ("FILE.zip", "Any of these sets in a .zip or .tar archive."),
    ("hf:OWNER/NAME", "Any set of images on the hub. Downloaded; needs the extra hf."),
)


def list_(
    what: Annotated[
        str | None,
        Parameter(metavar="WHAT", help="recipes, sources, runs, studies or options (default: the first three)."),
    ] = None,
    /,
    *,
    runs: Annotated[Path | None, flag("FOLDER", "The folder that holds your runs (default: runs).")] = None,
) -> int:
    """Name the recipes, the known sources, your runs, the studies, or every option."""
    if what == "knobs":
        raise UserError("there is no list of knobs; it is ganvas list options now")
    if what is not None and what not in SINGULAR:
        raise UserError(f"there is no list of {what}; {nearest(what, SINGULAR)}")
    if runs is not None and not runs.is_dir():
        raise UserError(f"--runs {runs}: there is no such folder")
    facts_of: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
        "recipes": recipes,
        "sources": sources,
        "runs": lambda: runs_in(runs or Path("runs")),
        "studies": studies,
    }
    for name in [what] if what else ["recipes", "sources", "runs"]:
        parts = option_facts() if name == "options" else {name: list(facts_of[name]())}
        for heading, facts in parts.items():
            print_facts(SINGULAR[name], heading, facts)
    return 0


def print_facts(singular: str, heading: str, facts: list[tuple[str, str]]) -> None:
    """One fact a line; on a terminal in two columns under a heading, wrapped between words."""
    if not sys.stdout.isatty():
        for name, text in facts:
            console.info(f"{singular} {name}: {text}")
        return
    console.info(heading if facts else f"{heading}: none yet")
    column = 4 + min(WIDEST_NAME, max((len(name) for name, _ in facts), default=0))
    width = max(column + 20, min(shutil.get_terminal_size().columns, 120))
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent=" " * column, break_long_words=False, break_on_hyphens=False
    )
    for name, text in facts:
        # The heading names the kind of the part already, so " of modern" is left out.
        for line in wrapper.wrap(f"  {name.partition(' of ')[0]:<{column - 4}}  {text}"):
            console.info(line)
    console.info("")


def recipes() -> Iterator[tuple[str, str]]:
    """Each recipe with its first line and its budget."""
    from ganvas.config.recipes import RECIPES

    for name, recipe in RECIPES.items():
        run = recipe("digits")
        training = run.training
        budget = f"{training.minutes:g} minutes" if training.minutes else f"{training.epochs or 0:g} epochs"
        yield name, f"{first_paragraph(recipe)} Budget {budget}, batch {training.batch}, labels {run.labels}."


def sources() -> Iterator[tuple[str, str]]:
    """Each known source with what it is and needs, and the other ways to name one."""
    from ganvas.data.sources import SOURCES

    yield from ((name, source.about) for name, source in SOURCES.items())
    yield from OTHER_SOURCES


def first_paragraph(documented: object) -> str:
    """The beginning of a docstring, as one line."""
    return " ".join((documented.__doc__ or "").split("\n\n")[0].split())


def studies() -> Iterator[tuple[str, str]]:
    """Every question, and what the notes say or ask."""
    from ganvas.experiments.questions import EXPERIMENTS

    return ((name, experiment.claim) for name, experiment in EXPERIMENTS.items())


def runs_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Each run below a folder: `finished, 2048 images, modern on digits, 28 px, 10 classes`."""
    from ganvas.runs.folder import RunFolder

    for path in sorted(folder.glob("*/run.json")):
        run = RunFolder(path.parent)
        try:
            record = run.read()
        except UserError as error:
            yield str(run.path), f"unreadable: {error}"
            continue
        total, data, results = record.run.images, record.data, record.results
        if record.status == "finished":
            facts = [f"finished, {total} images"]
        elif record.status == "stopped":
            facts = [f"stopped, {record.images_seen} of {total} images"]
        else:
            step = max((int(checkpoint.name.removeprefix("step-")) for checkpoint in run.checkpoints()), default=0)
            facts = [f"unfinished, {step * record.run.training.batch} of {total} images saved"]
        facts += [f"{record.run.recipe} on {data.name}", f"{data.size} px"]
        facts += [f"{len(data.classes)} classes" if record.run.labels == "on" else "without labels"]
        if results is not None:
            facts += [f"accuracy {results.accuracy:.4f} on {results.held_out} held-out images"]
        yield str(run.path), ", ".join(facts)


def option_facts() -> dict[str, list[tuple[str, str]]]:
    """Every option of the schema as its flag, with what it may be, under the heading of its part."""
    from ganvas.config import flags

    parts: dict[str, list[tuple[str, str]]] = {}
    for option in flags.options():
        part = option.name.rpartition(".")[0] or "run"
        of_kind = f" of {option.kind}" if option.kind else ""
        fact = (flags.flag_of(option.name) + of_kind, f"{option.help} Takes {option.values}.")
        parts.setdefault(f"{part}, {option.kind}" if option.kind else part, []).append(fact)
    return parts
