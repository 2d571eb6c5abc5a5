"""A prepared set: the same as the command's, and it shows itself."""

import io

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas.data import DataConfig, open_source
from ganvas.data.report import report_lines
from ganvas.errors import UserError


def test_it_is_the_set_that_the_command_prepares(tiny_source):
    images = ganvas.prepare(tiny_source, size=20, crop=np.int64(16))
    again = open_source(str(tiny_source), DataConfig(size=20, crop=16))
    assert images.fingerprint == again.fingerprint
    assert images.folder == again.folder
    assert (images.source, images.config) == (str(tiny_source), DataConfig(size=20, crop=16))
    assert list(images.facts()) == list(report_lines(again))


def test_its_images_know_what_they_show(tiny_source):
    images = ganvas.prepare(tiny_source)
    assert [image.label for image in images.images[:4]] == ["across", "down", "spot", "across"]
    for part, rows in ((images.train_images, images.train), (images.held_out_images, images.held_out)):
        assert np.array_equal(part, images.pixels[rows])
        assert part.labels == tuple(images.classes[label] for label in images.labels[rows])
    assert len(images.train_images) + len(images.held_out_images) == len(images.images) == 60


def test_a_set_without_labels_has_images_without(unlabelled_source):
    assert ganvas.prepare(unlabelled_source).images.labels is None


def test_a_notebook_shows_what_it_took_and_its_images(tiny_source, tmp_path):
    hostile = "<script>alert(1)</script>"
    (tmp_path / "set").mkdir()
    for name in (hostile.replace("/", "-"), "b"):
        (tmp_path / "set" / name).mkdir()
        for index in range(3):
            pixels = np.random.default_rng(index).integers(0, 255, (16, 16), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{index}.png")
    page = ganvas.prepare(tmp_path / "set")._repr_html_()
    assert "<li>data: set, a folder per class: 6 images of 16x16 px, grey</li>" in page
    assert "<script>" not in page
    assert '<img alt="Training images" src="data:image/png;base64,' in page
    assert str(ganvas.prepare(tiny_source)).startswith("data: patterns, ")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"siz": 32}, "there is no siz: did you mean size? Allowed: accept_refused, "),
        ({"size": 7}, "size: a size is pixels of a side from 16 to 128, or HEIGHTxWIDTH such as 64x48 (it was 7)"),
        ({"size": "big"}, "size: a size is pixels of a side"),
        ({"size": 20.5}, "size: a size is pixels of a side"),
        ({"background": "red"}, "background: input should be 'white' or 'black' (it was 'red')"),
        ({"attribute": "a", "label_column": "b"}, "attribute and label_column both name what labels the set"),
        ({"attribute": "Smiling"}, "attribute=Smiling needs a set in CelebA's layout; this is "),
    ],
)
def test_a_mistake_gets_one_sentence_in_the_words_of_python(tiny_source, options, sentence):
    with pytest.raises(UserError) as caught:
        ganvas.prepare(tiny_source, **options)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_a_path_of_a_known_name_is_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits" / "one").mkdir(parents=True)
    for index in range(3):
        buffer = io.BytesIO()
        Image.new("L", (16, 16), 80 * index).save(buffer, "PNG")
        (tmp_path / "digits" / "one" / f"{index}.png").write_bytes(buffer.getvalue())
    assert ganvas.prepare((tmp_path / "digits").relative_to(tmp_path)).manifest.images == 3
