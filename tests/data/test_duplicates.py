import io

import numpy as np
import pytest
from PIL import Image

from ganvas.data import duplicates


def find(pixels: np.ndarray) -> duplicates.DuplicateGroups:
    digests = np.array([(hash(p.tobytes()) % 2**63, 0) for p in pixels], np.uint64)
    return duplicates.find_duplicates(pixels, digests, duplicates.perceptual_keys(pixels))


def noise(count: int) -> np.ndarray:
    blocks = np.random.default_rng(1).integers(0, 256, (count, 1, 8, 8), np.uint8)
    return blocks.repeat(4, axis=2).repeat(4, axis=3)


def test_different_images_are_in_no_group():
    groups = find(noise(200))
    assert (groups.exact == np.arange(200)).all()
    assert (groups.near == np.arange(200)).all()


def test_copies_point_to_the_first_of_them():
    pixels = noise(50)
    pixels[[7, 30, 49]] = pixels[3]
    groups = find(pixels)
    assert groups.exact[[3, 7, 30, 49]].tolist() == [3, 3, 3, 3]
    assert (groups.exact != np.arange(50)).sum() == 3


def test_near_duplicates_and_their_copies_are_one_group_but_not_equal():
    pixels = noise(50)
    pixels[10] = pixels[20] = np.clip(pixels[5].astype(int) + 3, 0, 255)
    groups = find(pixels)
    assert groups.near[[5, 10, 20]].tolist() == [5, 5, 5]
    assert groups.exact[[5, 10, 20]].tolist() == [5, 10, 10]


def test_a_thousand_flat_images_of_few_levels_are_grouped_in_little_time():
    pixels = np.arange(1000, dtype=np.int64)[:, None, None, None] % 250
    groups = find(np.broadcast_to(pixels, (1000, 1, 16, 16)).astype(np.uint8))
    assert len(np.unique(groups.exact)) == 250
    assert len(np.unique(groups.near)) < 250


def test_a_long_run_of_equal_keys_is_joined_by_a_chain_of_neighbours():
    pixels = np.repeat(noise(1), 3 * duplicates.FOLLOWING, axis=0)
    pixels[:, 0, 0, 0] = np.arange(len(pixels))  # no two are equal, and all are nearly so
    groups = find(pixels)
    assert (groups.exact == np.arange(len(pixels))).all()
    assert (groups.near == 0).all()


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
def test_a_saved_or_resized_or_brightened_copy_is_a_near_duplicate(channels, how):
    pixels = scenes(60, channels)
    other = changed(pixels, how)
    assert duplicates.are_near_duplicates(pixels, other).all()
    a, b = duplicates.perceptual_keys(pixels), duplicates.perceptual_keys(other)
    assert duplicates.few_steps_apart(a, b).all()
    assert (a == b).any(axis=1).mean() >= 0.98


def test_different_images_are_not_near_duplicates():
    pixels = scenes(60)
    assert not duplicates.are_near_duplicates(pixels[:30], pixels[30:]).any()
    assert not duplicates.few_steps_apart(
        duplicates.perceptual_keys(pixels[:30]), duplicates.perceptual_keys(pixels[30:])
    ).any()


def test_the_same_shape_in_another_colour_is_not_a_near_duplicate():
    red, blue = np.full((2, 1, 3, 32, 32), 255, np.uint8)
    red[:, 1:, 8:24, 8:24] = 0
    blue[:, :2, 8:24, 8:24] = 0
    assert not duplicates.are_near_duplicates(red, blue).any()


def test_flat_images_are_near_duplicates_when_their_levels_are_close():
    flat = np.full((3, 1, 16, 16), 100, np.uint8)
    other = flat.copy()
    other[1] += 12
    other[2] += 13
    assert duplicates.are_near_duplicates(flat, other).tolist() == [True, True, False]


def test_a_flat_image_has_a_key():
    assert duplicates.perceptual_keys(np.zeros((2, 1, 16, 16), np.uint8)).shape == (2, duplicates.TABLES)


@pytest.mark.parametrize("size", [16, 17, 28, 45, 127, 128])
def test_a_thumbnail_is_the_mean_of_each_sixteenth(size):
    pixels = np.random.default_rng(size).integers(0, 256, (3, size, size), np.uint8)
    # Every pixel cut into 16x16 equal parts, of which size x size belong to each new pixel.
    fine = pixels.repeat(16, axis=1).repeat(16, axis=2)
    means = fine.reshape(3, 16, size, 16, size).mean(axis=(2, 4), dtype=np.float64)
    assert (duplicates.thumbnails(pixels) == np.floor(means).reshape(3, 256)).all()


def test_brightness_of_grey_written_as_rgb_is_that_grey():
    grey = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    assert (duplicates.brightness(grey.repeat(3, axis=1)) == duplicates.brightness(grey)).all()


def test_keys_that_differ_in_more_than_eight_steps_are_no_candidates():
    zero = np.zeros((1, duplicates.TABLES), np.uint64)
    for apart in range(0, 65, 4):
        steps = np.zeros(64, np.uint8)
        steps[:apart] = 9
        keys = (steps[0::2] << 4 | steps[1::2]).view(np.uint64).reshape(1, -1)
        assert duplicates.few_steps_apart(zero, keys)[0] == (apart <= duplicates.STEPS_APART)
