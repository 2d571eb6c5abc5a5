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
    assert opened(tmp_path).size == (expected, expected)


def test_the_size_is_that_of_all_images_and_not_of_the_sample(tmp_path, draw, monkeypatch):
    from ganvas.data import prepare

    monkeypatch.setattr(prepare, "guess_stats", lambda contents: ImageStats(sizes=Counter({(50, 50): 1})))
    for index in range(5):
        draw(index, (20, 20), "RGB").save(tmp_path / f"{index}.png")
    prepared = opened(tmp_path)
    assert (prepared.size, prepared.channels) == ((20, 20), 3)


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
    assert (opened(tmp_path, channels=3).pixels == 255).all()
    assert (opened(tmp_path, channels=3, background="black").pixels == 0).all()


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


def masks(folder, highest=1, dtype=np.uint8, form="png"):
    """Images of levels 0..highest, no two alike."""
    folder.mkdir()
    for seed in range(8):
        blocks = np.random.default_rng(seed).integers(0, 2, (4, 4)).repeat(5, 0).repeat(5, 1) * highest
        Image.fromarray(blocks.astype(dtype)).save(folder / f"{seed}.{form}")
    return folder


@pytest.mark.parametrize(
    ("highest", "dtype", "form", "said"),
    [
        (1, np.uint8, "png", "0..1 of 0..255"),
        (16, np.uint8, "png", "0..16 of 0..255"),
        (4095, np.uint16, "png", "0..4095 of 0..65535"),
        (16, np.float32, "tif", "0..16 of 0..255"),
        (0.125, np.float32, "tif", "0..0.125 of 0..1"),
    ],
)
def test_a_nearly_black_set_is_named_with_its_levels_and_stretching_shows_it(
    tmp_path, capsys, highest, dtype, form, said
):
    folder = masks(tmp_path / "masks", highest, dtype, form)
    dark = opened(folder)
    warning = f"the images of masks are nearly black, levels {said}: --stretch maps their own range to 0..255"
    assert warning in capsys.readouterr().err
    assert dark.manifest.darkness == warning
    assert dark.pixels.max() <= 32
    bright = opened(folder, stretch=True)
    assert np.unique(bright.pixels).tolist() == [0, 255]
    assert ((bright.pixels == 255) == (dark.pixels > 0)).all()
    assert str(bright.manifest.levels[0]) == said
    assert bright.manifest.stretched
    assert bright.manifest.darkness == ""
    assert "nearly black" not in capsys.readouterr().err


def test_the_warning_is_repeated_when_the_set_comes_from_the_cache(tmp_path, capsys):
    folder = masks(tmp_path / "masks")
    opened(folder)
    capsys.readouterr()
    opened(folder)
    assert capsys.readouterr().err.count("nearly black") == 1


def test_one_range_holds_for_every_image_of_a_set(tmp_path):
    folder = masks(tmp_path / "masks", 4)
    Image.fromarray(np.full((20, 20), 2, np.uint8)).save(folder / "middle.png")
    prepared = opened(folder, stretch=True)
    assert np.unique(prepared.pixels[-1]).tolist() == [128]  # half of 0..4


def test_the_levels_of_an_ordinary_set_are_reported_without_a_warning(class_folder, capsys):
    prepared = opened(class_folder(cats=8))
    (found,) = prepared.manifest.levels
    assert (found.black, found.white) == (0, 255)
    assert found.highest > 100
    assert "black" not in capsys.readouterr().err


def test_processes_agree_on_the_levels(tmp_path):
    folder = masks(tmp_path / "masks", 9)
    assert opened(folder, processes=2, stretch=True).manifest.levels == opened(folder).manifest.levels


def test_floats_of_no_known_range_are_refused_in_a_sentence_and_can_be_stretched(tmp_path):
    folder = masks(tmp_path / "masks", -1000, np.float32, "tif")
    with pytest.raises(UserError, match=r"levels of the images, -1000\.\.0, .*--stretch"):
        opened(folder)
    assert np.unique(opened(folder, stretch=True).pixels).tolist() == [0, 255]
