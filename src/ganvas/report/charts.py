"""Charts and sheets of images. Each function writes one PNG, whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganvas.alpha import on_chequers
from ganvas.images import Pixels
from ganvas.report import canvas
from ganvas.report.canvas import BLUE, DPI, GREEN, INK, ORANGE, PAPER, PLUM
from ganvas.report.log import Floats, column, smoothed, thinned
from ganvas.sheets import enlarge, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Records = Sequence[Mapping[str, Any]]
Series = tuple[tuple[str, str, str], ...]  # (label, key in a record, colour)


def training(records: Records, folder: Path) -> None:
    """losses.png, scores.png and gradients.png in a folder: curves against images shown, of a GAN or a classifier.

    Also labels.png, auc.png, kid.png and fcd.png where the log has scores that were taken during training.
    """
    losses = (("discriminator", "loss_d", BLUE), ("generator", "loss_g", ORANGE), ("loss", "loss", BLUE))
    _chart(records, folder / "losses.png", "Loss", losses)
    scores = (("real", "score_real", GREEN), ("generated", "score_fake", PLUM), ("accuracy", "accuracy", GREEN))
    is_classifier = bool(records) and "accuracy" in records[-1]
    title = "Accuracy" if is_classifier else "Discriminator's output on real and generated images"
    _chart(records, folder / "scores.png", title, scores)
    gradients = (("discriminator", "grad_d", BLUE), ("generator", "grad_g", ORANGE), ("gradient", "grad", BLUE))
    _chart(records, folder / "gradients.png", "Gradient norm", gradients, logarithmic=True)
    for name, key, title, logarithmic in (
        ("labels", "label_accuracy", "Label accuracy during training", False),
        ("auc", "auc", "Distinguished from real images (AUC) during training", False),
        ("kid", "kid", "KID in label-free features during training", False),
        ("fcd", "fcd", "Fréchet distance (FCD) during training", True),
    ):
        if any(key in record for record in records):
            _chart(records, folder / f"{name}.png", title, ((name, key, ORANGE),), logarithmic=logarithmic)


def draw_kernels(weight: Floats, path: Path, title: str, image: tuple[int, int, int] | None = None) -> None:
    """The kernels of a first layer as images, the strongest 64 first.

    weight: (O, I, kH, kW), or (O, features) together with `image`.
    image: (C, H, W) of the layer's input; further inputs (labels joined to the image) are left out.
    """
    count = len(weight)
    if weight.ndim == 2:
        assert image is not None, "a linear layer needs the shape of its images"
        weight = weight[:, : int(np.prod(image))].reshape(count, *image)
    channels = min(image[0], 3) if image else (3 if weight.shape[1] == 3 else 1)  # colour, without its alpha
    weight = np.nan_to_num(weight[:, :channels].astype(np.float64))
    strongest = np.argsort(-np.square(weight).sum(axis=(1, 2, 3)), kind="stable")[:64]
    limit = float(np.quantile(np.abs(weight[strongest]), 0.995)) or 1.0
    shares = (np.clip(weight[strongest] / limit, -1, 1) + 1) / 2  # (N, C, kH, kW) in 0..1, 0.5 for a weight of 0
    colour_map = canvas.colour_map(canvas.DIVERGING)
    if channels == 1:
        shares = colour_map(shares[:, 0])[..., :3].transpose(0, 3, 1, 2)
    tiles = enlarge((255 * shares).round().astype(np.uint8), 48)
    rows = -(-len(tiles) // (16 if len(tiles) > 32 else 8))
    columns = -(-len(tiles) // rows)
    sheet = grid(tiles, columns, gap=3, background=227)
    note = f"{len(tiles)} of {count}, the strongest first" if count > len(tiles) else f"{count}, the strongest first"
    width = 7.0 * min(1.0, columns / 8)
    height = width * sheet.shape[1] / sheet.shape[2]
    with canvas.page(path, width + 1, height + 1, fitted=True) as figure:
        axes = canvas.axes_at(figure, 0, 0, width, height)
        scaled = axes.imshow([[0.0]], cmap=colour_map, vmin=-1, vmax=1)  # the scale of the colour bar
        axes.imshow(_channels_last(sheet), interpolation="nearest")
        canvas.bare(axes)
        canvas.title(axes, title, note)
        if channels == 1:
            bar = canvas.axes_at(figure, width + 0.2, 0, 0.14, min(height, 2.0))
            scale = figure.colorbar(scaled, cax=bar, ticks=[-1, 0, 1])
            scale.set_ticklabels([f"−{limit:.2g}", "0", f"{limit:.2g}"])
            scale.outline.set_visible(False)


def draw_feature_maps(maps: Mapping[str, Floats], image: Pixels, path: Path) -> None:
    """An image (C, H, W) uint8 beside its feature maps: a row per layer, its ten strongest maps.

    maps: layer name -> (C, H, W), from low to high.
    """
    assert maps, "no layer to show"
    most, colour_map, image = 10, canvas.colour_map(canvas.RISING), on_chequers(image)
    with canvas.page(path, 12.0, 1.25 * len(maps) + 0.9, fitted=True) as figure:
        table = figure.add_gridspec(
            len(maps), most + 4, width_ratios=[1, 1, 1, 0.25] + [1] * most, hspace=0.36, wspace=0.08
        )
        table.update(left=0.02, right=0.985, bottom=0.02, top=1 - 0.75 / figure.get_figheight())
        beside = figure.add_subplot(table[: min(3, len(maps)), :3], anchor="NW")
        beside.imshow(_channels_last(image), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        canvas.bare(beside)
        beside.set_title(f"the image, {image.shape[1]} × {image.shape[2]}", size=10, weight="normal", pad=4)
        for row, (name, layer) in enumerate(maps.items()):
            layer = np.nan_to_num(np.asarray(layer, dtype=np.float64))
            strongest = np.argsort(-layer.std(axis=(1, 2)), kind="stable")[:most]
            for column, index in enumerate(strongest):
                axes = figure.add_subplot(table[row, 4 + column], anchor="N")
                axes.imshow(layer[index], cmap=colour_map, interpolation="nearest")
                canvas.bare(axes)
                if column == 0:
                    size = f"{len(layer)} maps of {layer.shape[1]} × {layer.shape[2]}"
                    axes.set_title(f"{canvas.name(name, 40)}: {size}", size=10, weight="normal", pad=4)


def draw_confusion(matrix: NDArray[np.int64], classes: Sequence[str], path: Path, rows: str = "true class") -> None:
    """A confusion matrix (K, K) of 2 to 100 classes, true classes in rows: correct in blue, mistakes in orange."""
    count = len(classes)
    side = float(np.clip(0.5 * count, 3.6, 15.0))
    cell = 72 * side / count  # points
    letters, scale = float(np.clip(0.5 * cell, 5.0, 11.0)), max(1.0, side / 8)
    total, hits = int(matrix.sum()), int(np.trace(matrix))
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    names = [canvas.name(name, 16) for name in classes]
    with canvas.page(path, side + 1, side + 1, fitted=True) as figure:
        axes = canvas.axes_at(figure, 0, 0, side, side)
        axes.imshow(_confusion_colours(shares), interpolation="nearest")
        upright = max(map(len, names)) * 0.7 * letters < cell
        axes.set_xticks(range(count), names, rotation=0 if upright else 90, size=letters)
        axes.set_yticks(range(count), names, size=letters)
        axes.set_xlabel("prediction", size=11 * scale)
        axes.set_ylabel(rows, size=11 * scale)
        axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
        axes.grid(False)
        axes.grid(True, axis="both", which="minor", color="#ececf0", linewidth=1.0 if count <= 40 else 0.4)
        axes.spines[:].set_visible(False)
        if count <= 20:
            digits = len(str(matrix.max()))
            size = min(11.0, 1.2 * cell / max(2, digits))
            for row, column in np.argwhere(matrix > 0):
                ink = PAPER if row == column and shares[row, column] > 0.6 else INK
                axes.text(column, row, f"{matrix[row, column]}", ha="center", va="center", size=size, color=ink)
        heading = f"Accuracy {100 * hits / max(1, total):.2f} % on {total:,} images"
        canvas.title(axes, heading, _worst(matrix, names, room=int(12 * side / scale) - 12), scale)


def draw_spectra(generated: NDArray[np.floating[Any]], real: NDArray[np.floating[Any]], path: Path) -> None:
    """The power of generated and of real images at each frequency, (F,) each, from the whole image to every pixel."""
    frequencies = np.arange(1, len(real))
    with canvas.page(path, 8.0, 3.8) as figure:
        axes = figure.add_axes((0.085, 0.15, 0.73, 0.65))
        for values, label, colour in ((real, "real", GREEN), (generated, "generated", PLUM)):
            axes.plot(frequencies, np.maximum(values[1:], 1e-6), color=colour, linewidth=2.2, label=label)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(canvas.log_locator())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
        axes.yaxis.set_major_formatter(lambda value, _: canvas.count(value))
        axes.yaxis.set_minor_formatter(lambda value, _: "")
        axes.set_xlabel("waves across the shorter side of the image")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
        canvas.title(axes, "Power spectrum", "fine detail and grain are at the right")


def draw_class_grid(
    pixels: Pixels,
    labels: NDArray[np.int64] | None,
    classes: Sequence[str],
    path: Path,
    above: Sequence[str] = (),
) -> None:
    """Images (N, C, H, W) uint8: a row per class with its name at the left; without labels, the images alone.

    above: a name over each column.
    """
    groups = [("", pixels)]
    if labels is not None:
        groups = [(canvas.name(classes[k], 24), pixels[labels == k]) for k in np.unique(labels)]
    most = max((len(group) for _, group in groups), default=0)
    columns = len(above) or (most if most <= 20 else max(20, int(np.ceil(np.sqrt(len(pixels))))))
    gap = 4
    sheets = [(name, grid(enlarge(group, 64 if len(pixels) <= 1000 else 1), columns, gap)) for name, group in groups]
    width = max(sheet.shape[2] for _, sheet in sheets)
    height = sum(sheet.shape[1] - gap for _, sheet in sheets) + gap
    with canvas.page(path, width / DPI, height / DPI) as figure:
        names = [figure.text(0, 0, name, ha="right", va="center", size=11) for name, _ in sheets]
        margin = max(int(name.get_window_extent().width) for name in names)
        margin += 24 if margin else 0
        titles = [figure.text(0, 0, canvas.name(name, 24), ha="center", va="bottom", size=11) for name in above]
        cell = (width - gap) / max(1, columns)
        if any(title.get_window_extent().width > cell for title in titles):
            for title in titles:
                title.set_rotation(90)
        head = max((int(title.get_window_extent().height) + 16 for title in titles), default=0)
        # A quarter of a pixel more, since matplotlib rounds inches down to pixels.
        figure.set_size_inches((margin + width + 0.25) / DPI, (height + head + 0.25) / DPI)
        for column, title in enumerate(titles):
            across = margin + gap / 2 + (column + 0.5) * cell
            title.set_position((across / (margin + width), (height + 6) / (height + head)))
        below = height
        for text, (_, sheet) in zip(names, sheets, strict=True):
            below -= sheet.shape[1] - gap
            middle = (below + sheet.shape[1] / 2 - gap / 2) / (height + head)
            text.set_position(((margin - 12) / (margin + width), middle))
            figure.figimage(_rgb(sheet), margin, below - gap, origin="upper")


def _chart(records: Records, path: Path, title: str, series: Series, logarithmic: bool = False) -> None:
    """Each series against images shown: as logged (thin), and its running mean (thick) where it differs."""
    with canvas.page(path, 8.0, 4.4) as figure:
        axes = figure.add_axes((0.085, 0.13, 0.73, 0.69))
        columns = [(label, colour, *column(records, key)) for label, key, colour in series]
        columns = [entry for entry in columns if np.isfinite(entry[3]).any()]
        ends, is_smoothed = [], False
        for label, colour, x, y in columns:
            mean_x, mean_y = smoothed(x, y)
            finite = y[np.isfinite(y)]
            # The running mean of a short log is the log itself.
            if len(mean_y) < len(finite) or not np.allclose(mean_y, finite):
                is_smoothed = True
                axes.plot(*thinned(x, y), color=colour, alpha=0.22, linewidth=0.8)
            # A line of one value is invisible, so it is a dot.
            axes.plot(mean_x, mean_y, color=colour, linewidth=2.2, marker="o" if len(mean_x) == 1 else None)
            ends.append((float(mean_y[-1]), label, colour))
        _scale(axes, [y for _, _, _, y in columns], logarithmic)
        _end_labels(axes, ends)
        axes.margins(x=0)
        if max((len(x) for _, _, x, _ in columns), default=0) == 1:
            axes.set_xlim(0, max(1.0, 1.05 * float(columns[0][2][0])))
        axes.xaxis.set_major_formatter(lambda value, _: canvas.count(value))
        axes.set_xlabel("images shown in training")
        last = max((float(x[-1]) for _, _, x, _ in columns), default=0.0)
        note = f"{canvas.count(last)} images{'; thin: as logged, thick: running mean' if is_smoothed else ''}"
        canvas.title(axes, title, note if columns else "nothing logged yet")
        if not columns:
            canvas.bare(axes)


def _scale(axes: "Axes", values: list[Floats], logarithmic: bool) -> None:
    """Axis limits without the most extreme 0.2 % at either end, so that outliers do not flatten the rest."""
    finite = np.concatenate([y[np.isfinite(y)] for y in values]) if values else np.array([])
    if logarithmic:
        finite = finite[finite > 0]
    if not len(finite):
        return
    low, high = (float(edge) for edge in np.quantile(finite, [0.002, 0.998]))
    if logarithmic:
        axes.set_yscale("log")
        if high / low < 300:
            axes.yaxis.set_major_locator(canvas.log_locator())
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(lambda value, _: "")
        axes.set_ylim(low / 1.5, high * 1.5)
        return
    room = 0.06 * (high - low) or 0.1 * abs(high) or 0.1
    axes.set_ylim(low - room, high + room)


def _end_labels(axes: "Axes", ends: list[tuple[float, str, str]]) -> None:
    """Each line's name and last value beside its end, moved apart where they would touch."""
    heights = []  # of the axes, from 0 to 1
    for value, label, colour in ends:
        height = float(axes.transAxes.inverted().transform(axes.transData.transform((0, value)))[1])
        heights.append((float(np.clip(height, 0.0, 1.0)), value, label, colour))
    above = -1.0
    for height, value, label, colour in sorted(heights):
        above = max(height, above + 0.13)
        axes.text(1.015, above, label, transform=axes.transAxes, color=colour, weight="bold", va="bottom")
        axes.text(1.015, above, f"{value:.3g}", transform=axes.transAxes, color=colour, size=10, va="top")


def _confusion_colours(shares: Floats) -> Floats:
    """(K, K) shares of a row -> (K, K, 3): hits on one scale, mistakes on another that also shows rare ones."""
    mistakes = shares * (1 - np.eye(len(shares)))
    strength = np.sqrt(mistakes / (mistakes.max() or 1.0)) * 0.85
    hits = np.diag(shares) ** 2
    colours = 1 - strength[:, :, None] * (1 - canvas.colour(ORANGE))
    colours[np.diag_indices(len(shares))] = 1 - hits[:, None] * (1 - canvas.colour(BLUE))
    return np.asarray(colours)


def _worst(matrix: NDArray[np.int64], names: Sequence[str], room: int) -> str:
    """The three most frequent mistakes, or fewer if they need more than `room` characters."""
    mistakes = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:3]
    pairs = [(*divmod(int(index), len(matrix)), int(mistakes.flat[index])) for index in order]
    phrases = [f"{names[true]} taken for {names[predicted]} ({many})" for true, predicted, many in pairs if many]
    while len(phrases) > 1 and len(", ".join(phrases)) > room:
        phrases.pop()
    return "most often " + ", ".join(phrases) if phrases else "no mistakes"


def _channels_last(image: Pixels) -> Pixels:
    return image[0] if image.shape[0] == 1 else image.transpose(1, 2, 0)


def _rgb(image: Pixels) -> Pixels:
    return np.ascontiguousarray(np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0))
