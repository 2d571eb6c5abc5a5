"""`ganvas sample`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ganvas import console
from ganvas.cli import Parameter, flag, schema_flags, switch
from ganvas.console.progress import bar
from ganvas.errors import UserError, nearest
from ganvas.settings import Flag, Settings, parse

if TYPE_CHECKING:
    from ganvas.images import Pixels
    from ganvas.sampling import Sampler

LABEL_HELP = (
    "Class names (default: all). A number means the class of that number, 1 the class 001; where no class name is a "
    "number, the position from 0."
)
MAX_IMAGES_ON_SHEET = 10_000
MAX_SHEET_BYTES = 2**31


class SampleConfig(Settings):
    """How many images to generate, and from what noise."""

    count: Annotated[int | None, Flag("N", names=("-n", "--count"))] = Field(default=None, ge=1, le=1_000_000)
    """Images in total (default: 8 a class; 64 without classes)."""
    seed: Annotated[int, Flag("S")] = Field(default=0, ge=0, lt=2**63)
    """Another seed gives other images (default: 0)."""
    truncation: Annotated[float | None, Flag("T")] = Field(default=None, ge=0.05, le=100)
    """Redraw noise values beyond this: less variety, fewer odd images."""


@schema_flags(SampleConfig)
def sample(
    run: Annotated[Path, Parameter(help="A run's folder, or a bundle's.")],
    /,
    *,
    label: Annotated[list[str] | None, flag("NAME", LABEL_HELP)] = None,
    between: Annotated[
        tuple[str, str] | None, flag("A B", "Walk from label A to label B at one seed, in -n steps (default: 8).")
    ] = None,
    overwrite: Annotated[bool, switch("Write into a FOLDER/ that holds other images too; they stay.")] = False,
    fast: Annotated[bool, switch("Use bfloat16 where the CPU has it: faster, with nearly the same bytes.")] = False,
    out: Annotated[str | None, flag("FILE.png|FILE.npz|FOLDER/", "Where to (default: samples.png in the run).")] = None,
    **options: object,
) -> int:
    """Generate images of the classes you ask for. A FOLDER/ gets a folder per class, ready to be a SOURCE."""
    from ganvas.runs.paths import refuse_inside_source, refuse_unwritable
    from ganvas.sampling import load

    config = parse(SampleConfig, options)
    if label == []:
        raise UserError("--label needs the names of classes, or their numbers")
    if between and (label or config.truncation):
        raise UserError("--between walks between two labels at one seed: leave out --label and --truncation")
    refuse_no_run(run)
    sampler, path = load(run, fast), output_path(run, out)
    refuse_unwritable(path)
    if (source := source_of(run)) is not None:
        refuse_inside_source(source, path)
    for name in [*(label or ()), *(between or ())]:
        if (meant := sampler.classes[sampler.index(name)]) != name:
            console.info(f"label {name}: class {meant}")
    try:
        if between:
            write_walk(sampler, config, between, path, overwrite)
        else:
            write_images(sampler, config, label or [], path, overwrite)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None
    console.info(f"images {path}")
    return 0


def refuse_no_run(run: Path) -> None:
    """UserError with the nearest run unless `run` exists."""
    if run.exists():
        return
    records = [record for folder in (run.parent, Path("runs")) for record in folder.glob("*/run.json")]
    known = sorted({str(record.parent) for record in records})
    if same_name := [name for name in known if Path(name).name == run.name]:
        raise UserError(f"there is no run {run}; did you mean {same_name[0]}?")
    raise UserError(f"there is no run {run}; {nearest(str(run), known) if known else 'and none beside it'}")


def source_of(run: Path) -> str | None:
    """Where the set of a run lies, a path or a name; None for a bundle alone, or a set that is gone."""
    from ganvas.runs.folder import RunFolder
    from ganvas.runs.source import recorded_place

    try:
        return recorded_place(RunFolder(run))
    except UserError:
        return None


def output_path(run: Path, out: str | None) -> Path:
    """The file or folder that --out names. UserError for a type of file that is not written."""
    if out == "":
        raise UserError("--out needs a value: FILE.png, FILE.npz, or FOLDER/")
    if out is None:
        # Nothing is added to a bundle: its manifest names all that is in it.
        if (run / "manifest.json").is_file():
            run = run.parent if run.name not in ("", "..") else run.resolve().parent
        return run / "samples.png"
    path = Path(out)
    if not out.endswith("/") and path.suffix not in (".png", ".npz") and not path.is_dir():
        raise UserError(f"--out {out}: give FILE.png, FILE.npz, or FOLDER/ with its slash")
    if out.endswith("/") and path.suffix in (".png", ".npz"):
        raise UserError(f"--out {out}: a folder's name does not end in {path.suffix}")
    if any((place / "manifest.json").is_file() for place in (path, *path.parents)):
        raise UserError(f"--out {out} lies in a bundle, to which nothing is added; choose another place")
    return path


def refuse_large_sheet(sampler: "Sampler", total: int, path: Path) -> None:
    """UserError if a sheet cannot hold so many images."""
    channels, height, width = sampler.info.shape.image
    most = min(MAX_IMAGES_ON_SHEET, MAX_SHEET_BYTES // (channels * height * width))
    if path.suffix == ".png" and total > most:
        raise UserError(f"-n {total} is too many for one .png file, which takes {most}; give --out FOLDER/ or FILE.npz")


def refuse_other_images(path: Path, names: Iterable[str], overwrite: bool) -> None:
    """UserError if the folder at `path` holds images that are not among `names`, those that are written into it.

    So a folder holds the images of one command, and the same command again replaces its own. With `overwrite` a
    message names the first of the others, which stay.
    """
    from ganvas.runs.paths import other_image

    other = other_image(path, set(names)) if path.suffix not in (".png", ".npz") else None
    if other is not None and not overwrite:
        raise UserError(
            f"{path} holds other images, such as {other}: choose another --out, or add --overwrite to leave them "
            "beside the new ones"
        )
    if other is not None:
        console.info(f"other images stay in {path}, such as {other}")


def write_images(sampler: "Sampler", config: SampleConfig, named: list[str], path: Path, overwrite: bool) -> None:
    """A PNG sheet with a row a class, an .npz, or a folder per class with a PNG an image."""
    import numpy as np

    from ganvas.images import save_png
    from ganvas.report import charts
    from ganvas.runs.paths import folder_name
    from ganvas.sampling import save_npz, split_evenly

    classes, indices = sampler.classes, list(dict.fromkeys(sampler.index(name) for name in named))
    counts: dict[int | None, int] = {None: config.count or 64}
    if classes:
        indices = indices or list(range(len(classes)))
        counts = dict(zip(indices, split_evenly(config.count or 8 * len(indices), indices), strict=True))
    total = sum(counts.values())
    refuse_large_sheet(sampler, total, path)
    folders: dict[int | None, str] = {label: f"{folder_name(name)}/" for label, name in enumerate(classes)}

    def name_of(label: int | None, index: int) -> str:
        """Where an image goes below a folder: `cat/seed0-000000.png`."""
        return f"{folders.get(label, '')}seed{config.seed}-{index:06d}.png"

    refuse_other_images(path, (name_of(each, index) for each in counts for index in range(counts[each])), overwrite)
    labels = np.repeat(np.array(indices, np.int64), list(counts.values())) if classes else None

    def batches() -> Iterator[tuple[int | None, int, "Pixels"]]:
        """(label, index of the first image within its label, images), label after label."""
        for label, count in counts.items():
            for first, images in sampler.stream(label, count, config.seed, config.truncation):
                yield label, first, images
                progress.advance(len(images))

    path.parent.mkdir(parents=True, exist_ok=True)
    with bar("generating", total, "images") as progress:
        if path.suffix == ".npz":
            save_npz(path, (images for _, _, images in batches()), total, labels, classes)
        elif path.suffix == ".png":
            charts.draw_class_grid(np.concatenate([images for _, _, images in batches()]), labels, classes, path)
        else:
            for label, first, images in batches():
                for index, image in enumerate(images, first):
                    save_png(image, path / name_of(label, index))


def write_walk(sampler: "Sampler", config: SampleConfig, ends: tuple[str, str], path: Path, overwrite: bool) -> None:
    """The walk between two labels, as one strip, as an .npz, or a file a step."""
    from ganvas.images import enlarge, grid, save_png
    from ganvas.sampling import save_npz

    steps = config.count or 8
    if steps < 2:
        raise UserError("--between takes -n 2 or more: a walk has two ends")
    if not sampler.classes:
        raise UserError(f"{sampler.name} was trained without labels: there is nothing to walk between")
    refuse_large_sheet(sampler, steps, path)
    names = [f"seed{config.seed}-step{step:06d}.png" for step in range(steps)]
    refuse_other_images(path, names, overwrite)
    pixels = sampler.between(*ends, steps=steps, seed=config.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npz":
        save_npz(path, [pixels], steps, None, ())
    elif path.suffix == ".png":
        save_png(grid(enlarge(pixels, least_side=64), columns=min(steps, 16)), path)
    else:
        for name, image in zip(names, pixels, strict=True):
            save_png(image, path / name)
