"""Style, colours and axes of every figure; the only file that imports matplotlib.

Names of classes and layers are untrusted: they are shortened and never parsed as mathematics, and a character that no
installed font has is drawn as a box, without a warning.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganvas import console, files
from ganvas.report.log import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

DPI = 150
INK, PALE, PAPER = "#2b2b33", "#8a8a94", "#ffffff"
BLUE, ORANGE, GREEN, PLUM, BROWN = "#2f6db3", "#d9722b", "#2c8c5e", "#ab3f7c", "#8c6b3f"
DIVERGING = ("#143a66", BLUE, "#ffffff", ORANGE, "#7a3409")  # blue below 0, white at 0, orange above
RISING = ("#14142b", "#4a3a75", "#ab3f7c", "#e8834a", "#fff2d0")  # from dark to light in even steps of lightness
STYLE: Any = {
    "text.usetex": False,
    "text.parse_math": False,
    "font.size": 11,
    "text.color": INK,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 14,
    "axes.labelcolor": PALE,
    "axes.edgecolor": "#d9d9de",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#ececf0",
    "grid.linewidth": 1.0,
    "xtick.color": PALE,
    "ytick.color": PALE,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.solid_capstyle": "round",
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
}
# Fonts for scripts that DejaVu, which comes with matplotlib, lacks; used where installed.
OTHER_FONTS = (
    "Noto Sans CJK KR", "Noto Sans CJK JP", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo",
    "Hiragino Sans", "Microsoft YaHei", "WenQuanYi Zen Hei", "Arial Unicode MS", "Noto Sans", "Noto Emoji",
)  # fmt: skip


@contextmanager
def page(path: Path, width_inches: float, height_inches: float, fitted: bool = False) -> "Iterator[Figure]":
    """A figure in our style, saved to `path` at the end unless an error is raised.

    fitted: the image is cropped or extended to its content, with an even margin.
    """
    # matplotlib warns about a slow first start and a read-only home, which does not concern our users.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    families = ["DejaVu Sans", *(name for name in OTHER_FONTS if name in installed)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({**STYLE, "font.family": families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(width_inches, height_inches), dpi=DPI)
        FigureCanvasAgg(figure)
        yield figure
        box = "tight" if fitted else None
        with files.open_atomic(path) as file:
            figure.savefig(file, format="png", metadata={"Software": None}, bbox_inches=box, pad_inches=0.25)


def title(axes: "Axes", text: str, note: str, scale: float = 1.0) -> None:
    """Puts a bold title and a pale note under it, both flush left, at `scale` times the usual size."""
    axes.set_title(name(text, 60), pad=26 * scale, size=13 * scale)
    axes.annotate(
        note, (0, 1), (0, 10 * scale), xycoords="axes fraction", textcoords="offset points", size=10 * scale, color=PALE
    )


def axes_at(figure: "Figure", left: float, bottom: float, width: float, height: float) -> "Axes":
    """Axes at a position given in inches."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def bare(axes: "Axes") -> None:
    """Removes ticks, grid and frame from axes."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[:].set_visible(False)


def colour_map(colours: Sequence[str]) -> "Colormap":
    """A continuous map through these colours; values that are not finite are grey."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("", colours).with_extremes(bad="#e3e3ea")


def log_locator() -> "Locator":
    """Ticks at 1, 2 and 5 of each power of ten."""
    from matplotlib.ticker import LogLocator

    return LogLocator(subs=(1.0, 2.0, 5.0))


def name(text: str, most: int) -> str:
    """A name for a figure: at most `most` characters, control characters as escapes."""
    text = console.printable(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def count(number: float) -> str:
    """A count as an axis shows it: 12000 -> 12 k."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.4g} {letter}"
    return f"{number:.4g}"


def colour(hexadecimal: str) -> Floats:
    """#rrggbb -> (3,) in 0..1."""
    return np.array([int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5)]) / 255
