"""Sheets of images: where each lies, and how small ones are made larger."""

import numpy as np

from ganvas import sheets


def test_a_grid_lays_images_row_by_row():
    pixels = np.arange(3, dtype=np.uint8).repeat(4).reshape(3, 1, 2, 2)
    sheet = sheets.grid(pixels, columns=2, gap=1)
    assert sheet.shape == (1, 7, 7)
    assert (sheet[0, 1, 1], sheet[0, 1, 4], sheet[0, 4, 1], sheet[0, 4, 4]) == (0, 1, 2, 255)


def test_enlarging_repeats_pixels_until_the_side_is_reached():
    assert sheets.enlarge(np.zeros((1, 1, 28, 28), np.uint8), 64).shape == (1, 1, 84, 84)
