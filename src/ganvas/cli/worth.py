"""`ganvas worth`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganvas import console
from ganvas.cli import Parameter, flag, switch
from ganvas.errors import UserError

if TYPE_CHECKING:
    from ganvas.experiments.worth import Json

Text = str | None


def worth(
    run: Annotated[Path, Parameter(help="A run's folder.")],
    /,
    *,
    quick: Annotated[bool, switch("10 % and 1 % of the set alone, and less shown.")] = False,
    seeds: Annotated[Text, flag("N", "How often everything is done (default: 3; fewer give no verdict).")] = None,
    seed: Annotated[Text, flag("S", "The first of the seeds (default: 0).")] = None,
    minutes: Annotated[Text, flag("M", "For everything together (default: 15; quick: 3).")] = None,
    out: Annotated[Path | None, flag("FOLDER", "Where the answer goes (default: into the run's folder).")] = None,
) -> int:
    """Should you train your classifier with these images? Real, augmented and generated ones, side by side."""
    from ganvas.cli.places import refuse_inside_source
    from ganvas.experiments import worth_page as report
    from ganvas.experiments.subject import subject
    from ganvas.experiments.worth import Worth, weigh
    from ganvas.settings import parse

    given = {"seeds": seeds, "seed": seed, "minutes": minutes}
    choices = parse(Worth, {"quick": quick, **{name: value for name, value in given.items() if value is not None}})
    place = where(run, out)
    about = subject(run, choices.most_tested)
    if out is not None:
        refuse_inside_source(about.run.source, out)
    try:
        card = weigh(about, choices, place)
    except OSError as error:
        raise UserError(f"{place} cannot be written: {error.strerror or error}") from None
    write(card, place)
    for line in report.lines(card):
        console.info(line)
    return 0


def where(run: Path, out: Path | None) -> Path:
    """The folder that the answer goes to. UserError where there is no run, or nothing can be written."""
    from ganvas.cli.places import refuse_file, refuse_unwritable
    from ganvas.cli.sample import refuse_no_run

    refuse_no_run(run)
    if not run.is_dir():
        raise UserError(f"{run} is not a run: give a run's folder")
    place = run if out is None else out
    refuse_file(place)
    refuse_unwritable(place)
    return place


def write(card: "Json", place: Path) -> None:
    """Writes worth.json, worth.md and worth.html, and says where the page is."""
    from ganvas import files
    from ganvas.experiments import worth_page as report

    contents = {
        "worth.json": files.to_json(card),
        "worth.md": report.markdown(card).encode("utf-8"),
        "worth.html": report.html(card).encode("utf-8"),
    }
    try:
        for name, content in contents.items():
            files.write_atomic(place / name, content)
    except OSError as error:
        raise UserError(f"the answer cannot be written to {place}: {error.strerror or error}") from None
    console.info(f"answer {place / 'worth.html'}")
