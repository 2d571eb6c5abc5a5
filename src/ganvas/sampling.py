"""Images of given labels, from a bundle: for the command, the previews and the metrics.

An image depends on (weights, label, seed, index) alone. Its noise is drawn from a stream of its block of 64, and it is
always computed in float32 at the same index of a batch of the same size, so that more images, or other labels beside
it, change none of its bytes. A fast sampler generates the same images in bfloat16: nearly the same bytes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from numbers import Integral
from pathlib import Path
from typing import Any, SupportsIndex, cast
from zipfile import ZipFile, ZipInfo

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganvas import files
from ganvas.alpha import bounded, straighten
from ganvas.data.label_names import Label, PartialLabel, class_index, partial_label
from ganvas.data.labels import MISSING, LabelSpace
from ganvas.errors import UserError, nearest
from ganvas.images import Pixels, to_uint8
from ganvas.machine import computes_bfloat16, keep_freed_memory
from ganvas.networks.conditioning import label_weights
from ganvas.networks.pair import Generator
from ganvas.rng import stream
from ganvas.runs.bundle import Bundle, open_run
from ganvas.runs.hub import download_generator, is_hub_name

__all__ = ["BATCH", "Sampler", "class_index", "load", "save_npz", "split_evenly"]

BATCH = 64
SMALLEST_TRUNCATION = 0.05


def load(run: str | Path, fast: bool = False) -> "Sampler":
    """The sampler of a run's folder, of a bundle, or of `owner/name` on the Hub.

    UserError if it is none of them, damaged, or a classifier's. A folder here wins: `owner/name` is only looked for on
    the Hub where there is no folder `owner`.

    fast: uses bfloat16 where the CPU multiplies it, and differs by a fraction of a grey level on average.
    """
    path = Path(run)
    if isinstance(run, str) and not path.parent.is_dir() and is_hub_name(run):
        return Sampler(open_run(download_generator(run)), run, fast)
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

    @property
    def space(self) -> LabelSpace:
        """The parts of a label and their classes. UserError for a generator without labels."""
        if self.info.label_space is None:
            raise UserError(f"{self.name} was trained without labels: leave out --label")
        return self.info.label_space

    def partial(self, label: Label) -> PartialLabel:
        """The class indices that a label means, as `partial_label` reads it. UserError with the run's classes."""
        return partial_label(label, self.space, self.name)

    def sample(
        self, labels: Sequence[Label] | NDArray[Any] | SupportsIndex, seed: int = 0, truncation: float | None = None
    ) -> NDArray[np.uint8]:
        """Images (N, C, H, W) uint8: one per label, or so many of a generator without labels.

        A label is a class's name or a whole number, as `class_index` reads it and as `ganvas sample --label` does; or a
        dict of the classes of its parts, {"shape": "star", "colour": "red"}. Parts that it leaves open are drawn as
        `complete` draws them. The k-th image of a label is that label's image number k under this seed, whatever other
        labels are there. truncation: noise values beyond it are drawn again. The last of four channels is alpha.
        """
        return straighten(self.generate(labels, seed, truncation))

    def generate(
        self, labels: Sequence[Label] | NDArray[Any] | SupportsIndex, seed: int = 0, truncation: float | None = None
    ) -> Pixels:
        """The images of `sample`, their colour premultiplied where they have alpha: see `alpha`."""
        if isinstance(labels, str | Mapping):  # one label, not its letters or parts
            labels = [labels]
        if isinstance(labels, Integral):
            if self.classes or isinstance(labels, bool):
                hint = f"by class: give labels, such as {[self.classes[0]]!r}" if self.classes else "a number of images"
                raise UserError(f"{self.name} draws {hint}")
            return self.sample_labels([None] * int(labels), seed, truncation)
        return self.sample_labels([self.partial(label) for label in cast(Sequence[Label], labels)], seed, truncation)

    def sample_labels(
        self, labels: Sequence[PartialLabel | None], seed: int = 0, truncation: float | None = None
    ) -> NDArray[np.uint8]:
        """The same for class indices; None of a generator without labels."""
        pixels = np.empty((len(labels), *self.info.shape.image), np.uint8)
        rows_of: dict[PartialLabel | None, list[int]] = {}
        for row, label in enumerate(labels):
            rows_of.setdefault(label, []).append(row)
        for label, rows in rows_of.items():
            for first, images in self.stream(label, len(rows), seed, truncation):
                pixels[rows[first : first + len(images)]] = images
        return pixels

    def stream(
        self, label: PartialLabel | None, count: int, seed: int = 0, truncation: float | None = None
    ) -> Iterator[tuple[int, Pixels]]:
        """The first `count` images of one label, as (index of the first, (n, C, H, W) uint8), n at most BATCH.

        Premultiplied, as those of `generate`.
        """
        for first in range(0, count, BATCH):
            yield first, self.block(label, seed, first // BATCH, truncation)[: count - first]

    def block(self, label: PartialLabel | None, seed: int, number: int, truncation: float | None = None) -> Pixels:
        """(BATCH, C, H, W) uint8: the images number * BATCH and on of one label, premultiplied."""
        noise = self.noise(label, seed, number, truncation)
        return self._generate(noise, None if label is None else self._complete_block(label, seed, number))

    def complete(self, label: PartialLabel, count: int, seed: int = 0) -> NDArray[np.int64]:
        """(count, P): the labels of the first `count` images of one label, with the parts that it leaves open.

        They are drawn as the training images have them that show the given classes: from the combinations of their
        label's parts. Where no training image has the given classes together, from all combinations.
        """
        blocks = [self._complete_block(label, seed, block) for block in range(-(-count // BATCH))]
        return torch.cat(blocks)[:count].numpy() if blocks else np.empty((0, len(label)), np.int64)

    def completed(self, labels: Sequence[PartialLabel], seed: int = 0) -> list[list[int]]:
        """The class index of every part, (N, P), of the images that `sample_labels` draws for these labels."""
        rows: dict[PartialLabel, Iterator[list[int]]] = {
            label: iter(self.complete(label, many, seed).tolist()) for label, many in Counter(labels).items()
        }
        return [next(rows[label]) for label in labels]

    def between(self, start: Label, end: Label, steps: int, seed: int = 0) -> NDArray[np.uint8]:
        """One seed's image on its way from one label to another: (steps, C, H, W) uint8, both ends included.

        A part that one of them leaves open stays as it is in the other; one that both leave open is drawn once.
        """
        return straighten(self.walk(start, end, steps, seed))

    def walk(self, start: Label, end: Label, steps: int, seed: int = 0) -> Pixels:
        """The images of `between`, their colour premultiplied where they have alpha."""
        first, last = self.partial(start), self.partial(end)
        shared = tuple(b if a is None else a for a, b in zip(first, last, strict=True))
        whole = self.complete(shared, 1, seed)[0].tolist()
        rows = [[k if given is None else given for k, given in zip(whole, each, strict=True)] for each in (first, last)]
        ends = label_weights(torch.tensor(rows), self.space.sizes)  # (2, K)
        shares = torch.linspace(0, 1, steps)[:, None]  # (steps, 1)
        return self._with_one_noise((1 - shares) * ends[0] + shares * ends[1], seed)

    def part_grid(self, rows: str, columns: str, label: PartialLabel, seed: int = 0) -> NDArray[np.uint8]:
        """One seed's image with each class of a part in rows, each of another in columns: (R * C, C, H, W), row by row.

        label: the classes of the other parts; those that it leaves open are drawn once. UserError for an unknown part.
        """
        names = [part.name for part in self.space.parts]
        for name in (rows, columns):
            if name not in names:
                raise UserError(f"{self.name} knows no part {name!r} of a label; {nearest(name, names)}")
        if rows == columns:
            raise UserError(f"a grid has classes of two parts of a label in rows and columns, not of {rows} twice")
        row, column = names.index(rows), names.index(columns)
        drawn, sizes = self.complete(label, 1, seed)[0], self.space.sizes
        labels = np.tile(drawn, (sizes[row] * sizes[column], 1))
        labels[:, row] = np.repeat(np.arange(sizes[row]), sizes[column])
        labels[:, column] = np.tile(np.arange(sizes[column]), sizes[row])
        return self._with_one_noise(torch.from_numpy(labels), seed)

    def mixture(
        self, labels: tuple[PartialLabel, PartialLabel] | None, share: float, seeds: tuple[int, int], seed_share: float
    ) -> Pixels:
        """(1, C, H, W) uint8: one image between two labels and two seeds; a share of 0 is the first one, 1 the second.

        Premultiplied. At a seed's end it is the image that `walk` has for that seed, if no part is left open.
        """
        first, second = (self.noise(None, seed, 0, None)[:1] for seed in seeds)
        noise = spherical(first, second, seed_share).expand(BATCH, -1)
        weights = None
        if labels is not None:
            whole = np.stack([self.complete(label, 1, seeds[0])[0] for label in labels])  # (2, P)
            ends = label_weights(torch.from_numpy(whole), self.space.sizes)  # (2, K)
            weights = ((1 - share) * ends[:1] + share * ends[1:]).expand(BATCH, -1)
        return self._generate(noise, weights)[:1]

    def noise(self, label: PartialLabel | None, seed: int, block: int, truncation: float | None) -> Tensor:
        """(BATCH, Z) standard normal values of one block of images; beyond ±truncation they are drawn again."""
        if truncation is not None and not truncation >= SMALLEST_TRUNCATION:
            raise UserError(f"the truncation is at least {SMALLEST_TRUNCATION}, not {truncation}")
        generator = stream(seed, noise_purpose(label), block)
        values = torch.randn(BATCH, self.generator.noise_size, generator=generator)
        while truncation is not None and bool((outside := values.abs() > truncation).any()):
            values[outside] = torch.randn(int(outside.sum()), generator=generator)
        return values

    def _complete_block(self, label: PartialLabel, seed: int, block: int) -> Tensor:
        """(BATCH, P): the labels of a block of images."""
        open_parts = [part for part, k in enumerate(label) if k is None]
        labels = torch.tensor([0 if k is None else k for k in label]).repeat(BATCH, 1)
        if open_parts:
            known, counts = self.space.values, torch.tensor(self.space.counts, dtype=torch.float64)
            # Missing values are no classes to draw, unless there are no others.
            is_whole = torch.from_numpy((known[:, open_parts] != MISSING).all(1))
            fits = torch.ones(len(known), dtype=torch.bool)
            for part, k in enumerate(label):
                if k is not None:
                    fits &= torch.from_numpy(known[:, part] == k)
            candidates = [counts * chosen for chosen in (fits & is_whole, is_whole, torch.ones_like(fits))]
            weights = next((each for each in candidates if each.sum() > 0), torch.ones_like(counts))
            rows = torch.multinomial(weights, BATCH, True, generator=stream(seed, f"open parts/{_key(label)}", block))
            labels[:, open_parts] = torch.from_numpy(known)[rows][:, open_parts]
        return labels

    def _with_one_noise(self, labels: Tensor, seed: int) -> NDArray[np.uint8]:
        """One seed's image with each of the labels, (N, P) or weights (N, K)."""
        noise = self.noise(None, seed, 0, None)[:1].expand(BATCH, -1)
        images = []
        for part in torch.split(labels, BATCH):
            padded = torch.cat([part, part[-1:].expand(BATCH - len(part), -1)])
            images.append(self._generate(noise, padded)[: len(part)])
        return np.concatenate(images)

    @torch.inference_mode()
    def _generate(self, noise: Tensor, labels: Tensor | None) -> Pixels:
        device = next(self.generator.parameters()).device  # a preview is generated where the run is trained
        if labels is not None:
            labels = labels.to(device, self.precision if labels.is_floating_point() else None)
        images: Tensor = self.generator(noise.to(device, self.precision), labels)  # (BATCH, Z) -> (BATCH, C, H, W)
        return bounded(to_uint8(images).cpu().numpy())


def noise_purpose(label: PartialLabel | None) -> str:
    """The purpose of the random stream that the noise of a label's images is drawn from; None: of no label."""
    return f"sample/{'' if label is None else _key(label)}"


def spherical(start: Tensor, end: Tensor, share: float) -> Tensor:
    """(1, Z) each: the point on the arc between two noises.

    Gaussian noise of many dimensions lies near a sphere, and the middle of a straight line would lie deep inside it.
    """
    angle = torch.arccos(torch.nn.functional.cosine_similarity(start, end).clamp(-1, 1))
    if float(torch.sin(angle)) < 1e-4:  # equal or opposite noises, which have no arc of their own
        return torch.lerp(start, end, share)
    return (torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end) / torch.sin(angle)


def _key(label: PartialLabel) -> str:
    """The name of a label in a random stream: `3`; `3,` of a second part that is left open."""
    return ",".join("" if k is None else str(k) for k in label)


def split_evenly(count: int, classes: Sequence[int]) -> list[int]:
    """How many of `count` images each class gets: as even as can be, the first ones one more."""
    return [count // len(classes) + (index < count % len(classes)) for index in range(len(classes))]


def save_npz(
    path: Path, parts: Iterable[Pixels], count: int, labels: NDArray[np.int64] | None, classes: Sequence[str]
) -> None:
    """Images as `images` (N, H, W[, 3 or 4]), with `labels` and `classes` where there are any: ready to be a SOURCE.

    `parts` are `count` images in all, (n, C, H, W) uint8 each, as `Sampler.stream` gives them; no more than one part is
    in memory at a time.
    """
    with files.open_atomic(path) as file, ZipFile(file, "w") as archive:
        with archive.open(ZipInfo("images.npy"), "w", force_zip64=True) as images:
            written = 0
            for part in parts:
                channels_last = part[:, 0] if part.shape[1] == 1 else straighten(part).transpose(0, 2, 3, 1)
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
