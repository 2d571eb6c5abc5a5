import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from ganvas import files
from ganvas.errors import RunFailedError
from ganvas.files import DamagedError

UNSUPPORTED = [errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS]
needs_locks = pytest.mark.skipif(os.name == "nt", reason="no advisory locks of this type")


@pytest.fixture(autouse=True)
def _nothing_warned_of_yet(monkeypatch):
    monkeypatch.setattr(files, "_warned", set())


@pytest.fixture
def answering(monkeypatch):
    """answering(fsync=EIO) or answering(flock=ENOLCK) -> from now on that call of the system fails so."""

    def arm(fsync=None, flock=None):
        def failing(number):
            def call(*_):
                raise OSError(number, os.strerror(number))

            return call

        if fsync is not None:
            monkeypatch.setattr(os, "fsync", failing(fsync))
        if flock is not None:
            import fcntl

            monkeypatch.setattr(fcntl, "flock", failing(flock))

    return arm


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_in_place_of_the_old_one_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "run.json"
    files.write_atomic(path, b"old")
    files.write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["run.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_an_error_of_the_disk_leaves_the_old_file(tmp_path, answering, number):
    path = tmp_path / "run.json"
    files.write_atomic(path, b"old")
    answering(fsync=number)
    with pytest.raises(OSError, match=os.strerror(number)):
        files.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["run.json"]


def test_a_full_disk_leaves_the_old_file(small_disk):
    path = small_disk / "run.json"
    files.write_atomic(path, b"old")
    with pytest.raises(OSError, match="No space left"):
        files.write_atomic(path, bytes(4 << 20))
    assert path.read_bytes() == b"old"
    assert names(small_disk) == ["run.json"]
    assert shutil.disk_usage(small_disk).used < 1 << 20


@pytest.mark.parametrize("reason", [ValueError("half way"), KeyboardInterrupt()])
def test_whatever_stops_a_write_leaves_the_old_file(tmp_path, reason):
    path = tmp_path / "run.json"
    files.write_atomic(path, b"old")
    with pytest.raises(type(reason)), files.open_atomic(path):
        raise reason
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["run.json"]


KILLED = """
import os, signal, sys
from pathlib import Path
from ganvas import files
moment, path = sys.argv[1], Path(sys.argv[2])
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if moment == "fsync":
    os.fsync = kill
elif moment == "replace":
    Path.replace = kill
with files.open_atomic(path) as file:
    file.write(b"new")
    if moment == "write":
        file.flush()
        kill()
"""


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_write_that_is_killed_leaves_the_old_file_and_the_next_one_succeeds(tmp_path, moment):
    path = tmp_path / "run.json"
    files.write_atomic(path, b"old")
    ended = subprocess.run([sys.executable, "-c", KILLED, moment, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == [files.part_of(path).name, "run.json"]
    files.write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["run.json"]


def test_the_file_is_synced_before_it_is_renamed_and_the_folder_after(tmp_path, monkeypatch):
    order = []

    def watched(name, original):
        def call(*given):
            order.append(name)
            return original(*given)

        return call

    monkeypatch.setattr(os, "fsync", watched("sync", os.fsync))
    monkeypatch.setattr(Path, "replace", watched("rename", Path.replace))
    files.write_atomic(tmp_path / "x", b"x")
    assert order == ["sync", "rename", "sync"]


@pytest.mark.skipif(os.name == "nt", reason="Windows gives no handle to a folder")
@pytest.mark.parametrize("number", [*UNSUPPORTED, errno.EBADF])
def test_a_disk_that_does_not_sync_folders_is_warned_of_once_and_used(tmp_path, said, answering, number):
    answering(fsync=number)
    for _ in range(3):
        files.sync_folder(tmp_path)
    assert len(said) == 1
    assert "does not sync folders" in said[0]


@pytest.mark.skipif(os.name == "nt", reason="Windows gives no handle to a folder")
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_folder_that_failed_to_be_synced_is_an_error(tmp_path, said, answering, number):
    answering(fsync=number)
    with pytest.raises(OSError, match=os.strerror(number)):
        files.sync_folder(tmp_path)
    assert not said


@needs_locks
def test_a_lock_is_refused_with_its_holders_number_and_free_afterwards(tmp_path):
    path = tmp_path / "lock"
    with files.lock(path) as is_held:
        assert is_held
        with pytest.raises(files.LockedError, match=f"^process {os.getpid()}$"), files.lock(path):
            pass
    with files.lock(path, create=False) as is_held:
        assert is_held


@needs_locks
@pytest.mark.parametrize("number", [errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES])
def test_every_error_code_for_a_held_lock_is_a_locked_error(tmp_path, said, answering, number):
    (tmp_path / "lock").write_text("123")
    answering(flock=number)
    with pytest.raises(files.LockedError, match=r"^process 123$"), files.lock(tmp_path / "lock"):
        pass
    assert not said


@needs_locks
@pytest.mark.parametrize("content", ["", "?", "\x1b[31m", "0" * 10**6])
def test_a_holder_that_left_no_number_is_another_process(tmp_path, answering, content):
    (tmp_path / "lock").write_text(content)
    answering(flock=errno.EWOULDBLOCK)
    with pytest.raises(files.LockedError) as caught, files.lock(tmp_path / "lock"):
        pass
    assert str(caught.value) in ("another process", f"process {'0' * 20}")


@needs_locks
@pytest.mark.parametrize("number", [*UNSUPPORTED, errno.ENOLCK])
def test_a_disk_without_locks_is_warned_of_once_and_used(tmp_path, said, answering, number):
    answering(flock=number)
    for _ in range(3):
        with files.lock(tmp_path / "lock") as is_held:
            assert not is_held
    assert len(said) == 1
    assert "has no file locks" in said[0]


@needs_locks
def test_another_error_of_a_lock_is_one_sentence(tmp_path, answering):
    answering(flock=errno.EIO)
    with pytest.raises(RunFailedError, match=r"cannot be locked: Input/output error"), files.lock(tmp_path / "lock"):
        pass


def test_a_lock_file_that_must_exist_is_not_created(tmp_path):
    with pytest.raises(FileNotFoundError), files.lock(tmp_path / "lock", create=False):
        pass
    assert not names(tmp_path)


def test_a_folder_replaces_another_and_the_old_one_is_removed(tmp_path):
    for name in ("new", "x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(b"")
    files.replace_folder(tmp_path / "new", tmp_path / "x")
    assert names(tmp_path) == ["x"]
    assert names(tmp_path / "x") == ["new"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(FileNotFoundError):
        files.replace_folder(tmp_path / "missing", tmp_path / "x")
    assert names(tmp_path) == ["x"]


def test_json_is_equal_bytes_for_equal_values():
    assert (
        files.to_json({"b": 1, "a": "é"})
        == files.to_json({"a": "é", "b": 1})
        == '{\n  "a": "é",\n  "b": 1\n}\n'.encode()
    )


def test_json_comes_back_as_it_was_written(tmp_path):
    value = {"name": "a\ud800b", "values": [1, 0.1, None]}  # half a character, as a hostile file's name may have
    files.write_atomic(tmp_path / "x", files.to_json(value))
    assert files.read_json(tmp_path / "x") == value


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 100_000])
def test_anything_but_a_json_object_is_damage_that_names_the_file(tmp_path, text):
    (tmp_path / "run.json").write_bytes(text)
    with pytest.raises(DamagedError, match=r"run\.json"):
        files.read_json(tmp_path / "run.json")


def test_json_beyond_its_bound_is_not_read(tmp_path):
    path = tmp_path / "run.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no disk; read whole it would take a terabyte
    with pytest.raises(DamagedError, match="larger than"):
        files.read_json(path)


def test_an_endless_device_is_not_read(tmp_path):
    (tmp_path / "run.json").symlink_to("/dev/zero")
    with pytest.raises(DamagedError, match="is not a file"):
        files.read_json(tmp_path / "run.json")


@pytest.fixture
def lines(tmp_path):
    """A JSONL file of three records."""
    with (tmp_path / "x.jsonl").open("ab") as file:
        for step in range(3):
            files.append_jsonl(file, {"step": step, "loss": step / 7}, synced=True)
    return tmp_path / "x.jsonl"


def test_records_come_back_as_they_were_appended(lines):
    assert list(files.read_jsonl(lines)) == [{"step": step, "loss": step / 7} for step in range(3)]
    assert [json.loads(line)["step"] for line in lines.read_text().splitlines()] == [0, 1, 2]


def test_a_last_line_cut_off_anywhere_is_left_out(lines):
    whole = lines.read_bytes()
    start = whole.rindex(b"{")
    for length in range(start, len(whole) - 2):
        lines.write_bytes(whole[:length])
        assert [record["step"] for record in files.read_jsonl(lines)] == [0, 1]


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe\x00"])
def test_a_damaged_line_before_the_last_is_named_by_its_number(lines, damage):
    content = lines.read_bytes().splitlines()
    lines.write_bytes(b"\n".join([content[0], damage, content[2], b""]))
    with pytest.raises(DamagedError, match="line 2 is damaged"):
        list(files.read_jsonl(lines))


def test_a_line_is_readable_before_the_file_is_closed(tmp_path):
    with (tmp_path / "x").open("ab") as file:
        files.append_jsonl(file, {"step": 1})
        assert [record["step"] for record in files.read_jsonl(tmp_path / "x")] == [1]


def test_a_line_is_synced_only_on_request(answering):
    answering(fsync=errno.EIO)
    files.append_jsonl(BytesIO(), {"step": 1})
    with Path(os.devnull).open("ab") as file, pytest.raises(OSError, match=os.strerror(errno.EIO)):
        files.append_jsonl(file, {"step": 1}, synced=True)
