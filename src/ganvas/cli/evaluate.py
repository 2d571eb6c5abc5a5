"""`ganvas evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganvas import console
from ganvas.cli import Parameter, flag, switch
from ganvas.errors import UserError

if TYPE_CHECKING:
    from ganvas.data import PreparedSet

Text = str | None


def evaluate(
    target: Annotated[str, Parameter(help="A run's folder, or images: a folder per class, or an .npz.")],
    /,
    *,
    against: Annotated[Text, flag("SOURCE", "The real set (default: the run's own).")] = None,
    out: Annotated[Path | None, flag("FOLDER", "Where the scorecard goes (default: into the run's folder).")] = None,
    count: Annotated[Text, flag("N", "Samples scored, at most (10000; quick: 2000).", "-n", "--count")] = None,
    features: Annotated[Text, flag("NAME", "evaluator, imagenet, inception or dino (default: evaluator).")] = None,
    quick: Annotated[bool, switch("Fast: label accuracy and one distance.")] = False,
    seed: Annotated[Text, flag("S", "Of the images that a run draws (default: 0).")] = None,
    size: Annotated[Text, flag("PIXELS", "Size to prepare --against at.")] = None,
    crop: Annotated[Text, flag("square|PIXELS", "Centre crop of --against before the resize.")] = None,
    channels: Annotated[Text, flag("1|3", "Channels of --against.")] = None,
    attribute: Annotated[Text, flag("NAME", "What labels --against in CelebA's layout.")] = None,
) -> int:
    """Score a run, or any images, against real ones: labels, distances, copies, diversity, CAS."""
    from ganvas.cli.flags import refuse_renamed
    from ganvas.evaluation import samples
    from ganvas.evaluation.artifacts import write_scorecard
    from ganvas.evaluation.report import findings
    from ganvas.evaluation.score import QUICK_COUNT, Protocol, score
    from ganvas.settings import parse

    refuse_renamed("features", features or "")
    given = {"count": count, "features": features, "seed": seed}
    choices: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if quick:
        choices = {"count": QUICK_COUNT, **choices, "quick": True}
    protocol = parse(Protocol, choices)
    path = Path(target)
    shape = {"size": size, "crop": crop, "channels": channels, "attribute": attribute}
    folder = output_folder(path, against, out, shape)
    prepared = real_set(path, against, shape)
    if samples.is_run(path):
        images = samples.sample_run(path, prepared, protocol.count, protocol.seed)
    else:
        images = samples.load_samples(target, prepared, protocol.count)
    scored = score(images, prepared, protocol)
    write_scorecard(scored, images, prepared, folder)
    for _, sentence in findings(scored.card):
        console.info(sentence)
    console.info(f"scorecard {folder / 'scorecard.html'}")
    return 0


def output_folder(path: Path, against: str | None, out: Path | None, shape: dict[str, str | None]) -> Path:
    """The folder that the scorecard goes to. UserError where it has to be given and is not."""
    from ganvas.cli.sample import refuse_no_run, source_of
    from ganvas.evaluation.samples import is_run
    from ganvas.runs import sealed
    from ganvas.runs.paths import refuse_file, refuse_inside_source, refuse_unwritable

    if not path.exists():
        refuse_no_run(path)
    knows_its_set = is_run(path) and not (path / sealed.MANIFEST).is_file()  # a bundle alone does not
    if not knows_its_set and against is None:
        raise UserError(f"{path} is not a run, so give the real set with --against SOURCE")
    if not knows_its_set and out is None:
        raise UserError(f"{path} is not a run, so say with --out FOLDER where its scorecard goes")
    if against is None and (given := [name for name, value in shape.items() if value is not None]):
        raise UserError(f"--{given[0]} prepares --against, which was not given; a run is scored as it was trained")
    folder = path if out is None else out
    refuse_file(folder)
    refuse_unwritable(folder)
    for source in (against, source_of(path) if knows_its_set else str(path)):
        if source is not None:
            refuse_inside_source(source, folder)
    return folder


def real_set(path: Path, against: str | None, shape: dict[str, str | None]) -> "PreparedSet":
    """The set that images are held against."""
    from ganvas.data import DataConfig, open_source
    from ganvas.evaluation.samples import training_set_of
    from ganvas.settings import parse

    if against is None:
        return training_set_of(path)
    return open_source(against, parse(DataConfig, {name: value for name, value in shape.items() if value is not None}))
