import unicodedata

import pytest

from ganvas.data.sources.matching import FileMatcher, shared_folders

FILES = [
    "001.png",
    "more/Ärger.JPG",
    "images/007.png",
    "images/cat/1.png",
    "images/dog/1.png",
    "train/5.png",
    "test/5.png",
    "Mixed.png",
    "labels.csv",
]


@pytest.fixture
def find(tmp_path):
    def find(cell, *, shared=(), is_held_out=None, base="", by_number=True):
        matcher = FileMatcher(tmp_path, base, FILES, [name for name in FILES if name != "labels.csv"])
        match = matcher.find(cell.replace("ROOT", str(tmp_path)), shared, is_held_out, by_number)
        return match.path, set(match.kinds), match.reason

    return find


@pytest.mark.parametrize(
    ("cell", "path", "kinds"),
    [
        ("001.png", "001.png", set()),
        (" 001.png ", "001.png", set()),
        ("./001.png", "001.png", set()),
        ("images//007.png", "images/007.png", set()),
        ("images\\007.png", "images/007.png", set()),
        ("labels.csv", "labels.csv", set()),
        ("001", "001.png", {"suffix"}),
        ("001.jpg", "001.png", {"suffix"}),
        ("1", "", None),  # 001.png, images/cat/1.png or images/dog/1.png
        ("007", "images/007.png", {"folder", "suffix"}),
        ("007.png", "images/007.png", {"folder"}),
        ("7", "images/007.png", {"folder", "number"}),
        ("dog/1.png", "images/dog/1.png", {"folder"}),
        ("DOG/1", "images/dog/1.png", {"folder", "suffix"}),
        ("IMAGES/007.PNG", "images/007.png", {"case"}),
        ("mixed.png", "Mixed.png", {"case"}),
        ("mixed", "Mixed.png", {"case", "suffix"}),
        (unicodedata.normalize("NFD", "more/Ärger.JPG"), "more/Ärger.JPG", {"case"}),
        ("ROOT/001.png", "001.png", {"absolute"}),
        ("ROOT/images/007", "images/007.png", {"absolute", "suffix"}),
        ("train/5.png", "train/5.png", set()),
    ],
)
def test_a_cell_means_the_one_file_that_fits(find, cell, path, kinds):
    found, how, reason = find(cell)
    assert found == path
    assert how == (kinds or set())
    assert bool(reason) == (not path)


@pytest.mark.parametrize("cell", ["1.png", "5.png", "5"])
def test_a_cell_that_fits_several_files_means_none(find, cell):
    assert find(cell) == ("", set(), "fits several files")


@pytest.mark.parametrize(
    "cell",
    ["", "gone.png", "cat/007.png", "images/bird/1.png", "01.png", "a\0b", "x" * 5000, "9" * 5000, ".", "/", "[0-9]*"],
)
def test_a_cell_that_fits_no_file_means_none(find, cell):
    assert find(cell)[0] == ""


@pytest.mark.parametrize(
    "cell", ["../001.png", "/etc/passwd", "C:\\data\\001.png", "ROOT/../001.png", "images/../001.png", "ROOT2/001.png"]
)
def test_a_path_that_leads_out_means_none(find, cell):
    assert find(cell) == ("", set(), "leads out of the folder")


def test_the_part_of_a_row_decides_between_files(find):
    assert find("5.png", is_held_out=False)[0] == "train/5.png"
    assert find("5", is_held_out=True)[0] == "test/5.png"
    assert find("001", is_held_out=True)[0] == "001.png"  # of no part


def test_a_path_of_one_part_never_means_a_file_of_another(tmp_path):
    matcher = FileMatcher(tmp_path, "", ["test/5.png"], ["test/5.png"])
    assert matcher.find("train/5.png", ("train",)).path == ""
    assert matcher.find("val/5.png", ("val",)).path == "test/5.png"


def test_folders_that_every_row_shares_may_be_missing(find):
    shared = shared_folders(["/kaggle/pets/images/007.png", "/kaggle/pets/001.png"])
    assert shared == ("/", "kaggle", "pets")
    assert find("/kaggle/pets/images/007.png", shared=shared)[0] == "images/007.png"
    assert find("/kaggle/pets/001.png", shared=shared)[:2] == ("001.png", {"folder"})
    assert find("/kaggle/pets/cat/007.png", shared=shared)[0] == ""


def test_shared_folders_are_those_of_all_cells():
    assert shared_folders(["a/b/c.png", "a/b/d/e.png"]) == ("a", "b")
    assert shared_folders(["a/b.png", "c/d.png"]) == ()
    assert shared_folders(["a\\b.png", "a/c.png"]) == ("a",)
    assert shared_folders([]) == ()


def test_paths_of_a_table_in_a_split_begin_there(find):
    assert find("5.png", base="train")[0] == "train/5.png"
    assert find("ROOT/train/5.png", base="train")[0] == "train/5.png"
    assert find("../test/5.png", base="train")[0] == ""


def test_numbers_are_compared_only_where_asked(find):
    assert find("7", by_number=False)[0] == ""
