import numpy as np
import pytest
from PIL import Image

from ganvas import cli


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pets(tmp_path):
    """Two classes, a copy, a near copy, a broken file and a note."""
    random = np.random.default_rng(0)
    for class_name, count in (("cats", 20), ("dogs", 5)):
        (tmp_path / "pets" / class_name).mkdir(parents=True)
        for index in range(count):
            blocks = random.integers(0, 250, (5, 5), np.uint8)
            Image.fromarray(blocks).resize((20, 24), 0).save(tmp_path / "pets" / class_name / f"{index}.png")
    first = tmp_path / "pets" / "cats" / "0.png"
    (tmp_path / "pets" / "cats" / "copy.png").write_bytes(first.read_bytes())
    with Image.open(first) as image:
        image.point(lambda level: level + 4).save(tmp_path / "pets" / "cats" / "near.png")
    (tmp_path / "pets" / "dogs" / "broken.png").write_bytes(b"no")
    (tmp_path / "pets" / "notes.txt").write_text("hello")
    return tmp_path / "pets"


def test_the_report_prints_one_fact_a_line(pets, capsys):
    assert cli.run(["data", str(pets)]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in (
        "images: 27 of 24x20 px, grey",
        "class cats: 22 images, 2 of them held out",
        "class dogs: 5 images, 0 of them held out",
        "classes too small for a held-out part: dogs",
        "original sizes, height x width: 24x20 (27)",
        "original colour modes: L (27)",
        "duplicates: 1",
        "duplicate: cats/copy.png equals cats/0.png",
        "near-duplicate: cats/near.png is like cats/0.png",
        "files ignored: 1 (not images)",
        "ignored: notes.txt",
        "refused: 1",
    ):
        assert line in lines
    assert any(line.startswith("refused: dogs/broken.png: this is not a format") for line in lines)


def test_the_sheet_lies_beside_the_prepared_set_and_both_are_named(pets, capsys, tmp_path):
    cli.run(["data", str(pets)])
    lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines() if ": " in line)
    with Image.open(lines["sample sheet"]) as sheet:
        assert sheet.width > 12 * 20
    assert lines["sample sheet"].startswith(lines["prepared set"])
    assert lines["prepared set"].startswith(str(tmp_path / "cache"))


def test_the_sheet_goes_where_it_is_asked_to(pets, tmp_path):
    assert cli.run(["data", str(pets), "--out", str(tmp_path / "new" / "sheet.png")]) == 0
    assert (tmp_path / "new" / "sheet.png").exists()


def test_choices_reach_the_prepared_set(pets, capsys):
    assert cli.run(["data", str(pets), "--size", "17", "--channels", "3", "--crop", "square"]) == 0
    assert "images: 27 of 17x17 px, RGB" in capsys.readouterr().out


def test_a_set_without_labels_is_reported(pets, capsys):
    assert cli.run(["data", str(pets / "cats")]) == 0
    assert "labels: none, so it is trained without labels" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "no source 'nosuch'"),
        (["PETS", "--size", "500"], "--size"),
        (["PETS", "--crop", "round"], "--crop"),
        (["PETS", "--channels", "2"], "channels"),
        (["PETS", "--attribute", "Smiling"], "--attribute Smiling"),
        (["PETS", "--sise", "16"], "--size"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(pets, capsys, arguments, message):
    assert cli.run(["data", *(str(pets) if a == "PETS" else a for a in arguments)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


def test_too_many_refused_images_are_listed_before_it_stops(pets, capsys):
    for index in range(5):
        (pets / "dogs" / f"bad{index}.png").write_bytes(b"no")
    assert cli.run(["data", str(pets)]) == 2
    captured = capsys.readouterr()
    assert (
        "refused: 6 images, dogs/bad0.png, dogs/bad1.png, dogs/bad2.png, dogs/bad3.png, dogs/bad4.png and 1 more: "
        in (captured.out)
    )
    assert "6 of 33 images cannot be used" in captured.err
    assert cli.run(["data", str(pets), "--accept-refused"]) == 0
