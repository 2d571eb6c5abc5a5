from io import BytesIO

import pytest
from PIL import Image

from ganvas.data.sources.formats import HEAD_BYTES, is_image_file, is_image_name
from ganvas.encoded import format_of


def test_a_suffix_decides_where_it_leaves_no_doubt():
    assert all(is_image_name(name) for name in ("a.png", "a.JPG", "photo.eps", "b.HEIC", "c.nef", "d.psd"))
    assert not any(is_image_name(name) in (True, None) for name in ("a.txt", "a.csv", "archive.tar.gz", "b.JSON"))
    assert all(is_image_name(name) is None for name in ("noname", "a.jpg?w=640", "b.dat", "c.jpg.txt", "LICENSE", "d."))


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "ICO", "AVIF", "EPS", "JPEG2000"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_pillow_writes_is_known_by_its_content(name, mode):
    file = BytesIO()
    try:
        Image.new(mode, (32, 32), 200 if mode == "L" else (1, 2, 3)).save(file, name)
    except (OSError, KeyError):
        pytest.skip(f"this Pillow writes no {name}")
    names = {"PPM": "PNM", "JPEG2000": "JPEG 2000"}
    assert format_of(file.getvalue()[:HEAD_BYTES]) == names.get(name, name)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x1cftypmif1", "HEIC"),
        (b"\0\0\0\x20ftypavis", "AVIF"),
        (b"\0\0\0\x18ftypcrx ", "CR3"),
        (b"8BPS\0\x01", "PSD"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg xmlns='x'>", "SVG"),
        (b"  <svg>", "SVG"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"P5\n# made by hand\n2 2\n255\n", "PNM"),
    ],
)
def test_formats_that_are_not_read_are_known_as_images(head, name):
    assert format_of(head) == name


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0\0\0\x18ftypisom",  # a film
        b"RIFF\0\0\0\0WAVE",
        b"BMW makes cars",
        b"P5 is a player",
        b"P2",
        b"<?xml version='1.0'?><annotation/>",
        b"PK\x03\x04",
        b"file_name,label\n",
        b'{"a": 1}',
    ],
)
def test_what_is_no_image_is_none(head):
    assert format_of(head) is None


def test_a_file_that_cannot_be_opened_counts_as_an_image_so_that_it_is_refused_by_name(tmp_path):
    assert is_image_file(tmp_path / "gone")
    assert is_image_file(tmp_path / "a\0b")
