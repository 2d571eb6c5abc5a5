"""Generated images as one file: a PNG sheet with a row a class, a ZIP with a folder a class, or arrays (NPZ)."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from pydantic import Field

from ganvas.film import png_bytes
from ganvas.images import Pixels, grid
from ganvas.runs.paths import folder_name
from ganvas.sampling import BATCH, SMALLEST_TRUNCATION, Sampler, save_npz
from ganvas.settings import Settings
from ganvas.studio.refusals import TooLargeError
from ganvas.studio.samples import blocks_for, check_label, taken

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


def labels_of(sampler: Sampler, asked: SampleRequest) -> list[int | None]:
    """The positions of the classes that are asked for. UserError for an unknown one, and for too many images."""
    if asked.labels:
        labels: list[int | None] = list(dict.fromkeys(sampler.index(label) for label in asked.labels))
    else:
        labels = list(range(len(sampler.classes))) or [None]
    for label in labels:
        check_label(sampler, label)
    channels, height, width = sampler.info.shape.image
    most = min(MOST_IMAGES, MOST_PIXELS // (channels * height * width))
    if len(labels) * asked.count > most:
        raise TooLargeError(f"{len(labels) * asked.count:,} images are too many for one answer, which has {most:,}")
    return labels


async def generated(
    sampler: Sampler, asked: SampleRequest, generate: Generate
) -> AsyncIterator[tuple[int | None, int, Pixels]]:
    """(label, index of the first, images), block after block, so that others are answered in between."""
    for label in labels_of(sampler, asked):
        index, end = asked.first, asked.first + asked.count
        while index < end:
            count = min(BATCH - index % BATCH, end - index)
            blocks = blocks_for(asked.digest, label, asked.seed, index, count, asked.truncation)
            yield label, index, taken(await generate(blocks), index, count)
            index += count


async def sample_file(sampler: Sampler, asked: SampleRequest, generate: Generate) -> bytes:
    """The file that is asked for."""
    found = [each async for each in generated(sampler, asked, generate)]
    pixels = np.concatenate([images for _, _, images in found])
    if asked.format == "png":
        columns = asked.count if sampler.classes else COLUMNS_WITHOUT_CLASSES
        return png_bytes(grid(pixels, min(columns, 100)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"samples.{asked.format}"
        if asked.format == "npz":
            labels = np.repeat([label or 0 for label, _, _ in found], [len(images) for _, _, images in found])
            known = labels.astype(np.int64) if sampler.classes else None
            save_npz(path, [images for _, _, images in found], len(pixels), known, sampler.classes)
        else:
            with ZipFile(path, "w", ZIP_STORED) as archive:
                for label, first, images in found:
                    inside = "" if label is None else f"{folder_name(sampler.classes[label])}/"
                    for index, image in enumerate(images, first):
                        archive.writestr(f"{inside}seed{asked.seed}-{index:06d}.png", png_bytes(image))
        return path.read_bytes()
