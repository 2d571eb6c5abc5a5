"""`ganvas sample`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganvas import console
from ganvas.cli import Parameter, flag, schema_flags, switch
from ganvas.cli.samples import file_names, labels_to_draw, npz_labels, sheet_rows
from ganvas.config.sample import SampleConfig
from ganvas.console.progress import bar
from ganvas.errors import UserError
from ganvas.settings import parse

if TYPE_CHECKING:
    from ganvas.images import Pixels
    from ganvas.sampling import Sampler

LABEL_HELP = (
    "Class names (default: all). A number means the class of that number, 1 the class 001; where no class name is a "
    "number, the position from 0. Labels of several parts: shape=star,colour=red; parts left out are drawn as the "
    "training images have them."
)
MAX_IMAGES_ON_SHEET = 10_000
MAX_SHEET_BYTES = 2**31


@schema_flags(SampleConfig)
def sample(
    run: Annotated[Path, Parameter(help="A run's folder, or a bundle's.")],
    /,
    *,
    label: Annotated[list[str] | None, flag("NAME", LABEL_HELP)] = None,
    between: Annotated[
        tuple[str, str] | None, flag("A B", "Walk from label A to label B at one seed, in -n steps (default: 8).")
    ] = None,
    grid: Annotated[
        tuple[str, str] | None,
        flag(
            "PART PART", "Of labels of several parts: a sheet with a row a class of one, a column a class of another."
        ),
    ] = None,
    overwrite: Annotated[bool, switch("Write into a FOLDER/ that holds other images too; they stay.")] = False,
    fast: Annotated[bool, switch("Use bfloat16 where the CPU has it: faster, with nearly the same bytes.")] = False,
    out: Annotated[str | None, flag("FILE.png|FILE.npz|FOLDER/", "Where to (default: samples.png in the run).")] = None,
    **options: object,
) -> int:
    """Generate images of the classes you ask for. A FOLDER/ gets a folder per class, ready to be a SOURCE.

    Of labels of several parts, class folders in class folders.
    """
    from ganvas.data.label_names import label_in_words
    from ganvas.runs.paths import refuse_inside_source, refuse_no_run, refuse_unwritable
    from ganvas.runs.source import source_of
    from ganvas.sampling import load

    config = parse(SampleConfig, options)
    if label == []:
        raise UserError("--label needs the names of classes, or their numbers")
    if between and (label or config.truncation or grid):
        raise UserError("--between walks between two labels at one seed: leave out --label, --truncation and --grid")
    if grid and (config.count or config.truncation):
        raise UserError("--grid draws one image for each two classes at one seed: leave out -n and --truncation")
    refuse_no_run(run)
    sampler, path = load(run, fast), output_path(run, out)
    refuse_unwritable(path)
    if (source := source_of(run)) is not None:
        refuse_inside_source(source, path)
    for name in [*(label or ()), *(between or ())]:
        if (meant := label_in_words(sampler.partial(name), sampler.space)) != name and sampler.space.is_single:
            console.info(f"label {name}: class {meant}")
    try:
        if grid:
            write_part_grid(sampler, config, grid, label or [], path)
        elif between:
            write_walk(sampler, config, between, path, overwrite)
        else:
            write_images(sampler, config, label or [], path, overwrite)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None
    console.info(f"images {path}")
    return 0


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
    """A PNG sheet with a row a label, an .npz, or a folder per class with a PNG an image."""
    import numpy as np

    from ganvas.images import save_png
    from ganvas.report import charts
    from ganvas.sampling import save_npz, split_evenly

    labels = labels_to_draw(sampler, named)
    default = 8 * len(labels) if named or (sampler.classes and sampler.space.is_single) else 64
    counts = split_evenly(config.count or default, range(len(labels)))
    total = sum(counts)
    refuse_large_sheet(sampler, total, path)
    shown = [sampler.complete(label, count, config.seed) for label, count in zip(labels, counts, strict=True) if label]
    values = np.concatenate(shown) if shown else None  # (N, P), the classes of each part of each image
    names = file_names(sampler, values, total, config.seed)
    refuse_other_images(path, names, overwrite)

    def batches() -> Iterator["Pixels"]:
        """Images, label after label."""
        for label, count in zip(labels, counts, strict=True):
            for _, images in sampler.stream(label, count, config.seed, config.truncation):
                yield images
                progress.advance(len(images))

    path.parent.mkdir(parents=True, exist_ok=True)
    with bar("generating", total, "images") as progress:
        if path.suffix == ".npz":
            save_npz(path, batches(), total, *npz_labels(sampler, values))
        elif path.suffix == ".png":
            rows, titles = sheet_rows(sampler, labels)
            row_of = None if values is None else np.repeat(np.array(rows, np.int64), counts)
            charts.draw_class_grid(np.concatenate(list(batches())), row_of, titles, path)
        else:
            place = iter(names)
            for images in batches():
                for image in images:
                    save_png(image, path / next(place))


def write_part_grid(
    sampler: "Sampler", config: SampleConfig, parts: tuple[str, str], named: list[str], path: Path
) -> None:
    """A sheet with a row for each class of one part and a column for each of another."""
    import numpy as np

    from ganvas.report import charts

    if path.suffix != ".png":
        raise UserError("--grid draws one sheet: give --out FILE.png")
    if len(named) > 1:
        raise UserError("--grid takes one --label, with the classes of the other parts")
    label = sampler.partial(named[0]) if named else (None,) * len(sampler.space.parts)
    pixels = sampler.part_grid(*parts, label, config.seed)
    rows, columns = (next(part for part in sampler.space.parts if part.name == name).classes for name in parts)
    refuse_large_sheet(sampler, len(pixels), path)
    path.parent.mkdir(parents=True, exist_ok=True)
    charts.draw_class_grid(pixels, np.repeat(np.arange(len(rows)), len(columns)), rows, path, columns)


def write_walk(sampler: "Sampler", config: SampleConfig, ends: tuple[str, str], path: Path, overwrite: bool) -> None:
    """The walk between two labels, as one strip, as an .npz, or a file a step."""
    from ganvas.images import save_png
    from ganvas.sampling import save_npz
    from ganvas.sheets import enlarge, grid

    steps = config.count or 8
    if steps < 2:
        raise UserError("--between takes -n 2 or more: a walk has two ends")
    if not sampler.classes:
        raise UserError(f"{sampler.name} was trained without labels: there is nothing to walk between")
    refuse_large_sheet(sampler, steps, path)
    names = [f"seed{config.seed}-step{step:06d}.png" for step in range(steps)]
    refuse_other_images(path, names, overwrite)
    pixels = sampler.walk(*ends, steps=steps, seed=config.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npz":
        save_npz(path, [pixels], steps, None, ())
    elif path.suffix == ".png":
        save_png(grid(enlarge(pixels, least_side=64), columns=min(steps, 16)), path)
    else:
        for name, image in zip(names, pixels, strict=True):
            save_png(image, path / name)
