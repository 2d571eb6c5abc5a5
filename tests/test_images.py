import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ganvas import images

SIDE = np.arange(24 * 16, dtype=np.uint16).reshape(16, 24)


def encoded(image: Image.Image, form: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def gradient(mode: str = "L") -> Image.Image:
    return Image.fromarray((SIDE % 256).astype(np.uint8)).convert(mode)


def levels(data: bytes, **options) -> np.ndarray:
    return np.asarray(images.decode(data, **options).image)


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "TIFF", "PPM"])
def test_every_lossless_format_gives_back_its_grey_levels(form):
    assert (levels(encoded(gradient(), form)) == np.asarray(gradient())).all()


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_the_lossy_formats_come_close(form):
    grey = np.asarray(images.decode(encoded(gradient("RGB"), form, quality=95)).image.convert("L"), float)
    assert np.abs(grey - np.asarray(gradient(), float)).mean() < 8


def test_grey_stays_grey_and_colour_stays_colour():
    assert images.decode(encoded(gradient(), "PNG")).image.mode == "L"
    assert images.decode(encoded(gradient("RGB"), "PNG")).image.mode == "RGB"
    assert images.decode(encoded(gradient("1"), "PNG")).image.mode == "L"
    assert images.decode(encoded(gradient("CMYK"), "JPEG")).image.mode == "RGB"
    assert images.decode(encoded(gradient("P"), "PNG")).image.mode == "RGB"


def test_sixteen_bits_are_scaled_to_eight_and_not_cut():
    wide = Image.fromarray(np.array([[0, 257, 32768, 65535]], np.uint16))
    assert levels(encoded(wide, "PNG")).tolist() == [[0, 1, 128, 255]]
    assert levels(encoded(wide, "TIFF")).tolist() == [[0, 1, 128, 255]]


@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0)])
def test_transparent_areas_get_the_chosen_background(background, level):
    clear = Image.new("RGBA", (4, 4), (200, 10, 10, 0))
    assert (levels(encoded(clear, "PNG"), background=background) == level).all()
    grey = Image.new("LA", (4, 4), (200, 0))
    assert (levels(encoded(grey, "PNG"), background=background) == level).all()


def test_a_palette_with_a_transparent_entry_shows_the_background_there():
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert (levels(encoded(palette, "PNG", transparency=1)) == 255).all()
    assert (levels(encoded(palette, "PNG", transparency=0)) == (10, 20, 30)).all()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_exif_turns_the_image_upright(turn, form):
    exif = Image.Exif()
    exif[0x0112] = turn
    stored = Image.new("L", (48, 32))
    stored.paste(255, (0, 0, 16, 16))
    data = encoded(stored.convert("RGB"), form, exif=exif, quality=95)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("L")
    decoded = images.decode(data)
    assert decoded.size == upright.size == decoded.image.size
    assert np.abs(np.asarray(decoded.image.convert("L"), float) - np.asarray(upright, float)).max() < 3


def test_the_first_frame_of_an_animation_is_used_and_reported():
    first, second = Image.new("L", (8, 8), 10), Image.new("L", (8, 8), 200)
    for form in ("GIF", "PNG", "WEBP"):
        decoded = images.decode(encoded(first, form, save_all=True, append_images=[second]))
        assert decoded.animated
        assert abs(int(np.asarray(decoded.image.convert("L"))[0, 0]) - 10) < 3
    assert not images.decode(encoded(first, "GIF")).animated


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not a format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "EPS"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (encoded(gradient("RGB"), "PNG")[:-30], "damaged"),
        (encoded(gradient("RGB"), "JPEG")[:-60], "damaged"),
        (encoded(gradient("F"), "TIFF"), "mode F"),
        (b"P5 60000 60000 255\n", "million pixels"),
        (b"P5 9000 9000 255\n", "million pixels"),
    ],
)
def test_an_unusable_file_is_refused_with_its_reason(data, reason):
    with pytest.raises(images.RefusedImageError, match=reason):
        images.decode(data)


def test_a_small_file_that_announces_a_huge_image_is_refused_before_it_is_decoded():
    data = bytearray(encoded(gradient(), "PNG"))
    data[16:24] = struct.pack(">II", 30_000, 30_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(images.RefusedImageError, match="million pixels"):
        images.decode(bytes(data))


SEEDS = [
    encoded(gradient("RGB"), "PNG"),
    encoded(gradient("P"), "PNG"),
    encoded(gradient("RGB"), "JPEG"),
    encoded(gradient("CMYK"), "JPEG"),
    encoded(gradient("RGB"), "WEBP"),
    encoded(gradient(), "GIF"),
    encoded(gradient("RGB"), "BMP"),
    encoded(gradient("RGB"), "PPM"),
    encoded(gradient("RGB"), "TIFF", compression="tiff_lzw"),
    encoded(gradient(), "TIFF"),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 400) | st.none(),
)
def test_any_bytes_are_an_image_or_refused_in_one_line(seed, changes, cut):
    data = bytearray(seed)
    for position, value in changes:
        data[position % len(data)] = value
    try:
        decoded = images.decode(bytes(data[: len(data) - (cut or 0)]), least_side=16)
    except images.RefusedImageError as refusal:
        outcome = str(refusal)
    else:
        outcome = decoded.image.mode
        assert outcome in ("L", "RGB")
    assert outcome
    assert "\n" not in outcome


def test_shrinking_while_decoding_keeps_the_size_of_the_file_and_enough_pixels():
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)).resize((480, 360), 3)
    data = encoded(photo, "JPEG", quality=95)
    small, whole = images.decode(data, least_side=64), images.decode(data)
    assert small.size == whole.size == (480, 360)
    assert 64 <= min(small.image.size) < 360
    a, b = (np.asarray(images.crop_and_resize(d.image, None, 64), float) for d in (small, whole))
    assert np.abs(a - b).mean() < 2


@pytest.mark.parametrize("size", [16, 17, 45, 127, 128])
def test_a_square_is_the_centre_of_the_image(size):
    wide = Image.new("L", (3 * size, size))
    wide.paste(255, (size, 0, 2 * size, size))
    assert (np.asarray(images.crop_and_resize(wide, None, size)) == 255).all()


def test_an_image_of_the_right_size_is_not_resampled():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8))
    assert (np.asarray(images.crop_and_resize(noise, None, 28)) == np.asarray(noise)).all()


def test_a_crop_of_the_right_size_is_cut_and_not_resampled():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (218, 178), np.uint8))
    assert (np.asarray(images.crop_and_resize(noise, 128, 128)) == np.asarray(noise)[45:173, 25:153]).all()


def test_a_crop_of_an_image_that_has_the_size_already_is_cut_and_enlarged():
    edge = np.zeros((28, 28), np.uint8)
    edge[4:24, 4:24] = 255
    assert (np.asarray(images.crop_and_resize(Image.fromarray(edge), 20, 28)) == 255).all()


def test_a_resize_averages_every_pixel():
    lines = np.zeros((120, 120), np.uint8)
    lines[:, ::2] = 255
    assert np.abs(np.asarray(images.crop_and_resize(Image.fromarray(lines), None, 30), float) - 127.5).max() <= 1


def test_stacked_images_keep_their_order_and_channels():
    red, green = Image.new("RGB", (16, 16), (255, 0, 0)), Image.new("RGB", (16, 16), (0, 255, 0))
    stack = images.stack([red, None, green], 3, 16, 3)
    assert stack.shape == (3, 3, 16, 16)
    assert stack[:, :, 3, 5].tolist() == [[255, 0, 0], [0, 0, 0], [0, 255, 0]]


def test_warnings_of_the_decoder_are_hidden():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        transparent = gradient("P")
        transparent.info["transparency"] = bytes(range(256))
        images.decode(encoded(transparent, "PNG", transparency=bytes(range(256))))
        with pytest.raises(images.RefusedImageError):
            images.decode(b"P5 9000 11000 255\n")
    assert not caught


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_to_floats_and_back_are_the_same_pixels(channels):
    import torch

    pixels = torch.arange(256, dtype=torch.uint8).repeat(channels).reshape(1, channels, 16, 16)
    floats = images.from_uint8(pixels)
    assert floats.min() == -1
    assert floats.max() == 1
    assert (images.to_uint8(floats) == pixels).all()


def test_a_grid_lays_images_row_by_row():
    pixels = np.arange(3, dtype=np.uint8).repeat(4).reshape(3, 1, 2, 2)
    sheet = images.grid(pixels, columns=2, gap=1)
    assert sheet.shape == (1, 7, 7)
    assert (sheet[0, 1, 1], sheet[0, 1, 4], sheet[0, 4, 1], sheet[0, 4, 4]) == (0, 1, 2, 255)


def test_a_saved_image_is_whole_and_leaves_nothing_beside_it(tmp_path):
    images.save_png(np.full((3, 5, 7), 9, np.uint8), tmp_path / "new" / "image.png")
    with Image.open(tmp_path / "new" / "image.png") as image:
        assert (image.size, image.mode) == ((7, 5), "RGB")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["image.png"]


def test_enlarging_repeats_pixels_until_the_side_is_reached():
    assert images.enlarge(np.zeros((1, 1, 28, 28), np.uint8), 64).shape == (1, 1, 84, 84)
