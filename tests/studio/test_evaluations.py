import shutil
import sys
import time

import pytest

from ganvas.studio.evaluations import Evaluations
from ganvas.studio.places import Places
from ganvas.studio.refusals import ConflictError


def stand_in(monkeypatch, tmp_path, lines: str) -> None:
    """In place of Python: these lines of shell."""
    script = tmp_path / "stand-in"
    script.write_text(f"#!/bin/sh\n{lines}\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


def ended(evaluations, run):
    end = time.monotonic() + 60
    while (now := evaluations.of(run)).state == "running":
        assert time.monotonic() < end
        time.sleep(0.02)
    return now


@pytest.fixture
def evaluations(home):
    started = Evaluations(Places(home))
    yield started
    for process in started._processes.values():
        process.kill()
        process.wait()


def test_an_evaluation_is_the_command_that_a_person_types(evaluations, tiny, tmp_path, monkeypatch):
    stand_in(monkeypatch, tmp_path, "printf '%s\\n' \"$@\"")
    assert evaluations.of(tiny).state == "none"
    evaluations.start(tiny)
    now = ended(evaluations, tiny)
    assert now.state == "done"
    assert now.printed == ("-m", "ganvas", "evaluate", "tiny", "--quick")  # shown without the paths of this machine


def test_one_that_fails_says_why(evaluations, tiny, tmp_path, monkeypatch):
    stand_in(monkeypatch, tmp_path, "echo 'ganvas: the set is gone' >&2; exit 2")
    evaluations.start(tiny)
    now = ended(evaluations, tiny)
    assert (now.state, now.printed) == ("failed", ("ganvas: the set is gone",))


def test_a_run_is_evaluated_once_at_a_time_and_can_be_stopped(evaluations, tiny, tmp_path, monkeypatch):
    stand_in(monkeypatch, tmp_path, "exec sleep 60")
    with pytest.raises(ConflictError, match="not being evaluated"):
        evaluations.stop(tiny)
    evaluations.start(tiny)
    with pytest.raises(ConflictError, match="already"):
        evaluations.start(tiny)
    evaluations.stop(tiny)
    assert ended(evaluations, tiny).state == "failed"


def test_a_run_without_finished_weights_is_refused(evaluations, tiny):
    shutil.rmtree(tiny.bundle)
    with pytest.raises(ConflictError, match="after its training"):
        evaluations.start(tiny)
    assert evaluations.of(tiny).state == "none"
