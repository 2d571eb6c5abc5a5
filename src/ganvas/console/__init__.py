"""Lines on stdout and stderr, one fact each: hostile names are escaped, and a reader that has gone stops nothing."""

import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from ganvas import machine

# There is one terminal, so these are global: what writes lines while a display is up, and whether facts are held back.
_writer: Callable[[str], None] | None = None
_is_quiet = False


def info(line: str) -> None:
    """One fact on one line of stdout: never wrapped, shortened or coloured, and above a display that is up.

    Names in it may be hostile: control characters are shown as escapes, and markup means nothing. When nobody reads
    any more (`| head`), the line is dropped and the program continues.
    """
    if not _is_quiet and machine.is_rank_zero():
        _write(line, sys.stdout)


def error(line: str) -> None:
    """Like `info`, on stderr: for mistakes and warnings."""
    _write(line, sys.stderr)


def _write(line: str, stream: TextIO) -> None:
    if _writer is not None:
        _writer(line)
        return
    try:
        stream.write(printable(line, stream.encoding or "utf-8") + "\n")
        stream.flush()
    except BrokenPipeError:
        # The reader has gone. The rest of the stream goes nowhere, so that its last flush at exit does not fail again.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


def printable(text: str, encoding: str = "utf-8") -> str:
    r"""Text as it may be shown: control, direction and half characters, and what `encoding` lacks, as escapes.

    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    # The joiners make one emoji, or one word, of several characters; wide spaces are ordinary in some scripts.
    hidden = {
        ord(character): character.encode("unicode_escape").decode("ascii")
        for character in set(text)
        if not (character.isprintable() or character in "\u200c\u200d" or unicodedata.category(character) == "Zs")
    }
    return text.translate(hidden).encode(encoding, "backslashreplace").decode(encoding)


def redirect(writer: Callable[[str], None] | None) -> None:
    """Sends lines to a display, which writes them above itself; None when the display has ended."""
    global _writer
    _writer = writer


def can_display() -> bool:
    """Whether a display may use the terminal: no other one does, and `quiet` is not entered."""
    return _writer is None and not _is_quiet


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, `info` and progress bars show nothing; for the processes of trials."""
    global _is_quiet
    before, _is_quiet = _is_quiet, True
    try:
        yield
    finally:
        _is_quiet = before


def duration(seconds: float) -> str:
    """Seconds in words, two units at most.

    >>> duration(216)
    '3 min 36 s'
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, hours = whole // 60, whole // 3600
    if minutes < 60:
        return f"{minutes} min {whole % 60:02d} s"
    return f"{hours} h {minutes % 60:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
