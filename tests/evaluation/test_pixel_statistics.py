"""Statistics of pixels: equal to what is worked out by hand, the same for real samples, and named rightly when off."""

import io

import numpy as np
import pytest
from PIL import Image

from ganvas.alpha import bounded, on_grounds
from ganvas.evaluation import pixel_statistics
from ganvas.evaluation.pixel_statistics import compare_statistics, mean_spectrum, of_images, sentences


def scenes(count, seed, channels=3, size=32):
    """(N, C, H, W): soft coloured blobs on a gradient, with hard edges here and there, as photographs have them."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] / size
    images = np.empty((count, channels, size, size))
    for image in images:
        base = random.uniform(60, 190) + random.uniform(-60, 60) * rows + random.uniform(-60, 60) * columns
        tint = random.uniform(-25, 25, (channels, 1, 1))
        image[:] = base + tint
        for _ in range(3):
            y, x, radius = random.uniform(0.2, 0.8), random.uniform(0.2, 0.8), random.uniform(0.1, 0.3)
            inside = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
            image[:, inside] += random.uniform(-70, 70) + random.uniform(-15, 15, (channels, 1))
    images += random.normal(0, 3, images.shape)
    return images.clip(0, 255).astype(np.uint8)


def jpeg(images, quality):
    """Each image through JPEG."""
    results = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(file, "JPEG", quality=quality)
        results.append(np.asarray(Image.open(file, formats=["JPEG"])).transpose(2, 0, 1))
    return np.stack(results)


def blur(images):
    padded = np.pad(images.astype(float), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    across = (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]) / 4
    return ((across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 4).astype(np.uint8)


def saturated(images):
    grey = images.mean(1, keepdims=True)
    return (grey + 2.5 * (images - grey)).clip(0, 255).astype(np.uint8)


def noisy(images, strength, seed=5):
    return (images + np.random.default_rng(seed).normal(0, strength, images.shape)).clip(0, 255).astype(np.uint8)


def chroma_noise(images):
    noise = np.random.default_rng(6).normal(0, 14, images.shape)
    noise -= noise.mean(1, keepdims=True)
    return (images + noise).clip(0, 255).astype(np.uint8)


REAL = scenes(600, 0)
FRESH = scenes(400, 1)


def found(images, real=REAL):
    return [*sentences(compare_statistics(of_images(images), of_images(real)))]


def test_statistics_of_a_small_image_are_those_worked_out_by_hand():
    image = np.zeros((1, 3, 16, 16), np.float32)
    image[0, 0, :, 8:] = 90  # a red right half
    assert pixel_statistics.differences(image)[0] == pytest.approx(90 / 15 / 3 / 2)
    assert pixel_statistics.mean_luminance(image)[0] == pytest.approx(15)
    assert pixel_statistics.saturation(image)[0] == pytest.approx(45)
    assert pixel_statistics.contrast(image)[0] == pytest.approx(15)
    assert pixel_statistics.chroma(image)[0, :, 0, 15].tolist() == [90, 0]
    assert pixel_statistics.sharpness(image)[0] == pytest.approx(2 * 30 / 14 / 2)
    # One step of 30 in luminance at the border between the blocks, in every row; 1 border and 14 others each way.
    assert pixel_statistics.blockiness(image)[0] == pytest.approx(31)


def test_the_spectrum_of_a_wave_is_at_its_frequency_and_the_power_is_that_of_the_image():
    rows = np.arange(32)
    wave = 127 + 100 * np.cos(2 * np.pi * 5 * rows / 32)
    image = np.broadcast_to(wave, (1, 1, 32, 32)).astype(np.float32)
    power = pixel_statistics.spectrum(image)[0]
    assert power[1:].argmax() == 4
    assert power[5] == pytest.approx(np.square(wave - 127).sum() * 32, rel=1e-3)


@pytest.mark.parametrize("real", [REAL, scenes(600, 0, 1)])
def test_fresh_real_images_are_in_the_range_of_real_ones(real):
    channels = real.shape[1]
    assert [found(scenes(400, seed, channels), real) for seed in range(2, 6)] == [[]] * 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda images: noisy(images, 12), "Too grainy: differences of neighbouring pixels"),
        (chroma_noise, "Too much colour noise: "),
        (blur, "Too blurred: sharpness"),
        (saturated, "Too saturated: "),
        (lambda images: jpeg(images, 20), "Blocky: steps at the borders of 8-pixel blocks"),
        (lambda images: images // 2, "Too dark: "),
        (lambda images: (images // 4 + 96).astype(np.uint8), "Too little contrast: "),
    ],
)
def test_what_is_wrong_is_named(change, words):
    assert any(sentence.startswith(words) for sentence in found(change(FRESH)))


def test_the_farthest_off_comes_first_and_the_ratio_is_told():
    first = found(noisy(FRESH, 30))[0]
    assert "times those of real images" in first
    strengths = [compare_statistics(of_images(noisy(FRESH, each)), of_images(REAL)) for each in (0, 5, 15, 40)]
    ratios = [compared["neighbour_difference"].ratio for compared in strengths]
    assert ratios == sorted(ratios)


def test_grey_images_have_no_statistics_of_colour():
    assert set(of_images(REAL)) - set(of_images(REAL[:, :1])) == {"chroma_difference", "saturation"}


def test_images_of_one_colour_have_no_ratio_that_is_not_a_number():
    flat = np.full((30, 3, 16, 16), 90, np.uint8)
    assert found(flat, flat) == []
    assert all("nan" not in sentence for sentence in found(scenes(30, 1, 3, 16), flat))


@pytest.mark.parametrize("size", [(24, 40), (33, 16)])
def test_every_statistic_of_a_rectangle_is_that_of_it_turned_on_its_side(size):
    images = np.random.default_rng(0).integers(0, 256, (5, 3, *size), np.uint8)
    upright, turned = of_images(images), of_images(images.transpose(0, 1, 3, 2))
    for name, values in upright.items():
        assert np.allclose(values, turned[name], rtol=1e-4), name
    assert np.allclose(mean_spectrum(images), mean_spectrum(images.transpose(0, 1, 3, 2)), rtol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 64), (64, 32)])
def test_a_wave_has_all_its_power_at_its_frequency_across_the_shorter_side(height, width):
    rows = np.arange(height)[:, None]
    image = np.broadcast_to(128 + 100 * np.cos(2 * np.pi * 4 * rows / 32), (height, width))  # a wave in 8 px
    power = mean_spectrum(image.round().astype(np.uint8)[None, None])
    assert len(power) == 17
    assert power[1:].argmax() + 1 == 4
    assert power[4] > 0.99 * power[1:].sum()


def test_statistics_of_transparent_images_are_the_mean_over_black_and_white():
    icons = bounded(np.random.default_rng(0).integers(0, 256, (4, 4, 20, 16), np.uint8))
    found, parts = of_images(icons), [of_images(pixels) for pixels in on_grounds(icons)]
    assert set(found) == set(parts[0])
    for name, values in found.items():
        assert np.allclose(values, (parts[0][name] + parts[1][name]) / 2, rtol=1e-5), name
    spectra = [mean_spectrum(pixels) for pixels in on_grounds(icons)]
    assert np.allclose(mean_spectrum(icons), (spectra[0] + spectra[1]) / 2, rtol=1e-5)
