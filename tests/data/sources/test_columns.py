import pytest

from ganvas.data.sources.columns import (
    AmbiguousLabelError,
    file_column,
    label_columns,
    named_file_column,
    part_column,
)
from ganvas.data.sources.table import Table
from ganvas.errors import UserError


def table(columns: str, *rows: str, repeat: int = 1) -> Table:
    return Table("t.csv", tuple(columns.split(",")), [tuple(row.split(",")) for row in rows] * repeat)


def labelled(columns: str, *rows: str, asked=None):
    found = label_columns(table(columns, *rows), 0, () if asked is None else (asked,))
    return (found[0].name, found[0].labels) if len(found) == 1 else found or None


def test_the_column_of_files_is_the_one_whose_cells_are_there():
    found = table("note,where,label", "x,a.png,0", "y,b.png,1", "z,gone.png,0")
    assert file_column(found, lambda _, cell: cell in ("a.png", "b.png")) == 1
    assert file_column(found, lambda _, cell: False) is None


def test_labels_that_are_names_of_files_as_well_are_no_files():
    found = table("id,label", *(f"{n:03d},{n % 2}" for n in range(20)))
    assert file_column(found, lambda _, cell: True) == 0
    assert file_column(found, lambda index, cell: index == 1) is None


def test_of_two_columns_of_files_the_name_decides():
    found = table(",file_name", *(f"{n},{n}.png" for n in range(9)))
    assert file_column(found, lambda _, cell: True) == 1


@pytest.mark.parametrize("name", ["Image ID", "image_id", "FileName", "img", "path", "filepaths", "id", "Image Index"])
def test_common_names_of_a_column_of_files(name):
    index = named_file_column(table(f"label,{name}", "0,1"))
    assert index == (1 if name != "Image Index" else None)


@pytest.mark.parametrize("name", ["label", "Label", "class", "Class Name", "category", "target", "labels", "dx"])
def test_a_column_named_as_labels_are_labels(name):
    assert labelled(f"f,age,{name}", "a,7,x", "b,7,y") == (name, ["x", "y"])


def test_label_wins_over_other_names():
    assert labelled("f,class,label", "a,x,0", "b,y,0") == ("label", ["0", "0"])


def test_of_columns_that_label_alike_the_one_with_words_is_used():
    rows = "a,0,cat", "b,1,dog", "c,0,cat"
    assert labelled("f,class_id,class_name", *rows) == ("class_name", ["cat", "dog", "cat"])


def test_columns_that_label_differently_are_named():
    with pytest.raises(AmbiguousLabelError, match="class, category"):
        labelled("f,class,category", "a,x,0", "b,y,0", "c,x,1")


def test_one_other_column_that_repeats_itself_labels():
    rows = [f"{n},tabby{n % 2},words {n},{n / 7}" for n in range(12)]
    assert labelled("f,fur,caption,weight", *rows)[0] == "fur"


def test_several_other_columns_are_named():
    with pytest.raises(AmbiguousLabelError, match="age, sex"):
        labelled("f,age,sex", *(f"{n},{n % 3},{n % 2}" for n in range(12)))


def test_several_columns_of_words_are_the_parts_of_a_label():
    rows = [f"{n},{['star', 'disc'][n % 2]},{['red', 'blue', 'green'][n % 3]},{n / 7}" for n in range(12)]
    found = labelled("f,shape,colour,weight", *rows)
    assert [(column.name, column.labels[:3]) for column in found] == [
        ("shape", ["star", "disc", "star"]),
        ("colour", ["red", "blue", "green"]),
    ]


@pytest.mark.parametrize(
    ("columns", "of_row"),
    [
        ("f,shape,age", lambda n: f"{n % 2}x,{n % 3}"),  # a number may be a measure
        ("f,shape,place", lambda n: f"{n % 4}x,{n // 3}y"),  # more combinations than images
        ("f,class,category", lambda n: f"{n % 2}x,{n % 3}y"),  # each is named as the label
    ],
)
def test_columns_that_may_be_something_else_are_not_taken_for_parts(columns, of_row):
    with pytest.raises(AmbiguousLabelError, match=columns.split(",")[1]):
        labelled(columns, *(f"{n},{of_row(n)}" for n in range(12)))


def test_the_columns_that_are_asked_for_are_parts_in_that_order():
    found = label_columns(table("f,label,age,sex", "a,x,7,m", "b,y,8,"), 0, ("sex", "age"))
    assert [(column.name, column.labels) for column in found] == [("sex", ["m", ""]), ("age", ["7", "8"])]
    with pytest.raises(UserError, match=r"no column aeg in t\.csv: did you mean age"):
        label_columns(table("f,label,age", "a,x,7"), 0, ("label", "aeg"))


@pytest.mark.parametrize(
    "column", [[f"words {n}" for n in range(12)], ["same"] * 12, [f"{n % 3}.5" for n in range(12)], [""] * 12]
)
def test_texts_measures_and_one_value_label_nothing(column):
    assert labelled("f,other", *(f"{n},{cell}" for n, cell in enumerate(column))) is None


def test_columns_of_one_and_zero_with_one_one_in_a_row_label_by_their_names():
    rows = "a,1.0,0.0,0.0", "b,0,0,1", "c,0,1,0"
    assert labelled("f,MEL,NV,BCC", *rows) == ("MEL, NV, BCC", ["MEL", "BCC", "NV"])
    with pytest.raises(AmbiguousLabelError):
        labelled("f,smiling,male", "a,1,1", "b,0,1", "c,1,0", "d,0,0")


def test_the_column_that_is_asked_for_is_used_or_answered_with_the_nearest():
    assert labelled("f,label,age", "a,x,7", asked="age") == ("age", ["7"])
    with pytest.raises(UserError, match=r"no column aeg in t\.csv: did you mean age"):
        labelled("f,label,age", "a,x,7", asked="aeg")


@pytest.mark.parametrize(
    ("columns", "rows", "parts"),
    [
        ("f,split", ["a,train", "b,TEST", "c,val", "d,extra"], [False, True, True, None]),
        ("f,Set", ["a,Training", "b,Validation"], [False, True]),
        ("f,data set", ["a,train", "b,valid"], [False, True]),
        ("f,is_valid", ["a,False", "b,True"], [False, True]),
        ("f,is_training_image", ["a,1", "b,0"], [False, True]),
        ("f,split", ["a,1", "b,2"], None),
        ("f,is_valid", ["a,maybe", "b,0"], None),
        ("f,label", ["a,train", "b,test"], None),
        ("split,label", ["train,0", "test,1"], None),
    ],
)
def test_a_column_of_splits_deals_the_rows(columns, rows, parts):
    assert part_column(table(columns, *rows), 0) == parts
