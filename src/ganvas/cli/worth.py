"""`ganvas worth`."""

from pathlib import Path
from typing import Annotated

from ganvas import console, files
from ganvas.cli import Parameter, flag, switch
from ganvas.errors import UserError

Text = str | None  # a number, checked with the settings


def worth(
    run: Annotated[Path, Parameter(help="A run's folder.")],
    /,
    *,
    quick: Annotated[bool, switch("10 % and 1 % of the set alone, and less shown.")] = False,
    seeds: Annotated[Text, flag("N", "How often everything is done (default: 3; fewer give no verdict).")] = None,
    seed: Annotated[Text, flag("S", "The first of the seeds (default: 0).")] = None,
    minutes: Annotated[Text, flag("M", "For everything together (default: 15; quick: 4).")] = None,
    source: Annotated[str | None, flag("PLACE", "Where the run's set lies now, if it has moved.")] = None,
    out: Annotated[Path | None, flag("FOLDER", "Where the answer goes (default: into the run's folder).")] = None,
) -> int:
    """Should you train your classifier with these images? Real, augmented and generated ones, side by side."""
    from ganvas.experiments import page
    from ganvas.experiments.budget import Worth
    from ganvas.experiments.worth import NAMES, weigh
    from ganvas.experiments.worth_trials import open_subject
    from ganvas.runs.paths import refuse_file, refuse_inside_source, refuse_no_run, refuse_unwritable
    from ganvas.runs.source import source_of
    from ganvas.settings import parse

    given = {"quick": quick, "seeds": seeds, "seed": seed, "minutes": minutes}
    choices = parse(Worth, {name: value for name, value in given.items() if value is not None})
    refuse_no_run(run)
    if not run.is_dir():
        raise UserError(f"{run} is not a run: give a run's folder")
    folder = run if out is None else out
    refuse_file(folder)
    refuse_unwritable(folder)
    subject = open_subject(run, choices.most_tested, source)
    if out is not None and (place := source or source_of(run)) is not None:
        refuse_inside_source(place, out)
    try:
        results = weigh(subject, choices, folder)
        files.write_atomic(folder / "worth.json", files.to_json(results.model_dump(mode="json")))
        page.write_page(results, folder, NAMES)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}") from None
    console.info(page.answer_of(results))
    for line in page.facts(results):
        console.info(line)
    return 0
