import logging

import numpy as np
import pytest
from PIL import Image

from ganvas.report import canvas, charts


def pixels_of(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def share_near(path, colour):
    """The share of an image's pixels that have nearly a colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return float((np.abs(pixels_of(path) - wanted).max(axis=2) < 12).mean())


def gan_log(count):
    random = np.random.default_rng(0)
    keys = ("loss_d", "loss_g", "score_real", "score_fake", "grad_d", "grad_g")
    return [{"step": i, "images": 64 * i} | {key: float(random.random()) for key in keys} for i in range(count)]


def classifier_log(count):
    return [{"images": 64 * i, "loss": 1 / (i + 1), "accuracy": i / count, "grad": 1.0} for i in range(count)]


CHARTS = {  # each chart of a run, and the colours of its curves
    "losses.png": (canvas.BLUE, canvas.ORANGE),
    "scores.png": (canvas.GREEN, canvas.PLUM),
    "gradients.png": (canvas.BLUE, canvas.ORANGE),
}


def test_each_chart_of_a_gan_shows_two_curves(tmp_path):
    charts.training(gan_log(300), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(CHARTS)
    for name, colours in CHARTS.items():
        assert all(share_near(tmp_path / name, colour) > 0.001 for colour in colours)


def test_each_chart_of_a_classifier_shows_one_curve(tmp_path):
    charts.training(classifier_log(300), tmp_path)
    for name, (colour, other) in CHARTS.items():
        assert share_near(tmp_path / name, colour) > 0.001
        assert share_near(tmp_path / name, other) == 0


@pytest.mark.parametrize(
    "records",
    [
        [],
        gan_log(1),
        [{"images": 64, "loss_d": np.nan, "grad_d": 0.0, "score_real": np.inf}],
        [{"images": 64 * i, "loss_d": 1.0, "grad_d": 0.0, "score_real": -1e30} for i in range(50)],
        [{"images": 64 * i, "loss_d": np.nan if i == 20 else 1e30, "grad_d": 1e-30} for i in range(50)],
    ],
)
def test_extreme_values_are_charted_without_a_warning(tmp_path, records):
    charts.training(records, tmp_path)
    for name in CHARTS:
        assert pixels_of(tmp_path / name).shape == (660, 1200, 3)


def test_a_long_log_is_drawn_with_few_points(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    points = []
    plot = Axes.plot
    monkeypatch.setattr(Axes, "plot", lambda self, x, y, **style: points.append(len(x)) or plot(self, x, y, **style))
    charts.training(gan_log(1) * 50_000, tmp_path)
    assert max(points) <= 1600


def test_a_chart_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    (tmp_path / "losses.png").write_bytes(b"old")

    def full(self, path, **how):
        path.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="disk full"):
        charts.training(gan_log(3), tmp_path)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("losses.png", b"old")]


def test_equal_records_give_equal_bytes_and_missing_folders_are_made(tmp_path):
    charts.training(gan_log(30), tmp_path / "a" / "b")
    charts.training(gan_log(30), tmp_path)
    for name in CHARTS:
        assert (tmp_path / "a" / "b" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_figures_leave_no_style_behind(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    charts.training(gan_log(3), tmp_path)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    ("shape", "image"),
    [
        ((1, 1, 3, 3), None),
        ((10, 1, 5, 5), None),
        ((256, 3, 8, 8), None),
        ((20, 11, 5, 5), (1, 28, 28)),
        ((20, 13, 5, 5), (3, 28, 28)),
        ((200, 794), (1, 28, 28)),
        ((70, 3 * 16 * 16), (3, 16, 16)),
    ],
)
def test_kernels_of_every_first_layer_are_drawn(tmp_path, shape, image):
    weight = np.random.default_rng(0).normal(size=shape)
    charts.draw_kernels(weight, tmp_path / "kernels.png", "D", image)
    assert len(np.unique(pixels_of(tmp_path / "kernels.png").reshape(-1, 3), axis=0)) > 10


def test_kernels_of_zeros_are_white_and_others_blue_and_orange(tmp_path):
    weight = np.zeros((2, 1, 2, 2))
    charts.draw_kernels(weight, tmp_path / "nothing.png", "")
    weight[:, 0, 0, 0], weight[:, 0, 1, 1] = -1, 1
    charts.draw_kernels(weight, tmp_path / "something.png", "")
    for colour in ("#143a66", "#7a3409"):
        assert share_near(tmp_path / "nothing.png", colour) < 0.005  # the colour scale alone
        assert share_near(tmp_path / "something.png", colour) > 0.05


def test_feature_maps_show_the_image_beside_the_strongest_maps(tmp_path):
    image = np.full((3, 8, 8), 0, np.uint8)
    image[1] = 255
    maps = {"low $x$": np.zeros((40, 8, 8)), "high\n": np.full((3, 2, 2), np.nan)}
    maps["low $x$"][17, 4, 4] = 1
    charts.draw_feature_maps(maps, image, tmp_path / "maps.png")
    assert share_near(tmp_path / "maps.png", "#00ff00") > 0.05
    assert share_near(tmp_path / "maps.png", "#fff2d0") > 0  # the one map with something in it was chosen


@pytest.mark.parametrize("count", [2, 10, 100])
def test_a_confusion_matrix_shows_hits_in_blue_and_mistakes_in_orange(tmp_path, count):
    charts.draw_confusion(np.eye(count, dtype=np.int64) * 7, [f"${i}" for i in range(count)], tmp_path / "right.png")
    charts.draw_confusion(np.full((count, count), 7), ["a\n"] * count, tmp_path / "guessed.png")
    assert share_near(tmp_path / "right.png", canvas.BLUE) > 0.2 / count
    assert (
        pixels_of(tmp_path / "guessed.png").mean(axis=(0, 1))[2]
        < pixels_of(tmp_path / "right.png").mean(axis=(0, 1))[2]
    )


def test_a_confusion_matrix_of_no_images_is_drawn(tmp_path):
    charts.draw_confusion(np.zeros((3, 3), np.int64), ["a", "b", "c"], tmp_path / "none.png")
    assert (tmp_path / "none.png").exists()


def test_each_image_of_a_class_grid_keeps_its_pixels_beside_its_class(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 16, 16), dtype=np.uint8)
    labels = np.array([1, 0, 1, 0, 1, 0])
    charts.draw_class_grid(pixels, labels, ("night", "day"), tmp_path / "grid.png")
    sheet = pixels_of(tmp_path / "grid.png")
    assert sheet.shape[0] == 2 * (64 + 4) + 4
    left = sheet.shape[1] - (3 * (64 + 4) + 4)
    assert left > 20  # room for the longer name
    for row, members in enumerate(([1, 3, 5], [0, 2, 4])):
        for column, index in enumerate(members):
            top, start = 4 + row * 68, left + 4 + column * 68
            shown = sheet[top : top + 64, start : start + 64].transpose(2, 0, 1)
            assert np.array_equal(shown, pixels[index].repeat(4, 1).repeat(4, 2))


@pytest.mark.parametrize("count", [1, 7, 29, 45])
def test_a_sheet_without_labels_is_as_large_as_its_images(tmp_path, count):
    pixels = np.zeros((count, 1, 17, 17), np.uint8)
    charts.draw_class_grid(pixels, None, (), tmp_path / "grid.png")
    columns, rows = (count, 1) if count <= 20 else (20, -(-count // 20))
    assert pixels_of(tmp_path / "grid.png").shape == (rows * 72 + 4, columns * 72 + 4, 3)


def test_hostile_class_names_are_drawn_without_warnings_or_output(tmp_path, caplog, capsys):
    names = ("$x^2$ $", "고양이", "long " * 50, "a\nb\x1b[31m", "<b>", "😀", "_hidden", "\\frac{", "x\udc80", "$")
    pixels = np.zeros((10, 1, 16, 16), np.uint8)
    with caplog.at_level(logging.DEBUG, "ganvas"):
        charts.draw_class_grid(pixels, np.arange(10), names, tmp_path / "grid.png")
        charts.draw_confusion(np.eye(10, dtype=np.int64), names, tmp_path / "confusion.png")
    assert capsys.readouterr() == ("", "")
    assert caplog.records == []


def test_a_dollar_in_a_name_is_drawn_as_a_dollar(tmp_path):
    pixels = np.zeros((1, 1, 16, 16), np.uint8)
    charts.draw_class_grid(pixels, np.array([0]), ("$x$",), tmp_path / "dollars.png")
    charts.draw_class_grid(pixels, np.array([0]), ("x",), tmp_path / "plain.png")
    assert pixels_of(tmp_path / "dollars.png").shape[1] > pixels_of(tmp_path / "plain.png").shape[1]


def test_a_single_record_is_a_visible_dot(tmp_path):
    charts.training([{"images": 16, "loss_d": 1.0, "score_real": 0.7, "grad_d": 1.0}], tmp_path)
    for name, (colour, _) in CHARTS.items():
        pixels = pixels_of(tmp_path / name)
        without_label = pixels[:, : int(0.8 * pixels.shape[1])]
        wanted = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])
        assert (np.abs(without_label - wanted).sum(axis=2) < 12).sum() > 20


def test_scores_during_training_are_charted_where_the_log_has_them(tmp_path):
    log = gan_log(4)
    charts.training(log, tmp_path)
    assert not {"fcd.png", "labels.png"} & {path.name for path in tmp_path.iterdir()}
    charts.training([*log, {"images": 320, "fcd": 9.0, "label_accuracy": 0.5}], tmp_path)
    assert {"fcd.png", "labels.png"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(("count", "is_smoothed"), [(1, False), (20, False), (300, True)])
def test_the_note_mentions_thin_lines_where_there_are_any(tmp_path, monkeypatch, count, is_smoothed):
    notes = []
    original = canvas.title
    monkeypatch.setattr(canvas, "title", lambda axes, title, note: notes.append(note) or original(axes, title, note))
    charts.training(gan_log(count), tmp_path)
    assert [("thin" in note) for note in notes] == [is_smoothed] * 3
