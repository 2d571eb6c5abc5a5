"""Images of given labels, from a bundle: for the command, the previews and the metrics.

An image depends on (weights, label, seed, index) alone. Its noise is drawn from a stream of its block of 64, and it is
always computed in float32 at the same index of a batch of the same size, so that more images, or other labels beside
it, change none of its bytes. A fast sampler generates the same images in bfloat16: nearly the same bytes.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from decimal import Decimal
from numbers import Integral
from operator import index as whole_number
from pathlib import Path
from typing import Any, SupportsIndex, cast
from zipfile import ZipFile, ZipInfo

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganvas import files
from ganvas.errors import UserError, nearest
from ganvas.images import Pixels, to_uint8
from ganvas.machine import computes_bfloat16, keep_freed_memory
from ganvas.networks.pair import Generator
from ganvas.rng import stream
from ganvas.runs.bundle import Bundle, open_run

BATCH = 64
SMALLEST_TRUNCATION = 0.05
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
Label = str | SupportsIndex
"""A class by its name, or by a whole number of any integer type: see `class_index`."""


def load(run: str | Path, fast: bool = False) -> "Sampler":
    """The sampler of a run's folder or of a bundle. UserError if it is neither, damaged, or a classifier's.

    fast: uses bfloat16 where the CPU multiplies it, and differs by a fraction of a grey level on average.
    """
    path = Path(run)
    return Sampler(open_run(path), path.resolve().name, fast)


class Sampler:
    """A trained generator, and the images that it generates for a label."""

    def __init__(self, bundle: Bundle, name: str = "this run", fast: bool = False) -> None:
        if bundle.info.is_classifier:
            raise UserError(f"{name} trained a classifier, which tells classes apart and draws nothing")
        keep_freed_memory()
        self.name, self.info = name, bundle.info
        self.classes: tuple[str, ...] = bundle.info.classes  # empty for a generator without labels
        self.precision = torch.bfloat16 if fast and computes_bfloat16() else torch.float32
        # A copy: a training's own generator keeps its layout. Channels last is the faster one to sample in.
        copied = deepcopy(bundle.networks["generator"]).to(self.precision)
        self.generator = cast(Generator, copied.to(memory_format=torch.channels_last))  # type: ignore[call-overload]

    def index(self, label: Label) -> int:
        """The index of the class that a label means, as `class_index` reads it. UserError with the run's classes."""
        if not self.classes:
            raise UserError(f"{self.name} was trained without labels: leave out --label")
        return class_index(label, self.classes, self.name)

    def sample(
        self, labels: Sequence[Label] | NDArray[Any] | SupportsIndex, seed: int = 0, truncation: float | None = None
    ) -> NDArray[np.uint8]:
        """Images (N, C, H, W) uint8: one per label, or so many of a generator without labels.

        A label is a class's name or a whole number, as `class_index` reads it and as `ganvas sample --label` does. The
        k-th image of a label is that label's image number k under this seed, whatever other labels are there.
        truncation: noise values beyond it are drawn again.
        """
        if isinstance(labels, str):  # one name, not its letters
            labels = [labels]
        if isinstance(labels, Integral):
            if self.classes or isinstance(labels, bool):
                hint = f"by class: give labels, such as {[self.classes[0]]!r}" if self.classes else "a number of images"
                raise UserError(f"{self.name} draws {hint}")
            indices: list[int | None] = [None] * int(labels)
        else:
            indices = [self.index(label) for label in cast(Sequence[Label], labels)]
        pixels = np.empty((len(indices), *self.info.shape.image), np.uint8)
        rows_of: dict[int | None, list[int]] = {}
        for row, label in enumerate(indices):
            rows_of.setdefault(label, []).append(row)
        for label, rows in rows_of.items():
            for first, images in self.stream(label, len(rows), seed, truncation):
                pixels[rows[first : first + len(images)]] = images
        return pixels

    def stream(
        self, label: int | None, count: int, seed: int = 0, truncation: float | None = None
    ) -> Iterator[tuple[int, Pixels]]:
        """The first `count` images of one label, as (index of the first, (n, C, H, W) uint8), n at most BATCH."""
        for first in range(0, count, BATCH):
            yield first, self.block(label, seed, first // BATCH, truncation)[: count - first]

    def block(self, label: int | None, seed: int, number: int, truncation: float | None = None) -> Pixels:
        """(BATCH, C, H, W) uint8: the images number * BATCH and on of one label."""
        noise = self.noise(label, seed, number, truncation)
        return self._generate(noise, None if label is None else torch.full((BATCH,), label))

    def between(self, start: Label, end: Label, steps: int, seed: int = 0) -> NDArray[np.uint8]:
        """One seed's image on its way from one label to another: (steps, C, H, W) uint8, both ends included."""
        ends = torch.zeros(2, max(1, len(self.classes)))
        ends[0, self.index(start)] = ends[1, self.index(end)] = 1
        shares = torch.linspace(0, 1, steps)[:, None]  # (steps, 1)
        mixtures = (1 - shares) * ends[0] + shares * ends[1]  # (steps, K)
        noise = self.noise(None, seed, 0, None)[:1].expand(BATCH, -1)
        images = []
        for part in torch.split(mixtures, BATCH):
            padded = torch.cat([part, part[-1:].expand(BATCH - len(part), -1)])
            images.append(self._generate(noise, padded)[: len(part)])
        return np.concatenate(images)

    def mixture(
        self, labels: tuple[int, int] | None, share: float, seeds: tuple[int, int], seed_share: float
    ) -> Pixels:
        """(1, C, H, W) uint8: one image between two labels and two seeds; a share of 0 is the first one, 1 the second.

        At a seed's end it is the image that `between` has for that seed.
        """
        first, second = (self.noise(None, seed, 0, None)[:1] for seed in seeds)
        noise = spherical(first, second, seed_share).expand(BATCH, -1)
        weights = None
        if labels is not None:
            weights = torch.zeros(1, len(self.classes))
            weights[0, labels[0]] += 1 - share
            weights[0, labels[1]] += share
            weights = weights.expand(BATCH, -1)
        return self._generate(noise, weights)[:1]

    def noise(self, label: int | None, seed: int, block: int, truncation: float | None) -> Tensor:
        """(BATCH, Z) standard normal values of one block of images; beyond ±truncation they are drawn again."""
        if truncation is not None and not truncation >= SMALLEST_TRUNCATION:
            raise UserError(f"the truncation is at least {SMALLEST_TRUNCATION}, not {truncation}")
        generator = stream(seed, f"sample/{'' if label is None else label}", block)
        values = torch.randn(BATCH, self.generator.noise_size, generator=generator)
        while truncation is not None and bool((outside := values.abs() > truncation).any()):
            values[outside] = torch.randn(int(outside.sum()), generator=generator)
        return values

    @torch.inference_mode()
    def _generate(self, noise: Tensor, labels: Tensor | None) -> Pixels:
        device = next(self.generator.parameters()).device  # a preview is generated where the run is trained
        if labels is not None:
            labels = labels.to(device, self.precision if labels.is_floating_point() else None)
        images: Tensor = self.generator(noise.to(device, self.precision), labels)  # (BATCH, Z) -> (BATCH, C, H, W)
        return to_uint8(images).cpu().numpy()


def spherical(start: Tensor, end: Tensor, share: float) -> Tensor:
    """(1, Z) each: the point on the arc between two noises.

    Gaussian noise of many dimensions lies near a sphere, and the middle of a straight line would lie deep inside it.
    """
    angle = torch.arccos(torch.nn.functional.cosine_similarity(start, end).clamp(-1, 1))
    if float(torch.sin(angle)) < 1e-4:  # equal or opposite noises, which have no arc of their own
        return torch.lerp(start, end, share)
    return (torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end) / torch.sin(angle)


def class_index(label: Label, classes: Sequence[str], run: str) -> int:
    """The index of the class that a label means. UserError where it means none, or several; `run` is named in it.

    The exact spelling of a name wins. Else, where names are numbers, a number means the class of that number: 1 is the
    class 001. Only where no name is a number is it the position of a class, from 0.
    """
    if isinstance(label, str):
        text = str(label).strip()  # str: a numpy string would show its type in a message
    else:
        try:
            text = "" if isinstance(label, bool) else str(whole_number(label))
        except TypeError:
            text = ""
        if not text:
            raise UserError(f"a label is the name of a class or a whole number, not {label!r}")
    for spelling in (label, text):
        if spelling in classes:
            return classes.index(str(spelling))
    numbers, number = [_number(name) for name in classes], _number(text)
    if number is None:
        raise UserError(f"{run} knows no class {text!r}; {nearest(text, classes)}")
    if all(each is None for each in numbers):  # words: a position
        if number not in range(len(classes)):
            raise UserError(f"label {text} is not in 0..{len(classes) - 1}; {run} knows {', '.join(classes)}")
        return int(number)
    found = [index for index, each in enumerate(numbers) if each == number]
    if len(found) > 1:
        raise UserError(f"label {text} may be {' or '.join(classes[index] for index in found)}: give the exact name")
    if not found:
        away = {name: abs(each - number) for name, each in zip(classes, numbers, strict=True) if each is not None}
        closest = min(away, key=lambda name: away[name])
        raise UserError(f"{run} knows no class {text}; did you mean {closest}? Allowed: {', '.join(classes)}")
    return found[0]


def _number(name: str) -> Decimal | None:
    """The number that a name is: 1 of `001`, 0.5 of `0.50`; None of a word."""
    return Decimal(name) if NUMBER.fullmatch(name.strip()) else None


def split_evenly(count: int, classes: Sequence[int]) -> list[int]:
    """How many of `count` images each class gets: as even as can be, the first ones one more."""
    return [count // len(classes) + (index < count % len(classes)) for index in range(len(classes))]


def save_npz(
    path: Path, parts: Iterable[Pixels], count: int, labels: NDArray[np.int64] | None, classes: Sequence[str]
) -> None:
    """Images as `images` (N, H, W[, 3]), with `labels` and `classes` where there are any: ready to be a SOURCE.

    `parts` are `count` images in all, (n, C, H, W) uint8 each; no more than one part is in memory at a time.
    """
    with files.open_atomic(path) as file, ZipFile(file, "w") as archive:
        with archive.open(ZipInfo("images.npy"), "w", force_zip64=True) as images:
            written = 0
            for part in parts:
                channels_last = part[:, 0] if part.shape[1] == 1 else part.transpose(0, 2, 3, 1)
                if not written:
                    shape = (count, *channels_last.shape[1:])
                    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(images, header)
                images.write(np.ascontiguousarray(channels_last).tobytes())
                written += len(part)
            assert written == count > 0, f"{written} images, not {count}"
        arrays: dict[str, NDArray[Any]] = {} if labels is None else {"labels": labels, "classes": np.array(classes)}
        for name, array in arrays.items():
            with archive.open(ZipInfo(f"{name}.npy"), "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
