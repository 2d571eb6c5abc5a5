import re

import pytest

from ganvas.data import DataConfig, open_source
from ganvas.errors import UserError


@pytest.fixture
def table(tmp_path, draw):
    """write(text) -> a folder of 12 images, some below a folder, with that metadata.csv."""

    def write(text: str, encoding: str = "utf-8"):
        (tmp_path / "set" / "more").mkdir(parents=True)
        for index in range(12):
            draw(index).save(tmp_path / "set" / ("more" if index % 2 else ".") / f"{index}.png")
        (tmp_path / "set" / "metadata.csv").write_text(text, encoding=encoding)
        return tmp_path / "set"

    return write


def rows(count: int = 12) -> str:
    names = [f"more/{index}.png" if index % 2 else f"{index}.png" for index in range(count)]
    return "".join(f"{name},{'cat' if index < 6 else 'dog'}\n" for index, name in enumerate(names))


def opened(folder):
    return open_source(str(folder), DataConfig())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_the_table_names_images_and_labels(table, encoding):
    prepared = opened(table("file_name,label\n" + rows(), encoding))
    assert prepared.classes == ("cat", "dog")
    assert prepared.labels.tolist() == [0] * 6 + [1] * 6


def test_other_columns_are_ignored_and_their_order_is_free(table):
    text = "author,label,file_name\n" + "".join(f"me,{index % 3},{index}.png\n" for index in range(0, 12, 2))
    prepared = opened(table(text))
    assert prepared.classes == ("0", "1", "2")
    assert len(prepared.pixels) == 6
    assert prepared.manifest.notes == ("images ignored: 6 (not named in metadata.csv)",)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("gone.png,cat", "is not there"),
        ("../secret.png,cat", "leads out"),
        ("/etc/passwd,cat", "leads out"),
        ("0.png,dog", "twice"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_by_name(table, row, reason):
    prepared = opened(table("file_name,label\n" + rows() + row + "\n"))
    (refused,) = prepared.manifest.refused
    assert refused.name == row.split(",")[0]
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has no column"),
        ("colour,label\nred,cat\n", "it has colour, label"),
        ("file_name,label\n0.png\n", r"mixes layouts: .*metadata.csv left unread: none of its columns labels"),
        ("file_name,label\n0.png,cat\n,cat\n", "1 of 2 images cannot be used"),
        ('file_name,label\n"0.png,cat\n', "not a table"),
        ("file_name,label\n", r"metadata.csv left unread: it has no rows"),
    ],
)
def test_an_invalid_table_is_refused_with_its_columns_or_row(table, text, message):
    with pytest.raises(UserError, match=message):
        opened(table(text))


def test_a_table_that_is_not_utf8_is_refused(table):
    folder = table("")
    (folder / "metadata.csv").write_bytes(b"file_name,label\n\xff\xfe\x00")
    with pytest.raises(UserError, match="UTF-8"):
        opened(folder)


@pytest.fixture
def make(tmp_path, draw):
    """make({"train.csv": ["id,label", ...]}, "images/000.png", ...) -> a folder of these tables and images."""

    def make(tables, *images):
        root = tmp_path / "set"
        for seed, name in enumerate(images):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            draw(seed).save(root / name, format="PNG")
        for name, lines in tables.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return root

    return make


def numbered(pattern: str, count: int = 20) -> list[str]:
    return [pattern.format(n=n, label=("cat", "dog")[n % 2]) for n in range(count)]


IDS = ["id,label", *numbered("{n:03d},{label}")]


def is_cats_and_dogs(prepared, count: int = 20) -> bool:
    return prepared.classes == ("cat", "dog") and prepared.labels.tolist() == [n % 2 for n in range(count)]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("train.csv", IDS),
        ("labels.csv", IDS),
        ("trainLabels.csv", ["image,level", *numbered("{n:03d},{label}")]),
        ("metadata.csv", IDS),
        ("anything.tsv", [line.replace(",", "\t") for line in IDS]),
        ("labels.jsonl", numbered('{{"image_id": "{n:03d}", "class": "{label}"}}')),
        ("Data_Entry.csv", ["Image Id,Finding", *numbered("{n:03d}.png,{label}")]),
        ("train.csv", numbered("{n:03d}.png,{label}")),  # no header
        ("annotations/train.csv", IDS),
        ("labels.csv", ["id,cat,dog", *[f"{n:03d},{1 - n % 2},{n % 2}" for n in range(20)]]),
        ("labels.csv", ["ID , Label", *numbered(" {n:03d} ,{label}  ")]),
        ("labels.csv", ["label,path", *numbered("{label},C:\\pets\\images\\{n:03d}.png")]),
        ("labels.csv", ["id,label,height,caption", *numbered("{n:03d},{label},{n}7.5,words {n}")]),
    ],
)
def test_labels_that_lie_beside_a_folder_of_images_are_used(make, name, lines):
    prepared = opened(make({name: lines}, *numbered("images/{n:03d}.png")))
    assert is_cats_and_dogs(prepared)
    assert name in prepared.manifest.layout
    assert prepared.manifest.refused == ()
    assert prepared.manifest.ignored == ()


def test_what_is_found_elsewhere_is_said_once_for_each_kind(make):
    folder = make({"train.csv": IDS}, *numbered("images/{n:03d}.png"))
    assert opened(folder).manifest.notes == (
        "train.csv: 20 files found in another folder, such as 000 -> images/000.png",
        "train.csv: 20 files found with another suffix, or none, such as 000 -> images/000.png",
    )


def test_zeros_that_a_spreadsheet_dropped_are_found_by_the_number(make):
    prepared = opened(make({"train.csv": ["id,label", *numbered("{n},{label}")]}, *numbered("images/{n:03d}.png")))
    assert is_cats_and_dogs(prepared)
    assert any("by the number, such as 0 -> images/000.png" in note for note in prepared.manifest.notes)


def test_tables_in_the_splits_label_each_split(make):
    tables = {f"{split}/metadata.csv": ["file_name,label", *numbered("{n}.png,{label}")] for split in ("Train", "Test")}
    prepared = opened(make(tables, *numbered("Train/{n}.png"), *numbered("Test/{n}.png")))
    assert prepared.classes == ("cat", "dog")
    assert prepared.held_out.tolist() == list(range(20, 40))
    assert prepared.labels.tolist() == [n % 2 for n in range(20)] * 2


@pytest.mark.parametrize(
    "lines",
    [
        ["id,label,split", *[f"{n},{('cat', 'dog')[n % 2]},{'Train' if n < 16 else 'test'}" for n in range(20)]],
        ["id,label,is_valid", *[f"{n},{('cat', 'dog')[n % 2]},{n >= 16}" for n in range(20)]],
    ],
)
def test_a_column_of_splits_holds_images_out(make, lines):
    prepared = opened(make({"labels.csv": lines}, *numbered("all/{n}.png")))
    assert is_cats_and_dogs(prepared)
    assert prepared.held_out.tolist() == [16, 17, 18, 19]


def test_paths_that_begin_with_a_split_hold_images_out(make):
    names = [f"{'train' if n < 16 else 'test'}/{n}.png" for n in range(20)]
    lines = [f"{name},{('cat', 'dog')[n % 2]}" for n, name in enumerate(names)]
    prepared = opened(make({"metadata.csv": ["file_name,label", *lines]}, *names))
    assert is_cats_and_dogs(prepared)
    assert prepared.held_out.tolist() == [16, 17, 18, 19]


def test_a_table_for_each_split_finds_files_of_one_name_in_its_own(make):
    tables = {"train.csv": IDS[:11], "test.csv": IDS[:6], "sample_submission.csv": ["id,label", "000,0", "001,0"]}
    prepared = opened(make(tables, *numbered("train/{n:03d}.png", 10), *numbered("test/{n:03d}.png", 5)))
    assert prepared.classes == ("cat", "dog")
    assert prepared.labels.tolist() == [0, 1] * 5 + [0, 1, 0, 1, 0]
    assert prepared.held_out.tolist() == [10, 11, 12, 13, 14]
    assert "sample_submission.csv left unread: a form for answers, by its name" in prepared.manifest.notes


def test_a_row_that_is_there_twice_counts_once_or_is_refused_for_two_labels(make):
    lines = [*IDS, "003,dog", "003.png,dog", "images/005.png,cat"]
    prepared = opened(make({"labels.csv": lines}, *numbered("images/{n:03d}.png")))
    assert len(prepared.pixels) == 19
    assert "labels.csv: 2 rows say the same again" in prepared.manifest.notes
    (refused,) = prepared.manifest.refused
    assert (refused.name, refused.reason) == ("images/005.png", "is named twice in labels.csv with different labels")


def test_rows_without_a_file_or_label_are_refused_with_one_reason_each(make):
    lines = [*IDS[:-1], "019,", "020,cat", "021,bird"]
    folder = make({"labels.csv": lines}, *numbered("images/{n:03d}.png"))
    with pytest.raises(UserError, match="3 of 22 images cannot be used"):
        opened(folder)
    manifest = open_source(str(folder), DataConfig(accept_refused=True)).manifest
    assert [(item.name, item.reason) for item in manifest.refused] == [
        ("019", "has no label in labels.csv"),
        ("020", "is named in labels.csv and is not there"),
        ("021", "is named in labels.csv and is not there"),
    ]
    (absent,) = manifest.absent_classes
    assert (absent.name, absent.reason) == ("bird", "none of its 1 rows names an image that can be used")


def test_a_name_in_two_folders_means_neither(make):
    lines = [*IDS, "twice,cat"]
    folder = make({"labels.csv": lines}, *numbered("a/{n:03d}.png"), "a/twice.png", "b/twice.png")
    (refused,) = opened(folder).manifest.refused
    assert (refused.name, refused.reason) == ("twice", "is named in labels.csv and fits several files")


def test_a_label_column_is_chosen_by_its_name(make):
    lines = ["id,label,age", *[f"{n:03d},x,{n % 3}" for n in range(20)]]
    folder = make({"labels.csv": lines}, *numbered("images/{n:03d}.png"))
    prepared = open_source(str(folder), DataConfig(label_column="age"))
    assert prepared.classes == ("0", "1", "2")
    with pytest.raises(UserError, match=r"no column aeg: did you mean age\?"):
        open_source(str(folder), DataConfig(label_column="aeg"))


def test_several_columns_that_could_label_are_named(make):
    lines = ["id,age,sex", *[f"{n:03d},{n % 3},{n % 2}" for n in range(20)]]
    folder = make({"train.csv": lines}, *numbered("images/{n:03d}.png"))
    with pytest.raises(UserError, match=r"train\.csv could label the images by age, sex: choose .*--label-column"):
        opened(folder)
    assert open_source(str(folder), DataConfig(label_column="sex")).classes == ("0", "1")


def test_a_table_of_labels_that_names_other_files_is_named_and_not_taken_for_none(make):
    folder = make({"train.csv": ["id,label", *numbered("x{n},{label}")]}, *numbered("images/{n:03d}.png"))
    with pytest.raises(
        UserError, match=r"train\.csv could label .* names none that is here \(its id begins with 'x0'\)"
    ):
        opened(folder)


def test_a_damaged_table_of_labels_is_named_and_not_passed_over(make):
    folder = make({"labels.csv": ["id,label", '"1,cat']}, *numbered("images/{n:03d}.png"))
    with pytest.raises(UserError, match=r"labels\.csv is not a table .* mend or remove it"):
        opened(folder)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["price,shop", "1,a"], "it names no file of the set"),
        (["file,caption", *numbered("cat/{n}.png,words {n}")], r"none of its columns labels \(file, caption\)"),
        (["file,label", *[f"cat/{n}.png,cat" for n in range(20)], *[f"dog/{n}.png,dog" for n in range(20)]],
         "it labels the images as their folders do"),
        (["file,label", "cat/1.png,x", "dog/1.png,y"], "it names only 2 of 40 images"),
        (["file,age", *[f"cat/{n}.png,{n % 3}" for n in range(20)]],
         "the folders label the images; --label-column age takes its column"),
        (["file,age,sex", *[f"cat/{n}.png,{n % 3},{n % 2}" for n in range(20)]],
         "--label-column takes one of its columns age, sex, --label-columns several"),
        (['"'], "no table that can be read"),
    ],
)  # fmt: skip
def test_a_table_beside_class_folders_that_says_no_more_is_left_unread_and_said(make, lines, reason):
    folder = make({"notes.csv": lines}, *numbered("cat/{n}.png"), *numbered("dog/{n}.png"))
    prepared = opened(folder)
    assert prepared.labels.tolist() == [0] * 20 + [1] * 20
    (note,) = prepared.manifest.notes
    assert re.fullmatch(f"notes.csv left unread: {reason}", note)


def test_folders_that_only_divide_the_images_are_no_classes_where_a_table_labels_them(make):
    names = [f"part_{1 + n // 10}/{n:03d}.jpg" for n in range(20)]
    prepared = opened(make({"HAM_metadata.csv": ["lesion,image_id,dx", *numbered("L{n},{n:03d},{label}")]}, *names))
    assert is_cats_and_dogs(prepared)


def test_captions_beside_images_leave_them_without_labels(make):
    prepared = opened(make({"metadata.csv": ["file_name,text", *numbered("{n}.png,words {n}")]}, *numbered("{n}.png")))
    assert prepared.labels is None
    assert prepared.manifest.notes == ("metadata.csv left unread: none of its columns labels (file_name, text)",)


def test_a_table_in_a_folder_that_holds_the_whole_set_is_found(make):
    prepared = opened(make({"pets/train.csv": IDS}, *numbered("pets/images/{n:03d}.png")))
    assert is_cats_and_dogs(prepared)


def test_a_file_beside_the_folder_is_never_read(make, tmp_path, draw):
    draw(999).save(tmp_path / "secret.png")
    tables = {"metadata.csv": ["file_name,label", *numbered("{n}.png,{label}"), "../secret.png,cat"]}
    folder = make(tables, *numbered("{n}.png"))
    (refused,) = opened(folder).manifest.refused
    assert (refused.name, refused.reason) == ("../secret.png", "is named in metadata.csv and leads out of the folder")


def test_hostile_cells_are_one_line_of_text(make):
    lines = ["file_name,label", *numbered("{n}.png,{label}\x1b[31m"), "\x1b]0;x,cat"]
    manifest = opened(make({"metadata.csv": lines}, *numbered("{n}.png"))).manifest
    assert manifest.classes == ("cat\\x1b[31m", "dog\\x1b[31m")
    assert manifest.refused[0].name == "\\x1b]0;x"


def test_ids_that_fit_several_files_leave_the_table_unread_with_what_to_add(make):
    folder = make({"train.csv": IDS}, *numbered("images/{n:03d}.png"), *numbered("masks/{n:03d}.png"))
    reason = "its id fits several files, such as 000: add the folders"
    assert f"train.csv left unread: {reason}" in opened(folder).manifest.notes
