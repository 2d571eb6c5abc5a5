"""Generated images as one file: a PNG sheet with a row a class, a ZIP with a folder a class, or arrays (NPZ)."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ganvas.alpha import straighten
from ganvas.data.label_names import PartialLabel, label_in_words
from ganvas.images import Pixels
from ganvas.png import to_png
from ganvas.runs.paths import folder_name
from ganvas.sampling import BATCH, SMALLEST_TRUNCATION, Sampler, save_npz
from ganvas.settings import Settings
from ganvas.sheets import grid
from ganvas.studio.refusals import TooLargeError
from ganvas.studio.samples import blocks_for, listed_labels, taken

MOST_IMAGES = 10_000
MOST_PIXELS = 1 << 28
COLUMNS_WITHOUT_CLASSES = 10
MEDIA_TYPES = {"png": "image/png", "zip": "application/zip", "npz": "application/octet-stream"}
Generate = Callable[..., Awaitable[list[Pixels]]]


class SampleRequest(Settings):
    """Images to generate: so many of each class that is named."""

    digest: str = Field(pattern="^[0-9a-f]{32}$")
    """Of the weights, as `/api/runs/NAME/weights` gives it."""
    labels: tuple[str, ...] = Field(default=(), max_length=1000)
    """Class names, as `ganvas sample --label` reads them; all classes where there are none."""
    count: int = Field(default=10, ge=1, le=MOST_IMAGES)
    """Images of each."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    first: int = Field(default=0, ge=0, le=10**9)
    """The index of the first image of each class."""
    truncation: float | None = Field(default=None, ge=SMALLEST_TRUNCATION, le=100)
    format: Literal["png", "zip", "npz"] = "png"


def labels_of(sampler: Sampler, asked: SampleRequest) -> list[PartialLabel | None]:
    """The labels that are asked for. UserError for an unknown one, and for too many images."""
    labels: list[PartialLabel | None] = list(dict.fromkeys(sampler.partial(label) for label in asked.labels))
    if not labels:
        labels = [*listed_labels(sampler)] or [None]
    channels, height, width = sampler.info.shape.image
    most = min(MOST_IMAGES, MOST_PIXELS // (channels * height * width))
    if len(labels) * asked.count > most:
        raise TooLargeError(f"{len(labels) * asked.count:,} images are too many for one answer, which has {most:,}")
    return labels


async def generated(
    sampler: Sampler, asked: SampleRequest, generate: Generate
) -> AsyncIterator[tuple[PartialLabel | None, int, Pixels]]:
    """(label, index of the first, images), block after block, so that others are answered in between."""
    for label in labels_of(sampler, asked):
        index, end = asked.first, asked.first + asked.count
        while index < end:
            count = min(BATCH - index % BATCH, end - index)
            blocks = blocks_for(asked.digest, label, asked.seed, index, count, asked.truncation)
            yield label, index, taken(await generate(blocks), index, count)
            index += count


def labels_of_arrays(
    sampler: Sampler, found: list[tuple[PartialLabel | None, int, Pixels]]
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """(labels (N,), their names): the classes, or the labels that were asked for where they have several parts."""
    if not sampler.classes:
        return None, ()
    words = [label_in_words(label, sampler.space) for label, _, _ in found if label is not None]
    names = sampler.classes if sampler.space.is_single else tuple(dict.fromkeys(words))
    counts = [len(images) for _, _, images in found]
    return np.repeat(np.array([names.index(name) for name in words], np.int64), counts), names


async def sample_file(sampler: Sampler, asked: SampleRequest, generate: Generate) -> bytes:
    """The file that is asked for."""
    found = [each async for each in generated(sampler, asked, generate)]
    pixels = np.concatenate([images for _, _, images in found])
    if asked.format == "png":
        columns = asked.count if sampler.classes else COLUMNS_WITHOUT_CLASSES
        return to_png(grid(pixels, min(columns, 100)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"samples.{asked.format}"
        if asked.format == "npz":
            known, names = labels_of_arrays(sampler, found)
            save_npz(path, [images for _, _, images in found], len(pixels), known, names)
        else:
            with ZipFile(path, "w", ZIP_STORED) as archive:
                for label, first, images in found:
                    inside = "" if label is None else f"{folder_name(label_in_words(label, sampler.space))}/"
                    for index, image in enumerate(images, first):
                        archive.writestr(f"{inside}seed{asked.seed}-{index:06d}.png", to_png(straighten(image)))
        return path.read_bytes()
