import gzip

import numpy as np
import pytest

from ganvas.data import DataConfig, open_source
from ganvas.errors import UserError


def opened(folder, **choices):
    return open_source(str(folder), DataConfig(**choices))


@pytest.mark.parametrize("packed", [False, True])
def test_idx_images_come_through_untouched_with_t10k_held_out(idx_folder, packed):
    folder = idx_folder(packed=packed)
    prepared = opened(folder)
    data = (folder / f"train-images-idx3-ubyte{'.gz' if packed else ''}").read_bytes()
    raw = np.frombuffer(gzip.decompress(data) if packed else data, np.uint8, offset=16).reshape(-1, 1, 28, 28)
    assert (prepared.pixels[:30] == raw).all()
    assert prepared.train.tolist() == list(range(30))
    assert prepared.held_out.tolist() == list(range(30, 40))
    assert prepared.classes == tuple("0123456789")
    assert prepared.labels.tolist() == [*range(10)] * 4


def test_gzipped_or_not_is_the_same_set(idx_folder, tmp_path):
    folder = idx_folder()
    plain = opened(folder).fingerprint
    for path in list(folder.iterdir()):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert opened(folder).fingerprint == plain


def test_without_t10k_a_tenth_is_held_out(idx_folder):
    folder = idx_folder(train=100)
    for path in folder.glob("t10k*"):
        path.unlink()
    assert len(opened(folder).held_out) == 10


def test_idx_images_are_resized_when_asked(idx_folder):
    assert opened(idx_folder(), size=45, channels=3).pixels.shape == (40, 3, 45, 45)


def test_an_idx_crop_is_cut_from_the_centre(idx_folder):
    folder = idx_folder()
    assert (opened(folder, crop=20).pixels == opened(folder).pixels[:, :, 4:24, 4:24]).all()


@pytest.mark.parametrize(
    ("name", "harm", "message"),
    [
        ("train-images-idx3-ubyte", lambda data: data[:-1], "damaged or cut off"),
        ("train-images-idx3-ubyte", lambda data: data[:9], "not an idx file"),
        ("train-images-idx3-ubyte", lambda data: b"\1" + data[1:], "not an idx file"),
        ("train-images-idx3-ubyte", lambda data: data[:4] + b"\xff" * 12 + data[16:], "damaged or cut off"),
        (
            "t10k-labels-idx1-ubyte",
            lambda data: data[:4] + (9).to_bytes(4, "big") + data[8:-1],
            "10 t10k images but 9",
        ),
    ],
)
def test_a_damaged_idx_file_is_refused_by_name(idx_folder, name, harm, message):
    folder = idx_folder()
    (folder / name).write_bytes(harm((folder / name).read_bytes()))
    with pytest.raises(UserError, match=message):
        opened(folder)


@pytest.mark.parametrize(
    "harm", [lambda data: data[:-20], lambda data: b"no", lambda data: data[:30] + b"x" + data[31:]]
)
def test_a_damaged_gzip_is_refused_by_name(idx_folder, harm):
    folder = idx_folder(packed=True)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(UserError, match="train-images-idx3-ubyte"):
        opened(folder)


@pytest.mark.parametrize("missing", ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"])
def test_images_without_labels_or_the_reverse_are_refused(idx_folder, missing):
    folder = idx_folder()
    (folder / missing).unlink()
    with pytest.raises(UserError, match="no " + missing.rsplit("-", 2)[0]):
        opened(folder)


def test_only_a_held_out_part_is_refused(idx_folder):
    folder = idx_folder()
    for path in folder.glob("train*"):
        path.unlink()
    with pytest.raises(UserError, match="nothing to train on"):
        opened(folder)
