"""What a long thing says while it runs (the only door to rich): a display on a terminal, plain lines in a pipe.

Everything goes to stdout, so that one stream tells the whole story in its order; only mistakes go to stderr. A
terminal that cannot be drawn on (TERM=dumb) counts as a pipe; NO_COLOR takes the colours away.

Drawing happens inside the calls that report, never in a thread: nothing wakes up between two training steps, and a
worker process may be forked at any time.
"""

import math
import os
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING, Self, TextIO

from ganvas import console

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.text import Text

DRAWN_EVERY_SECONDS = 0.25
LINE_EVERY_SECONDS = 10.0
FIRST_LINE_AFTER_SECONDS = 1.0  # by then the rate means something
DRAWING_SHARE = 0.01  # of the time, at most: a slow terminal is drawn less often
RATE_MEMORY_SECONDS = 5.0

DISCRIMINATOR, GENERATOR, REAL, FAKE, DONE, QUIET = "#5b9bd5", "#e8924a", "#63b67d", "#c96a9b", "#63b67d", "grey50"
LOSSES = (("D", "loss_d", DISCRIMINATOR), ("G", "loss_g", GENERATOR), ("", "loss", GENERATOR))
ROWS = (
    ("loss", LOSSES),
    ("accuracy", (("", "accuracy", REAL),)),
    ("labels", (("", "label_accuracy", REAL),)),
    ("FCD", (("", "fcd", GENERATOR),)),
    ("score", (("real", "score_real", REAL), ("fake", "score_fake", FAKE))),
    ("gradient", (("D", "grad_d", DISCRIMINATOR), ("G", "grad_g", GENERATOR), ("", "grad", GENERATOR))),
)
KEYS = tuple(key for _, series in ROWS for _, key, _ in series)


def bar(title: str, total: int, unit: str) -> "Bar":
    """A context manager that counts up to `total` of a `unit` in the plural: `bar("preparing", 60_000, "images")`.

    In a pipe: `preparing 12000 of 60000 images, 4 s left`, every ten seconds and once at the end.
    """
    return Bar(title, total, unit)


def training(title: str, total_images: int, images_done: int, batch: int) -> "Training":
    """A context manager that shows a run of `total_images` images, `images_done` of which an earlier part made."""
    return Training(title, total_images, images_done, batch)


class Report(ABC):
    """Something that runs for long and tells about itself while it is entered."""

    _live: "Live | None" = None
    _due = 0.0

    def __enter__(self) -> Self:
        self.started = monotonic()
        # A display within a display stays plain: its lines appear above the outer one.
        if not console.display_is_up() and not console.is_quiet() and _can_draw(sys.stdout):
            self._live = self._open()
        self._due = self.started + (0 if self._live else FIRST_LINE_AFTER_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is None:
            console.info(self.line(last=True))
            return
        try:
            self._live.stop()  # draws once more
        finally:
            self._live = None
            console.speak_through(None)

    def say(self, line: str) -> None:
        """`say`, above the display."""
        console.info(line)

    def tell(self) -> None:
        """Draws, or writes a line, now; and puts the next time off."""
        began = monotonic()
        pause = LINE_EVERY_SECONDS
        if self._live is None:
            console.info(self.line())
        else:
            self._live.refresh()
            pause = max(DRAWN_EVERY_SECONDS, (monotonic() - began) / DRAWING_SHARE)
        self._due = monotonic() + pause

    @abstractmethod
    def line(self, last: bool = False) -> str:
        """What a pipe is told."""

    @abstractmethod
    def drawing(self, width: int, ascii_only: bool) -> Iterator["Text"]:
        """What a terminal shows: lines at most `width` columns wide."""

    def _open(self) -> "Live":
        from rich.console import Console
        from rich.live import Live

        terminal = Console(force_terminal=True, force_interactive=True, markup=False, emoji=False, highlight=False)
        live = Live(self, console=terminal, auto_refresh=False)
        live.start()
        console.speak_through(lambda line: terminal.print(console.printable(line, terminal.encoding), soft_wrap=True))
        return live

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield from self.drawing(options.max_width, options.ascii_only)


class Bar(Report):
    """See `bar`."""

    def __init__(self, title: str, total: int, unit: str) -> None:
        self.title, self.total, self.unit = console.printable(title), total, unit
        self.done = 0

    def advance(self, n: int = 1) -> None:
        """`n` more are done."""
        self.done += n
        if monotonic() >= self._due:
            self.tell()

    def line(self, last: bool = False) -> str:
        """`preparing 12000 of 60000 images, 4 s left`."""
        elapsed = monotonic() - self.started
        end = (
            f"after {console.duration(elapsed)}"
            if last
            else f"{_left(self.total - self.done, self._rate(elapsed))} left"
        )
        return f"{self.title} {self.done} of {self.total} {self.unit}, {end}"

    def drawing(self, width: int, ascii_only: bool) -> Iterator["Text"]:
        """One line: title, meter, count, rate, time left."""
        elapsed = monotonic() - self.started
        rate, left = self._rate(elapsed), self.total - self.done
        end = f"{_left(left, rate)} left" if left > 0 else f"after {console.duration(elapsed)}"
        facts = f" {self.done:,} of {self.total:,} {self.unit}  {end}  {_rate(rate)}"
        title = _styled((self.title + " ", "bold"))
        title.truncate(max(8, width // 3), overflow="ellipsis")
        room = max(0, min(40, width - title.cell_len - len(facts)))
        yield title + _meter(self.done, self.total, room, ascii_only) + _styled((facts, ""))

    def _rate(self, elapsed: float) -> float:
        return self.done / elapsed if elapsed > 0 else 0.0


class Training(Report):
    """See `training`."""

    def __init__(self, title: str, total_images: int, images_done: int, batch: int) -> None:
        self.title, self.total, self.images, self.batch = console.printable(title), total_images, images_done, batch
        self.rate = 0.0
        self.values: dict[str, float] = {}
        self.traces = {key: Trace() for key in KEYS}
        # What came since the last drawing. Averaged when drawn: a single image's losses say little.
        self._news: deque[Mapping[str, float]] = deque(maxlen=128)
        self._counted_at = 0.0

    def show(self, record: Mapping[str, float]) -> None:
        """Takes one log record. Between two drawings this is a look at the clock; records are not to be reused."""
        self._news.append(record)
        if monotonic() >= self._due:
            self._take_in_news()
            self.tell()

    def __exit__(self, *error: object) -> None:
        self._take_in_news()
        super().__exit__(*error)

    def line(self, last: bool = False) -> str:
        """`name: 12000 of 60000 images, 1043 a second, 46 s left, loss D 0.693 G 0.812`."""
        left = _left(self.total - self.images, self.rate)
        end = f"after {console.duration(monotonic() - self.started)}" if last else f"{left} left"
        facts = [f"{self.images} of {self.total} images", _rate(self.rate), end]
        for name, series in ROWS[:4]:
            shown = [f"{label} {_short(self.values[key])}".strip() for label, key, _ in series if key in self.values]
            facts += [f"{name} {' '.join(shown)}"] if shown else []
        return f"{self.title}: {', '.join(facts)}"

    def drawing(self, width: int, ascii_only: bool) -> Iterator["Text"]:
        """The title, the meter, the pace, and a row with little curves for each kind of figure."""
        width = min(width, 100)
        left = self.total - self.images
        end = f"{_left(left, self.rate)} left" if left > 0 else f"after {console.duration(monotonic() - self.started)}"
        share = f" {100 * self.images / max(1, self.total):5.1f} %"
        yield _styled((self.title, "bold"), (f"  batch {self.batch}", QUIET))
        yield _meter(self.images, self.total, width - len(share), ascii_only) + _styled((share, "bold"))
        yield _styled(
            (f"{self.images:,}", "bold"),
            (f" of {self.total:,} images   ", QUIET),
            (f"{end}   ", "bold"),
            (_rate(self.rate), QUIET),
        )
        for name, series in ROWS:
            present = [entry for entry in series if entry[1] in self.values]
            if present:
                yield self._row(name, present, width, ascii_only)

    def _row(self, name: str, series: Sequence[tuple[str, str, str]], width: int, ascii_only: bool) -> "Text":
        curve = 0 if ascii_only else min(32, (width - 9) // 2 - 16)
        row = _styled((f"{name:<9}", QUIET))
        for label, key, colour in series:
            value = f"{label:<4} {_short(self.values[key]):>7} " if label else f"{_short(self.values[key]):>7} "
            row += _styled((value, colour))
            row += _styled((f"{self.traces[key].curve(curve):<{curve}}  " if curve >= 4 else " ", colour))
        return row

    def _take_in_news(self) -> None:
        if not self._news:
            return
        newest, now = self._news[-1], monotonic()
        self.images = int(newest.get("images", self.images))
        rate = _mean([record["images_per_second"] for record in self._news if "images_per_second" in record])
        if math.isfinite(rate):
            kept = math.exp((self._counted_at - now) / RATE_MEMORY_SECONDS) if self.rate else 0.0
            self.rate = kept * self.rate + (1 - kept) * rate
        self._counted_at = now
        for key in KEYS:
            if key in newest:
                self.values[key] = _mean([record[key] for record in self._news if key in record])
                self.traces[key].add(self.values[key])
        self._news.clear()


class Trace:
    """A figure's whole history in at most 128 points: when they are full, neighbours are joined."""

    def __init__(self) -> None:
        self.points: list[float] = []
        self._stride, self._sum, self._count = 1, 0.0, 0

    def add(self, value: float) -> None:
        """One more value; what is not a number leaves no point."""
        if not math.isfinite(value):
            return
        self._sum, self._count = self._sum + value, self._count + 1
        if self._count == self._stride:
            self.points.append(self._sum / self._count)
            self._sum, self._count = 0.0, 0
        if len(self.points) == 128:
            self.points = [_mean(self.points[i : i + 2]) for i in range(0, 128, 2)]
            self._stride *= 2

    def curve(self, width: int) -> str:
        """The history as at most `width` little columns; the extreme twentieths are cut off, so that the rest shows."""
        count = min(width, len(self.points))
        edges = [round(i * len(self.points) / max(1, count)) for i in range(count + 1)]
        means = [_mean(self.points[a:b]) for a, b in pairwise(edges)]
        ranked = sorted(means)
        cut = len(ranked) // 20
        low, high = (ranked[cut], ranked[-1 - cut]) if ranked else (0.0, 0.0)
        steps = [4.0 if math.isclose(low, high, rel_tol=1e-6) else 8 * (mean - low) / (high - low) for mean in means]
        return "".join("▁▂▃▄▅▆▇█"[max(0, min(7, int(step)))] for step in steps)


def _can_draw(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def _styled(*parts: tuple[str, str]) -> "Text":
    from rich.text import Text

    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _meter(done: int, total: int, width: int, ascii_only: bool) -> "Text":
    filled = round(width * min(1.0, done / total)) if total > 0 else width
    full, empty = ("#", ".") if ascii_only else ("━", "─")
    return _styled((full * filled, DONE), (empty * (width - filled), QUIET))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _short(value: float) -> str:
    return f"{value:.3f}" if not abs(value) >= 1000 else f"{value:.1e}"


def _rate(per_second: float) -> str:
    if not per_second > 0:
        return "- a second"
    return f"{per_second:.0f} a second" if per_second >= 10 else f"{per_second:.2g} a second"


def _left(count: int, per_second: float) -> str:
    return console.duration(max(0, count) / per_second) if per_second > 0 else "unknown time"
