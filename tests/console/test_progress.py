import io
import math
import re
from contextlib import redirect_stdout as on

import pytest
from rich.console import ConsoleDimensions
from rich.text import Text

from ganvas import console
from ganvas.console import progress
from ganvas.console.progress import bar, training
from ganvas.console.trace import Trace


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "monotonic", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "40")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return screen


def record(images, **more):
    figures = {"loss_d": 0.6931, "loss_g": 0.8, "score_real": 1.25, "score_fake": -0.75, "grad_d": 0.1, "grad_g": 0.03}
    return {"step": images / 64, "images": images, "seconds": images / 100, "images_per_second": 100.0} | figures | more


def test_a_piped_bar_prints_how_many_and_how_long(clock, capsys):
    with bar("preparing", 60_000, "images") as preparing:
        clock.now += 0.5
        preparing.advance(6_000)
        clock.now += 0.5
        preparing.advance(6_000)
        clock.now += 4
        preparing.advance(48_000)
    assert capsys.readouterr().out.splitlines() == [
        "preparing 12000 of 60000 images, 4 s left",
        "preparing 60000 of 60000 images, after 5 s",
    ]


def test_the_time_left_is_not_taken_from_a_slow_first_step_alone(clock, capsys):
    with bar("fitting", 40_000, "images") as fitting:
        clock.now += 1.1  # sets things up
        fitting.advance(128)
        clock.now += 0.05
        fitting.advance(128)
    assert capsys.readouterr().out.splitlines()[0] == "fitting 256 of 40000 images, 16 s left"


def test_a_single_slow_part_has_a_time_left_all_the_same(clock, capsys):
    with bar("measuring", 3, "parts") as measuring:
        clock.now += 20
        measuring.advance()
    assert capsys.readouterr().out.splitlines()[0] == "measuring 1 of 3 parts, 40 s left"


def test_a_pipe_gets_at_most_one_line_in_ten_seconds_and_a_last_one(clock, capsys):
    with bar("preparing", 1000, "images") as preparing:
        for _ in range(1000):
            clock.now += 0.1
            preparing.advance()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    assert lines[-1] == "preparing 1000 of 1000 images, after 1 min 40 s"


def test_nothing_to_do_is_done_at_once(clock, terminal):
    with on(terminal), bar("preparing", 0, "images"):
        pass
    assert "0 of 0 images" in terminal.getvalue()


def test_a_bar_on_a_terminal_shows_count_rate_and_time_left(clock, terminal):
    with on(terminal), bar("preparing", 60_000, "images") as preparing:
        clock.now += 1
        preparing.advance(12_000)
    assert "12,000 of 60,000 images" in terminal.getvalue()
    assert "4 s left" in terminal.getvalue()
    assert "12000 a second" in terminal.getvalue()


def test_a_piped_training_line_names_images_rate_time_left_and_losses(clock, capsys):
    with training("digits", 6400, 0, 64) as display:
        clock.now += 2
        display.show(record(200))
        assert capsys.readouterr().out == (
            "digits: 200 of 6400 images, 100 a second, 1 min 02 s left, loss D 0.693 G 0.800\n"
        )
        clock.now += 1
        display.show(record(300))
        assert capsys.readouterr().out == ""
    assert "300 of 6400 images" in capsys.readouterr().out


def test_a_classifier_shows_its_loss_and_accuracy(clock, capsys):
    with training("evaluator", 6400, 0, 64) as display:
        display.show({"images": 64, "images_per_second": 50.0, "loss": 0.5, "accuracy": 0.91, "grad": 1.0})
    assert capsys.readouterr().out.endswith("loss 0.500, accuracy 0.910\n")


def test_a_training_display_shows_everything_one_watches(clock, terminal):
    with on(terminal), training("digits", 6400, 0, 64) as display:
        display.show(record(320))
    text = terminal.getvalue()
    for fact in (
        "320",
        "6,400",
        "100 a second",
        "1 min 01 s left",
        "batch 64",
        "5.0 %",
        "0.693",
        "0.800",
        "1.250",
        "-0.750",
    ):
        assert fact in text
    for row in ("loss", "score", "gradient"):
        assert row in text


def test_the_display_is_drawn_at_most_four_times_a_second(clock, terminal, monkeypatch):
    drawings = []
    monkeypatch.setattr(progress.TrainingDisplay, "drawing", lambda *_: drawings.append(1) or iter(()))
    with on(terminal), training("digits", 64_000, 0, 64) as display:
        at_first = len(drawings)
        for step in range(1000):
            clock.now += 0.01
            display.show(record(step * 64))
        # 0.25 s is not a whole number of these ticks in floating point, hence the slack of one tick.
        assert 38 <= len(drawings) - at_first <= 41


def test_losses_between_two_drawings_are_averaged(clock, capsys):
    with training("digits", 6400, 0, 64) as display:
        display.show(record(64, loss_d=1.0))
        display.show(record(128, loss_d=2.0))
        clock.now += 2
        display.show(record(192, loss_d=6.0))
        assert "loss D 3.000" in capsys.readouterr().out


def test_a_line_printed_while_the_display_is_up_stays_whole_and_above_it(clock, terminal):
    line = "checkpoint saved in [bold]" + "a long folder " * 20 + "\x1b[2J"
    with on(terminal), training("digits", 6400, 0, 64):
        console.info(line)
        console.info("said by another room")
    text = terminal.getvalue()
    assert line.replace("\x1b", "\\x1b") + "\n" in text
    assert text.index("said by another room") < text.rindex("digits")


def test_after_the_display_lines_are_plain_again(clock, terminal):
    with on(terminal), pytest.raises(KeyError), training("digits", 6400, 0, 64):
        raise KeyError
    terminal.seek(0)
    terminal.truncate()
    with on(terminal):
        console.info("x" * 300)
    assert terminal.getvalue() == "x" * 300 + "\n"


def test_a_bar_inside_a_training_display_stays_plain(clock, terminal):
    with on(terminal), training("digits", 6400, 0, 64), bar("drawing", 10, "previews") as inner:
        for count in (2, 3):
            clock.now += 1
            inner.advance(count)
    assert "drawing 5 of 10 previews, 2 s left\n" in terminal.getvalue()


def test_a_dumb_terminal_gets_plain_lines(clock, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with on(terminal), training("digits", 6400, 0, 64) as display:
        display.show(record(64))
    assert "\x1b" not in terminal.getvalue()
    assert "64 of 6400 images" in terminal.getvalue()


def test_no_color_takes_the_colours_away(clock, terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    with on(terminal), training("digits", 6400, 0, 64) as display:
        display.show(record(64))
    assert "38;5" not in terminal.getvalue()
    assert "38;2" not in terminal.getvalue()


@pytest.mark.parametrize("width", [20, 45, 71, 200])
def test_no_line_of_the_display_is_wider_than_the_terminal(clock, terminal, monkeypatch, width):
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", str(width))
    with on(terminal), training("한글 " * 60, 6400, 0, 64) as display:
        for images in range(100):
            clock.now += 1
            display.show(record(images))
    rows = re.sub(r"\x1b\[\d*[AK]|\r", "\n", terminal.getvalue())  # where the cursor goes back
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", rows).splitlines()
    assert len(lines) > 100
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize(("columns", "rows"), [(100, 1), (99, 2), (50, 2), (33, 4)])
def test_a_narrower_terminal_leaves_no_part_of_the_last_drawing(clock, terminal, monkeypatch, columns, rows):
    monkeypatch.setenv("COLUMNS", "")  # as rich would ask the terminal itself
    width = [100]
    monkeypatch.setattr("rich.console.Console.size", property(lambda _: ConsoleDimensions(width[0], 40)))
    monkeypatch.setattr(progress.Bar, "drawing", lambda self, width, _: iter([Text("x" * min(100, width))]))
    with on(terminal), bar("preparing", 100, "images") as preparing:
        preparing.refresh()
        width[0] = columns
        terminal.truncate(terminal.seek(0))
        preparing.refresh()
        assert terminal.getvalue().count("\x1b[1A") == rows - 1  # goes up over the rows of the wrapped line
        terminal.truncate(terminal.seek(0))
        preparing.refresh()
        assert "\x1b[1A" not in terminal.getvalue()


def test_the_display_names_the_previews_once_they_are_there(clock, terminal, tmp_path):
    with on(terminal), training("digits", 6400, 0, 64, tmp_path / "previews") as display:
        display.refresh()
        assert "previews" not in terminal.getvalue()
        (tmp_path / "previews").mkdir()
        display.refresh()
        assert f"previews {tmp_path}"[:40] in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())


def test_figures_that_are_not_numbers_do_not_break_the_display(clock, terminal):
    with on(terminal), training("digits", 6400, 0, 64) as display:
        for images in (64, 128, 192):
            clock.now += 1
            display.show(record(images, loss_d=math.nan, grad_g=math.inf, images_per_second=math.inf))
    assert "nan" in terminal.getvalue()


def test_a_trace_remembers_the_whole_run_in_few_points():
    trace = Trace()
    for value in range(100_000):
        trace.add(float(value))
    assert len(trace.points) < 128
    assert trace.points == sorted(trace.points)
    assert trace.points[0] < 1000
    assert trace.points[-1] > 98_000


def test_a_curve_rises_where_its_figure_rises():
    trace = Trace()
    for value in range(64):
        trace.add(float(value))
    curve = trace.curve(8)
    assert len(curve) == 8
    assert (curve[0], curve[-1]) == ("▁", "█")
    assert list(curve) == sorted(curve)


def test_a_curve_of_a_constant_is_level_in_the_middle():
    trace = Trace()
    for _ in range(7):
        trace.add(0.1 + 0.2)
    assert set(trace.curve(5)) == {"▅"}
