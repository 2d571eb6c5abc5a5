import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ganvas.errors import RunFailedError, UserError
from ganvas.runs.folder import RunFolder

HOLDER = """
import sys, time
from pathlib import Path
from ganvas.runs.folder import RunFolder
with RunFolder(Path(sys.argv[1])).locked():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of tmp_path / "run"."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "run")], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_with_the_holders_number_until_that_one_is_killed(tmp_path, holder):
    run = RunFolder(tmp_path / "run")
    with pytest.raises(UserError, match=f"being trained by process {holder.pid} already"), run.locked():
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with run.locked():  # a dead process holds nothing
        assert (run.path / ".lock").read_text() == str(os.getpid())


def test_a_lock_is_free_again_after_it_was_held(tmp_path):
    run = RunFolder(tmp_path / "run")
    for _ in range(2):
        with run.locked():
            pass


def test_a_refusal_leaves_the_holders_number_in_place(tmp_path):
    run = RunFolder(tmp_path / "run")
    with run.locked():
        for _ in range(2):
            with pytest.raises(UserError, match=f"by process {os.getpid()} "), run.locked():
                pass


def test_a_lock_creates_the_folder_and_its_parents_and_removes_them_if_no_run_began(tmp_path):
    with RunFolder(tmp_path / "a" / "b").locked():
        assert (tmp_path / "a" / "b").is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays(tmp_path):
    (tmp_path / "run").mkdir()
    with RunFolder(tmp_path / "run").locked():
        pass
    assert (tmp_path / "run").is_dir()


def test_a_folder_of_something_else_is_refused_and_left(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(UserError, match="is there already and is not a run"), RunFolder(tmp_path).locked():
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_with_the_folders_name_is_refused(tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(UserError, match="cannot be written"), RunFolder(tmp_path / "run").locked():
        pass


def test_a_folder_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    run, message = RunFolder(tmp_path / "run"), "cannot be written: Read-only file system"
    with pytest.raises(UserError, match=message), run.locked():
        pass


def test_a_record_comes_back_as_it_was_written(own_run):
    record = own_run.read().model_copy(update={"status": "interrupted"})
    own_run.write(record)
    assert own_run.read() == record


def test_another_format_is_refused_with_both_numbers(own_run):
    own_run.record.write_text(json.dumps({**json.loads(own_run.record.read_text()), "format": 99}))
    with pytest.raises(UserError, match="has format 99; this version of ganvas reads format 2"):
        own_run.read()


PARTS = ("asked", "run", "status", "data")
HARM = [(part, value) for part in PARTS for value in (None, "x", -1, [], {})]


@pytest.mark.parametrize(("part", "value"), [h for h in HARM if h not in (("status", "x"), ("asked", {}))])
def test_a_record_that_lost_a_part_is_refused_by_that_part(own_run, part, value):
    record = json.loads(own_run.record.read_text())
    own_run.record.write_text(json.dumps({**record, part: value}))
    with pytest.raises(UserError, match=f"run.json is damaged: .*{part}"):
        own_run.read()
    del record[part]
    own_run.record.write_text(json.dumps(record))
    with pytest.raises(UserError, match=f"run.json is damaged: .*{part}"):
        own_run.read()


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"x"', "[" * 100_000])
def test_what_is_no_record_is_refused(own_run, text):
    own_run.record.write_text(text)
    with pytest.raises(UserError, match=r"is not a run: run.json"):
        own_run.read()


def test_a_record_that_cannot_be_read_now_is_not_called_damaged(own_run, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(RunFailedError, match="Too many open files"):
        own_run.read()


def test_checkpoints_are_listed_oldest_first_and_nothing_else_is(own_run):
    for name in ("step-12", "step-backup", "step-0000000003", "step-0000000099x", ".step-0000000050.part"):
        (own_run.checkpoint_folder / name).mkdir()
    (own_run.checkpoint_folder / "step-0000000500").write_text("a file")
    assert [p.name for p in own_run.checkpoints()] == ["step-0000000003", "step-0000000015", "step-0000000020"]


def test_reading_creates_nothing(tmp_path):
    run = RunFolder(tmp_path / "run")
    assert not run.exists()
    assert run.checkpoints() == []
    assert list(tmp_path.iterdir()) == []
