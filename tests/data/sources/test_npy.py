import numpy as np
import pytest

from ganvas.data import DataConfig, open_source
from ganvas.errors import UserError

GREY = np.random.default_rng(0).integers(0, 256, (20, 16, 16), np.uint8)
LABELS = np.arange(20) % 2


def opened(path, **choices):
    return open_source(str(path), DataConfig(**choices))


def save(folder, **arrays):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


@pytest.mark.parametrize("names", [("images", "labels"), ("X", "y"), ("x_train", "y_train")])
@pytest.mark.parametrize("given", ["folder", "images", "labels"])
def test_a_pair_is_a_set_whether_the_folder_or_one_of_it_is_given(tmp_path, names, given):
    folder = save(tmp_path / "pair", **dict(zip(names, (GREY, LABELS), strict=True)))
    path = folder if given == "folder" else folder / f"{names[given == 'labels']}.npy"
    prepared = opened(path)
    assert prepared.name == "pair"
    assert (prepared.pixels[:, 0] == GREY).all()
    assert prepared.labels.tolist() == LABELS.tolist()


def test_own_splits_are_used(tmp_path):
    folder = save(tmp_path, x_train=GREY[:15], y_train=LABELS[:15], x_test=GREY[15:], y_test=LABELS[15:])
    assert opened(folder).held_out.tolist() == list(range(15, 20))


def test_arrays_in_a_folder_below_are_found(tmp_path):
    save(tmp_path / "data", images=GREY, labels=LABELS)
    assert opened(tmp_path).labels.tolist() == LABELS.tolist()


def test_a_folder_for_each_part_is_a_split(tmp_path):
    for part, chosen in (("train", slice(0, 15)), ("test", slice(15, 20))):
        save(tmp_path / part, images=GREY[chosen], labels=LABELS[chosen])
    prepared = opened(tmp_path)
    assert prepared.held_out.tolist() == list(range(15, 20))
    assert (prepared.pixels[:, 0] == GREY).all()


def test_floats_are_read_from_their_place(tmp_path):
    levels = (GREY / 255).astype(np.float32)
    assert (opened(save(tmp_path, images=levels, labels=LABELS)).pixels[:, 0] == GREY).all()


def test_a_file_of_one_of_two_sets_means_its_own(tmp_path):
    folder = save(
        tmp_path, left_images=GREY[:10], left_labels=LABELS[:10], right_images=GREY[5:], right_labels=LABELS[5:]
    )
    assert len(opened(folder / "left_labels.npy").pixels) == 10
    assert len(opened(folder / "right_images.npy").pixels) == 15
    with pytest.raises(UserError, match="several sets"):
        opened(folder)


def test_a_lone_array_of_any_name_is_a_set_without_labels(tmp_path):
    assert opened(save(tmp_path, sketches=GREY) / "sketches.npy").labels is None


def test_arrays_beside_images_leave_the_images_as_they_are(class_folder):
    folder = save(class_folder(cats=3, dogs=3), images=GREY)
    assert opened(folder).classes == ("cats", "dogs")


def test_a_folder_with_one_npz_and_no_images_is_that_set(tmp_path):
    np.savez(tmp_path / "set.npz", images=GREY, labels=LABELS)
    (tmp_path / "readme.txt").write_text("about")
    assert opened(tmp_path).labels.tolist() == LABELS.tolist()


def test_a_set_changes_with_its_labels(tmp_path):
    folder = save(tmp_path, images=GREY, labels=LABELS)
    before = opened(folder / "images.npy").fingerprint
    save(tmp_path, labels=LABELS[::-1])
    assert opened(folder / "images.npy").fingerprint != before


@pytest.mark.parametrize(
    "harm", [lambda data: data[:-1], lambda data: data[:40], lambda data: b"", lambda data: data[:8]]
)
def test_a_damaged_array_is_refused_by_name(tmp_path, harm):
    path = save(tmp_path, images=GREY) / "images.npy"
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(UserError, match=r"images\.npy") as refusal:
        opened(path)
    assert "\n" not in str(refusal.value)


def test_an_array_of_objects_is_never_loaded(tmp_path):
    folder = save(tmp_path, images=GREY, labels=np.array([{}] * 20))
    with pytest.raises(UserError, match="labels holds Python objects, which are stored as a pickle"):
        opened(folder)
