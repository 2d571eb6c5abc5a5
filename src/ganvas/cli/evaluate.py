"""`ganvas evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganvas.cli import Parameter, flag, switch
from ganvas.errors import UserError
from ganvas.progress import say

if TYPE_CHECKING:
    from ganvas.data import Prepared
    from ganvas.metrics.pictures import Pictures
    from ganvas.metrics.scorecard import Scored

Text = str | None
COLUMNS = 10
MOST_CLASSES = 20


def evaluate(
    target: Annotated[str, Parameter(help="A run's folder, or pictures: a folder per class, or an .npz.")],
    /,
    *,
    against: Annotated[Text, flag("SOURCE", "The real set (default: the run's own).")] = None,
    out: Annotated[Path | None, flag("FOLDER", "Where the scorecard goes (default: into the run's folder).")] = None,
    count: Annotated[Text, flag("N", "Pictures scored, at most (10000; quick: 2000).", "-n", "--count")] = None,
    features: Annotated[Text, flag("NAME", "judge, imagenet, inception or dino (default: judge).")] = None,
    quick: Annotated[bool, switch("Labels, Fréchet distance.")] = False,
    seed: Annotated[Text, flag("S", "Of the pictures that a run draws (default: 0).")] = None,
    size: Annotated[Text, flag("PIXELS", "Size to prepare --against at.")] = None,
    crop: Annotated[Text, flag("square|PIXELS", "Centre crop of --against before the resize.")] = None,
    channels: Annotated[Text, flag("1|3", "Channels of --against.")] = None,
    attribute: Annotated[Text, flag("NAME", "What labels --against in CelebA's layout.")] = None,
) -> int:
    """Score a run, or any pictures, against real ones: labels, distances, copies, diversity, use."""
    from ganvas.metrics import pictures as room
    from ganvas.metrics.scorecard import QUICK_COUNT, Protocol, score
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
        pictures = room.drawn(path, prepared, protocol.count, protocol.seed, say)
    else:
        pictures = room.made(target, prepared, protocol.count)
    told(score(pictures, prepared, protocol, say), pictures, prepared, place)
    return 0


def refuse_features(name: str) -> None:
    """UserError unless there are such features."""
    from ganvas.errors import nearest
    from ganvas.metrics.features import NAMES

    if name not in NAMES:
        raise UserError(f"there are no features {name!r}; {nearest(name, NAMES)}")


def where(path: Path, against: str | None, out: Path | None, shape: dict[str, str | None]) -> Path:
    """The folder that the scorecard goes to. UserError where it has to be given and was not."""
    from ganvas.cli.places import refuse_file, refuse_inside_source, refuse_unwritable
    from ganvas.cli.sample import refuse_no_run, source_of
    from ganvas.metrics.pictures import is_run
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


def reference(path: Path, against: str | None, shape: dict[str, str | None]) -> "Prepared":
    """The real set."""
    from ganvas.data import Data, open_source
    from ganvas.metrics.pictures import set_of
    from ganvas.settings import parse

    if against is None:
        return set_of(path)
    return open_source(against, parse(Data, {name: value for name, value in shape.items() if value is not None}), say)


def told(scored: "Scored", pictures: "Pictures", prepared: "Prepared", place: Path) -> None:
    """Writes the files and says the short of it."""
    from ganvas.metrics.facts import to_json
    from ganvas.report import scorecard
    from ganvas.runs import sealed

    sheets = shown(scored, pictures, prepared)
    files = {
        "scorecard.png": sheets["samples"],
        "scorecard.json": to_json(scored.card).encode("utf-8"),
        "scorecard.md": scorecard.markdown(scored.card).encode("utf-8"),
        "scorecard.html": scorecard.html(scored.card, sheets).encode("utf-8"),
    }
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            sealed.replace_synced(place / name, content)
    except OSError as error:
        raise UserError(f"the scorecard cannot be written to {place}: {error.strerror or error}") from None
    for _, sentence in scorecard.sentences(scored.card):
        say(sentence)
    say(f"scorecard {place / 'scorecard.html'}")


def shown(scored: "Scored", pictures: "Pictures", prepared: "Prepared") -> dict[str, bytes]:
    """The pictures of the page, as PNGs by name."""
    import tempfile

    import numpy as np

    from ganvas.images import enlarge, grid, save_png
    from ganvas.report import figures

    classes = prepared.classes[:MOST_CLASSES]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held = scored.held_out
        for file, pixels, labels in (
            ("samples", pictures.pixels, pictures.labels),
            ("real", held.pixels, held.labels if pictures.labels is not None else None),
        ):
            rows = np.arange(min(len(pixels), COLUMNS * 10))
            if labels is not None:
                firsts = [np.flatnonzero(labels == label)[:COLUMNS] for label in range(len(classes))]
                rows = np.concatenate(firsts)
            figures.class_grid(pixels[rows], None if labels is None else labels[rows], classes, folder / f"{file}.png")
        labels_found = scored.card["labels"]
        if labels_found and labels_found["asked"] and len(prepared.classes) <= 100:
            matrix = np.array(labels_found["confusion"])
            figures.confusion(matrix, prepared.classes, folder / "confusion.png", "seen", "asked for")
        if scored.closest:
            mine = pictures.pixels[[pair[0] for pair in scored.closest]]
            theirs = prepared.pixels[[pair[1] for pair in scored.closest]]
            save_png(enlarge(grid(np.concatenate([mine, theirs]), len(mine)), 800), folder / "pairs.png")
        return {file.stem: file.read_bytes() for file in sorted(folder.glob("*.png"))}
