import numpy as np
import pytest
from PIL import Image

from ganvas.data import DataConfig, open_source
from ganvas.errors import UserError


def opened(folder, **choices):
    return open_source(str(folder), DataConfig(**choices))


def test_an_attribute_labels_the_portraits(celeba_folder):
    prepared = opened(celeba_folder(), attribute="Smiling")
    assert prepared.classes == ("not Smiling", "Smiling")
    assert prepared.labels.tolist() == [1, 0] * 10


def test_without_an_attribute_there_are_no_labels_and_a_note_names_them(celeba_folder):
    prepared = opened(celeba_folder())
    assert prepared.labels is None
    assert any("--attribute" in note for note in prepared.manifest.notes)


def test_a_crop_of_128_is_the_books_without_a_resize(celeba_folder):
    folder = celeba_folder(3)
    prepared = opened(folder, crop=128)
    with Image.open(folder / "img_align_celeba" / "000001.jpg") as image:
        whole = np.asarray(image).transpose(2, 0, 1)
    assert prepared.size == (128, 128)
    assert (prepared.pixels[0] == whole[:, 45:173, 25:153]).all()


def test_the_published_partition_is_the_held_out_part(celeba_folder):
    prepared = opened(celeba_folder(partition=True), attribute="Smiling")
    assert prepared.held_out.tolist() == [16, 17, 18, 19]


def test_an_unknown_attribute_is_answered_with_the_nearest(celeba_folder):
    with pytest.raises(UserError, match=r"no attribute smiling: did you mean Smiling\?"):
        opened(celeba_folder(2), attribute="smiling")


def test_a_portrait_that_is_missing_is_refused_by_name(celeba_folder):
    folder = celeba_folder()
    (folder / "img_align_celeba" / "000003.jpg").unlink()
    prepared = opened(folder, attribute="Smiling")
    assert [item.name for item in prepared.manifest.refused] == ["000003.jpg"]
    assert prepared.labels.tolist() == [1, 0] + [0] + [1, 0] * 8


@pytest.mark.parametrize("missing", ["img_align_celeba", "list_attr_celeba.txt"])
def test_half_of_the_layout_is_refused_with_what_is_missing(celeba_folder, missing):
    folder = celeba_folder(2)
    (folder / missing).rename(folder.parent / "away")
    with pytest.raises(UserError, match=f"{missing}.* is missing"):
        opened(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin"),
        ("x\nA B\n1.jpg 1 1\n", "must begin"),
        ("2\nA B\n1.jpg 1 1\n", "announces 2 images and names 1"),
        ("1\nA B\n1.jpg 1\n", "2 values of 1 or -1"),
        ("1\nA B\n1.jpg 1 0\n", "2 values of 1 or -1"),
    ],
)
def test_a_damaged_table_is_refused(celeba_folder, text, message):
    folder = celeba_folder(2)
    (folder / "list_attr_celeba.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        opened(folder)


def test_a_partition_that_lacks_a_portrait_is_refused(celeba_folder):
    folder = celeba_folder(8, partition=True)
    (folder / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    with pytest.raises(UserError, match=r"000002\.jpg"):
        opened(folder)


def test_kaggles_csv_files_are_read_as_the_published_ones(celeba_folder):
    folder = celeba_folder(partition=True)
    expected = opened(folder, attribute="Smiling")
    for name, head in (
        ("list_attr_celeba", "image_id,Bald,Smiling,Young"),
        ("list_eval_partition", "image_id,partition"),
    ):
        text = (folder / f"{name}.txt").read_text().splitlines()
        rows = [",".join(line.split()) for line in text[2 if "attr" in name else 0 :]]
        (folder / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n")
        (folder / f"{name}.txt").unlink()
    (folder / "list_bbox_celeba.csv").write_text("image_id,x_1\n000001.jpg,95\n")
    prepared = opened(folder, attribute="Smiling")
    assert prepared.fingerprint == expected.fingerprint
    assert prepared.held_out.tolist() == [16, 17, 18, 19]
    assert prepared.manifest.ignored == ("list_bbox_celeba.csv",)


@pytest.mark.parametrize(
    ("images", "table", "partition"),
    [
        ("img_align_celeba/img_align_celeba", "", ""),
        ("Img/img_align_celeba", "Anno", "Eval"),
        ("CelebA/Img/img_align_celeba", "CelebA/Anno", "CelebA/Eval"),
        ("celeba/img_align_celeba", "celeba", "celeba"),
        ("faces", "", ""),
    ],
)
def test_the_parts_may_lie_in_folders_of_their_own(celeba_folder, images, table, partition):
    folder = celeba_folder(partition=True)
    expected = opened(folder, attribute="Smiling")
    (folder / "img_align_celeba").rename(folder / "away")
    (folder / images).parent.mkdir(parents=True, exist_ok=True)
    (folder / "away").rename(folder / images)
    for name, place in (("list_attr_celeba.txt", table), ("list_eval_partition.txt", partition)):
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / name).rename(folder / place / name)
    assert opened(folder, attribute="Smiling").fingerprint == expected.fingerprint


def test_the_aligned_portraits_are_taken_and_not_those_in_the_wild(celeba_folder):
    folder = celeba_folder()
    expected = opened(folder, attribute="Smiling")
    (folder / "img_celeba").mkdir()
    for path in (folder / "img_align_celeba").iterdir():
        (folder / "img_celeba" / path.name).write_bytes(b"another portrait")
    assert opened(folder, attribute="Smiling").fingerprint == expected.fingerprint


def test_aligned_png_files_are_found_by_the_names_of_the_jpeg_files(celeba_folder):
    folder = celeba_folder()
    for path in (folder / "img_align_celeba").iterdir():
        path.rename(path.with_suffix(".png"))
    (folder / "img_align_celeba").rename(folder / "img_align_celeba_png")
    assert opened(folder, attribute="Smiling").labels.tolist() == [1, 0] * 10


def test_a_damaged_csv_is_refused(celeba_folder):
    folder = celeba_folder(2)
    (folder / "list_attr_celeba.txt").unlink()
    for text, message in (("", "must have a column"), ("image_id,A\n1.jpg,7\n", "row 2: after the name come 1 values")):
        (folder / "list_attr_celeba.csv").write_text(text)
        with pytest.raises(UserError, match=message):
            opened(folder)


def test_a_portrait_that_the_table_lacks_is_counted(celeba_folder):
    folder = celeba_folder()
    (folder / "img_align_celeba" / "extra.jpg").write_bytes((folder / "img_align_celeba" / "000001.jpg").read_bytes())
    assert "images ignored: 1 (not named in list_attr_celeba.txt)" in opened(folder).manifest.notes
