"""Images in memory: indices, conversions, files, and what a notebook shows."""

import io

import numpy as np
import pytest
import torch
from PIL import Image as PilImage

from ganvas.api.images import Image, Images
from ganvas.data import open_source
from ganvas.errors import UserError


def images_of(labels=("cat", "dog", "cat"), channels=1, side=16):
    random = np.random.default_rng(0)
    count = 3 if labels is None else len(labels)
    return Images(random.integers(0, 256, (count, channels, side, side), np.uint8), labels)


def opened(png):
    return PilImage.open(io.BytesIO(png))


@pytest.mark.parametrize("channels", [1, 3])
def test_every_form_has_the_same_values(channels):
    images = images_of(channels=channels)
    pixels = images.numpy()
    assert np.asarray(images) is pixels
    assert np.array_equal(np.array(images, np.float32), pixels.astype(np.float32))
    assert images.tensor().dtype == torch.uint8
    assert np.array_equal(images.tensor().numpy(), pixels)
    for image, pil, own in zip(images, images.pil(), pixels, strict=True):
        assert pil.mode == {1: "L", 3: "RGB"}[channels]
        assert np.array_equal(np.atleast_3d(np.asarray(pil)).transpose(2, 0, 1), own)
        assert np.array_equal(np.asarray(image.pil()), np.asarray(pil))
        assert np.array_equal(image.tensor(), own)
    assert images.shape == (3, channels, 16, 16)
    assert images[0].shape == (channels, 16, 16)


def test_a_tensor_is_a_copy_and_a_view_is_asked_for_as_numpy_asks():
    images = images_of()
    images.tensor()[:] = 0
    assert images.numpy().any()
    assert images.__array__(copy=True) is not images.numpy()
    with pytest.raises(ValueError, match="need a copy"):
        images.__array__(np.float32, copy=False)


def test_an_index_gives_one_and_a_slice_a_list_a_mask_or_a_label_several():
    images = images_of()
    pixels = images.numpy()
    for index in (1, -2, np.int64(1)):
        assert isinstance(images[index], Image)
        assert images[index].label == "dog"
        assert np.array_equal(images[index], pixels[1])
    for index, rows in ((slice(1, None), [1, 2]), ([2, 0], [2, 0]), (np.array([True, False, True]), [0, 2])):
        assert np.array_equal(images[index], pixels[rows])
        assert images[index].labels == tuple(("cat", "dog", "cat")[row] for row in rows)
    assert np.array_equal(images["cat"], pixels[[0, 2]])
    assert len(images["cat"]["cat"][:0]) == 0
    assert [image.label for image in images] == ["cat", "dog", "cat"]
    with pytest.raises(IndexError):
        images[3]


def test_a_label_that_none_shows_gets_the_nearest():
    with pytest.raises(UserError, match=r"^none of these images shows 'cats'; did you mean cat\? Allowed: cat, dog$"):
        images_of()["cats"]
    with pytest.raises(UserError, match="no labels"):
        images_of(None)["cat"]


def test_a_notebook_shows_a_row_for_each_class_or_a_grid():
    names, bare = opened(images_of()._repr_png_()), opened(images_of(None)._repr_png_())
    assert bare.size == (3 * (64 + 4) + 4, 64 + 2 * 4)
    assert names.height == 2 * (64 + 4) + 4  # a row for cat, a row for dog
    assert names.width > 2 * (64 + 4) + 4  # and the names beside them
    assert opened(images_of()[0]._repr_png_()).size == (128, 128)
    assert images_of()[:0]._repr_png_() is None


def test_of_many_images_a_notebook_shows_the_first():
    shown = opened(images_of(["a"] * 500)._repr_png_())
    assert shown.height <= 20 * 68
    every = images_of([f"class {index}" for index in range(200)])
    assert opened(every._repr_png_()).height == 20 * (64 + 4) + 4


def test_their_words_are_safe_and_short():
    assert repr(images_of()) == "3 images, 16x16 px, grey: cat (2), dog (1)"
    assert repr(images_of(None, channels=3)) == "3 images, 16x16 px, RGB"
    assert repr(images_of(["\x1b[31m"])[0]) == "16x16 px, grey: \\x1b[31m"


@pytest.mark.parametrize("name", ["saved.npz", "saved"])
def test_what_is_saved_is_a_source_again(tmp_path, name):
    images = images_of(["cat", "a/b"] * 6)
    place = images.save(tmp_path / name)
    prepared = open_source(str(place))
    assert len(prepared.classes) == 2
    assert sorted(map(bytes, prepared.pixels)) == sorted(map(bytes, images.numpy()))
    assert place == images.save(tmp_path / name)  # the same again replaces its own


def test_a_sheet_and_a_single_image_are_png_files(tmp_path):
    images = images_of()
    assert images.save(tmp_path / "new" / "sheet.png").read_bytes() == images.sheet()
    assert np.array_equal(np.asarray(PilImage.open(images[0].save(tmp_path / "one.png"))), images.numpy()[0, 0])


def test_nothing_is_written_where_it_does_not_belong(tmp_path):
    (tmp_path / "mine").mkdir()
    images_of()[0].save(tmp_path / "mine" / "holiday.png")
    with pytest.raises(UserError, match=r"holds other images, such as holiday\.png: choose another folder"):
        images_of().save(tmp_path / "mine")
    with pytest.raises(UserError, match=r"^x\.gif: give FILE\.png, or FILE\.npz, or FOLDER$"):
        images_of().save("x.gif")
    with pytest.raises(UserError, match=r"^x: give FILE\.png$"):
        images_of()[0].save("x")
    (tmp_path / "a.png").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        images_of().save(tmp_path / "a.png")
    with pytest.raises(UserError, match="no images"):
        images_of()[:0].save(tmp_path / "none.png")
