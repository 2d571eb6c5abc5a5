"""`ganvas sample`."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ganvas import console
from ganvas.cli import Parameter, switch
from ganvas.cli.places import refuse_inside_source, refuse_unwritable
from ganvas.console.progress import bar
from ganvas.errors import UserError, nearest
from ganvas.settings import Settings, parse

if TYPE_CHECKING:
    from ganvas.images import Pixels
    from ganvas.sampling import Sampler

MOST = 1_000_000
MOST_ON_A_SHEET = 10_000
PIXELS_IN_MEMORY = 2**31


class Drawing(Settings):
    """How many images to draw, and from what noise."""

    count: int | None = Field(default=None, ge=1, le=MOST)
    """Images in total."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Another seed gives other images."""
    truncation: float | None = Field(default=None, ge=0.05, le=100)
    """Noise values beyond this are drawn again."""


@dataclass(frozen=True)
class Order:
    """What was asked for, checked."""

    sampler: "Sampler"
    labels: list[str] | None
    drawing: Drawing
    place: Path


def sample(
    run: Annotated[Path, Parameter(help="A run's folder, or a bundle's.")],
    /,
    *,
    label: Annotated[
        list[str] | None,
        Parameter(consume_multiple=True, negative="", metavar="NAME", help="Class names or indices (default: all)."),
    ] = None,
    count: Annotated[
        str | None,
        Parameter(name=["-n", "--count"], metavar="N", help="Pictures in total (default: 8 a label; 64 without)."),
    ] = None,
    seed: Annotated[str, Parameter(metavar="S", help="Another seed gives other images.")] = "0",
    truncation: Annotated[
        str | None,
        Parameter(metavar="T", help="Redraw noise values beyond this: less variety, fewer odd ones."),
    ] = None,
    between: Annotated[
        tuple[str, str] | None,
        Parameter(
            negative="", metavar="A B", help="Walk from label A to label B at one seed, in -n steps (default: 8)."
        ),
    ] = None,
    fast: Annotated[
        bool, switch("In bfloat16 where the processor multiplies it: sooner, and nearly the same bytes.")
    ] = False,
    out: Annotated[
        str | None,
        Parameter(metavar="FILE.png|FILE.npz|FOLDER/", help="Where to (default: samples.png in the run)."),
    ] = None,
) -> int:
    """Draw images of the classes you ask for. A FOLDER/ gets a folder per class, ready to be a SOURCE."""
    from ganvas.sampling import load

    given = {"count": count, "seed": seed, "truncation": truncation}
    drawing = parse(Drawing, {name: value for name, value in given.items() if value is not None})
    if label == []:
        raise UserError("--label needs the names of classes, or their indices")
    if between and (label or truncation):
        raise UserError("--between walks between two labels at one seed: leave out --label and --truncation")
    refuse_no_run(run)
    order = Order(load(run, fast), label, drawing, where(run, out))
    refuse_unwritable(order.place)
    if (source := source_of(run)) is not None:
        refuse_inside_source(source, order.place)
    try:
        if between:
            walk(order, between)
        elif order.place.suffix in (".png", ".npz"):
            into_file(order)
        else:
            into_folder(order)
    except OSError as error:
        raise UserError(f"{order.place} cannot be written: {error.strerror or error}") from None
    console.info(f"images {order.place}")
    return 0


def refuse_no_run(run: Path) -> None:
    """UserError with the nearest run unless something lies at `run`."""
    if run.exists():
        return
    folders = (run.parent, Path("runs"))
    known = sorted({str(place.parent) for folder in folders for place in folder.glob("*/run.json")})
    if run.name in {Path(name).name for name in known}:
        close = next(name for name in known if Path(name).name == run.name)
        raise UserError(f"there is no run {run}; did you mean {close}?")
    raise UserError(f"there is no run {run}; {nearest(str(run), known) if known else 'and none beside it'}")


def source_of(run: Path) -> str | None:
    """The source that a run names, where it is known."""
    from ganvas.runs.folder import RunFolder

    try:
        return RunFolder(run).read().run.source
    except UserError:  # a bundle alone
        return None


def where(run: Path, out: str | None) -> Path:
    """The file or folder that --out names. UserError for a kind of file that is not written."""
    if out == "":
        raise UserError("--out needs a value: FILE.png, FILE.npz, or FOLDER/")
    if out is None:
        # Nothing is added to a bundle: its manifest names all that is in it.
        if (run / "manifest.json").is_file():
            run = run.parent if run.name not in ("", "..") else run.resolve().parent
        return run / "samples.png"
    place = Path(out)
    if not out.endswith("/") and place.suffix not in (".png", ".npz") and not place.is_dir():
        raise UserError(f"--out {out}: give FILE.png, FILE.npz, or FOLDER/ with its slash")
    if out.endswith("/") and place.suffix in (".png", ".npz"):
        raise UserError(f"--out {out}: a folder's name does not end in {place.suffix}")
    return place


def wanted(order: Order) -> list[tuple[int | None, int]]:
    """(label, images of it) for what was asked: every class when none was named."""
    from ganvas.sampling import split_evenly

    sampler, count = order.sampler, order.drawing.count
    if not sampler.classes:
        if order.labels:
            sampler.index(order.labels[0])  # refuses
        return [(None, count or 64)]
    asked = [sampler.index(name) for name in order.labels or ()] or list(range(len(sampler.classes)))
    indices = list(dict.fromkeys(asked))
    return list(zip(indices, split_evenly(count or 8 * len(indices), indices), strict=True))


def refuse_too_many(order: Order, total: int) -> None:
    """UserError if so many images do not go into one file."""
    channels, height, width = order.sampler.card.shape.image
    most = min(MOST_ON_A_SHEET, PIXELS_IN_MEMORY // (channels * height * width))
    if order.place.suffix == ".png" and total > most:
        raise UserError(f"-n {total} is too many for one .png file, which takes {most}; give --out FOLDER/ or FILE.npz")


def into_file(order: Order) -> None:
    """One PNG sheet with a row a class, or one .npz."""
    import numpy as np

    from ganvas.report import charts
    from ganvas.sampling import save_npz

    sampler, place = order.sampler, order.place
    asked = wanted(order)
    total = sum(number for _, number in asked)
    refuse_too_many(order, total)
    indices = None
    if sampler.classes:
        indices = np.repeat(np.array([label for label, _ in asked], np.int64), [number for _, number in asked])
    place.parent.mkdir(parents=True, exist_ok=True)
    with bar("drawing", total, "images") as shown:
        parts = drawn(order, asked, shown.advance)
        if place.suffix == ".npz":
            save_npz(place, parts, total, indices, sampler.classes)
        else:
            charts.class_grid(np.concatenate(list(parts)), indices, sampler.classes, place)


def drawn(order: Order, asked: list[tuple[int | None, int]], advance: Callable[[int], None]) -> Iterator["Pixels"]:
    """What was asked for, label after label, a batch at a time."""
    for label, number in asked:
        for _, images in order.sampler.stream(label, number, order.drawing.seed, order.drawing.truncation):
            yield images
            advance(len(images))


def into_folder(order: Order) -> None:
    """A PNG an image, in a folder per class."""
    from ganvas.images import save_png

    sampler, seed = order.sampler, order.drawing.seed
    asked = wanted(order)
    with bar("drawing", sum(number for _, number in asked), "images") as shown:
        for label, number in asked:
            folder = order.place if label is None else order.place / folder_name(sampler.classes[label])
            for first, drawn in sampler.stream(label, number, seed, order.drawing.truncation):
                for row, image in enumerate(drawn):
                    save_png(image, folder / f"seed{seed}-{first + row:06d}.png")
                shown.advance(len(drawn))


def walk(order: Order, ends: tuple[str, str]) -> None:
    """The way between two labels, as one strip, as an .npz, or a file a step."""
    from ganvas.images import enlarge, grid, save_png
    from ganvas.sampling import save_npz

    steps, seed, place = order.drawing.count or 8, order.drawing.seed, order.place
    if steps < 2:
        raise UserError("--between takes -n 2 or more: a walk has two ends")
    if not order.sampler.classes:
        raise UserError(f"{order.sampler.name} was trained without labels: there is nothing to walk between")
    refuse_too_many(order, steps)
    pixels = order.sampler.between(*ends, steps=steps, seed=seed)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix == ".npz":
        save_npz(place, [pixels], steps, None, ())
    elif place.suffix == ".png":
        save_png(grid(enlarge(pixels, least_side=64), columns=min(steps, 16)), place)
    else:
        for step, image in enumerate(pixels):
            save_png(image, place / f"seed{seed}-step{step:06d}.png")


def folder_name(name: str) -> str:
    """A class's name as a folder's: whatever could lead elsewhere, or hide, is replaced, and a mark tells it apart."""
    safe = "".join("_" if character in '/\\:*?"<>|' or ord(character) < 32 else character for character in name)
    if safe == name and not name.startswith(".") and 0 < len(name.encode()) <= 200:
        return name
    mark = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{safe.lstrip('.')[:60]}-{mark}"
