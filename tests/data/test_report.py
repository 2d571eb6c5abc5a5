import dataclasses

import numpy as np
import pytest

from ganvas.data.prepared import ClassCounts, Manifest, PreparedSet, Refusal, in_memory
from ganvas.data.report import MOST_LINES, brief_lines, refusal_lines


def described(**facts) -> PreparedSet:
    """A set with these facts in its manifest."""
    prepared = in_memory("pets", np.zeros((60, 1, 32, 32), np.uint8))
    values = {**prepared.manifest.model_dump(), "layout": "a folder per class", "held_out": 6, **facts}
    return dataclasses.replace(prepared, manifest=Manifest.model_validate(values))


def counts(number: int) -> tuple[ClassCounts, ...]:
    return tuple(ClassCounts(name=f"c{index}", train=index + 1, held_out=1) for index in range(number))


def test_a_summary_names_the_set_its_classes_and_its_split():
    assert brief_lines(described(per_class=counts(2))) == [
        "data: pets, a folder per class: 60 images of 32x32 px, grey",
        "classes: c0 (2), c1 (3)",
        "held out: 6 images, a tenth of each class by the hash of the decoded image",
    ]


def test_many_classes_are_shortened():
    line = brief_lines(described(per_class=counts(100)))[1]
    assert line.startswith("classes: 100, of 2 to 101 images: c0 (2), c1 (3), ")
    assert line.endswith("c7 (9), and 92 more")


def test_a_class_that_vanished_is_named_with_its_reason():
    lines = brief_lines(described(absent_classes=[Refusal(name="bird", reason="install a reader")]))
    assert "class bird left out: install a reader" in lines
    many = [Refusal(name=f"c{index}", reason="r") for index in range(5)]
    assert "class c1 left out: r; left out as well: c2, c3, c4" in brief_lines(described(absent_classes=many))


def test_refused_images_are_counted_by_reason_with_an_example():
    refused = [Refusal(name=f"{index}.heic", reason="HEIC") for index in range(3)] + [Refusal(name="x", reason="cut")]
    line = "refused: 4 of 64 images: 3 such as 0.heic: HEIC; 1 such as x: cut"
    assert line in brief_lines(described(refused=refused))


def test_files_that_are_not_read_and_what_is_skipped_are_counted():
    lines = brief_lines(described(ignored=["a.txt", "b.txt", "c.csv"], skipped={"@eaDir/": 3, "Thumbs.db": 1}))
    assert "not read: 3 files that are no images: .txt (2), .csv (1)" in lines
    assert "skipped: 4 (files and folders of the system, or beside the set): @eaDir/ (3), Thumbs.db" in lines


@pytest.mark.parametrize("notes", [0, 2, 3, 40])
def test_a_summary_has_at_most_ten_lines_and_says_where_the_rest_is(notes):
    everything = described(
        per_class=counts(300),
        absent_classes=[Refusal(name=f"c{index}", reason="r") for index in range(9)],
        refused=[Refusal(name=f"{index}", reason=f"reason {index}") for index in range(50)],
        ignored=[f"{index}.txt" for index in range(50)],
        skipped={f"@{index}": 2 for index in range(50)},
        notes=[f"note {index}" for index in range(notes)],
    )
    lines = brief_lines(everything)
    assert len(lines) <= MOST_LINES
    assert all(len(line) < 400 for line in lines)
    assert ("see `ganvas data`" in lines[-1]) == (notes > 2)


def test_many_refusals_of_one_reason_share_a_line():
    few = [Refusal(name=name, reason="cut") for name in "abcde"]
    assert list(refusal_lines(few)) == [f"refused: {name}: cut" for name in "abcde"]
    many = [*few, Refusal(name="f", reason="cut"), Refusal(name="g", reason="empty")]
    assert list(refusal_lines(many)) == ["refused: 6 images, a, b, c, d, e and 1 more: cut", "refused: g: empty"]


def test_many_reasons_are_cut_off_and_counted():
    lines = list(refusal_lines([Refusal(name=f"{index}", reason=f"reason {index}") for index in range(50)]))
    assert len(lines) == 21
    assert lines[-1] == "refused: 30 more images, for 30 other reasons"
