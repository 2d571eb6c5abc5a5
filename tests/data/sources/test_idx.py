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


def idx(array):
    head = bytes((0, 0, 8, array.ndim)) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return head + array.astype(np.uint8).tobytes()


PIXELS = np.random.default_rng(0).integers(0, 256, (30, 20, 16), np.uint8)
LABELS = np.arange(30) % 3 + 1


def write(folder, names, packed=False, pixels=PIXELS):
    """The names of (images, labels) of the training and of the test part."""
    for (image_name, label_name), part in zip(names, (slice(0, 20), slice(20, 30)), strict=False):
        for name, array in ((image_name, pixels[part]), (label_name, LABELS[part])):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    return folder


@pytest.mark.parametrize(
    "names",
    [
        [("train-images.idx3-ubyte", "train-labels.idx1-ubyte"), ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte")],
        [("kmnist-train-images", "kmnist-train-labels"), ("kmnist-test-images", "kmnist-test-labels")],
        [("train_x", "train_y"), ("test_x", "test_y")],
        [("raw/train-images-idx3-ubyte", "raw/train-labels-idx1-ubyte"),
         ("raw/t10k-images-idx3-ubyte", "raw/t10k-labels-idx1-ubyte")],
        [("MNIST/raw/train-images-idx3-ubyte.gz", "MNIST/raw/train-labels-idx1-ubyte.gz"),
         ("MNIST/raw/t10k-images-idx3-ubyte.gz", "MNIST/raw/t10k-labels-idx1-ubyte.gz")],
        [("train-images-idx3-ubyte/train-images-idx3-ubyte", "train-labels-idx1-ubyte/train-labels-idx1-ubyte"),
         ("t10k-images-idx3-ubyte/t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte/t10k-labels-idx1-ubyte")],
        [("images.bin", "labels.bin"), ("validation-images.bin", "validation-labels.bin")],
    ],
    ids=["a dot", "no suffix", "x and y", "raw", "two folders below", "a folder a file", "other suffix"],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_found_by_their_content(tmp_path, names, packed):
    prepared = opened(write(tmp_path / "set", names, packed))
    assert (prepared.pixels[:, 0] == PIXELS).all()
    assert prepared.held_out.tolist() == list(range(20, 30))
    assert prepared.classes == ("1", "2", "3")
    assert prepared.labels.tolist() == (LABELS - 1).tolist()


EMNIST = [
    ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte"),
    ("emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte"),
]


def test_the_images_of_emnist_are_turned_upright(tmp_path):
    square = PIXELS[:, :16]
    prepared = opened(write(tmp_path / "set", EMNIST, pixels=square.transpose(0, 2, 1)))
    assert (prepared.pixels[:, 0] == square).all()
    assert prepared.classes == ("1", "2", "3")
    assert prepared.manifest.layout == "idx files, turned upright"
    assert "EMNIST stores its images column by column: they were turned" in prepared.manifest.notes


def test_of_several_sets_one_is_named_by_a_file(tmp_path):
    folder = write(tmp_path / "gzip", EMNIST, packed=True, pixels=PIXELS[:, :16])
    digits = [tuple(name.replace("letters", "digits") for name in pair) for pair in EMNIST]
    write(folder, digits[:1], pixels=PIXELS[:, 4:])
    with pytest.raises(UserError, match="several sets of idx files, 'emnist digits', 'emnist letters': give one"):
        opened(folder)
    letters = opened(folder / EMNIST[0][1])
    assert letters.name == "emnist-letters"
    assert len(letters.pixels) == 30
    assert len(opened(folder / digits[0][0]).pixels) == 20


def test_two_folders_with_sets_leave_a_choice(tmp_path):
    for name in ("MNIST", "FashionMNIST"):
        write(tmp_path / name / "raw", EMNIST[:1])
    with pytest.raises(UserError, match="several sets of idx files, in FashionMNIST/raw/, MNIST/raw/: give one"):
        opened(tmp_path)


def test_a_file_and_its_gzipped_copy_are_one(tmp_path):
    names = [("train-images-idx3-ubyte", "train-labels-idx1-ubyte")]
    write(tmp_path, names)
    before = opened(tmp_path).fingerprint
    write(tmp_path, [tuple(f"{name}.gz" for name in names[0])], packed=True)
    assert opened(tmp_path).fingerprint == before


def test_names_that_do_not_match_are_paired_where_there_is_one_way(tmp_path):
    prepared = opened(write(tmp_path, [("train-images", "all-labels")]))
    assert prepared.labels.tolist() == (LABELS[:20] - 1).tolist()


def test_two_files_of_images_for_one_part_are_ambiguous(tmp_path):
    write(tmp_path, [("train-images", "train-labels"), ("train-image", "test-labels")])
    with pytest.raises(UserError, match="leaves open which idx files belong together"):
        opened(tmp_path)


def test_images_in_class_folders_win_over_idx_files_below(class_folder):
    folder = class_folder(cats=3, dogs=3)
    write(folder / "raw", [("train-images", "train-labels")])
    assert opened(folder).classes == ("cats", "dogs")


def test_a_gzip_that_unpacks_to_more_than_it_announces_is_refused_early(tmp_path):
    write(tmp_path, [("train-images", "train-labels")])
    (tmp_path / "train-images").write_bytes(gzip.compress(idx(PIXELS[:20]) + bytes(10**7)))
    with pytest.raises(UserError, match=r"should have 6416 bytes .* and has 6417: damaged"):
        opened(tmp_path)
