"""Transparency: what is premultiplied, what comes back from it, and what is seen on a ground."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganvas import alpha, images, sheets
from ganvas.images import from_uint8, to_uint8

EVERY = np.stack(np.meshgrid(*[np.arange(256, dtype=np.uint8)] * 2, indexing="ij"))  # (2, 256, 256): colour, alpha
PREMULTIPLIED = np.stack([EVERY[0], EVERY[0] // 2, EVERY[0] // 3, EVERY[1]]) * (EVERY[0] <= EVERY[1])  # (4, H, W)


def random_pixels(count=4, size=(16, 20), seed=0):
    """Premultiplied, as generators draw them."""
    return alpha.bounded(np.random.default_rng(seed).integers(0, 256, (count, 4, *size), np.uint8))


def test_premultiplied_colour_is_colour_times_alpha_rounded():
    straight = np.stack([EVERY[0]] * 3 + [EVERY[1]])
    exact = np.rint(EVERY[0].astype(float) * EVERY[1] / 255)
    assert (alpha.premultiply(straight)[:3] == exact).all()
    assert (alpha.premultiply(straight)[3] == EVERY[1]).all()


def test_nothing_is_lost_between_premultiplied_levels_and_those_of_files():
    straight = alpha.straighten(PREMULTIPLIED)
    assert (alpha.premultiply(straight) == PREMULTIPLIED).all()


def test_what_is_not_seen_has_no_colour_and_what_is_opaque_keeps_its_own():
    pixels = random_pixels()
    pixels[:, 3, :8] = 0
    pixels[:, 3, 8:] = 255
    straight = alpha.straighten(pixels)
    assert not straight[:, :3, :8].any()
    assert (straight[:, :, 8:] == pixels[:, :, 8:]).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_images_without_alpha_stay_as_they_are(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (2, channels, 5, 6), np.uint8)
    for change in (alpha.straighten, alpha.bounded, alpha.on_chequers, lambda each: alpha.on_grounds(each)[0]):
        assert (change(pixels) == pixels).all()
    assert alpha.both_grounds(torch.zeros(2, channels, 5, 6)).shape == (2, channels, 5, 6)


def test_a_pixel_cannot_add_more_than_it_covers():
    drawn = np.full((1, 4, 2, 2), 200, np.uint8)
    drawn[:, 3] = 90
    assert (alpha.bounded(drawn) == 90).all()


@pytest.mark.parametrize(("ground", "name"), [(0, "black"), (255, "white")])
def test_on_a_ground_it_looks_as_pillow_composes_it(ground, name):
    straight = np.random.default_rng(0).integers(0, 256, (4, 30, 40), np.uint8)
    seen = alpha.on_ground(alpha.premultiply(straight), ground)
    file = Image.fromarray(straight.transpose(1, 2, 0))
    composed = Image.alpha_composite(Image.new("RGBA", file.size, name), file)
    assert np.abs(seen.astype(int) - np.asarray(composed)[..., :3].transpose(2, 0, 1)).max() <= 1


def test_chequers_are_seen_where_nothing_is_and_hidden_where_all_is_opaque():
    pixels = np.zeros((1, 4, 8, 8), np.uint8)
    assert np.unique(alpha.on_chequers(pixels)).tolist() == [alpha.DARK, alpha.LIGHT]
    assert alpha.on_chequers(pixels)[0, 0, 0].tolist() == [255] * 4 + [204] * 4
    pixels[:, 3] = 255
    assert not alpha.on_chequers(pixels).any()


def test_a_sheet_of_transparent_images_is_of_three_channels():
    assert sheets.grid(random_pixels(), columns=2).shape[0] == 3


def test_a_network_sees_both_grounds_as_they_look():
    pixels = random_pixels()
    seen = to_uint8(alpha.both_grounds(from_uint8(torch.from_numpy(pixels)))).numpy()
    assert (seen == np.concatenate(alpha.on_grounds(pixels), axis=1)).all()
    assert seen.shape[1] == alpha.seen_channels(4) == 6


def test_a_saved_image_keeps_its_alpha_and_is_read_again_as_it_was(tmp_path):
    pixels = random_pixels(1)[0]
    images.save_png(pixels, tmp_path / "image.png")
    with Image.open(tmp_path / "image.png") as image:
        assert image.mode == "RGBA"
        assert (np.asarray(image).transpose(2, 0, 1) == alpha.straighten(pixels)).all()
    decoded = images.decode((tmp_path / "image.png").read_bytes(), background=None)
    assert decoded.image.mode == "RGBa"
    assert (images.stack([decoded.image], 1, images.Size(16, 20), 4)[0] == pixels).all()
