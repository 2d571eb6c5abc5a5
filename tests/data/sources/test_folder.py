import os

import numpy as np
import pytest
from PIL import Image

from ganvas.data import DataConfig, open_source
from ganvas.errors import UserError


def opened(folder, **choices):
    return open_source(str(folder), DataConfig(**choices))


def test_a_sub_folder_is_a_class_and_classes_are_in_natural_order(class_folder):
    folder = class_folder(**{"10": 2, "9": 2, "b": 2, "A": 2})
    assert opened(folder).classes == ("9", "10", "A", "b")


def test_a_folder_without_sub_folders_is_a_set_without_labels(class_folder):
    prepared = opened(class_folder(only=12) / "only")
    assert prepared.labels is None
    assert prepared.classes == ()
    assert len(prepared.train) + len(prepared.held_out) == 12


def test_one_class_is_trained(class_folder):
    prepared = opened(class_folder(cats=10))
    assert prepared.classes == ("cats",)
    assert (len(prepared.train), len(prepared.held_out)) == (9, 1)


@pytest.mark.parametrize(
    ("train", "held_name"),
    [("train", "test"), ("train", "val"), ("train", "valid"), ("Training", "Testing"), ("TRAIN", "dev"),
     ("train", "sample"), ("training_set", "test_set"), ("train2017", "val2017"), ("Train", "Validation"),
     ("images_train", "eval"), ("trainingSet", "holdout")],
)  # fmt: skip
def test_train_and_a_held_out_folder_are_splits_and_not_classes(tmp_path, draw, train, held_name):
    folder = tmp_path
    for split, first, count in ((train, 0, 6), (held_name, 50, 3)):
        for class_name in ("cats", "dogs"):
            (folder / split / class_name).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                seed = first + index + 100 * (class_name == "dogs")
                draw(seed).save(folder / split / class_name / f"{index}.png")
    prepared = opened(folder)
    assert prepared.classes == ("cats", "dogs")
    assert (len(prepared.train), len(prepared.held_out)) == (12, 6)
    assert prepared.manifest.own_split


@pytest.fixture
def split_folder(tmp_path, draw):
    """make("train/cats", "test/cats") -> a folder with five images in each of these."""

    def make(*paths: str):
        for number, path in enumerate(paths):
            (tmp_path / "set" / path).mkdir(parents=True)
            for index in range(5):
                draw(100 * number + index).save(tmp_path / "set" / path / f"{index}.png")
        return tmp_path / "set"

    return make


def test_folders_and_images_beside_the_splits_are_skipped_by_name(split_folder, draw):
    folder = split_folder("train/cats", "train/dogs", "test/cats", "test/dogs", "extra")
    (folder / "annotations" / "boxes").mkdir(parents=True)
    (folder / "annotations" / "boxes" / "0.xml").write_text("<annotation/>")
    draw(999).save(folder / "cover.jpg")
    prepared = opened(folder)
    assert prepared.classes == ("cats", "dogs")
    assert (len(prepared.train), len(prepared.held_out)) == (10, 10)
    assert prepared.manifest.skipped == {"annotations/": 1, "extra/": 1, "cover.jpg": 1}
    assert prepared.manifest.notes == ("left out, beside the splits: images in extra/, cover.jpg",)


def test_a_sample_beside_a_test_part_is_skipped(split_folder):
    prepared = opened(split_folder("train/cats", "valid/cats", "sample/cats"))
    assert (len(prepared.train), len(prepared.held_out)) == (5, 5)
    assert prepared.manifest.skipped == {"sample/": 1}


def test_train_alone_beside_a_folder_without_images_holds_the_classes(split_folder):
    folder = split_folder("train/cats", "train/dogs")
    (folder / "annotations").mkdir()
    prepared = opened(folder)
    assert prepared.classes == ("cats", "dogs")
    assert prepared.manifest.skipped == {"annotations/": 1}


def test_test_images_without_class_folders_are_left_out_and_counted(split_folder):
    prepared = opened(split_folder("train/cats", "train/dogs", "test"))
    assert prepared.classes == ("cats", "dogs")
    assert not prepared.manifest.own_split
    assert prepared.manifest.notes == ("left out: 5 images in test/, which has no class folders",)


@pytest.mark.parametrize("paths", [("train", "test/cats"), ("train/cats", "training", "test/cats")])
def test_training_images_without_class_folders_beside_classes_are_refused(split_folder, paths):
    with pytest.raises(UserError, match=r"mixes layouts: .*class folders"):
        opened(split_folder(*paths))


@pytest.mark.parametrize("inner", ["pets", "a/b", "images"])
def test_a_folder_that_holds_the_whole_set_is_looked_into(split_folder, inner):
    prepared = opened(split_folder(f"{inner}/train/cats", f"{inner}/val/cats"))
    assert prepared.manifest.layout == f"train/, val/ with a folder per class, in {inner}/"
    assert len(prepared.held_out) == 5


def test_splits_may_hold_images_without_labels(class_folder):
    prepared = opened(class_folder(train=5, test=3))
    assert prepared.classes == ()
    assert (len(prepared.train), len(prepared.held_out)) == (5, 3)


def test_a_class_called_train_beside_other_classes_is_a_class(class_folder):
    assert opened(class_folder(car=3, train=3)).classes == ("car", "train")


def test_exact_copies_of_held_out_images_are_never_trained_on(class_folder, draw):
    folder = class_folder(train=5, test=3)
    (folder / "train" / "copy.png").write_bytes((folder / "test" / "0.png").read_bytes())
    prepared = opened(folder)
    assert (len(prepared.train), len(prepared.held_out)) == (5, 3)
    assert prepared.manifest.left_out == 1


def test_a_class_with_held_out_images_only_is_refused(class_folder, draw):
    folder = class_folder(train=0)
    for path in ("train/cats", "test/cats", "test/dogs"):
        (folder / path).mkdir(parents=True)
        for index in range(3):
            draw(hash(path) % 1000 + index).save(folder / path / f"{index}.png")
    with pytest.raises(UserError, match=r"dogs .* no image to train on"):
        opened(folder)


def test_nested_folders_are_refused_with_an_example(class_folder, draw):
    folder = class_folder(cats=2)
    (folder / "cats" / "siamese").mkdir()
    with pytest.raises(UserError, match=r"nested.*cats/.*siamese/"):
        opened(folder)


def test_images_beside_class_folders_are_refused_with_an_example(class_folder, draw):
    folder = class_folder(cats=2)
    draw(9).save(folder / "loose.png")
    with pytest.raises(UserError, match=r"mixes layouts.*loose\.png"):
        opened(folder)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no images .* it is empty"):
        opened(tmp_path)


def test_a_folder_without_images_is_refused_with_its_content(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UserError, match=r"notes\.txt"):
        opened(tmp_path)


def test_a_single_image_is_refused(class_folder):
    with pytest.raises(UserError, match="1 usable image; at least two"):
        opened(class_folder(cats=1))


def test_an_empty_class_folder_is_no_class_and_is_reported(class_folder):
    folder = class_folder(cats=3, dogs=2)
    (folder / "birds").mkdir()
    prepared = opened(folder)
    assert prepared.classes == ("cats", "dogs")
    assert [item.name for item in prepared.manifest.absent_classes] == ["birds"]


def test_a_class_folder_of_other_files_is_reported_with_one_of_them(class_folder):
    folder = class_folder(cats=3)
    (folder / "films").mkdir()
    (folder / "films" / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (absent,) = opened(folder).manifest.absent_classes
    assert (absent.name, absent.reason) == ("films", "its 1 files are no images, such as a.mp4")


def test_a_class_without_usable_images_is_no_class_and_is_reported(class_folder):
    folder = class_folder(birds=1, cats=20)
    (folder / "birds" / "0.png").write_bytes(b"no")
    prepared = opened(folder)
    assert prepared.classes == ("cats",)
    assert (prepared.labels == 0).all()
    (absent,) = prepared.manifest.absent_classes
    assert absent.name == "birds"
    assert absent.reason.startswith("none of its 1 images can be used: this is not a format")


def test_a_class_too_small_to_hold_any_out_is_named(class_folder):
    prepared = opened(class_folder(cats=20, dogs=9))
    assert prepared.manifest.small_classes == ("dogs",)


def test_corrupt_images_are_counted_and_named_with_their_reasons(class_folder):
    folder = class_folder(cats=30)
    good = (folder / "cats" / "0.png").read_bytes()
    (folder / "cats" / "empty.png").write_bytes(b"")
    (folder / "cats" / "cut.png").write_bytes(good[:-20])
    (folder / "cats" / "old.eps").write_bytes(b"%!PS-Adobe")
    prepared = opened(folder)
    assert len(prepared.pixels) == 30
    refused = {item.name: item.reason for item in prepared.manifest.refused}
    assert sorted(refused) == ["cats/cut.png", "cats/empty.png", "cats/old.eps"]
    assert "EPS" in refused["cats/old.eps"]


def test_images_behind_a_refused_one_keep_their_labels(class_folder):
    folder = class_folder(cats=20, dogs=20)
    (folder / "cats" / "00.png").write_bytes(b"no")
    prepared = opened(folder, size=20)
    names = [f"{class_name}/{name}" for class_name in ("cats", "dogs") for name in sorted(map(str, range(20)))]
    for index, name in enumerate(names):
        assert (prepared.pixels[index, 0] == np.asarray(Image.open(folder / f"{name}.png"))).all()
        assert prepared.classes[prepared.labels[index]] == name.split("/")[0]


def test_more_than_a_tenth_refused_stops_with_the_list_unless_accepted(class_folder, said):
    folder = class_folder(cats=17)
    for index in range(2):
        (folder / "cats" / f"bad{index}.png").write_bytes(b"no")
    with pytest.raises(UserError, match="2 of 19 images cannot be used"):
        opened(folder)
    assert [line for line in said if "bad0.png" in line]
    assert [line for line in said if "bad1.png" in line]
    assert len(opened(folder, accept_refused=True).pixels) == 17
    with pytest.raises(UserError, match="2 of 19 images cannot be used"):
        opened(folder)


def test_a_wrong_extension_does_not_matter(class_folder, draw):
    folder = class_folder(cats=5)
    draw(50).save(folder / "cats" / "5.jpg", format="PNG")
    draw(51).save(folder / "cats" / "noname", format="PNG")
    for seed, name in enumerate(("6.jpg?w=640", "7.PNG ", "8.dat", "9.jpg.txt", "10.1"), 52):
        draw(seed).save(folder / "cats" / name, format="GIF")
    prepared = opened(folder)
    assert len(prepared.pixels) == 12
    assert prepared.manifest.ignored == ()


@pytest.mark.parametrize("name", ["notes.txt", "labels.json", "x.dat", "noname", "y.jpg?w=640"])
def test_a_file_that_begins_as_no_image_and_has_no_suffix_of_one_is_not_read(class_folder, name):
    folder = class_folder(cats=5)
    (folder / "cats" / name).write_bytes(b"BMW, P5 and <?xml?> are no images" * 9)
    manifest = opened(folder).manifest
    assert manifest.ignored == (f"cats/{name}",)
    assert manifest.refused == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.heic", b"\0\0\0\x18ftypheic" + bytes(99)),
        ("b", b"\0\0\0\x18ftypheix" + bytes(99)),
        ("c.dat", b"8BPS" + bytes(99)),
        ("d.svg", b"<svg/>"),
        ("e.unknown", b"<?xml version='1.0'?><svg/>"),
    ],
)
def test_images_of_a_format_that_is_not_read_count_in_the_tenth_that_stops(class_folder, name, content):
    folder = class_folder(cats=8)
    (folder / "cats" / name).write_bytes(content)
    with pytest.raises(UserError, match="1 of 9 images cannot be used"):
        opened(folder)


def test_the_small_preview_in_a_raw_file_is_not_taken_for_the_photo(class_folder, draw):
    folder = class_folder(cats=20)
    draw(99).save(folder / "cats" / "photo.NEF", format="TIFF")
    prepared = opened(folder)
    assert len(prepared.pixels) == 20
    (refused,) = prepared.manifest.refused
    assert (refused.name, "export it as JPEG" in refused.reason) == ("cats/photo.NEF", True)


def test_files_that_are_no_images_are_listed_and_not_refused(class_folder):
    folder = class_folder(cats=5)
    (folder / "README.md").write_text("hello")
    (folder / "cats" / "notes.txt").write_text("hello")
    manifest = opened(folder).manifest
    assert manifest.ignored == ("README.md", "cats/notes.txt")
    assert manifest.refused == ()


@pytest.mark.parametrize(
    "name",
    ["@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", ".Spotlight-V100", "__MACOSX", ".ipynb_checkpoints", ".git",
     "System Volume Information", "@Recycle", ".Trash-1000", "__pycache__"],
)  # fmt: skip
def test_folders_of_systems_are_no_classes_and_are_counted(class_folder, draw, name):
    folder = class_folder(cats=5, dogs=5)
    for parent in (folder, folder / "cats"):
        (parent / name).mkdir()
        draw(9).save(parent / name / "thumbnail.jpg")
    prepared = opened(folder)
    assert prepared.classes == ("cats", "dogs")
    assert len(prepared.pixels) == 10
    assert prepared.manifest.skipped == {f"{name}/": 2}


def test_files_of_systems_are_counted_by_name(class_folder):
    folder = class_folder(cats=5)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._0.png", "._1.png", "cats/.DS_Store", "cats/._0.png"):
        (folder / name).write_bytes(b"\0")
    manifest = opened(folder).manifest
    assert manifest.skipped == {"Thumbs.db": 1, "desktop.ini": 1, ".DS_Store": 2, "._*": 3}
    assert (manifest.ignored, manifest.refused) == ((), ())


def test_links_that_lead_nowhere_in_a_circle_or_back_are_refused_by_name(class_folder):
    folder = class_folder(cats=30)
    (folder / "cats" / "dead.png").symlink_to("nowhere.png")
    (folder / "cats" / "circle.png").symlink_to("circle.png")
    (folder / "back").symlink_to(folder, target_is_directory=True)
    refused = {item.name for item in opened(folder).manifest.refused}
    assert refused == {"cats/dead.png", "cats/circle.png", "back"}


def test_links_to_images_and_folders_are_followed(class_folder, tmp_path):
    folder = class_folder(cats=3)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "cats").symlink_to(folder / "cats", target_is_directory=True)
    assert len(opened(linked).pixels) == 3


def test_a_pipe_among_the_images_is_refused_and_not_waited_for(class_folder):
    folder = class_folder(cats=15)
    os.mkfifo(folder / "cats" / "pipe.png")
    assert [item.name for item in opened(folder).manifest.refused] == ["cats/pipe.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_image_without_read_permission_is_refused_by_name(class_folder):
    folder = class_folder(cats=15)
    (folder / "cats" / "3.png").chmod(0)
    refused = opened(folder).manifest.refused
    assert [item.name for item in refused] == ["cats/3.png"]


def test_an_image_that_vanishes_before_it_is_read_is_refused_by_name(class_folder):
    from ganvas.data.sources.contents import ImageFiles
    from ganvas.images import RefusedImageError

    folder = class_folder(cats=2)
    with pytest.raises(RefusedImageError, match="cannot be read"):
        ImageFiles(folder, ["cats/gone.png"]).encoded(0)


def test_a_large_file_is_read_whole(tmp_path):
    from ganvas.data.sources.contents import ImageFiles

    data = os.urandom(2**20 + 12345)
    (tmp_path / "large").write_bytes(data)
    assert ImageFiles(tmp_path, ["large"]).encoded(0) == data


def test_a_file_beyond_the_bound_is_refused_before_it_is_read(tmp_path):
    from ganvas.data.sources.contents import ImageFiles
    from ganvas.images import RefusedImageError

    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)  # takes no disk; read whole it would take a terabyte
    with pytest.raises(RefusedImageError, match="more than 256 MiB"):
        ImageFiles(tmp_path, ["huge"]).encoded(0)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>"[:20], "‮evil", "日本 猫", "-rf", "a\nb", "x..cats", "$(x)"]
)
def test_a_class_may_have_any_name(class_folder, name):
    name = name.replace("/", "_")
    prepared = opened(class_folder(**{name: 3, "dogs": 3}))
    assert len(prepared.classes) == 2
    assert all(text.isprintable() for text in prepared.classes)
    assert all("\n" not in text for text in prepared.classes)


def test_a_folder_whose_name_is_not_utf8_is_read(tmp_path, draw):
    folder = tmp_path / "pets" / os.fsdecode(b"c\xffts")
    folder.mkdir(parents=True)
    for index in range(12):
        draw(index).save(folder / f"{index}.png")
    prepared = opened(tmp_path / "pets")
    assert prepared.classes == ("c\N{REPLACEMENT CHARACTER}ts",)
    assert len(prepared.pixels) == 12
