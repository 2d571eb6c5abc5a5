"""Progress of a long task (the only file that imports rich): a display on a terminal, plain lines in a pipe.

A notebook shows what a terminal would in one output of its cell, which is replaced. All else goes to stdout, in order;
only mistakes go to stderr. A terminal that cannot be drawn on (TERM=dumb) counts as a pipe; NO_COLOR takes the colours
away. Drawing happens inside the calls that report, never in a thread: nothing wakes up between two training steps, and
a worker process may be forked at any time.
"""

import math
import os
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Self

from ganvas import console
from ganvas.console import notebook
from ganvas.console.trace import Trace, mean_of

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
    from rich.live import Live
    from rich.text import Text

DRAWN_EVERY_SECONDS = 0.25
LINE_EVERY_SECONDS = 10.0
FIRST_LINE_AFTER_SECONDS = 1.0  # by then the rate means something
DRAWING_SHARE = 0.01  # of the time, at most: a slow terminal is drawn less often
RATE_MEMORY_SECONDS = 5.0

DISCRIMINATOR, GENERATOR, REAL, FAKE, QUIET = "#5b9bd5", "#e8924a", "#63b67d", "#c96a9b", "grey50"
# Each row of the display: its name, and (label, key in the log's records, colour) of each curve.
ROWS = (
    ("loss", (("D", "loss_d", DISCRIMINATOR), ("G", "loss_g", GENERATOR), ("", "loss", GENERATOR))),
    ("accuracy", (("", "accuracy", REAL),)),
    ("labels", (("", "label_accuracy", REAL),)),
    ("AUC", (("", "auc", GENERATOR),)),
    ("KID", (("", "kid", GENERATOR),)),
    ("FCD", (("", "fcd", GENERATOR),)),
    ("score", (("real", "score_real", REAL), ("fake", "score_fake", FAKE))),
    ("gradient", (("D", "grad_d", DISCRIMINATOR), ("G", "grad_g", GENERATOR), ("", "grad", GENERATOR))),
)
ROWS_IN_A_PIPE = 6  # the first ones
KEYS = tuple(key for _, curves in ROWS for _, key, _ in curves)


class Report(ABC):
    """Reports on a long task while it is entered."""

    _live: "Live | notebook.Output | None" = None
    _due = 0.0
    _columns: Sequence[int] = ()
    """The width of each line of the last drawing."""

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self.title, self.total, self.done = console.printable(title), total, done

    def __enter__(self) -> Self:
        self.started = monotonic()
        # A display within a display stays plain: its lines appear above the outer one.
        if console.can_display():
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
            console.redirect(None)

    def refresh(self) -> None:
        """Draws, or writes a line, now; and sets when to do it next."""
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
        """The line for a pipe."""

    @abstractmethod
    def drawing(self, width: int, ascii_only: bool) -> Iterator["Text"]:
        """The lines for a terminal, at most `width` columns wide."""

    def _open(self) -> "Live | notebook.Output | None":
        if notebook.is_shown():
            console.redirect(notebook.write)
            return notebook.Output(self.as_html, self.line)
        if not sys.stdout.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
            return None
        return self._open_terminal()

    def _open_terminal(self) -> "Live":
        from rich.console import Console
        from rich.control import Control
        from rich.live import Live
        from rich.segment import ControlType

        terminal = Console(force_terminal=True, force_interactive=True, markup=False, emoji=False, highlight=False)
        erased, up = (ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)

        class Display(Live):
            # Before it draws again, rich erases as many rows as it drew lines. A terminal that became narrower has
            # wrapped them to more rows; without this those above would stay, as a dead frame.
            def process_renderables(display, renderables: "list[ConsoleRenderable]") -> "list[ConsoleRenderable]":  # noqa: N805
                extra = sum(max(0, columns - 1) // terminal.width for columns in self._columns)
                wrapped = [Control(ControlType.CARRIAGE_RETURN, erased, *(up, erased) * extra)] if extra else []
                return [*wrapped, *super().process_renderables(renderables)]

        display = Display(self, console=terminal, auto_refresh=False)
        display.start()
        console.redirect(lambda line: terminal.print(console.printable(line, terminal.encoding), soft_wrap=True))
        return display

    def as_html(self) -> str:
        """The drawing for a notebook."""
        from rich.console import Console

        page = Console(
            file=StringIO(), record=True, width=100, force_terminal=True, force_jupyter=False, legacy_windows=False,
            color_system="truecolor", markup=False, emoji=False, highlight=False,
        )  # fmt: skip
        page.print(self)
        return page.export_html(inline_styles=True, code_format=notebook.PREFORMATTED)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        lines = [*self.drawing(options.max_width, options.ascii_only)]
        self._columns = [min(line.cell_len, options.max_width) for line in lines]
        yield from lines

    def _time(self, rate: float, ended: bool) -> str:
        """`4 s left`, or `after 5 s`."""
        if ended:
            return f"after {console.duration(monotonic() - self.started)}"
        return f"{console.duration(max(0, self.total - self.done) / rate)} left" if rate > 0 else "unknown time left"


class Bar(Report):
    """A progress bar for `total` of a `unit`, in the plural; in a pipe a line every ten seconds and at the end."""

    def __init__(self, title: str, total: int, unit: str) -> None:
        super().__init__(title, total)
        self.unit = unit
        self._first = (0, 0.0)  # what the first call had done, and when: it also set things up, so its rate is low

    def advance(self, n: int = 1) -> None:
        """Adds `n` to what is done."""
        self.done += n
        now = monotonic()
        is_first, self._first = self._first[0] == 0, self._first if self._first[0] else (self.done, now)
        is_early = is_first and now - self.started < LINE_EVERY_SECONDS
        if now >= self._due and not is_early and self.done < self.total:
            self.refresh()

    def line(self, last: bool = False) -> str:
        """`preparing 12000 of 60000 images, 4 s left`."""
        return f"{self.title} {self.done} of {self.total} {self.unit}, {self._time(self._rate(), last)}"

    def drawing(self, width: int, ascii_only: bool) -> Iterator["Text"]:
        """One line: title, meter, count, rate, time left."""
        end = self._time(self._rate(), self.done >= self.total)
        facts = f" {self.done:,} of {self.total:,} {self.unit}  {end}  {_per_second(self._rate())}"
        title = _styled((self.title + " ", "bold"))
        title.truncate(max(8, width // 3), overflow="ellipsis")
        columns = max(0, min(40, width - title.cell_len - len(facts)))
        yield title + _meter(self.done, self.total, columns, ascii_only) + _styled((facts, ""))

    def _rate(self) -> float:
        before, since = self._first if self.done > self._first[0] else (0, self.started)
        elapsed = monotonic() - since
        return (self.done - before) / elapsed if elapsed > 0 else 0.0


class TrainingDisplay(Report):
    """Shows the training of a run of `total` images, `done` of which were trained before.

    On a terminal it names the folder of previews once that exists.
    """

    def __init__(self, title: str, total: int, done: int, batch: int, previews: Path | None = None) -> None:
        super().__init__(title, total, done)
        self.batch, self.previews = batch, previews
        self.rate = 0.0
        self.values: dict[str, float] = {}
        self.traces = {key: Trace() for key in KEYS}
        # The records since the last drawing. They are averaged when drawn: the loss of a single batch is noise.
        self._records: deque[Mapping[str, float]] = deque(maxlen=128)
        self._averaged_at = 0.0

    def show(self, record: Mapping[str, float]) -> None:
        """Adds one log record, which must not be changed later. Between two drawings it costs a look at the clock."""
        self._records.append(record)
        if monotonic() >= self._due:
            self.refresh()

    def line(self, last: bool = False) -> str:
        """`name: 12000 of 60000 images, 1043 a second, 46 s left, loss D 0.693 G 0.812`."""
        self._average()
        facts = [f"{self.done} of {self.total} images", _per_second(self.rate), self._time(self.rate, last)]
        for name, curves in ROWS[:ROWS_IN_A_PIPE]:
            values = [f"{label} {_short(self.values[key])}".strip() for label, key, _ in curves if key in self.values]
            facts += [f"{name} {' '.join(values)}"] if values else []
        return f"{self.title}: {', '.join(facts)}"

    def drawing(self, width: int, ascii_only: bool) -> Iterator["Text"]:
        """The title, the meter, the rate, a row with a small curve for each metric, and the folder of previews."""
        self._average()
        width = min(width, 100)
        share = f" {100 * self.done / max(1, self.total):5.1f} %"
        yield _styled((self.title, "bold"), (f"  batch {self.batch}", QUIET))
        yield _meter(self.done, self.total, width - len(share), ascii_only) + _styled((share, "bold"))
        yield _styled(
            (f"{self.done:,}", "bold"),
            (f" of {self.total:,} images   ", QUIET),
            (f"{self._time(self.rate, self.done >= self.total)}   ", "bold"),
            (_per_second(self.rate), QUIET),
        )
        columns = 0 if ascii_only else min(32, (width - 9) // 2 - 16)
        for name, curves in ROWS:
            row = _styled((f"{name:<9}", QUIET))
            present = [curve for curve in curves if curve[1] in self.values]
            for label, key, colour in present:
                value = (f"{label:<4} " if label else "") + f"{_short(self.values[key]):>7} "
                curve = f"{self.traces[key].curve(columns):<{columns}} " if columns >= 4 else ""
                row += _styled((f"{value}{curve} ", colour))
            if present:
                row.rstrip()  # blanks at the end would wrap as well, on a terminal that becomes narrower
                yield row
        if self.previews is not None and self.previews.is_dir():
            yield _styled((f"{'previews':<9}", QUIET), (console.printable(str(self.previews)), ""))

    def _average(self) -> None:
        """Averages the records since the last time into one value of each metric, for the next line or drawing."""
        if not self._records:
            return
        newest, now = self._records[-1], monotonic()
        self.done = int(newest.get("images", self.done))
        rate = mean_of([record["images_per_second"] for record in self._records if "images_per_second" in record])
        if math.isfinite(rate):
            kept = math.exp((self._averaged_at - now) / RATE_MEMORY_SECONDS) if self.rate else 0.0
            self.rate = kept * self.rate + (1 - kept) * rate
        self._averaged_at = now
        for key in KEYS:
            if key in newest:
                self.values[key] = mean_of([record[key] for record in self._records if key in record])
                self.traces[key].add(self.values[key])
        self._records.clear()


bar, training = Bar, TrainingDisplay


def _styled(*parts: tuple[str, str]) -> "Text":
    from rich.text import Text

    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _meter(done: int, total: int, width: int, ascii_only: bool) -> "Text":
    filled = round(width * min(1.0, done / total)) if total > 0 else width
    full, empty = ("#", ".") if ascii_only else ("━", "─")
    return _styled((full * filled, REAL), (empty * (width - filled), QUIET))


def _short(value: float) -> str:
    return f"{value:.3f}" if not abs(value) >= 1000 else f"{value:.1e}"


def _per_second(rate: float) -> str:
    if not rate > 0:
        return "- a second"
    return f"{rate:.0f} a second" if rate >= 10 else f"{rate:.2g} a second"
