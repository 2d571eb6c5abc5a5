"""`ganvas.evaluate`."""

from pathlib import Path
from typing import Any, Unpack

from ganvas.api.dataset import Dataset
from ganvas.api.keywords import Place, ScoreOptions, documented, given, in_keywords, path_of, source_text
from ganvas.api.scores import Scores
from ganvas.config.flags import refuse_renamed
from ganvas.data import DataConfig, open_source
from ganvas.errors import UserError, nearest
from ganvas.evaluation import samples
from ganvas.evaluation.artifacts import write_scorecard
from ganvas.evaluation.protocol import QUICK_COUNT, Protocol
from ganvas.evaluation.score import score
from ganvas.runs import sealed
from ganvas.runs.paths import refuse_file, refuse_inside_source, refuse_no_run, refuse_unwritable
from ganvas.runs.source import source_of
from ganvas.settings import parse


@documented(Protocol, DataConfig)
def evaluate(
    target: Place,
    *,
    against: Place | Dataset | None = None,
    moved_to: Place | None = None,
    out: Place | None = None,
    **options: Unpack[ScoreOptions],
) -> Scores:
    """Scores a run, or any images, against real ones, and writes one page: labels, distances, copies, diversity, CAS.

    target: a run, or images: a folder with a folder for each class, an .npz or a .zip.
    against: the real set, prepared as the options of the data say, or what `ganvas.prepare` returned; by default the
        run's own.
    moved_to: where the run's own set lies now, if it has moved.
    out: where the scorecard goes; by default into the run's folder.
    UserError, in one sentence, where something does not fit or nothing can be measured.
    """
    with in_keywords():
        choices: dict[str, Any] = given(options)
        if isinstance(against, Dataset):
            choices = {**against.options, **choices}
            against = against.source
        known = {**Protocol.model_fields, **DataConfig.model_fields}
        for name in choices:
            if name not in known:
                raise UserError(f"there is no --{name}; {nearest(name, known)}")
        refuse_renamed("features", choices.get("features", ""))
        how = {name: choices.pop(name) for name in Protocol.model_fields if name in choices}
        protocol = parse(Protocol, {"count": QUICK_COUNT, **how} if how.get("quick") else how)
        if against is None and choices:
            name = next(iter(choices)).replace("_", "-")
            raise UserError(f"--{name} prepares --against, which was not given; a run is scored as it was trained")
        path = Path(source_text(target)).expanduser()
        moved = None if moved_to is None else source_text(moved_to)
        if moved is not None and (against is not None or not samples.is_run(path)):
            raise UserError("--source says where the set of a run lies now: give it with a run, and without --against")
        real = None if against is None else source_text(against)
        folder = output_folder(path, real, None if out is None else path_of(out))
        if moved is not None:
            refuse_inside_source(moved, folder)
        data = parse(DataConfig, choices)
        prepared = samples.training_set_of(path, moved) if real is None else open_source(real, data)
        if samples.is_run(path):
            images = samples.sample_run(path, prepared, protocol.count, protocol.seed)
        else:
            images = samples.load_samples(source_text(target), prepared, protocol.count)
        scored = score(images, prepared, protocol)
        write_scorecard(scored, images, prepared, folder)
        return Scores.of(scored.card, folder)


def output_folder(path: Path, against: str | None, out: Path | None) -> Path:
    """The folder that the scorecard goes to. UserError where it has to be given and is not."""
    if not path.exists():
        refuse_no_run(path)
    knows_its_set = samples.is_run(path) and not (path / sealed.MANIFEST).is_file()  # a bundle alone does not
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
