"""Mistakes the reader can mend: one clear sentence, no traceback."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches


class UserError(Exception):
    """A mistake the reader can mend. Shown as one sentence; the command ends with status 2.

    The sentence names options as they are typed in a command, `--size`. Where it leaves a function of the package, its
    text is another one, with the names that Python has for them; `sentence` stays.
    """

    status = 2

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks show: the sentence alone."""
        return [f"{type(self).__name__}: {self}"]


class RunFailedError(UserError):
    """The work could not be done and no flag was wrong: divergence, a full disk. Status 1."""

    status = 1


class InterruptedRunError(UserError):
    """The run was asked to stop by a signal, and its state is saved. Status 128 + the signal's number."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.status = 128 + signal_number


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The end of a sentence that refuses `name`: the closest allowed name, and what is allowed.

    >>> nearest("modrn", ["modern", "book-gan"])
    'did you mean modern? Allowed: book-gan, modern'
    """
    names = sorted(allowed)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    listing = ", ".join(names) if names else "none"
    return (f"did you mean {close[0]}? " if close else "") + f"Allowed: {listing}"


@contextmanager
def quiet_loggers(*names: str, level: int = logging.CRITICAL) -> Iterator[None]:
    """Hides what libraries log below a level: retries and warnings that nobody here can act on."""
    loggers = {logger: logger.level for logger in map(logging.getLogger, names)}
    for logger in loggers:
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, before in loggers.items():
            logger.setLevel(before)


@contextmanager
def client_errors(what: str, reasons: Mapping[str, str], ending: Callable[[], str] = str) -> Iterator[None]:
    """Turns every error of a library that talks to a server into one sentence: what failed, the reason, an ending.

    reasons: by the names of exception classes; the first pattern that occurs in the name of an error, or of what it
    comes from, is the reason; else the error's own words.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 10:
            chain.append(cause)
        names = " ".join(base.__name__ for link in chain for base in type(link).__mro__)
        message = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        reason = next((reason for pattern, reason in reasons.items() if re.search(pattern, names)), message)
        raise UserError(f"{what}: {reason}{ending()}") from None
