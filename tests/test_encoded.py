import pytest

from ganvas import encoded


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(12), "HEIC"),
        (b"\0\0\0\x18ftypavif" + bytes(12), "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x14ftypmif1\0\0\0\0mif1" + b"avif", "HEIC"),  # behind the list of brands
        (b"\0\0\0\x18ftypmp42" + bytes(12), None),
        (b"\xff\xff\xff\xffftypheic", "HEIC"),
        (b"\x89PNG", None),
        (b"", None),
    ],
)
def test_the_kind_is_that_of_the_brands_at_the_start(data, kind):
    assert encoded.heif_kind(data) == kind


def test_only_formats_with_optional_parts_are_stripped():
    assert encoded.without_metadata(b"GIF89a") is None


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"])
def test_any_bytes_can_be_stripped(start):
    whole = start + bytes(range(256)) * 2
    for length in range(len(start), len(whole)):
        assert encoded.without_metadata(whole[:length]) is not None
