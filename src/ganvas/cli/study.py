"""`ganvas study`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganvas import console
from ganvas.cli import Parameter, flag, switch
from ganvas.errors import UserError

if TYPE_CHECKING:
    from ganvas.experiments.trials import Json

Text = str | None


def study(
    name: Annotated[str, Parameter(help="The question: ganvas list studies")],
    source: Annotated[str, Parameter(help="What it is asked of (default: digits).")] = "digits",
    /,
    *,
    quick: Annotated[bool, switch("Two seeds, and a sixth of the time each.")] = False,
    seeds: Annotated[Text, flag("N", "How often every row is tried (default: the question's own, 3 or 5).")] = None,
    budget: Annotated[Text, flag("SECONDS", "Of processor time for each training (default: the question's).")] = None,
    out: Annotated[Path | None, flag("FOLDER", "Where the answer goes (default: studies/NAME).")] = None,
) -> int:
    """Ask one of the questions of the notes as an experiment, and get an answer with its interval."""
    from ganvas.cli.places import refuse_file, refuse_inside_source, refuse_unwritable
    from ganvas.experiments import page as report
    from ganvas.experiments import trials
    from ganvas.settings import parse

    question = trials.find_experiment(name)
    given = {"seeds": seeds, "budget": budget}
    effort = parse(trials.Effort, {"quick": quick, **{key: value for key, value in given.items() if value is not None}})
    place = Path("studies") / question.name if out is None else out
    refuse_file(place)
    refuse_unwritable(place)
    refuse_inside_source(source, place)
    try:
        card = trials.run_experiment(question, source, effort, place)
        write(card, place)
    except OSError as error:
        raise UserError(f"{place} cannot be written: {error.strerror or error}") from None
    for line in report.lines(card):
        console.info(line)
    return 0


def write(card: "Json", place: Path) -> None:
    """Writes README.md, study.html and the images beside them, and says where the page is."""
    from ganvas import files
    from ganvas.experiments import charts
    from ganvas.experiments import page as report
    from ganvas.experiments.gan_trials import strips_of

    charts.chart(card, place / report.CHART)
    drawn = place / report.STRIPS
    if images := strips_of(place, [row["name"] for row in card["rows"]]):
        charts.strips(images, drawn)
    strips = drawn.read_bytes() if drawn.exists() else None
    files.write_atomic(place / "README.md", report.markdown(card, strips is not None).encode("utf-8"))
    page = report.html(card, (place / report.CHART).read_bytes(), strips)
    files.write_atomic(place / "study.html", page.encode("utf-8"))
    console.info(f"answer {place / 'study.html'}")
