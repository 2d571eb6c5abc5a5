"""Statistics of pixels that anybody can check: grain, colour, sharpness, spectrum, blocks; beside those of real images.

No network takes part. A generator may be right in all of them and wrong in what it shows; one that is wrong in any of
them is seen at a glance.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganvas.alpha import on_grounds
from ganvas.evaluation.intervals import NORMAL_QUANTILE
from ganvas.images import Pixels

Floats = NDArray[np.floating[Any]]
BATCH = 500
BLOCK = 8  # pixels: the side of JPEG's blocks
# A difference of means that is smaller is nothing that an eye would see, however many images there are.
NOTICEABLE = 1.15


class Statistic(NamedTuple):
    """A number of each image."""

    name: str
    of: Callable[[Floats], Floats]
    """(N, C, H, W) in 0..255 -> (N,)."""
    meaning: str
    """What it is the size of, in the plural or as a mass: `differences of neighbouring pixels`."""
    too_high: str
    too_low: str
    """The words for images that have too much and too little of it."""
    needs_colour: bool = False


def differences(images: Floats) -> Floats:
    """(N,): the mean absolute difference of neighbouring values, over both directions and all channels."""
    across, down = np.abs(np.diff(images, axis=3)), np.abs(np.diff(images, axis=2))
    return np.asarray((across.mean((1, 2, 3)) + down.mean((1, 2, 3))) / 2)


def chroma(images: Floats) -> Floats:
    """(N, 2, H, W): red less green, and blue less green."""
    return images[:, [0, 2]] - images[:, 1:2]


def luminance(images: Floats) -> Floats:
    """(N, H, W): the mean of the channels."""
    return np.asarray(images.mean(1))


def sharpness(images: Floats) -> Floats:
    """(N,): the mean absolute second difference of the luminance."""
    light = luminance(images)
    across, down = np.abs(np.diff(light, 2, axis=2)), np.abs(np.diff(light, 2, axis=1))
    return np.asarray((across.mean((1, 2)) + down.mean((1, 2))) / 2)


def saturation(images: Floats) -> Floats:
    """(N,): the largest channel less the smallest, on average."""
    return np.asarray((images.max(1) - images.min(1)).mean((1, 2)))


def contrast(images: Floats) -> Floats:
    """(N,): the standard deviation of the luminance within an image."""
    return np.asarray(luminance(images).std((1, 2)))


def mean_luminance(images: Floats) -> Floats:
    """(N,): the mean luminance."""
    return np.asarray(luminance(images).mean((1, 2)))


def blockiness(images: Floats) -> Floats:
    """(N,): differences across the borders of 8 x 8 blocks over those inside; 1 where there are no blocks."""
    light = luminance(images)
    borders = inside = np.ones(len(images), np.float32)
    for axis in (1, 2):
        steps = np.abs(np.diff(light, axis=axis)).mean(3 - axis)  # (N, H - 1), then (N, W - 1)
        is_border = np.arange(1, steps.shape[1] + 1) % BLOCK == 0
        borders, inside = borders + steps[:, is_border].mean(1), inside + steps[:, ~is_border].mean(1)
    return np.asarray(borders / inside)


def high_frequencies(images: Floats) -> Floats:
    """(N,): the share of the spectrum's power, without the mean, above half of the highest frequency."""
    spectra = spectrum(images)
    return np.asarray(spectra[:, spectra.shape[1] // 2 :].sum(1) / np.maximum(spectra[:, 1:].sum(1), 1e-6))


def spectrum(images: Floats) -> Floats:
    """(N, S // 2 + 1), S the shorter side: the power of the luminance in rings of frequency.

    Frequencies are whole numbers of waves across the shorter side, in any direction.
    """
    light = luminance(images)
    height, width = light.shape[1:]
    side = min(height, width)
    power = np.abs(np.fft.fft2(light)) ** 2 / (height * width)
    down, across = np.fft.fftfreq(height, 1 / side), np.fft.fftfreq(width, 1 / side)
    ring = np.minimum(np.hypot(down[:, None], across).round().astype(int), side // 2 + 1).ravel()
    sums = np.stack([np.bincount(ring, each.ravel(), side // 2 + 2) for each in power])
    return sums[:, : side // 2 + 1].astype(np.float32)


STATISTICS = (
    Statistic("neighbour_difference", differences, "differences of neighbouring pixels", "too grainy", "too smooth"),
    Statistic(
        "chroma_difference",
        lambda images: differences(chroma(images)),
        "differences of colour between neighbouring pixels",
        "too much colour noise",
        "colours too flat",
        needs_colour=True,
    ),
    Statistic("sharpness", sharpness, "sharpness", "edges too hard", "too blurred"),
    Statistic(
        "high_frequencies",
        high_frequencies,
        "power in high frequencies",
        "too much fine detail",
        "too little fine detail",
    ),
    Statistic(
        "blockiness",
        blockiness,
        "steps at the borders of 8-pixel blocks",
        "blocky",
        "no blocks, and real images have some",
    ),
    Statistic("contrast", contrast, "contrast", "too much contrast", "too little contrast"),
    Statistic("brightness", mean_luminance, "brightness", "too bright", "too dark"),
    Statistic("saturation", saturation, "saturation of colours", "too saturated", "too pale", needs_colour=True),
)


class Compared(NamedTuple):
    """The mean of a statistic of generated images, beside real ones."""

    value: float
    real: float
    real_low: float
    real_high: float
    """95 % of samples of as many real images have a mean in between."""

    @property
    def ratio(self) -> float:
        """Over that of real images."""
        return self.value / self.real if self.real > 0 else (np.inf if self.value > 0 else 1.0)

    @property
    def is_off(self) -> bool:
        """Whether it is noticeably out of what real images have."""
        is_outside = not self.real_low <= self.value <= self.real_high
        return is_outside and not 1 / NOTICEABLE <= self.ratio <= NOTICEABLE


def of_images(pixels: Pixels) -> dict[str, Floats]:
    """Each statistic by its name, (N,), of images (N, C, H, W) uint8; of RGBA its mean on black and white."""
    statistics = [each for each in STATISTICS if pixels.shape[1] >= 3 or not each.needs_colour]
    parts = [
        [np.mean([each.of(images) for images in grounds], axis=0) for each in statistics]
        for grounds in _in_batches(pixels)
    ]
    return {
        each.name: np.concatenate(values) for each, values in zip(statistics, zip(*parts, strict=True), strict=True)
    }


def mean_spectrum(pixels: Pixels) -> Floats:
    """(S // 2 + 1,): the mean of `spectrum` over images (N, C, H, W) uint8; of RGBA over both grounds as well."""
    sums = sum(np.mean([spectrum(images).sum(0) for images in grounds], axis=0) for grounds in _in_batches(pixels))
    return np.asarray(sums / len(pixels), np.float32)


def compare_statistics(generated: dict[str, Floats], real: dict[str, Floats]) -> dict[str, Compared]:
    """Each statistic of N generated images beside M real ones."""
    compared = {}
    for name, values in generated.items():
        others = real[name].astype(np.float64)
        half = NORMAL_QUANTILE * others.std() * (1 / len(values) + 1 / len(others)) ** 0.5
        middle = float(others.mean())
        compared[name] = Compared(float(values.mean()), middle, middle - float(half), middle + float(half))
    return compared


def sentences(compared: Mapping[str, Compared]) -> Iterator[str]:
    """A sentence for each statistic that is noticeably off, the farthest off first."""
    off = [(statistic, compared[statistic.name]) for statistic in STATISTICS if statistic.name in compared]
    off = [(statistic, each) for statistic, each in off if each.is_off]
    for statistic, each in sorted(off, key=lambda pair: -abs(np.log(max(pair[1].ratio, 1e-9)))):
        words = statistic.too_high if each.ratio > 1 else statistic.too_low
        yield f"{words[0].upper()}{words[1:]}: {statistic.meaning} {each.ratio:.2g} times those of real images."


def _in_batches(pixels: Pixels) -> Iterator[list[Floats]]:
    """Some images at a time, on each of their grounds."""
    for start in range(0, len(pixels), BATCH):
        yield [np.asarray(images, np.float32) for images in on_grounds(pixels[start : start + BATCH])]
