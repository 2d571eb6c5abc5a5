"""The size that a set gets where none is asked for, and rectangles through all of the preparation."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from ganvas.data import DataConfig, open_source
from ganvas.data.plan import default_size
from ganvas.data.report import brief_lines, report_lines


def opened(folder, **choices):
    return open_source(str(folder), DataConfig(**choices), processes=1)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (28, 28, (28, 28)),
        (300, 300, (64, 64)),
        (48, 64, (64, 48)),  # fits: as it is
        (30, 21, (21, 30)),
        (640, 480, (48, 64)),
        (480, 640, (64, 48)),
        (178, 218, (64, 52)),
        (1920, 1080, (36, 64)),
        (300, 40, (16, 120)),  # a sliver: the shorter side is 16
        (12, 40, (52, 16)),
        (30, 29, (29, 29)),  # nearly square
        (1000, 100, (64, 64)),  # longer than 128 at 16 px: its largest squares, as before there were rectangles
    ],
)
def test_a_set_of_one_shape_gets_that_shape_and_at_most_64_px(width, height, expected):
    assert default_size(Counter({(width, height): 50}), None) == expected


def test_sizes_may_differ_where_the_shape_does_not():
    assert default_size(Counter({(640, 480): 1, (1000, 750): 3, (801, 599): 1}), None) == (48, 64)
    assert default_size(Counter({(40, 30): 3, (44, 33): 3, (60, 45): 3}), None) == (33, 44)


@pytest.mark.parametrize(("others", "expected"), [(1, (64, 48)), (2, (60, 60))])
def test_nine_tenths_decide_the_shape(others, expected):
    assert default_size(Counter({(60, 80): 9, (80, 60): others}), None) == expected


def test_a_crop_is_of_squares():
    sizes = Counter({(178, 218): 5})
    assert default_size(sizes, "square") == (64, 64)
    assert default_size(sizes, 128) == (128, 128)
    assert default_size(sizes, 150) == (64, 64)


def test_nothing_is_known_of_no_images():
    assert default_size(Counter(), None) == (64, 64)


def test_a_set_of_one_shape_is_prepared_in_it_without_a_resize(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (4, 40, 30, 3), np.uint8)
    for index, image in enumerate(noise):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    prepared = opened(tmp_path)
    assert prepared.size == (40, 30)
    assert (prepared.pixels == noise.transpose(0, 3, 1, 2)).all()
    assert prepared.manifest.crop == "shape"
    assert prepared.manifest.sizes == {"40x30": 4}
    assert prepared.manifest.enlarged == 0
    lines = list(report_lines(prepared))
    assert "images: 4 of 40x30 px, RGB" in lines
    assert "original sizes, height x width: 40x30 (4)" in lines
    assert brief_lines(prepared)[0].endswith("4 images of 40x30 px, RGB")


def test_the_same_set_as_squares_is_what_it_was_before_there_were_rectangles(class_folder):
    folder = class_folder(size=(40, 30), cats=4)
    squares = opened(folder, crop="square")
    assert squares.size == (30, 30)
    assert squares.manifest.crop == "square"
    assert squares.fingerprint == opened(folder, size=30).fingerprint == "e202205583a53af1f1f73ac8dd7f79bb"


@pytest.mark.parametrize("size", ["64x48", "17x128", "128x16", "20x33"])
def test_a_size_of_any_shape_is_prepared_from_any_image(class_folder, draw, size):
    folder = class_folder(size=(40, 30), mode="RGB", cats=3)
    draw(9, (31, 77)).save(folder / "cats" / "tall.png")
    prepared = opened(folder, size=size)
    assert str(prepared.size) == size
    assert prepared.pixels.shape == (4, 3, *prepared.size)


def test_a_photograph_on_its_side_is_turned_before_its_shape_counts(tmp_path, draw):
    for index in range(3):
        exif = Image.Exif()
        exif[0x0112] = 6
        draw(index, (200, 150), "RGB").save(tmp_path / f"{index}.jpg", exif=exif)
    prepared = opened(tmp_path)
    assert prepared.size == (64, 48)
    assert prepared.manifest.sizes == {"200x150": 3}
    exact = np.asarray(
        draw(0, (200, 150), "RGB").rotate(-90, expand=True).resize((48, 64), Image.Resampling.BOX), float
    )
    assert np.abs(prepared.pixels[0].transpose(1, 2, 0) - exact).mean() < 12


def test_arrays_of_one_shape_are_prepared_in_it(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (6, 20, 31), np.uint8)
    np.savez(tmp_path / "wide.npz", images=images)
    prepared = opened(tmp_path / "wide.npz")
    assert (prepared.pixels[:, 0] == images).all()
    taller = opened(tmp_path / "wide.npz", size="20x16")
    assert (taller.pixels[:, 0] == images[:, :, 7:23]).all()


def test_copies_and_near_copies_of_rectangles_are_found(tmp_path, draw):
    for seed in range(12):
        draw(seed, (48, 35)).save(tmp_path / f"{seed}.png")
    draw(3, (48, 35)).save(tmp_path / "copy.png")
    draw(5, (48, 35)).point(lambda level: max(0, level - 2)).save(tmp_path / "near.png")
    facts = opened(tmp_path).manifest
    assert facts.size == (35, 48)
    assert facts.duplicate_examples == (("copy.png", "3.png"),)
    assert facts.near_duplicate_examples == (("near.png", "5.png"),)


@pytest.mark.parametrize("crop", ["square", 32])
def test_a_crop_of_squares_and_another_size_are_refused_in_a_sentence(crop):
    with pytest.raises(ValueError, match=f"--size 64x48 is not square, and --crop {crop} cuts squares"):
        DataConfig(size="64x48", crop=crop)
