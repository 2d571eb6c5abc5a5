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
    assert (opened(write(images=clear, labels=LABELS[:4])).pixels == 255).all()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x_train": GREY}, "holds no images; it holds x_train"),
        ({"images": GREY.astype(float), "labels": LABELS}, "float64 of shape"),
        ({"images": GREY[0], "labels": LABELS}, "uint8 of shape"),
        ({"images": COLOUR[..., :2], "labels": LABELS}, "C = 1, 3 or 4"),
        ({"images": GREY, "labels": LABELS[:5]}, r"labels of shape \(5,\) for 20 images"),
        ({"images": GREY, "labels": LABELS / 2}, "labels must be integers"),
        ({"images": GREY, "labels": LABELS, "classes": np.array(["a"])}, "labels 0 to 1 for 1 classes"),
        ({"images": GREY, "labels": LABELS, "classes": np.array(["a", "a"])}, "names a class twice"),
        ({"images": GREY[:0], "labels": LABELS[:0]}, "holds no images: their shape is"),
        ({"images": GREY, "labels": LABELS, "classes": np.array(["a", " "])}, "gives class 1 no name"),
        ({"images": np.array([{}] * 20), "labels": LABELS}, "object of shape"),
        ({"images": GREY, "labels": np.array([{}] * 20)}, "cannot be read"),
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
