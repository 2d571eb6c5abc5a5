from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ganvas.film import LARGEST_SIDE, film_bytes
from ganvas.images import decode, save_png
from ganvas.png import to_png


@pytest.mark.parametrize("channels", [1, 3])
def test_png_bytes_hold_every_pixel(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (channels, 5, 7), np.uint8)
    decoded = np.asarray(decode(to_png(pixels)).image)
    assert np.array_equal(
        decoded if channels == 1 else decoded.transpose(2, 0, 1), pixels.squeeze(0) if channels == 1 else pixels
    )


def test_png_bytes_are_equal_for_equal_pixels():
    pixels = np.full((3, 4, 4), 7, np.uint8)
    assert to_png(pixels) == to_png(pixels.copy())


def test_a_film_has_a_frame_a_file_in_their_order(tmp_path):
    paths = [tmp_path / f"{level}.png" for level in (0, 90, 200)]
    for path in paths:
        save_png(np.full((1, 20, 30), int(path.stem), np.uint8), path)
    with Image.open(BytesIO(film_bytes(paths))) as film:
        assert film.n_frames == 3
        assert film.size == (30, 20)
        for index, level in enumerate((0, 90, 200)):
            film.seek(index)
            assert film.convert("L").getpixel((5, 5)) == pytest.approx(level, abs=2)


def test_a_film_of_large_sheets_is_shrunk(tmp_path):
    save_png(np.zeros((1, 100, 2 * LARGEST_SIDE + 1), np.uint8), tmp_path / "a.png")
    with Image.open(BytesIO(film_bytes([tmp_path / "a.png"]))) as film:
        assert max(film.size) <= LARGEST_SIDE
