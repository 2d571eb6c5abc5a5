import os
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from ganvas.data import DataConfig, open_source
from ganvas.data.decode import ImageStats
from ganvas.errors import UserError


def opened(folder, processes=None, **choices):
    return open_source(str(folder), DataConfig(**choices), processes=processes)


@pytest.mark.parametrize("size", [16, 17, 28, 45, 127, 128])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_any_square_size_is_prepared_without_padding(class_folder, size, mode):
    prepared = opened(class_folder(size=(40, 30), mode=mode, cats=4), size=size)
    assert prepared.pixels.shape == (4, len(mode), size, size)
    assert prepared.pixels.dtype == np.uint8


@pytest.mark.parametrize(("sides", "expected"), [((20, 24, 30), 24), ((20, 24), 20), ((200, 300), 64), ((8, 9), 16)])
def test_the_size_is_the_median_short_side_from_16_to_64(tmp_path, draw, sides, expected):
    for side in sides:
        draw(side, (side, side + 7)).save(tmp_path / f"{side}.png")
    assert opened(tmp_path).size == expected


def test_the_size_is_that_of_all_images_and_not_of_the_sample(tmp_path, draw, monkeypatch):
    from ganvas.data import prepare

    monkeypatch.setattr(prepare, "_sample", lambda contents: ImageStats(sizes=Counter({(50, 50): 1})))
    for index in range(5):
        draw(index, (20, 20), "RGB").save(tmp_path / f"{index}.png")
    prepared = opened(tmp_path)
    assert (prepared.size, prepared.channels) == (20, 3)


def test_a_crop_is_cut_from_the_centre_and_not_resized(tmp_path):
    for seed in range(2):
        noise = np.random.default_rng(seed).integers(0, 256, (218, 178, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{seed}.png")
    prepared = opened(tmp_path, crop=128)
    assert (prepared.pixels[1] == noise.transpose(2, 0, 1)[:, 45:173, 25:153]).all()


def test_a_crop_larger_than_the_image_is_its_largest_square(class_folder):
    folder = class_folder(size=(30, 20), cats=2)
    whole = opened(folder, size=20)
    assert (opened(folder, crop=100, size=20).pixels == whole.pixels).all()


def test_images_smaller_than_the_size_are_enlarged_and_counted(class_folder):
    assert opened(class_folder(cats=3), size=40).manifest.enlarged == 3


def test_grey_stays_grey_and_channels_overrule(class_folder):
    folder = class_folder(cats=4)
    grey, forced = opened(folder), opened(folder, channels=3)
    assert (grey.channels, forced.channels) == (1, 3)
    assert (forced.pixels == grey.pixels).all()


def test_one_coloured_image_makes_a_set_coloured(class_folder, draw):
    folder = class_folder(cats=4)
    draw(99, mode="RGB").save(folder / "cats" / "x.png")
    assert opened(folder).channels == 3
    assert opened(folder, channels=1).channels == 1


def test_transparent_images_are_composited_over_the_chosen_background(tmp_path):
    for index in range(2):
        Image.new("RGBA", (20, 20), (9, 9, index, 0)).save(tmp_path / f"{index}.png")
    assert (opened(tmp_path).pixels == 255).all()
    assert (opened(tmp_path, background="black").pixels == 0).all()


def test_two_processes_prepare_the_same_as_one(class_folder, cache, monkeypatch):
    folder = class_folder(cats=40, dogs=40)
    (folder / "dogs" / "11.png").write_bytes(b"no")
    one = opened(folder, processes=1)
    monkeypatch.setenv("GANVAS_CACHE", str(cache / "other"))
    two = opened(folder, processes=2)
    assert one.folder != two.folder
    assert one.fingerprint == two.fingerprint
    assert (one.pixels == two.pixels).all()
    assert one.manifest == two.manifest


def _die(task):
    os.kill(os.getpid(), 9)


def test_a_killed_process_ends_preparing_with_one_sentence(class_folder, monkeypatch, cache):
    from ganvas.data import prepare

    monkeypatch.setattr(prepare, "decode_chunk", _die)
    with pytest.raises(UserError, match="was killed"):
        opened(class_folder(cats=40), processes=2)
    assert not list((cache / "prepared").glob("*/pixels.npy"))


def test_the_fingerprint_is_of_the_images_and_not_of_their_place_or_time(class_folder):
    first, second = class_folder("a", cats=12), class_folder("b", cats=12)
    os.utime(second / "cats" / "3.png", (1, 1))
    a, b = opened(first), opened(second)
    assert a.folder != b.folder
    assert a.fingerprint == b.fingerprint


def test_another_pixel_label_or_class_name_is_another_fingerprint(class_folder, draw):
    prints = {opened(class_folder("a", cats=6, dogs=6)).fingerprint}
    prints.add(opened(class_folder("b", cats=5, dogs=7)).fingerprint)
    prints.add(opened(class_folder("c", cats=6, cows=6)).fingerprint)
    changed = class_folder("d", cats=6, dogs=6)
    image = Image.open(changed / "cats" / "0.png")
    image.load()
    image.putpixel((3, 3), 255 - image.getpixel((3, 3)))
    image.save(changed / "cats" / "0.png")
    prints.add(opened(changed).fingerprint)
    assert len(prints) == 4


def test_a_manifest_stays_short_when_every_image_has_another_size(tmp_path, draw):
    for side in range(110):
        draw(side, (20 + side, 20)).save(tmp_path / f"{side}.png")
    sizes = opened(tmp_path).manifest.sizes
    assert len(sizes) == 101
    assert sizes["other sizes"] == 10


def test_nothing_is_written_into_the_source(class_folder):
    folder = class_folder(cats=5)
    before = sorted(folder.rglob("*"))
    opened(folder)
    assert sorted(folder.rglob("*")) == before
