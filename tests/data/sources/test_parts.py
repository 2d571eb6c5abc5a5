"""Labels of several parts, from every source that has them."""

import numpy as np
import pytest
from PIL import Image

from ganvas.data import DataConfig, open_source
from ganvas.data.report import brief_lines, report_lines
from ganvas.errors import UserError

SHAPES, COLOURS = ("star", "disc", "ring"), ("red", "blue")
ROWS = [(f"{n:03d}.png", SHAPES[n % 3], COLOURS[n // 3 % 2]) for n in range(60)]


@pytest.fixture
def make(tmp_path):
    """make(paths, lines, name) -> a folder of images at these paths, and a table."""

    def make(paths, lines=(), name="labels.csv"):
        root = tmp_path / "set"
        for seed, path in enumerate(paths):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(seed).integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(noise).save(root / path)
        if lines:
            (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return root

    return make


def opened(folder, **choices):
    return open_source(str(folder), DataConfig(**choices))


def parts_of(prepared):
    return [(part.name, part.classes) for part in prepared.label_space.parts]


def named(prepared):
    """The labels of all images by name, in the order of the images."""
    parts = prepared.label_space.parts
    return [
        tuple("" if k < 0 else part.classes[k] for part, k in zip(parts, row, strict=True))
        for row in prepared.label_values.tolist()
    ]


TABLE = ["file_name,shape,colour", *(",".join(row) for row in ROWS)]


def test_a_table_with_several_columns_of_words_labels_by_all_of_them(make):
    prepared = opened(make([name for name, _, _ in ROWS], TABLE))
    assert parts_of(prepared) == [("shape", ("disc", "ring", "star")), ("colour", ("blue", "red"))]
    assert named(prepared) == [(shape, colour) for _, shape, colour in ROWS]
    assert prepared.classes == ("shape=disc", "shape=ring", "shape=star", "colour=blue", "colour=red")
    assert "columns shape, colour" in prepared.manifest.layout
    assert len(prepared.held_out) == 6  # one of the ten images of each combination
    assert len({*prepared.labels[prepared.held_out].tolist()}) == 6


def test_the_report_names_parts_and_combinations(make):
    prepared = opened(make([name for name, _, _ in ROWS], TABLE), hold_out_combinations=0.2)
    lines = list(report_lines(prepared))
    assert any(line.startswith("combinations trained on: 5 of 6 possible, 9 to 9 images each") for line in lines)
    assert any(line.startswith("combinations held out: 1 with 10 images, (") for line in lines)
    brief = brief_lines(prepared)
    assert len(brief) <= 10
    assert any("shape: disc (" in line and "; colour: blue (" in line for line in brief)


def test_one_column_that_is_asked_for_labels_as_before(make):
    folder = make([name for name, _, _ in ROWS], TABLE)
    prepared = opened(folder, label_column="colour")
    assert prepared.classes == ("blue", "red")
    assert prepared.manifest.labels is None
    assert prepared.fingerprint != opened(folder).fingerprint


def test_columns_are_asked_for_in_any_order_and_numbers_are_classes(make):
    lines = [
        "file_name,label,size,colour",
        *(f"{name},{shape},{n % 2 + 1},{c}" for n, (name, shape, c) in enumerate(ROWS)),
    ]
    folder = make([name for name, _, _ in ROWS], lines)
    assert opened(folder).classes == ("disc", "ring", "star")  # a column of that name labels alone
    prepared = opened(folder, label_columns="size,colour")
    assert parts_of(prepared) == [("size", ("1", "2")), ("colour", ("blue", "red"))]
    with pytest.raises(UserError, match="there is no column color: did you mean colour"):
        opened(folder, label_columns=("size", "color"))


def test_a_table_that_leaves_a_doubt_says_which_columns_there_are_and_how_to_ask(make):
    lines = ["file_name,age,colour", *(f"{name},{n % 7},{colour}" for n, (name, _, colour) in enumerate(ROWS))]
    folder = make([name for name, _, _ in ROWS], lines)
    with pytest.raises(
        UserError, match=r"by age, colour: .*--label-column NAME, or several .*--label-columns NAME,NAME"
    ):
        opened(folder)


def test_missing_values_are_allowed_and_said_and_a_row_without_any_is_refused(make):
    lines = [TABLE[0], "000.png,,red", "001.png,disc,", "002.png,,", *TABLE[4:]]
    prepared = opened(make([name for name, _, _ in ROWS], lines))
    assert named(prepared)[:2] == [("", "red"), ("disc", "")]
    assert prepared.manifest.missing == {"shape": 1, "colour": 1}
    assert [item.name for item in prepared.manifest.refused] == ["002.png"]
    assert {"without a shape: 1 images", "without a colour: 1 images"} <= {*report_lines(prepared)}


def test_class_folders_win_over_columns_that_nobody_asked_for(make):
    paths = [f"{'ab'[n % 2]}/{name}" for n, (name, _, _) in enumerate(ROWS)]
    lines = ["file_name,shape,colour", *(f"{path},{s},{c}" for path, (_, s, c) in zip(paths, ROWS, strict=True))]
    prepared = opened(make(paths, lines))
    assert prepared.classes == ("a", "b")
    assert any("--label-columns shape,colour takes its columns" in note for note in prepared.manifest.notes)


@pytest.mark.parametrize("prefix", ["", "inner/"])
def test_nested_folders_are_parts_by_level(make, prefix):
    prepared = opened(make([f"{prefix}{shape}/{colour}/{name}" for name, shape, colour in ROWS]), nested="shape/colour")
    assert parts_of(prepared) == [("shape", ("disc", "ring", "star")), ("colour", ("blue", "red"))]
    assert sorted(named(prepared)) == sorted((shape, colour) for _, shape, colour in ROWS)
    assert prepared.manifest.layout == "nested class folders, shape/colour"


def test_nested_folders_in_splits_keep_the_splits_and_less_deep_images_lack_a_part(make):
    paths = [f"{'test' if n < 12 else 'train'}/{shape}/{colour}/{name}" for n, (name, shape, colour) in enumerate(ROWS)]
    prepared = opened(make([*paths, "train/star/more.png", "train/loose.png"]), nested=("shape", "colour"))
    assert len(prepared.held_out) == 12
    assert prepared.manifest.missing == {"colour": 1}
    assert [(item.name, item.reason) for item in prepared.manifest.refused] == [
        ("train/loose.png", "lies beside the class folders, in none of them")
    ]


def test_nested_folders_that_were_not_asked_for_are_refused_with_the_option(make):
    folder = make([f"{shape}/{colour}/{name}" for name, shape, colour in ROWS])
    with pytest.raises(UserError, match=r"is nested: .*--nested NAME/NAME takes the folders of each level"):
        opened(folder)
    with pytest.raises(UserError, match=r"is of 1 levels of folders, and 60 images of .* lie deeper"):
        opened(folder, nested="shape")
    with pytest.raises(UserError, match=r"no image of .* lies deep enough to have a size"):
        opened(folder, nested="shape/colour/size")


def test_several_attributes_are_parts_with_no_and_yes(celeba_folder):
    portraits = celeba_folder()
    prepared = opened(portraits, attribute="Smiling,Bald")
    assert parts_of(prepared) == [("Smiling", ("no", "yes")), ("Bald", ("no",))]
    assert prepared.label_values[:, 0].tolist() == [1, 0] * 10
    with pytest.raises(UserError, match="no attribute smiling: did you mean Smiling"):
        opened(portraits, attribute="Bald,smiling")


def test_combinations_held_out_are_neither_trained_on_nor_held_out_images(make):
    prepared = opened(make([name for name, _, _ in ROWS], TABLE), hold_out_combinations=0.34)
    hidden = [*prepared.manifest.held_out_combinations]
    assert len(hidden) == 2
    assert not np.isin(prepared.labels[prepared.train], hidden).any()
    assert not np.isin(prepared.labels[prepared.held_out], hidden).any()
    assert prepared.unseen.tolist() == np.flatnonzero(np.isin(prepared.labels, hidden)).tolist()
    assert len(prepared.train) + len(prepared.held_out) + len(prepared.unseen) == 60
    assert all(sizes.min() > 0 for sizes in prepared.label_space.class_sizes())


def test_labels_of_one_part_have_no_combinations_to_hold_out(make):
    folder = make([name for name, _, _ in ROWS], TABLE)
    with pytest.raises(UserError, match="and set has labels of one part"):
        opened(folder, label_column="shape", hold_out_combinations=0.1)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"label_columns": "a,b", "attribute": "Smiling"}, "--attribute and --label-columns both name"),
        ({"label_columns": "a,a"}, "names with , between, each once"),
        ({"nested": "shape//colour"}, "names with / between, each once"),
        ({"hold_out_combinations": 0.6}, "less than or equal to 0.5"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(choices, message):
    with pytest.raises(ValueError, match=message):
        DataConfig(**choices)
