"""Progress in a notebook: one output of the cell, which is replaced; the kernel is a stand-in."""

import io
import re
import sys
from contextlib import redirect_stdout as on
from types import ModuleType, SimpleNamespace

import pytest

from ganvas import console
from ganvas.console import notebook, progress
from ganvas.console.progress import bar, training


class CellStream(io.StringIO):
    """Where a cell prints to."""

    encoding = "utf-8"


CellStream.__module__ = "ipykernel.iostream"


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
def cell(monkeypatch):
    """The outputs of a cell: a list for each one, with everything that it has shown, the newest last."""
    outputs = []

    def display(content, raw, display_id):
        assert raw
        assert display_id
        shown = [content]
        outputs.append(shown)
        return SimpleNamespace(update=lambda content, raw: shown.append(content))

    ipython, shower = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    ipython.display = shower
    shower.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", shower)
    return outputs


def text_of(html):
    return re.sub(r"<[^>]*>", "", html)


def test_a_bar_is_one_output_that_is_replaced(cell, clock):
    with on(stream := CellStream()), bar("preparing", 60_000, "images") as preparing:
        for _ in range(5):
            clock.now += 1
            preparing.advance(12_000)
    assert stream.getvalue() == ""
    (shown,) = cell
    assert len(shown) == 5  # at its beginning, three times while it went on, and at its end
    assert "60,000 of 60,000 images  after 5 s" in text_of(shown[-1]["text/html"])
    assert shown[-1]["text/plain"] == "preparing 60000 of 60000 images, after 5 s"


def test_nothing_that_a_terminal_alone_understands_is_shown(cell, clock):
    with on(CellStream()), training("<script>a</script>", 6400, 0, 64) as display:
        clock.now += 1
        display.show({"images": 64, "images_per_second": 50.0, "loss_d": 0.5, "loss_g": 0.7})
    for content in cell[0]:
        assert "\x1b" not in content["text/html"] + content["text/plain"]
        assert "<script>" not in content["text/html"]
    last = text_of(cell[0][-1]["text/html"])
    for fact in ("64 of 6,400 images", "50 a second", "loss", "0.500", "0.700"):
        assert fact in last


def test_lines_go_to_the_cell_as_text_while_a_display_is_up_and_after_it(cell, clock):
    with on(stream := CellStream()):
        with bar("preparing", 10, "images"):
            console.info("found \x1b[31m a thing")
        console.info("later")
    assert stream.getvalue() == "found \\x1b[31m a thing\nlater\n"


def test_a_bar_within_a_display_is_lines(cell, clock):
    with on(stream := CellStream()), training("digits", 6400, 0, 64), bar("drawing", 3, "previews") as inner:
        clock.now += 20
        inner.advance(3)
    assert stream.getvalue() == "drawing 3 of 3 previews, after 20 s\n"
    assert len(cell) == 1


def test_output_that_is_caught_in_a_variable_stays_lines(cell, clock):
    with on(caught := io.StringIO()), bar("preparing", 10, "images") as preparing:
        preparing.advance(10)
    assert caught.getvalue() == "preparing 10 of 10 images, after 0 s\n"
    assert cell == []


def test_ipython_on_a_terminal_is_a_terminal(cell, clock):
    sys.modules["IPython"].get_ipython = lambda: SimpleNamespace()
    with on(CellStream()):
        assert not notebook.is_shown()
    sys.modules["IPython"].get_ipython = lambda: None  # imported, and not running
    with on(CellStream()):
        assert not notebook.is_shown()


def test_an_error_inside_leaves_lines_plain(cell, clock):
    with on(stream := CellStream()):
        with pytest.raises(KeyError), bar("preparing", 10, "images"):
            raise KeyError
        console.info("after")
    assert stream.getvalue() == "after\n"
    assert console.can_display()
