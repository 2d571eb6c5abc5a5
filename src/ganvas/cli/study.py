"""`ganvas study`."""

from pathlib import Path
from typing import Annotated

from ganvas import console
from ganvas.cli import Parameter, flag, switch
from ganvas.errors import UserError, nearest

Text = str | None  # a number, checked with the settings


def study(
    name: Annotated[str, Parameter(help="The question: ganvas list studies")],
    source: Annotated[str, Parameter(help="What it is asked of.")] = "digits",
    /,
    *,
    quick: Annotated[bool, switch("Two seeds, and a sixth of the time each.")] = False,
    seeds: Annotated[Text, flag("N", "How often every variant is tried (default: the question's own, 3 or 5).")] = None,
    budget: Annotated[Text, flag("SECONDS", "CPU time of each training (default: the question's).")] = None,
    out: Annotated[Path | None, flag("FOLDER", "Where the answer goes (default: studies/NAME).")] = None,
) -> int:
    """Ask one of the questions of the notes as an experiment, and get an answer with its interval."""
    from ganvas.experiments import page, trials
    from ganvas.experiments.questions import EXPERIMENTS
    from ganvas.runs.paths import refuse_file, refuse_inside_source, refuse_unwritable
    from ganvas.settings import parse

    if name not in EXPERIMENTS:
        raise UserError(f"there is no study {name!r}; {nearest(name, EXPERIMENTS)}")
    given = {"quick": quick, "seeds": seeds, "budget": budget}
    effort = parse(trials.Effort, {name: value for name, value in given.items() if value is not None})
    folder = Path("studies") / name if out is None else out
    refuse_file(folder)
    refuse_unwritable(folder)
    refuse_inside_source(source, folder)
    try:
        results = trials.run_experiment(EXPERIMENTS[name], source, effort, folder)
        page.write_page(results, folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}") from None
    for line in page.summary_lines(results):
        console.info(line)
    return 0
