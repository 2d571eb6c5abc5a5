"""`ganvas evaluate`."""

from pathlib import Path
from typing import Annotated

from ganvas import console
from ganvas.cli import Parameter, flag, schema_flags
from ganvas.data.config import DataConfig
from ganvas.errors import UserError
from ganvas.evaluation.protocol import QUICK_COUNT, Protocol
from ganvas.settings import parse


@schema_flags(Protocol, DataConfig)
def evaluate(
    target: Annotated[str, Parameter(help="A run's folder, or images: a folder per class, an .npz or a .zip.")],
    /,
    *,
    against: Annotated[
        str | None, flag("SOURCE", "The real set, prepared as Data says (default: the run's own).")
    ] = None,
    source: Annotated[str | None, flag("PLACE", "Where the run's own set lies now, if it has moved.")] = None,
    out: Annotated[Path | None, flag("FOLDER", "Where the scorecard goes (default: into the run's folder).")] = None,
    **options: object,
) -> int:
    """Score a run, or any images, against real ones: labels, distances, copies, diversity, CAS."""
    from ganvas.cli.flags import refuse_renamed
    from ganvas.data import open_source
    from ganvas.evaluation import samples
    from ganvas.evaluation.artifacts import write_scorecard
    from ganvas.evaluation.report import findings
    from ganvas.evaluation.score import score
    from ganvas.runs.paths import refuse_inside_source

    refuse_renamed("features", options.get("features", ""))
    choices = {name: options.pop(name) for name in Protocol.model_fields if name in options}
    protocol = parse(Protocol, {"count": QUICK_COUNT, **choices} if choices.get("quick") else choices)
    if against is None and options:
        name = next(iter(options)).replace("_", "-")
        raise UserError(f"--{name} prepares --against, which was not given; a run is scored as it was trained")
    path = Path(target)
    if source is not None and (against is not None or not samples.is_run(path)):
        raise UserError("--source says where the set of a run lies now: give it with a run, and without --against")
    folder = output_folder(path, against, out)
    if source is not None:
        refuse_inside_source(source, folder)
    data = parse(DataConfig, options)
    prepared = samples.training_set_of(path, source) if against is None else open_source(against, data)
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


def output_folder(path: Path, against: str | None, out: Path | None) -> Path:
    """The folder that the scorecard goes to. UserError where it has to be given and is not."""
    from ganvas.cli.sample import refuse_no_run, source_of
    from ganvas.evaluation.samples import is_run
    from ganvas.runs import sealed
    from ganvas.runs.paths import refuse_file, refuse_inside_source, refuse_unwritable

    if not path.exists():
        refuse_no_run(path)
    knows_its_set = is_run(path) and not (path / sealed.MANIFEST).is_file()  # a bundle alone does not
    wanted = [("--against SOURCE (the real set)", against), ("--out FOLDER (where its scorecard goes)", out)]
    if not knows_its_set and (missing := [what for what, given in wanted if given is None]):
        raise UserError(f"{path} is not a run, so it needs {' and '.join(missing)}")
    folder = path if out is None else out
    refuse_file(folder)
    refuse_unwritable(folder)
    for source in (against, source_of(path) if knows_its_set else str(path)):
        if source is not None:
            refuse_inside_source(source, folder)
    return folder
