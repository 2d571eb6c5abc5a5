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


@pytest.mark.parametrize("held_name", ["test", "val", "valid"])
def test_train_and_a_held_out_folder_are_splits_and_not_classes(class_folder, draw, held_name):
    folder = class_folder(train=0)
    for split, first, count in (("train", 0, 6), (held_name, 50, 3)):
        for class_name in ("cats", "dogs"):
            (folder / split / class_name).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                seed = first + index + 100 * (class_name == "dogs")
                draw(seed).save(folder / split / class_name / f"{index}.png")
    prepared = opened(folder)
    assert prepared.classes == ("cats", "dogs")
    assert (len(prepared.train), len(prepared.held_out)) == (12, 6)
    assert prepared.manifest.own_split


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
    assert any("birds" in note for note in prepared.manifest.notes)


def test_a_class_without_usable_images_is_no_class_and_is_reported(class_folder):
    folder = class_folder(birds=1, cats=20)
    (folder / "birds" / "0.png").write_bytes(b"no")
    prepared = opened(folder)
    assert prepared.classes == ("cats",)
    assert (prepared.labels == 0).all()
    assert any("birds" in note for note in prepared.manifest.notes)


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
    assert len(opened(folder).pixels) == 7


def test_files_that_are_no_images_are_listed_and_not_refused(class_folder):
    folder = class_folder(cats=5)
    (folder / "README.md").write_text("hello")
    (folder / "cats" / "notes.txt").write_text("hello")
    (folder / "cats" / ".DS_Store").write_text("hello")
    manifest = opened(folder).manifest
    assert manifest.ignored == ("README.md", "cats/notes.txt")
    assert manifest.refused == ()


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
