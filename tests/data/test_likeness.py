import io

import numpy as np
import pytest
from PIL import Image

from ganvas.data import likeness


def scenes(count: int, channels: int = 1, size: int = 64) -> np.ndarray:
    """(N, C, H, W): smooth random pictures."""
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
def test_a_picture_is_near_to_itself_however_it_was_saved(channels, how):
    pixels = scenes(60, channels)
    other = changed(pixels, how)
    assert likeness.near(pixels, other).all()
    a, b = likeness.keys(pixels), likeness.keys(other)
    assert likeness.few_steps_apart(a, b).all()
    assert (a == b).any(axis=1).mean() >= 0.98


def test_different_pictures_are_not_near():
    pixels = scenes(60)
    assert not likeness.near(pixels[:30], pixels[30:]).any()
    assert not likeness.few_steps_apart(likeness.keys(pixels[:30]), likeness.keys(pixels[30:])).any()


def test_the_same_shape_in_another_colour_is_not_near():
    red, blue = np.full((2, 1, 3, 32, 32), 255, np.uint8)
    red[:, 1:, 8:24, 8:24] = 0
    blue[:, :2, 8:24, 8:24] = 0
    assert not likeness.near(red, blue).any()


def test_flat_pictures_are_near_when_their_levels_are():
    flat = np.full((3, 1, 16, 16), 100, np.uint8)
    other = flat.copy()
    other[1] += 12
    other[2] += 13
    assert likeness.near(flat, other).tolist() == [True, True, False]


def test_a_flat_picture_has_a_key():
    assert likeness.keys(np.zeros((2, 1, 16, 16), np.uint8)).shape == (2, likeness.TABLES)


@pytest.mark.parametrize("size", [16, 17, 28, 45, 127, 128])
def test_a_thumbnail_is_the_mean_of_each_sixteenth(size):
    pixels = np.random.default_rng(size).integers(0, 256, (3, size, size), np.uint8)
    # Every pixel cut into 16x16 equal parts, of which size x size belong to each new pixel.
    fine = pixels.repeat(16, axis=1).repeat(16, axis=2)
    means = fine.reshape(3, 16, size, 16, size).mean(axis=(2, 4), dtype=np.float64)
    assert (likeness.thumbnails(pixels) == np.floor(means).reshape(3, 256)).all()


def test_brightness_of_grey_written_as_rgb_is_that_grey():
    grey = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    assert (likeness.brightness(grey.repeat(3, axis=1)) == likeness.brightness(grey)).all()


def test_steps_apart_are_counted_one_by_one():
    zero = np.zeros((1, likeness.TABLES), np.uint64)
    for apart in range(0, 65, 4):
        steps = np.zeros(64, np.uint8)
        steps[:apart] = 9
        keys = (steps[0::2] << 4 | steps[1::2]).view(np.uint64).reshape(1, -1)
        assert likeness.few_steps_apart(zero, keys)[0] == (apart <= likeness.STEPS_APART)
