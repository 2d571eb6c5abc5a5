"""`ganvas sample`."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ganvas.errors import UserError
from ganvas.progress import bar, say

if TYPE_CHECKING:
    from ganvas.sampling import Sampler


def sample(
    run: Path,
    /,
    *,
    label: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    count: Annotated[int | None, Parameter(name=["-n", "--count"])] = None,
    seed: int = 0,
    truncation: float | None = None,
    between: tuple[str, str] | None = None,
    out: str | None = None,
) -> int:
    """Draw pictures of the classes you ask for.

    Parameters
    ----------
    run
        A run's folder, or a bundle's.
    label
        Class names or indices (default: every class); names win.
    count
        Pictures in total, spread evenly over the labels (default: 8 a label; 64 without labels).
    seed
        Another seed gives other pictures.
    truncation
        Redraw noise values beyond this: less variety, fewer odd ones.
    between
        Walk from the first label to the second at one seed, in -n steps.
    out
        FILE.png, FILE.npz, or FOLDER/ with a folder per class, ready to be a SOURCE (default: samples.png in the run).
    """
    from ganvas.sampling import SMALLEST_TRUNCATION, load

    if count is not None and count < 1:
        raise UserError(f"-n is the number of pictures, at least 1, not {count}")
    if not 0 <= seed < 2**63:
        raise UserError(f"--seed is a whole number from 0 to 2^63 - 1, not {seed}")
    if truncation is not None and not truncation >= SMALLEST_TRUNCATION:
        raise UserError(f"--truncation is at least {SMALLEST_TRUNCATION}, not {truncation}")
    if between and (label or truncation):
        raise UserError("--between walks between two labels at one seed: leave out --label and --truncation")
    sampler = load(run, say)
    place = where(run, out)
    try:
        if between:
            walk(sampler, between, count or 8, seed, place)
        elif place.suffix in (".png", ".npz"):
            into_file(sampler, label, count, seed, truncation, place)
        else:
            into_folder(sampler, label, count, seed, truncation, place)
    except OSError as error:
        raise UserError(f"{place} cannot be written: {error.strerror or error}") from None
    say(f"pictures {place}")
    return 0


def where(run: Path, out: str | None) -> Path:
    """The file or folder that --out names. UserError for a kind of file that is not written."""
    if out is None:
        return run / "samples.png"
    place = Path(out)
    if not out.endswith("/") and place.suffix not in (".png", ".npz") and not place.is_dir():
        kind = f"{place.suffix} files are" if place.suffix else "that is"
        raise UserError(f"--out {out}: {kind} not written; give FILE.png, FILE.npz or FOLDER/ with its slash")
    return place


def wanted(sampler: "Sampler", labels: list[str] | None, count: int | None) -> list[tuple[int | None, int]]:
    """(label, pictures of it) for what was asked: every class when none was named."""
    from ganvas.sampling import spread

    if not sampler.classes:
        if labels:
            sampler.index(labels[0])  # refuses
        return [(None, count or 64)]
    indices = [sampler.index(name) for name in labels] if labels else list(range(len(sampler.classes)))
    indices = list(dict.fromkeys(indices))
    return list(zip(indices, spread(count or 8 * len(indices), indices), strict=True))


def into_file(
    sampler: "Sampler", labels: list[str] | None, count: int | None, seed: int, truncation: float | None, place: Path
) -> None:
    """One PNG sheet with a row a class, or one .npz."""
    import numpy as np

    from ganvas.report import figures
    from ganvas.sampling import save_npz

    asked = wanted(sampler, labels, count)
    total = sum(number for _, number in asked)
    pixels = np.empty((total, *sampler.card.shape.picture), np.uint8)
    filled = 0
    with bar("drawing", total, "pictures") as shown:
        for label, number in asked:
            for _, drawn in sampler.stream(label, number, seed, truncation):
                pixels[filled : filled + len(drawn)] = drawn
                filled += len(drawn)
                shown.advance(len(drawn))
    indices = None
    if sampler.classes:
        indices = np.repeat(np.array([label for label, _ in asked], np.int64), [number for _, number in asked])
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix == ".npz":
        save_npz(place, pixels, indices, sampler.classes)
    else:
        figures.class_grid(pixels, indices, sampler.classes, place)


def into_folder(
    sampler: "Sampler", labels: list[str] | None, count: int | None, seed: int, truncation: float | None, place: Path
) -> None:
    """A PNG a picture, in a folder per class."""
    from ganvas.images import save_png

    asked = wanted(sampler, labels, count)
    with bar("drawing", sum(number for _, number in asked), "pictures") as shown:
        for label, number in asked:
            folder = place if label is None else place / folder_name(sampler.classes[label])
            for first, drawn in sampler.stream(label, number, seed, truncation):
                for row, picture in enumerate(drawn):
                    save_png(picture, folder / f"seed{seed}-{first + row:06d}.png")
                shown.advance(len(drawn))


def walk(sampler: "Sampler", ends: tuple[str, str], steps: int, seed: int, place: Path) -> None:
    """The way between two labels, as one strip or as an .npz."""
    from ganvas.images import enlarge, grid, save_png
    from ganvas.sampling import save_npz

    pixels = sampler.between(*ends, steps=steps, seed=seed)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix == ".npz":
        save_npz(place, pixels, None, ())
    elif place.suffix == ".png":
        save_png(grid(enlarge(pixels, least_side=64), columns=min(steps, 16)), place)
    else:
        for step, picture in enumerate(pixels):
            save_png(picture, place / f"seed{seed}-step{step:06d}.png")


def folder_name(name: str) -> str:
    """A class's name as a folder's: whatever could lead elsewhere, or hide, is replaced, and a mark tells it apart."""
    safe = "".join("_" if character in '/\\:*?"<>|' or ord(character) < 32 else character for character in name)
    if safe == name and not name.startswith(".") and 0 < len(name.encode()) <= 200:
        return name
    mark = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{safe.lstrip('.')[:60]}-{mark}"
