import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from ganvas.runs.folder import RunFolder
from ganvas.studio import summaries as room
from ganvas.studio.holders import holder_of, lock_holders
from ganvas.studio.places import Places
from ganvas.studio.summaries import RunScores, Summaries, last_lines

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "a+")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def state_of(home) -> str:
    (run,) = Summaries(Places(home)).all()
    return run.state


def set_status(run: RunFolder, status: str) -> None:
    run.write(run.read().model_copy(update={"status": status}))


STATES = {state: state for state in ("finished", "stopped", "interrupted", "diverged")} | {"begun": "died"}


@pytest.mark.parametrize(("status", "state"), STATES.items())
def test_a_run_that_no_process_trains_has_the_state_of_its_record(home, tiny, status, state):
    set_status(tiny, status)
    assert state_of(home) == state


@pytest.mark.skipif(lock_holders() is None, reason="the system does not list its locks")
def test_a_run_is_running_as_long_as_a_process_holds_its_lock(home, tiny):
    set_status(tiny, "begun")
    lock = tiny.path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        assert state_of(home) == "running"
        assert holder_of(lock, lock_holders()) == process.pid
        process.kill()
        process.wait()
        assert state_of(home) == "died"


@pytest.mark.skipif(lock_holders() is None, reason="the system does not list its locks")
def test_a_process_that_a_lock_file_only_names_does_not_hold_it(home, tiny):
    (tiny.path / ".lock").write_text(str(os.getpid()))
    assert holder_of(tiny.path / ".lock", lock_holders()) is None
    with (tiny.path / ".lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert holder_of(tiny.path / ".lock", lock_holders()) == os.getpid()


def test_looking_at_a_run_takes_no_lock(home, tiny):
    """A training that begins just now must not find its own run locked by who only looks."""
    set_status(tiny, "begun")
    before = (tiny.path / ".lock").stat()
    state_of(home)
    after = (tiny.path / ".lock").stat()
    assert (before.st_mtime_ns, before.st_atime_ns) == (after.st_mtime_ns, after.st_atime_ns)


def test_images_so_far_are_those_of_the_log(home, tiny):
    set_status(tiny, "begun")
    tiny.write(tiny.read().model_copy(update={"status": "begun", "step": 0}))
    lines = tiny.log.read_text().splitlines(keepends=True)
    tiny.log.write_text("".join(lines[:10]) + '{"step": 11, "ima')
    (run,) = Summaries(Places(home)).all()
    assert (run.images, run.total) == (80, 160)


def test_a_plan_that_changed_changes_the_total(home, tiny):
    with tiny.log.open("a") as file:
        file.write(json.dumps({"step": 20, "images": 160, "event": "x", "planned_images": 4000}) + "\n")
    assert Summaries(Places(home)).all()[0].total == 4000


def test_scores_are_those_of_the_log_where_there_is_no_scorecard(home, tiny):
    with tiny.log.open("a") as file:
        file.write(json.dumps({"step": 20, "images": 160, "fcd": 4.5, "label_accuracy": 0.9, "kid": None}) + "\n")
    assert Summaries(Places(home)).all()[0].scores == RunScores(fcd=4.5, label_accuracy=0.9)


def test_a_scorecard_that_is_none_hides_nothing_else(home, tiny):
    (tiny.path / "scorecard.json").write_text("{}")
    assert Summaries(Places(home)).all()[0].state == "finished"


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(b'{"images": %d}\n' % count for count in range(10_000)))
    lines = last_lines(log)
    assert lines[-1] == {"images": 9_999}
    assert len(lines) * 17 < room.LOG_END_BYTES + 17
    assert last_lines(tmp_path / "none") == []


def test_a_run_that_has_not_changed_is_not_read_again(home, tiny, monkeypatch):
    summaries = Summaries(Places(home))
    first = summaries.all()
    monkeypatch.setattr(room, "summarise", lambda *_: pytest.fail("read again"))
    assert summaries.all() == first


def test_a_run_that_changed_is_read_again(home, tiny):
    summaries = Summaries(Places(home))
    assert summaries.all()[0].state == "finished"
    time.sleep(0.01)
    set_status(tiny, "interrupted")
    assert summaries.all()[0].state == "interrupted"


def test_the_run_that_changed_last_comes_first(home, tiny):
    shutil.copytree(tiny.path, home / "runs" / "another")
    os.utime(home / "runs" / "another" / "log.jsonl", (10**9, 10**9))
    os.utime(home / "runs" / "another" / "run.json", (10**9, 10**9))
    assert [run.name for run in Summaries(Places(home)).all()] == ["tiny", "another"]


@pytest.mark.parametrize("inside", [True, False])
def test_the_folder_may_hold_the_runs_or_a_folder_of_them(home, inside):
    places = Places(home / "runs" if inside else home)
    assert places.runs == home / "runs"
    assert [folder.path.name for folder in places.run_folders()] == ["tiny"]


def test_a_folder_without_runs_has_none_and_gets_nothing_written(tmp_path):
    assert Summaries(Places(tmp_path)).all() == []
    assert list(tmp_path.iterdir()) == []
