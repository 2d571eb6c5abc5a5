import io

import numpy as np
import pytest
from PIL import Image

from ganvas.data import near_duplicates


def scenes(count: int, channels: int = 1, size: int = 64) -> np.ndarray:
    """(N, C, H, W): smooth random images."""
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (count, 6, 6, channels), np.uint8)
    large = [
        np.asarray(Image.fromarray(s.squeeze()).resize((size, size), 3)).reshape(size, size, channels) for s in small
    ]
    return np.stack(large).transpose(0, 3, 1, 2)


def changed(pixels: np.ndarray, how) -> np.ndarray:
    images = [Image.fromarray(p.transpose(1, 2, 0).squeeze()) for p in pixels]
    return np.stack([np.asarray(how(i)).reshape(*i.size, -1).transpose(2, 0, 1) for i in images])


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    return Image.open(file)


CHANGES = {
    "saved as JPEG": jpeg,
    "made smaller and larger again": lambda i: i.resize((48, 48), 3).resize(i.size, 3),
    "a little brighter": lambda i: i.point(lambda level: min(255, level + 6)),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("how", CHANGES.values(), ids=CHANGES.keys())
def test_an_image_is_near_to_itself_however_it_was_saved(channels, how):
    pixels = scenes(60, channels)
    other = changed(pixels, how)
    assert near_duplicates.are_near_duplicates(pixels, other).all()
    a, b = near_duplicates.perceptual_keys(pixels), near_duplicates.perceptual_keys(other)
    assert near_duplicates.few_steps_apart(a, b).all()
    assert (a == b).any(axis=1).mean() >= 0.98


def test_different_images_are_not_near():
    pixels = scenes(60)
    assert not near_duplicates.are_near_duplicates(pixels[:30], pixels[30:]).any()
    assert not near_duplicates.few_steps_apart(
        near_duplicates.perceptual_keys(pixels[:30]), near_duplicates.perceptual_keys(pixels[30:])
    ).any()


def test_the_same_shape_in_another_colour_is_not_near():
    red, blue = np.full((2, 1, 3, 32, 32), 255, np.uint8)
    red[:, 1:, 8:24, 8:24] = 0
    blue[:, :2, 8:24, 8:24] = 0
    assert not near_duplicates.are_near_duplicates(red, blue).any()


def test_flat_images_are_near_when_their_levels_are():
    flat = np.full((3, 1, 16, 16), 100, np.uint8)
    other = flat.copy()
    other[1] += 12
    other[2] += 13
    assert near_duplicates.are_near_duplicates(flat, other).tolist() == [True, True, False]


def test_a_flat_image_has_a_key():
    assert near_duplicates.perceptual_keys(np.zeros((2, 1, 16, 16), np.uint8)).shape == (2, near_duplicates.TABLES)


@pytest.mark.parametrize("size", [16, 17, 28, 45, 127, 128])
def test_a_thumbnail_is_the_mean_of_each_sixteenth(size):
    pixels = np.random.default_rng(size).integers(0, 256, (3, size, size), np.uint8)
    # Every pixel cut into 16x16 equal parts, of which size x size belong to each new pixel.
    fine = pixels.repeat(16, axis=1).repeat(16, axis=2)
    means = fine.reshape(3, 16, size, 16, size).mean(axis=(2, 4), dtype=np.float64)
    assert (near_duplicates.thumbnails(pixels) == np.floor(means).reshape(3, 256)).all()


def test_brightness_of_grey_written_as_rgb_is_that_grey():
    grey = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    assert (near_duplicates.brightness(grey.repeat(3, axis=1)) == near_duplicates.brightness(grey)).all()


def test_steps_apart_are_counted_batch_independent():
    zero = np.zeros((1, near_duplicates.TABLES), np.uint64)
    for apart in range(0, 65, 4):
        steps = np.zeros(64, np.uint8)
        steps[:apart] = 9
        keys = (steps[0::2] << 4 | steps[1::2]).view(np.uint64).reshape(1, -1)
        assert near_duplicates.few_steps_apart(zero, keys)[0] == (apart <= near_duplicates.STEPS_APART)
