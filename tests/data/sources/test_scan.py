import pytest

from ganvas.data.sources import scan
from ganvas.data.sources.scan import escaped_name, natural_key, scan_folder


def test_numbers_are_ordered_by_value():
    names = ["img10", "img2", "10", "9", "0", "b", "A", "img2b", "²"]
    assert sorted(names, key=natural_key) == ["0", "9", "10", "A", "b", "img2", "img2b", "img10", "²"]


@pytest.mark.parametrize("name", ["9" * 10_000, "٣", "a" * 300, "1a2b3c", ""])
def test_any_name_can_be_sorted(name):
    assert sorted([name, "a", "1"], key=natural_key)


def test_an_escaped_name_is_one_line_in_nfc():
    assert escaped_name("a\nb\x1b") == "a\\nb\\x1b"
    assert escaped_name("e\N{COMBINING ACUTE ACCENT}") == "é"


def test_a_scan_stops_five_folders_deep(tmp_path):
    (tmp_path / "/".join("abcdefgh")).mkdir(parents=True)
    assert list(scan_folder(tmp_path).files) == ["", "a", "a/b", "a/b/c", "a/b/c/d"]


def test_hidden_files_and_folders_are_not_scanned(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.png").write_bytes(b"")
    (tmp_path / "._a.png").write_bytes(b"")
    listing = scan_folder(tmp_path)
    assert listing.files == {"": []}
    assert listing.skipped == {".git/": 1, "._*": 1}


def test_only_files_whose_suffix_leaves_doubt_are_opened(tmp_path, monkeypatch):
    for name in ("a.png", "b.HEIC", "c.txt", "d.json", "e", "f.dat", "g.jpg?w=640"):
        (tmp_path / name).write_bytes(b"\xff\xd8\xff")
    opened = []
    monkeypatch.setattr(scan, "is_image_file", lambda path: opened.append(path.name))
    assert scan_folder(tmp_path).images("") == ["a.png", "b.HEIC"]
    assert opened == ["e", "f.dat", "g.jpg?w=640"]
