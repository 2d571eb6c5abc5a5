import importlib.util
import io
import struct
import sys
import warnings
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ganvas import images
from ganvas.levels import WHOLE_RANGE, LevelMapping
from ganvas.sizes import Size, crop_box

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
        (encoded(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"), "not finite"),
        (encoded(Image.fromarray(np.full((4, 4), 70_000, np.int32)), "TIFF"), "beyond 16 bits"),
        (b"\0\0\0\x18ftypavif" + bytes(99), "this AVIF file cannot be opened"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL is not a format that is read"),
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


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def jpeg_segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


PNG, JPEG = encoded(gradient(), "PNG"), encoded(gradient("RGB"), "JPEG", quality=95)
LONG_TEXT = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 2**21))
WEBP = encoded(gradient("RGB"), "WEBP", lossless=True, exif=b"Exif\0\0II*\0", icc_profile=b"profile" * 9)


@pytest.mark.parametrize(
    ("whole", "spoilt"),
    [
        (PNG, PNG[:33] + LONG_TEXT + PNG[33:]),
        (PNG, PNG[:-12] + LONG_TEXT + PNG[-12:]),
        (PNG, PNG[:33] + png_chunk(b"iCCP", b"a\0\0" + zlib.compress(b"a" * 2**21)) + PNG[33:]),
        (PNG, PNG[:33] + png_chunk(b"tEXt", b"a\0b")[:-1] + b"?" + PNG[33:]),
        (PNG, PNG[:33] + png_chunk(b"eXIf", b"II*\0")[:-1] + b"?" + PNG[33:]),
        (PNG, PNG[:33] + png_chunk(b"pHYs", b"a") + PNG[33:]),
        (PNG, PNG[:-12] + png_chunk(b"tEXt", b"a\0" + b"b" * 99)[:30]),
        (PNG, PNG[:-12]),
        (JPEG, JPEG[:2] + jpeg_segment(0xE2, b"ICC_PROFILE\0") + JPEG[2:]),
        (JPEG, JPEG[:2] + jpeg_segment(0xEE, b"Adobe") + JPEG[2:]),
        (JPEG, JPEG[:2] + jpeg_segment(0xE0, b"JFIF\0") + JPEG[2:]),
        (JPEG, JPEG[:2] + jpeg_segment(0xE1, b"Exif\0\0II*\0\xff\xff") + JPEG[2:]),
        (JPEG, JPEG[:2] + jpeg_segment(0xED, b"Photoshop 3.0\08BIM\4\4\xff") + JPEG[2:]),
        (WEBP, WEBP[:-6]),
    ],
    ids=[
        "long text", "text behind the pixels", "long profile", "wrong checksum of a text", "wrong checksum of the EXIF",
        "short resolution", "cut off in a text", "no end", "short profile", "short colour mark", "short header",
        "damaged EXIF", "damaged resources", "WebP cut off in the EXIF",
    ],
)  # fmt: skip
def test_damaged_metadata_spoil_no_image(whole, spoilt):
    assert spoilt != whole
    assert (levels(spoilt) == levels(whole)).all()


def test_an_orientation_beside_a_long_text_still_turns_the_image():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(gradient(), "PNG", exif=exif)
    assert (levels(turned[:33] + LONG_TEXT + turned[33:]) == levels(turned)).all()
    assert levels(turned).shape == (24, 16)


def test_pixels_that_are_cut_off_stay_damaged_without_metadata():
    for data in (PNG[:33] + LONG_TEXT + PNG[33:-40], JPEG[:2] + jpeg_segment(0xE2, b"ICC_PROFILE\0") + JPEG[2:-60]):
        with pytest.raises(images.RefusedImageError):
            images.decode(data)


def test_avif_is_read_and_its_kind_is_found_by_its_brands():
    data = encoded(gradient("RGB"), "AVIF", quality=100)
    assert np.abs(levels(data).astype(int) - np.asarray(gradient("RGB"))).mean() < 8
    general = data[:8] + b"mif1" + data[12:]  # the container's brand first, avif among the others
    assert general != data
    assert (levels(general) == levels(data)).all()


HEIC = b"\0\0\0\x18ftypheic" + bytes(99)


@pytest.mark.skipif(importlib.util.find_spec("pillow_heif") is not None, reason="pillow-heif is installed")
def test_heic_without_pillow_heif_names_what_to_install():
    for brand in (b"heic", b"mif1", b"heix"):
        with pytest.raises(images.RefusedImageError, match=r"pip install 'ganvas\[heif\]'"):
            images.decode(HEIC.replace(b"heic", brand))


def test_heic_is_read_through_pillow_heif(tmp_path, monkeypatch):
    """By a stand-in for pillow-heif that registers a decoder, as that does, and draws a grey image."""
    stub = """
from PIL import Image, ImageFile

class StubHeif(ImageFile.ImageFile):
    format = "HEIF"
    def _open(self):
        self._size, self._mode = (5, 4), "L"
    def load(self):
        self.im = Image.new("L", (5, 4), 77).im
        return Image.Image.load(self)

def register_heif_opener(**options):
    Image.register_open("HEIF", StubHeif, lambda start: start[4:8] == b"ftyp")
"""
    (tmp_path / "pillow_heif.py").write_text(stub)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "pillow_heif", raising=False)
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    assert images.header(HEIC) == (5, 4, "L")
    assert levels(HEIC).tolist() == [[77] * 5] * 4
    sys.modules.pop("pillow_heif", None)


@pytest.mark.skipif(importlib.util.find_spec("pillow_heif") is None, reason="needs the extra heif")
def test_a_real_heic_is_read(monkeypatch):
    import pillow_heif

    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    photo = Image.fromarray(np.full((64, 64, 3), (200, 100, 50), np.uint8))
    file = io.BytesIO()
    pillow_heif.from_pillow(photo).save(file, quality=90)
    decoded = images.decode(file.getvalue())
    assert decoded.size == (64, 64)
    assert np.abs(np.asarray(decoded.image).astype(int) - (200, 100, 50)).max() < 12


def stored(values, dtype, form="TIFF", mapping=WHOLE_RANGE):
    data = encoded(Image.fromarray(np.array([values], dtype)), form)
    decoded = images.decode_quietly(data, mapping=mapping)
    return np.asarray(decoded.image)[0].tolist(), decoded.levels, decoded.full_range


def test_the_levels_of_a_file_are_measured_as_they_are_stored():
    assert stored([0, 1, 1], np.uint8)[1:] == ((0, 1), (0, 255))
    assert stored([7, 4095], np.uint16)[1:] == ((7, 4095), (0, 65535))
    assert stored([-0.5, 0.25], np.float32)[1:] == ((-0.5, 0.25), None)


def test_floats_mean_what_their_range_says():
    assert stored([0, 0.5, 1], np.float32)[0] == [0, 128, 255]
    assert stored([-1, 0, 1], np.float32, mapping=LevelMapping((-1.0, 1.0)))[0] == [0, 128, 255]
    assert stored([0, 10, 255], np.float32, mapping=LevelMapping((0.0, 255.0)))[0] == [0, 10, 255]


def test_stretching_maps_the_chosen_part_of_the_range_to_all_levels():
    sixteenth = LevelMapping(stretch=(Fraction(0), Fraction(16, 255)))
    assert stored([0, 1, 8, 16, 200], np.uint8, mapping=sixteenth)[0] == [0, 16, 128, 255, 255]
    twelve = LevelMapping(stretch=(Fraction(0), Fraction(4095, 65535)))
    assert stored([0, 819, 4095], np.uint16, mapping=twelve)[0] == [0, 51, 255]


def test_stretching_changes_colours_and_not_what_is_transparent():
    clear = Image.new("RGBA", (4, 4), (3, 3, 3, 255))
    clear.putpixel((0, 0), (0, 0, 0, 0))
    decoded = images.decode_quietly(
        encoded(clear, "PNG"), mapping=LevelMapping(stretch=(Fraction(0), Fraction(3, 255)))
    )
    assert np.unique(np.asarray(decoded.image)).tolist() == [255]
    assert decoded.levels == (3, 3)  # what cannot be seen has no level


def test_shrinking_while_decoding_keeps_the_size_of_the_file_and_enough_pixels():
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)).resize((480, 360), 3)
    data = encoded(photo, "JPEG", quality=95)
    small, whole = images.decode(data, least_side=64), images.decode(data)
    assert small.size == whole.size == (480, 360)
    assert 64 <= min(small.image.size) < 360
    a, b = (np.asarray(images.crop_and_resize(d.image, None, Size.square(64)), float) for d in (small, whole))
    assert np.abs(a - b).mean() < 2


@pytest.mark.parametrize("size", [16, 17, 45, 127, 128])
def test_a_square_is_the_centre_of_the_image(size):
    wide = Image.new("L", (3 * size, size))
    wide.paste(255, (size, 0, 2 * size, size))
    assert (np.asarray(images.crop_and_resize(wide, None, Size.square(size))) == 255).all()


def test_an_image_of_the_right_size_is_not_resampled():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8))
    assert (np.asarray(images.crop_and_resize(noise, None, Size.square(28))) == np.asarray(noise)).all()


def test_a_crop_of_the_right_size_is_cut_and_not_resampled():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (218, 178), np.uint8))
    assert (np.asarray(images.crop_and_resize(noise, 128, Size.square(128))) == np.asarray(noise)[45:173, 25:153]).all()


def test_a_crop_of_an_image_that_has_the_size_already_is_cut_and_enlarged():
    edge = np.zeros((28, 28), np.uint8)
    edge[4:24, 4:24] = 255
    assert (np.asarray(images.crop_and_resize(Image.fromarray(edge), 20, Size.square(28))) == 255).all()


def test_a_resize_averages_every_pixel():
    lines = np.zeros((120, 120), np.uint8)
    lines[:, ::2] = 255
    assert (
        np.abs(np.asarray(images.crop_and_resize(Image.fromarray(lines), None, Size.square(30)), float) - 127.5).max()
        <= 1
    )


def test_stacked_images_keep_their_order_and_channels():
    red, green = Image.new("RGB", (16, 16), (255, 0, 0)), Image.new("RGB", (16, 16), (0, 255, 0))
    stack = images.stack([red, None, green], 3, Size.square(16), 3)
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


def test_a_saved_image_is_whole_and_leaves_nothing_beside_it(tmp_path):
    images.save_png(np.full((3, 5, 7), 9, np.uint8), tmp_path / "new" / "image.png")
    with Image.open(tmp_path / "new" / "image.png") as image:
        assert (image.size, image.mode) == ((7, 5), "RGB")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["image.png"]


@pytest.mark.parametrize(
    ("image", "crop", "size", "box"),
    [
        ((40, 30), None, (16, 16), (30, 30)),
        ((40, 30), None, (64, 48), (40, 30)),  # the shape of the size: nothing is cut
        ((30, 40), None, (64, 48), (30, 22)),  # 22.5: half an even number
        ((41, 30), None, (64, 48), (40, 30)),
        ((100, 10), None, (16, 32), (5, 10)),
        ((218, 178), 128, (28, 28), (128, 128)),
        ((20, 30), 100, (28, 28), (20, 20)),
    ],
)
def test_what_is_kept_is_the_largest_part_of_the_shape_or_a_square_of_the_crop(image, crop, size, box):
    assert crop_box(*image, crop, Size(*size)) == box


def test_a_rectangle_is_cut_from_the_centre_and_each_pixel_is_kept_where_the_size_fits():
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    cut = images.crop_and_resize(Image.fromarray(noise), None, Size(40, 30))
    assert (np.asarray(cut) == noise[:, 10:40]).all()


def test_whole_factors_are_means_of_areas_along_either_axis():
    noise = np.random.default_rng(0).integers(0, 256, (64, 48), np.uint8)
    small = images.crop_and_resize(Image.fromarray(noise), None, Size(32, 24))
    means = noise.reshape(32, 2, 24, 2).mean(axis=(1, 3))
    assert np.abs(np.asarray(small, float) - means).max() <= 0.5


def test_rectangles_are_stacked_in_their_order():
    shades = [Image.new("L", (5, 3), shade) for shade in (10, 20)]
    stack = images.stack(shades, 2, Size(3, 5), 1)
    assert stack.shape == (2, 1, 3, 5)
    assert [int(image.mean()) for image in stack] == [10, 20]
