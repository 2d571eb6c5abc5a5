import shutil
import zipfile

import numpy as np
import pytest

from ganvas.data import DataConfig, open_source
from ganvas.errors import RunFailedError, UserError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (20, 16, 16), np.uint8)
COLOUR = RANDOM.integers(0, 256, (20, 16, 16, 3), np.uint8)
LABELS = np.arange(20) % 2


def opened(path, **choices):
    return open_source(str(path), DataConfig(**choices))


@pytest.fixture
def write(tmp_path):
    def save(packed=False, **arrays):
        path = tmp_path / "set.npz"
        (np.savez_compressed if packed else np.savez)(path, **arrays)
        return path

    return save


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("images", [GREY, GREY[..., None], COLOUR], ids=["grey", "one channel", "colour"])
def test_images_come_through_untouched(write, packed, order, images):
    prepared = opened(write(packed, images=np.asarray(images, order=order), labels=LABELS))
    assert (prepared.pixels == images.reshape(20, 16, 16, -1).transpose(0, 3, 1, 2)).all()
    assert prepared.labels.tolist() == LABELS.tolist()
    assert prepared.classes == ("0", "1")


def test_class_names_keep_their_order(write):
    prepared = opened(write(images=GREY, labels=LABELS, classes=np.array(["zebra", "<b>ant</b>"])))
    assert prepared.classes == ("zebra", "<b>ant</b>")


def test_without_class_names_the_labels_that_occur_are_the_classes(write):
    prepared = opened(write(images=GREY, labels=np.where(LABELS, 7, -3)))
    assert prepared.classes == ("-3", "7")
    assert prepared.labels.tolist() == LABELS.tolist()


def test_a_class_that_no_image_has_is_no_class(write):
    prepared = opened(write(images=GREY, labels=LABELS * 2, classes=np.array(["a", "b", "c"])))
    assert prepared.classes == ("a", "c")
    assert prepared.labels.tolist() == LABELS.tolist()


def test_without_labels_it_is_a_set_without_labels(write):
    assert opened(write(images=GREY)).labels is None


def test_transparent_images_are_composited_over_the_background(write):
    clear = np.zeros((4, 16, 16, 4), np.uint8)
    assert (opened(write(images=clear, labels=LABELS[:4]), channels=3).pixels == 255).all()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"weights": GREY[0], "bias": LABELS}, "holds no images; it holds weights .uint8 of shape .16, 16.., bias"),
        ({"images": GREY.astype(complex), "labels": LABELS}, "images are complex128 of shape"),
        ({"images": GREY.astype(str), "labels": LABELS}, "images are <U3 of shape"),
        ({"images": GREY[None, :, :, :, None], "labels": LABELS[:1]}, "C = 1, 3 or 4"),
        ({"images": np.where(GREY, np.nan, 0.0), "labels": LABELS}, "not finite numbers"),
        ({"images": GREY.astype(int) * 1000, "labels": LABELS}, r"lie in none of the ranges .*--stretch"),
        ({"images": GREY, "labels": np.eye(20)[:, :2]}, "several labels that are not one-hot"),
        ({"images": GREY, "labels": np.array(["a", " "] * 10)}, "10 empty labels"),
        ({"x_test": GREY, "y_test": LABELS}, "nothing to train on"),
        ({"x_train": GREY, "images": GREY}, "several arrays of images"),
        ({"x": GREY, "images": GREY}, "several arrays of images"),
        ({"images": GREY, "y": LABELS, "labels": LABELS}, "several arrays of labels"),
        ({"one": GREY, "two": GREY}, "may be images, one .*, two .*: name them"),
        ({"one": GREY, "two": LABELS, "three": LABELS}, "may be labels, two .*, three"),
        ({"left_images": GREY, "right_images": GREY}, "several sets"),
        ({"x_train": GREY, "y_train": LABELS, "x_test": GREY, "y_test": LABELS.astype(str)}, "numbers in one part"),
        ({"images": GREY[0], "labels": LABELS}, "uint8 of shape"),
        ({"images": COLOUR[..., :2], "labels": LABELS}, "C = 1, 3 or 4"),
        ({"images": GREY, "labels": LABELS[:5]}, r"labels of shape \(5,\) for 20 images"),
        ({"images": GREY, "labels": LABELS / 2}, "labels must be integers"),
        ({"images": GREY, "labels": LABELS, "classes": np.array(["a"])}, "labels 0 to 1 for 1 classes"),
        ({"images": GREY, "labels": LABELS, "classes": np.array(["a", "a"])}, "names a class twice"),
        ({"images": GREY[:0], "labels": LABELS[:0]}, "holds no images: their shape is"),
        ({"images": GREY, "labels": LABELS, "classes": np.array(["a", " "])}, "gives class 1 no name"),
        (
            {"images": np.array([{}] * 20), "labels": LABELS},
            "images holds Python objects, which are stored as a pickle",
        ),
        ({"images": GREY, "labels": np.array([{}] * 20)}, "labels holds Python objects, .* text with dtype=str"),
    ],
)
def test_other_content_is_refused_with_its_type_and_shape(write, arrays, message):
    with pytest.raises(UserError, match=message):
        opened(write(**arrays))


@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_archive_is_refused_in_a_sentence(write, packed):
    path = write(packed, images=GREY, labels=LABELS)
    whole = path.read_bytes()
    for data in (whole[:-50], whole[:2000], b"", b"PK\3\4", whole[:60] + b"\0" * 40 + whole[100:]):
        path.write_bytes(data)
        with pytest.raises(UserError) as refusal:
            opened(path)
        assert "\n" not in str(refusal.value)


def test_a_full_disk_is_not_taken_for_a_damaged_archive(write, small_disk, monkeypatch):
    monkeypatch.setenv("GANVAS_CACHE", str(small_disk))
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - 100_000))
    with pytest.raises(RunFailedError, match=r"No space left on device; .*GANVAS_CACHE"):
        opened(write(images=RANDOM.integers(0, 256, (2000, 16, 16), np.uint8)))


def test_an_array_that_announces_more_than_it_holds_is_refused(tmp_path):
    path = tmp_path / "set.npz"
    head = b"\x93NUMPY\1\0" + (118).to_bytes(2, "little")
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 99, 99), }"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", head + text.ljust(117) + b"\n" + b"\0" * 99)
    with pytest.raises(UserError, match="do not fit"):
        opened(path)


def test_a_flipped_byte_among_the_images_is_refused(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, images=GREY, labels=LABELS)
    content = bytearray(path.read_bytes())
    content[content.find(GREY.tobytes()[:64]) + 100] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be read as \.npz: Bad CRC-32"):
        open_source(str(path))


PARTS = {"train": slice(0, 12), "val": slice(12, 16), "test": slice(16, 20)}


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("{}_images", "{}_labels"), ("x_{}", "y_{}"), ("X_{}", "Y_{}"), ("{}X", "{}Y"), ("x{}", "y{}"),
        ("images_{}", "targets_{}"), ("{}_data", "{}_target"), ("{}-img", "{}-lbl"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", [False, True])
def test_published_names_give_the_parts_with_val_and_test_held_out(write, images, labels, column):
    arrays = {}
    for part in ("test", "val", "train"):  # whatever their order
        arrays[images.format(part)] = GREY[PARTS[part]]
        arrays[labels.format(part)] = LABELS[PARTS[part]][:, None] if column else LABELS[PARTS[part]]
    prepared = opened(write(**arrays))
    assert prepared.train.tolist() == list(range(12))
    assert prepared.held_out.tolist() == list(range(12, 20))
    assert sorted(map(bytes, prepared.pixels)) == sorted(map(bytes, GREY[:, None]))
    assert (prepared.pixels[:12, 0] == GREY[:12]).all()
    assert prepared.labels[:12].tolist() == LABELS[:12].tolist()


@pytest.mark.parametrize(
    ("images", "labels"), [("X", "y"), ("data", "targets"), ("data", "target"), ("image", "label"), ("arr_0", "arr_1")]
)
def test_plain_names_are_known_and_others_are_taken_by_their_shapes(write, images, labels):
    prepared = opened(write(**{labels: LABELS, images: GREY}))
    assert (prepared.pixels[:, 0] == GREY).all()
    assert prepared.labels.tolist() == LABELS.tolist()
    assert prepared.manifest.notes == (
        ("arrays taken by their shapes: arr_0 as images, arr_1 as labels",) if images == "arr_0" else ()
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_may_come_first(write, channels):
    images = COLOUR[..., :channels]
    last, first = write(images=images, labels=LABELS), images.transpose(0, 3, 1, 2)
    expected = opened(last).fingerprint
    assert opened(write(images=np.ascontiguousarray(first), labels=LABELS)).fingerprint == expected
    assert opened(write(images=np.asfortranarray(first), labels=LABELS)).fingerprint == expected


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_of_pixels_are_square_images(write, order):
    rows = np.asarray(GREY.reshape(20, 256), order=order)
    assert (opened(write(data=rows, target=LABELS)).pixels[:, 0] == GREY).all()


FULL = GREY.copy()
FULL[0, 0, 0], FULL[0, 0, 1] = 0, 255


@pytest.mark.parametrize(
    ("images", "levels"),
    [
        ((FULL / 255).astype(np.float32), "0..1 of 0..1"),
        (FULL / 127.5 - 1, "-1..1 of -1..1"),
        (FULL.astype(np.float64), "0..255 of 0..255"),
        (FULL.astype(np.float16), "0..255 of 0..255"),
        (FULL.astype(">f4"), "0..255 of 0..255"),
        (FULL.astype(np.int64), "0..255 of 0..255"),
        (FULL.astype(np.uint64), "0..255 of 0..255"),
        (FULL.astype(">i2"), "0..255 of 0..255"),
        (FULL.astype(np.uint16) * 257, "0..65535 of 0..65535"),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_of_any_type_become_the_same_bytes(write, images, levels, order):
    prepared = opened(write(images=np.asarray(images, order=order), labels=LABELS))
    assert (prepared.pixels[:, 0] == FULL).all()
    assert [str(found) for found in prepared.manifest.levels] == [levels]


def test_a_resize_sees_the_same_bytes_whatever_their_type(write):
    whole = opened(write(images=FULL, labels=LABELS), size=24)
    assert (opened(write(images=FULL / 255, labels=LABELS), size=24).pixels == whole.pixels).all()


def test_booleans_are_black_and_white(write):
    prepared = opened(write(images=GREY > 127, labels=LABELS))
    assert (prepared.pixels[:, 0] == np.where(GREY > 127, 255, 0)).all()
    assert prepared.manifest.darkness == ""


def test_one_range_holds_for_all_parts(write):
    """A dark held-out part alone would be taken for levels of 0..1."""
    dark = np.minimum(FULL, 1).astype(float)
    prepared = opened(write(x_train=FULL.astype(float), y_train=LABELS, x_test=dark, y_test=LABELS))
    assert (prepared.pixels[20:, 0] == dark).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.uint16])
def test_dark_arrays_are_warned_of_and_stretched(write, capsys, dtype):
    path = write(images=(GREY % 17).astype(dtype), labels=LABELS)
    opened(path)
    assert "nearly black, levels 0..16 of 0..255: --stretch" in capsys.readouterr().err
    stretched = opened(path, stretch=True)
    expected = np.rint((GREY % 17).astype(int) * 255 / 16)
    assert (stretched.pixels[:, 0] == expected).all()


def test_transparency_is_not_stretched(write):
    clear = np.zeros((20, 16, 16, 4), np.uint8)
    clear[..., :3] = GREY[..., None] % 5
    clear[:, :, :8, 3] = 255
    prepared = opened(write(images=clear, labels=LABELS), stretch=True, channels=3)
    assert (prepared.pixels[..., 8:] == 255).all()  # the white background
    assert prepared.pixels[..., :8].max() == 255
    assert prepared.pixels[..., :8].min() == 0


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array(["cat", "dog"])[LABELS], ("cat", "dog")),
        (np.array([b"cat", b"dog"])[LABELS], ("cat", "dog")),
        (np.array(["cat ", " dog"])[LABELS][:, None], ("cat", "dog")),
        (np.array(["10", "9"])[LABELS], ("9", "10")),
        (np.eye(2)[LABELS], ("0", "1")),
        (np.eye(2, dtype=np.uint8)[LABELS], ("0", "1")),
        (np.eye(2, dtype=bool)[LABELS], ("0", "1")),
        (LABELS.astype(float), ("0", "1")),
        (LABELS.astype(bool), ("0", "1")),
        (LABELS.astype(np.uint8)[None], ("0", "1")),
        (LABELS + 26, ("26", "27")),
    ],
    ids=["text", "bytes", "a column of padded text", "numbers as text", "one-hot", "one-hot bytes", "one-hot booleans",
         "floats", "booleans", "a row", "from 26"],
)  # fmt: skip
def test_labels_may_be_text_numbers_or_one_hot(write, labels, classes):
    prepared = opened(write(images=GREY, labels=labels))
    assert prepared.classes == classes
    flipped = classes == ("9", "10")
    assert prepared.labels.tolist() == (1 - LABELS if flipped else LABELS).tolist()


def test_classes_name_one_hot_labels_and_order_text(write):
    names = np.array(["zebra", "ant"])
    assert opened(write(images=GREY, labels=np.eye(2)[LABELS], class_names=names)).classes == ("zebra", "ant")
    prepared = opened(write(images=GREY, labels=names[LABELS], classes=names))
    assert prepared.classes == ("zebra", "ant")
    assert prepared.labels.tolist() == LABELS.tolist()


def test_a_part_without_labels_is_left_out_and_named(write):
    prepared = opened(write(x_train=GREY[:15], y_train=LABELS[:15], x_test=GREY[15:]))
    assert len(prepared.pixels) == 15
    assert "left out, without labels: the images of x_test" in prepared.manifest.notes


def test_arrays_that_are_not_read_are_named(write):
    prepared = opened(write(images=GREY, labels=LABELS, file_paths=LABELS))
    assert "arrays not read: file_paths" in prepared.manifest.notes


def test_parts_without_labels_train_without_classes(write):
    prepared = opened(write(train_images=GREY[:15], test_images=GREY[15:]))
    assert prepared.labels is None
    assert prepared.held_out.tolist() == list(range(15, 20))


def test_a_set_without_a_suffix_or_with_a_wrong_one_is_an_npz_by_its_content(write):
    path = write(images=GREY, labels=LABELS)
    other = path.rename(path.with_suffix(".zip"))
    assert (opened(other).pixels[:, 0] == GREY).all()
