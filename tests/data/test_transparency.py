"""Sets of transparent images: when they keep their alpha, from files and from arrays, and what copies are."""

import io

import numpy as np
import pytest
from PIL import Image

from ganvas import alpha
from ganvas.data import DataConfig, duplicates, open_source
from ganvas.data.report import brief_lines, report_lines


def opened(folder, **choices):
    return open_source(str(folder), DataConfig(**choices), processes=1)


def icon(seed, opaque=False, mode="RGBA", size=(20, 20)):
    """A soft coloured disc, somewhere, on nothing or on a ground of noise that nobody sees."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[1], : size[0]]
    y, x, radius = random.uniform(5, 14), random.uniform(5, 14), random.uniform(3, 7)
    opacity = np.clip(radius + 1 - np.hypot(rows - y, columns - x), 0, 1) * 255
    pixels = random.integers(0, 256, (size[1], size[0], 4), np.uint8)
    pixels[opacity > 0, :3] = random.integers(0, 256, 3)
    pixels[..., 3] = 255 if opaque else opacity
    image = Image.fromarray(pixels)
    return image if mode == "RGBA" else image.convert(mode)


@pytest.fixture
def icons(tmp_path):
    """icons(see_through=8, opaque=2) -> a folder of so many."""

    def make(see_through=8, opaque=0, mode="RGBA"):
        folder = tmp_path / "icons"
        folder.mkdir()
        for seed in range(see_through + opaque):
            icon(seed, seed >= see_through, mode).save(folder / f"{seed:02}.png")
        return folder

    return make


@pytest.mark.parametrize(("see_through", "opaque", "channels"), [(8, 0, 4), (5, 4, 4), (4, 4, 3), (1, 9, 3), (0, 4, 3)])
def test_most_images_decide_whether_alpha_is_kept(icons, see_through, opaque, channels):
    prepared = opened(icons(see_through, opaque))
    assert prepared.channels == channels
    assert prepared.manifest.transparent == see_through
    assert prepared.manifest.background == (None if channels == 4 else "white")


def test_grey_icons_are_kept_transparent_too(icons):
    prepared = opened(icons(mode="LA"))
    assert prepared.channels == 4
    assert (prepared.pixels[:, 0] == prepared.pixels[:, 1]).all()


def test_the_guess_of_a_few_is_corrected_by_all(icons, monkeypatch):
    from ganvas.data import plan

    monkeypatch.setattr(plan, "MOST_LOOKED_AT", 1)
    folder = icons(1, 9)  # the first is transparent
    assert opened(folder).channels == 3


def test_a_pixel_in_files_is_premultiplied_in_the_set(icons):
    folder = icons()
    prepared = opened(folder)
    straight = np.asarray(Image.open(folder / "03.png")).transpose(2, 0, 1)
    assert (prepared.pixels[3] == alpha.premultiply(straight)).all()
    assert (prepared.pixels[:, :3].max(axis=1) <= prepared.pixels[:, 3]).all()


def test_hidden_colour_changes_nothing(icons):
    folder = icons()
    before = opened(folder)
    for path in folder.glob("*.png"):
        pixels = np.asarray(Image.open(path)).copy()
        pixels[pixels[..., 3] == 0, :3] = 77
        Image.fromarray(pixels).save(path)
    assert opened(folder).fingerprint == before.fingerprint


def test_of_a_resized_edge_no_hidden_colour_is_seen(tmp_path):
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[..., 0] = 255  # red, where nothing is
    pixels[10:30, 10:30] = (0, 0, 255, 255)
    for index in range(2):
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    assert not opened(tmp_path, size=17).pixels[:, 0].any()


@pytest.mark.parametrize("background", ["white", "black"])
def test_three_channels_lie_on_the_background_as_before_there_were_four(icons, background):
    folder = icons()
    prepared = opened(folder, channels=3, background=background)
    file = Image.open(folder / "02.png")
    ground = Image.new("RGB", file.size, background)
    composed = Image.composite(file.convert("RGB"), ground, file.getchannel("A"))
    assert (prepared.pixels[2] == np.asarray(composed).transpose(2, 0, 1)).all()


def test_what_has_no_alpha_is_opaque_where_four_channels_are_asked_for(class_folder):
    prepared = opened(class_folder(cats=3), channels=4)
    assert (prepared.pixels[:, 3] == 255).all()
    assert (prepared.pixels[:, 0] == opened(class_folder(name="same", cats=3)).pixels[:, 0]).all()


def test_a_palette_and_a_coloured_key_are_transparent(tmp_path):
    for seed in range(3):
        icon(seed).quantize(16).save(tmp_path / f"{seed}.png")
    icon(3, opaque=True).convert("RGB").save(tmp_path / "key.png", transparency=(1, 2, 3))
    prepared = opened(tmp_path)
    assert (prepared.channels, prepared.manifest.transparent) == (4, 3)
    assert prepared.pixels[0, 3].min() == 0


def test_the_report_says_what_became_of_transparency(icons):
    folder = icons(8, 1)
    lines = list(report_lines(opened(folder)))
    assert "images: 9 of 20x20 px, RGBA" in lines
    assert any(line.endswith("; transparency kept") for line in lines)
    assert any(line.startswith("transparent: 8 ") for line in lines)
    assert "RGBA" in brief_lines(opened(folder))[0]
    assert any(
        line.endswith("; transparent over black")
        for line in report_lines(opened(folder, channels=3, background="black"))
    )


def arrays(count=6):
    return np.stack([np.asarray(icon(seed)) for seed in range(count)])  # (N, H, W, 4)


@pytest.mark.parametrize("change", ["as it is", "channels first", "floats", "integers"])
def test_arrays_of_four_channels_are_the_files(icons, tmp_path, change):
    values = arrays(8)
    values = {
        "as it is": values,
        "channels first": values.transpose(0, 3, 1, 2),
        "floats": (values / 255).astype(np.float64),
        "integers": values.astype(np.int64),
    }[change]
    np.savez(tmp_path / "icons.npz", images=values)
    assert (opened(tmp_path / "icons.npz").pixels == opened(icons()).pixels).all()


def test_a_single_array_file_is_read_too_and_resized(tmp_path):
    np.save(tmp_path / "icons.npy", arrays())
    prepared = opened(tmp_path / "icons.npy", size="17x16")
    assert prepared.pixels.shape == (6, 4, 17, 16)
    assert (prepared.pixels[:, :3].max(axis=1) <= prepared.pixels[:, 3]).all()


def test_opaque_arrays_of_four_channels_become_three(tmp_path):
    values = arrays()
    values[..., 3] = 255
    np.savez(tmp_path / "icons.npz", images=values)
    prepared = opened(tmp_path / "icons.npz")
    assert prepared.channels == 3
    assert (prepared.pixels == values[..., :3].transpose(0, 3, 1, 2)).all()


def test_stretching_leaves_alpha_alone(tmp_path):
    values = arrays()
    values[..., :3] //= 4
    np.savez(tmp_path / "dark.npz", images=values)
    assert (opened(tmp_path / "dark.npz", stretch=True).pixels[:, 3] == values[..., 3]).all()


def test_processes_agree(icons):
    folder = icons()
    one = open_source(str(folder), DataConfig(), processes=1)
    two = open_source(str(folder), DataConfig(stretch=False, accept_refused=True, background="black"), processes=2)
    assert (one.pixels == two.pixels).all()


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_shapes_of_one_colour_on_nothing_are_told_apart_and_copies_are_found(tmp_path, shade):
    for seed in range(12):
        pixels = np.asarray(icon(seed)).copy()
        pixels[..., :3] = shade
        Image.fromarray(pixels).save(tmp_path / f"{seed:02}.png")
        if seed == 5:
            pixels[9:11, 9:11, 3] ^= 4
            Image.fromarray(pixels).save(tmp_path / "near.png")
    facts = opened(tmp_path).manifest
    assert facts.duplicates == 0
    assert facts.near_duplicate_examples == (("near.png", "05.png"),)


def test_the_brightness_of_black_white_and_grey_shapes_follows_their_alpha():
    opacity = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    for shade in (0, 128, 255):
        pixels = alpha.premultiply(np.concatenate([np.full((1, 3, 16, 16), shade, np.uint8), opacity], axis=1))
        levels = duplicates.brightness(pixels).reshape(-1).astype(int)
        assert (np.diff(levels) >= 0).all()
        assert levels[-1] - levels[0] >= 127


def test_what_a_picture_editor_writes_with_alpha_is_the_same_in_any_format(tmp_path):
    pixels = []
    for form in ("PNG", "WEBP", "TIFF"):
        folder = tmp_path / form
        folder.mkdir()
        for seed in range(3):
            file = io.BytesIO()
            icon(seed).save(file, form, **({"lossless": True, "exact": True} if form == "WEBP" else {}))
            (folder / f"{seed}.{form.lower()}").write_bytes(file.getvalue())
        pixels.append(opened(folder).pixels)
    assert (pixels[0] == pixels[1]).all()
    assert (pixels[0] == pixels[2]).all()
