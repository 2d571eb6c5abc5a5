import pytest

from ganvas.data.sources.scan import escaped_name, is_image_name, natural_key, scan_folder


def test_numbers_are_ordered_by_value():
    names = ["img10", "img2", "10", "9", "0", "b", "A", "img2b", "²"]
    assert sorted(names, key=natural_key) == ["0", "9", "10", "A", "b", "img2", "img2b", "img10", "²"]


@pytest.mark.parametrize("name", ["9" * 10_000, "٣", "a" * 300, "1a2b3c", ""])
def test_any_name_can_be_sorted(name):
    assert sorted([name, "a", "1"], key=natural_key)


def test_files_with_an_image_suffix_or_none_are_opened_as_images():
    assert all(is_image_name(name) for name in ("a.png", "a.JPG", "photo.eps", "noname"))
    assert not any(is_image_name(name) for name in ("a.txt", "a.csv", "archive.tar.gz", "model.safetensors"))


def test_an_escaped_name_is_one_line_in_nfc():
    assert escaped_name("a\nb\x1b") == "a\\nb\\x1b"
    assert escaped_name("e\N{COMBINING ACUTE ACCENT}") == "é"


def test_a_scan_stops_four_folders_deep(tmp_path):
    (tmp_path / "/".join("abcdefgh")).mkdir(parents=True)
    assert len(scan_folder(tmp_path).files) <= 6


def test_hidden_files_and_folders_are_not_scanned(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.png").write_bytes(b"")
    (tmp_path / "._a.png").write_bytes(b"")
    assert scan_folder(tmp_path).files == {"": []}
