"""`ganvas sample` of a run whose labels have several parts."""

import numpy as np
import pytest
from PIL import Image

from ganvas.data import DataConfig, open_source
from ganvas.images import save_png
from ganvas.sampling import load


@pytest.fixture
def run(tmp_path, monkeypatch, train_small):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for index in range(60):
        place = tmp_path / "set" / ("star", "disc", "ring")[index % 3] / ("red", "blue")[index // 3 % 2]
        save_png(random.integers(0, 256, (1, 16, 16), np.uint8), place / f"{index}.png")
    choices = {"data": {"nested": "shape/colour"}, "training": {"images": 8}}
    return train_small(tmp_path / "run", source=tmp_path / "set", **choices).path


def test_labels_go_into_sheets_arrays_and_folders_that_are_sources(run, lines):
    lines("sample", run, "--label", "shape=star,colour=red", "shape=disc", "-n", 8, "--out", "drawn.npz")
    with np.load("drawn.npz") as drawn:
        names = drawn["classes"][drawn["labels"]]
        assert names[:4].tolist() == ["star, red"] * 4
        assert all(name.startswith("disc, ") for name in names[4:])
        assert np.array_equal(drawn["images"][:4], load(run).sample(["shape=star,colour=red"] * 4)[:, 0])
    lines("sample", run, "-n", 40, "--out", "drawn/")
    again = open_source("drawn", DataConfig(nested="shape/colour"))
    assert {part.name for part in again.label_space.parts} == {"shape", "colour"}
    assert len(again.pixels) == 40
    lines("sample", run, "--label", "shape=star", "shape=ring", "-n", 6, "--out", "rows.png")
    lines("sample", run, "--between", "shape=star,colour=red", "shape=disc", "-n", 5, "--out", "walk.png")


def test_a_grid_is_one_sheet_of_all_classes_of_two_parts(run, lines):
    assert lines("sample", run, "--grid", "shape", "colour", "--out", "grid.png")[-1] == "images grid.png"
    with Image.open("grid.png") as sheet:
        assert sheet.height > 3 * 64
        assert sheet.width > 2 * 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "shape=sta"], "knows no class shape='sta'; did you mean star?"),
        (["--label", "color=red"], "knows no part 'color' of a label; did you mean colour?"),
        (["--label", "red"], "did you mean colour=red?"),
        (["--grid", "shape", "size"], "knows no part 'size' of a label"),
        (["--grid", "shape", "colour", "--out", "x.npz"], "--grid draws one sheet: give --out FILE.png"),
        (["--grid", "shape", "colour", "-n", "3"], "leave out -n and --truncation"),
        (["--grid", "shape", "colour", "--between", "a", "b"], "leave out --label, --truncation and --grid"),
    ],
)
def test_a_mistake_gets_one_sentence(run, refused, arguments, message):
    assert message in refused("sample", run, *arguments)
