"""Draws a set of colour images of 128 px to train on: landscapes of five classes, free to show.

python benchmarks/landscapes.py FOLDER [IMAGES_A_CLASS]

Sky, hills and water are sums of noise of several scales (fractional Brownian motion), lit and hazed with distance, so
that, unlike pictograms, they have grain at every scale, soft colours and borders that are not plain.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE_PIXELS = 128
Field = NDArray[np.float64]
rows, columns = np.mgrid[0:SIZE_PIXELS, 0:SIZE_PIXELS] / SIZE_PIXELS


def noise_2d(random: np.random.Generator, power: float, stretch: float = 1) -> Field:
    """(S, S), mean 0 and deviation 1: noise whose amplitude falls as frequency^-power; wider than high by `stretch`."""
    vertical, horizontal = np.fft.fftfreq(SIZE_PIXELS)[:, None], np.fft.rfftfreq(SIZE_PIXELS)[None]
    frequency = np.hypot(vertical / stretch, horizontal * stretch)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(random.standard_normal((SIZE_PIXELS, SIZE_PIXELS))) * frequency**-power
    field = np.fft.irfft2(spectrum, (SIZE_PIXELS, SIZE_PIXELS))
    return field / field.std()


def ridge(random: np.random.Generator, power: float) -> Field:
    """(S,), mean 0 and deviation 1: the outline of hills."""
    frequency = np.fft.rfftfreq(2 * SIZE_PIXELS)  # twice as wide, since the outline would else close on itself
    frequency[0] = np.inf
    line = np.fft.irfft(np.fft.rfft(random.standard_normal(2 * SIZE_PIXELS)) * frequency**-power)[:SIZE_PIXELS]
    return (line - line.mean()) / line.std()


def colour(random: np.random.Generator, red: float, green: float, blue: float, spread: float = 0.06) -> Field:
    """(3,): a colour near this one."""
    return np.clip(np.array([red, green, blue]) + spread * random.standard_normal(3), 0, 1)


def mix(first: Field, second: Field, share: Field) -> Field:
    """Colours (…, 3) on the way from the first to the second by a share (…)."""
    return first + (second - first) * np.clip(share, 0, 1)[..., None]


def sky(random: np.random.Generator, top: Field, bottom: Field, cloud: Field) -> Field:
    """(S, S, 3): a gradient and clouds that flatten towards the horizon."""
    canvas = mix(top, bottom, rows * random.uniform(1.2, 1.8))
    cover = noise_2d(random, 1.7, 1.5) + random.uniform(-1.2, 0.6)
    return mix(canvas, cloud, 0.7 * cover * (1 - rows))


def hills(canvas: Field, random: np.random.Generator, near: Field, haze: Field, layers: int, power: float) -> Field:
    """(S, S, 3): ridges from far to near, each in front of the last and less hazy."""
    for layer in range(layers):
        depth = (layer + 1) / layers
        outline = 0.35 + 0.45 * depth + 0.06 * ridge(random, power) * (1.3 - 0.5 * depth)
        light = 1 + 0.12 * noise_2d(random, 1.2)
        surface = mix(haze, near, np.full_like(rows, 0.25 + 0.75 * depth)) * light[..., None]
        canvas = np.where((rows > outline[None])[..., None], surface, canvas)
    return canvas


def mountains(random: np.random.Generator) -> Field:
    """Grey ridges with snow under a blue sky."""
    canvas = sky(random, colour(random, 0.25, 0.45, 0.8), colour(random, 0.75, 0.85, 0.95), colour(random, 1, 1, 1))
    outline = random.uniform(0.3, 0.45) + 0.09 * ridge(random, 1.3)
    rock = colour(random, 0.38, 0.4, 0.45) * (1 + 0.25 * noise_2d(random, 1))[..., None]
    snow = 6 * (outline[None] + random.uniform(0.1, 0.2) - rows) + 0.8 * noise_2d(random, 1)
    mountain = mix(rock, np.array([0.95, 0.96, 1.0]), snow)
    canvas = np.where((rows > outline[None])[..., None], mountain, canvas)
    return _front(canvas, random, colour(random, 0.2, 0.35, 0.18))


def _front(canvas: Field, random: np.random.Generator, ground: Field) -> Field:
    outline = random.uniform(0.75, 0.85) + 0.03 * ridge(random, 1.5)
    surface = ground * (1 + 0.2 * noise_2d(random, 0.8, 2))[..., None]
    return np.where((rows > outline[None])[..., None], surface, canvas)


def sea(random: np.random.Generator) -> Field:
    """A low sun above water that reflects it."""
    warm = colour(random, 1.0, 0.6, 0.3)
    canvas = sky(random, colour(random, 0.35, 0.3, 0.6), warm, colour(random, 0.9, 0.5, 0.5))
    horizon, sun = random.uniform(0.45, 0.65), random.uniform(0.2, 0.8)
    height = horizon - random.uniform(0.02, 0.2)
    distance = np.hypot(rows - height, columns - sun)
    canvas = mix(canvas, np.array([1.0, 0.95, 0.75]), np.exp(-((distance / 0.25) ** 2)) * 0.6 + 40 * (0.05 - distance))
    waves = noise_2d(random, 1, 3)
    glitter = np.exp(-(((columns - sun) / (0.04 + 0.3 * (rows - horizon).clip(0))) ** 2)) * (0.5 + 0.5 * waves)
    water = colour(random, 0.15, 0.2, 0.4) * (1 + 0.25 * waves)[..., None]
    return np.where((rows > horizon)[..., None], mix(water, warm, glitter), canvas)


def desert(random: np.random.Generator) -> Field:
    """Dunes, lit from one side, under a pale sky."""
    sand = colour(random, 0.85, 0.6, 0.35)
    canvas = sky(random, colour(random, 0.4, 0.65, 0.9), colour(random, 0.9, 0.85, 0.75), colour(random, 1, 1, 1))
    for layer in range(3):
        outline = 0.45 + 0.17 * layer + 0.07 * ridge(random, 2.5)
        slope = np.gradient(outline) * 60 * random.choice([-1, 1])
        ripples = 0.06 * noise_2d(random, 1.2, 2.5)
        fade = np.exp(-8 * (rows - outline[None]).clip(0))
        surface = sand * (0.95 + 0.3 * np.tanh(slope)[None] * fade + ripples)[..., None]
        canvas = np.where((rows > outline[None])[..., None], surface, canvas)
    return canvas


def forest(random: np.random.Generator) -> Field:
    """Green hills behind a row of firs."""
    green, haze = colour(random, 0.12, 0.33, 0.15), colour(random, 0.7, 0.8, 0.8)
    canvas = sky(random, colour(random, 0.55, 0.7, 0.85), haze, colour(random, 0.95, 0.95, 0.95))
    canvas = hills(canvas, random, green * 1.3, haze, 3, 2)
    for tree in np.sort(random.uniform(0.55, 1.0, 9)):  # the foot: far ones first
        centre, height = random.uniform(0, 1), (tree - 0.4) * random.uniform(0.7, 1.1)
        up = (tree - rows) / height  # 0 at the foot, 1 at the tip
        tiers = 0.75 + 0.25 * ((1 - up) * 6 % 1)
        width = 0.26 * height * (1 - up) * tiers * (1 + 0.15 * noise_2d(random, 0.5))
        inside = (abs(columns - centre) < width) & (up > 0) & (up < 1)
        light = (1 + 0.25 * noise_2d(random, 0.5) - 1.5 * (columns - centre))[..., None]
        canvas = np.where(inside[..., None], green * (0.6 + 0.5 * (1 - tree)) * light, canvas)
    return canvas


def city(random: np.random.Generator) -> Field:
    """Towers with lit windows at night."""
    canvas = sky(
        random, colour(random, 0.03, 0.04, 0.15, 0.02), colour(random, 0.3, 0.2, 0.4), colour(random, 0.3, 0.25, 0.4)
    )
    for layer in range(3):
        left = 0
        while left < SIZE_PIXELS:
            width = int(random.integers(10, 24))
            top = random.uniform(0.15, 0.55) + 0.15 * layer
            inside = (columns * SIZE_PIXELS >= left) & (columns * SIZE_PIXELS < left + width) & (rows > top)
            canvas = np.where(inside[..., None], colour(random, 0.08, 0.08, 0.13, 0.02) * (2.2 - 0.6 * layer), canvas)
            lit = np.repeat(np.repeat(random.random((32, 32)) < random.uniform(0.2, 0.6), 4, 0), 4, 1)
            x, y = (columns * SIZE_PIXELS - left) % 4, rows * SIZE_PIXELS % 4
            window = inside & lit & (x >= 1) & (x < 3) & (y >= 1) & (y < 3)
            canvas = np.where(window[..., None], colour(random, 1.0, 0.85, 0.5), canvas)
            left += width + int(random.integers(0, 4))
    return canvas


CLASSES = {"city": city, "desert": desert, "forest": forest, "mountains": mountains, "sea": sea}


def main(folder: Path, count: int = 1_500) -> None:
    """Writes FOLDER/CLASS/NUMBER.png, `count` images a class."""
    for label, (name, draw) in enumerate(CLASSES.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = np.clip(draw(np.random.default_rng([label, number])), 0, 1) * 255
            Image.fromarray(pixels.round().astype(np.uint8)).save(folder / name / f"{number:05}.png")
        print(f"{name}: {count} images")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
