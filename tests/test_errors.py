import doctest
import signal

from ganvas import errors
from ganvas.errors import InterruptedRunError, RunFailedError, UserError, nearest


def test_the_examples_hold():
    assert doctest.testmod(errors).failed == 0


def test_the_nearest_name_is_offered_and_all_are_listed_in_order():
    assert nearest("widht", ["width", "height"]) == "did you mean width? Allowed: height, width"


def test_a_name_like_none_is_offered_nothing():
    assert nearest("zzz", ["width", "height"]) == "Allowed: height, width"


def test_where_nothing_is_allowed_that_is_said():
    assert nearest("zzz", []) == "Allowed: none"


def test_every_kind_has_its_exit_status():
    assert UserError("x").status == 2
    assert RunFailedError("x").status == 1
    assert InterruptedRunError("x", signal.SIGTERM).status == 143
    assert InterruptedRunError("x", signal.SIGINT).status == 130


def test_all_are_mistakes_that_are_shown_without_a_traceback():
    assert issubclass(RunFailedError, UserError)
    assert issubclass(InterruptedRunError, UserError)
