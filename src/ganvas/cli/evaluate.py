"""`ganvas evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganvas import console
from ganvas.cli import Parameter, flag, switch
from ganvas.errors import UserError

if TYPE_CHECKING:
    from ganvas.data import PreparedSet
    from ganvas.evaluation.samples import Samples
    from ganvas.evaluation.scorecard import ScoredSamples

Text = str | None
COLUMNS = 10
MOST_CLASSES = 20


def evaluate(
    target: Annotated[str, Parameter(help="A run's folder, or images: a folder per class, or an .npz.")],
    /,
    *,
    against: Annotated[Text, flag("SOURCE", "The real set (default: the run's own).")] = None,
    out: Annotated[Path | None, flag("FOLDER", "Where the scorecard goes (default: into the run's folder).")] = None,
    count: Annotated[Text, flag("N", "Samples scored, at most (10000; quick: 2000).", "-n", "--count")] = None,
    features: Annotated[Text, flag("NAME", "evaluator, imagenet, inception or dino (default: evaluator).")] = None,
    quick: Annotated[bool, switch("Labels, Fréchet distance.")] = False,
    seed: Annotated[Text, flag("S", "Of the images that a run draws (default: 0).")] = None,
    size: Annotated[Text, flag("PIXELS", "Size to prepare --against at.")] = None,
    crop: Annotated[Text, flag("square|PIXELS", "Centre crop of --against before the resize.")] = None,
    channels: Annotated[Text, flag("1|3", "Channels of --against.")] = None,
    attribute: Annotated[Text, flag("NAME", "What labels --against in CelebA's layout.")] = None,
) -> int:
    """Score a run, or any images, against real ones: labels, distances, copies, diversity, use."""
    from ganvas.evaluation import samples as room
    from ganvas.evaluation.scorecard import QUICK_COUNT, Protocol, score
    from ganvas.settings import parse

    given = {"count": count, "features": features, "seed": seed}
    choices: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if quick:
        choices = {"count": QUICK_COUNT, **choices, "quick": True}
    protocol = parse(Protocol, choices)
    refuse_features(protocol.features)
    path = Path(target)
    shape = {"size": size, "crop": crop, "channels": channels, "attribute": attribute}
    place = where(path, against, out, shape)
    prepared = reference(path, against, shape)
    if room.is_run(path):
        images = room.sample_run(path, prepared, protocol.count, protocol.seed)
    else:
        images = room.load_samples(target, prepared, protocol.count)
    told(score(images, prepared, protocol), images, prepared, place)
    return 0


def refuse_features(name: str) -> None:
    """UserError unless there are such features."""
    from ganvas.cli.flags import refuse_renamed
    from ganvas.errors import nearest
    from ganvas.evaluation.features import NAMES

    refuse_renamed("features", name)
    if name not in NAMES:
        raise UserError(f"there are no features {name!r}; {nearest(name, NAMES)}")


def where(path: Path, against: str | None, out: Path | None, shape: dict[str, str | None]) -> Path:
    """The folder that the scorecard goes to. UserError where it has to be given and was not."""
    from ganvas.cli.places import refuse_file, refuse_inside_source, refuse_unwritable
    from ganvas.cli.sample import refuse_no_run, source_of
    from ganvas.evaluation.samples import is_run
    from ganvas.runs import sealed

    own = is_run(path) and not (path / sealed.MANIFEST).is_file()
    if not path.exists():
        refuse_no_run(path)
    if not own and against is None:
        raise UserError(f"{path} is not a run, so give the real set with --against SOURCE")
    if not own and out is None:
        raise UserError(f"{path} is not a run, so say with --out FOLDER where its scorecard goes")
    if against is None and (named := [name for name, value in shape.items() if value is not None]):
        raise UserError(f"--{named[0]} prepares --against, which was not given; a run is scored as it was trained")
    place = path if out is None else out
    refuse_file(place)
    refuse_unwritable(place)
    for source in (against, source_of(path) if own else str(path)):
        if source is not None:
            refuse_inside_source(source, place)
    return place


def reference(path: Path, against: str | None, shape: dict[str, str | None]) -> "PreparedSet":
    """The real set."""
    from ganvas.data import DataConfig, open_source
    from ganvas.evaluation.samples import training_set_of
    from ganvas.settings import parse

    if against is None:
        return training_set_of(path)
    return open_source(against, parse(DataConfig, {name: value for name, value in shape.items() if value is not None}))


def told(scored: "ScoredSamples", images: "Samples", prepared: "PreparedSet", place: Path) -> None:
    """Writes the files and says the short of it."""
    from ganvas import files
    from ganvas.evaluation import report
    from ganvas.evaluation.figures import to_json

    sheets = shown(scored, images, prepared)
    contents = {
        "scorecard.png": sheets["samples"],
        "scorecard.json": to_json(scored.card).encode("utf-8"),
        "scorecard.md": report.markdown(scored.card).encode("utf-8"),
        "scorecard.html": report.html(scored.card, sheets).encode("utf-8"),
    }
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            files.write_atomic(place / name, content)
    except OSError as error:
        raise UserError(f"the scorecard cannot be written to {place}: {error.strerror or error}") from None
    for _, sentence in report.sentences(scored.card):
        console.info(sentence)
    console.info(f"scorecard {place / 'scorecard.html'}")


def shown(scored: "ScoredSamples", images: "Samples", prepared: "PreparedSet") -> dict[str, bytes]:
    """The images of the page, as PNGs by name."""
    import tempfile

    import numpy as np

    from ganvas.images import enlarge, grid, save_png
    from ganvas.report import charts

    classes = prepared.classes[:MOST_CLASSES]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held = scored.held_out
        for file, pixels, labels in (
            ("samples", images.pixels, images.labels),
            ("real", held.pixels, held.labels if images.labels is not None else None),
        ):
            rows = np.arange(min(len(pixels), COLUMNS * 10))
            if labels is not None:
                firsts = [np.flatnonzero(labels == label)[:COLUMNS] for label in range(len(classes))]
                rows = np.concatenate(firsts)
            charts.class_grid(pixels[rows], None if labels is None else labels[rows], classes, folder / f"{file}.png")
        labels_found = scored.card["labels"]
        if labels_found and labels_found["asked"] and len(prepared.classes) <= 100:
            matrix = np.array(labels_found["confusion"])
            charts.confusion(matrix, prepared.classes, folder / "confusion.png", "seen", "asked for")
        if scored.closest:
            mine = images.pixels[[pair[0] for pair in scored.closest]]
            theirs = prepared.pixels[[pair[1] for pair in scored.closest]]
            save_png(enlarge(grid(np.concatenate([mine, theirs]), len(mine)), 800), folder / "pairs.png")
        return {file.stem: file.read_bytes() for file in sorted(folder.glob("*.png"))}
