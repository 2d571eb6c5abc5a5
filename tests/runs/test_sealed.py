import errno
import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from ganvas import files
from ganvas.errors import RunFailedError
from ganvas.files import DamagedError
from ganvas.runs import sealed

OLD, NEW = {"a": b"old a", "b": b"old b"}, {"a": b"new a", "b": b"new b" * 1000}

POINTS = 12  # two folders made, three files written and synced, two folders synced, two renames


class Killed(BaseException):
    """What no `except OSError` or `except Exception` sees, as none sees SIGKILL."""


@pytest.fixture
def dying(monkeypatch):
    """dying(k, error) -> from now on the k-th write, sync, rename or mkdir fails; half of a write is done before."""
    count = [0]

    def arm(at, error):
        def watched(original, half=False):
            def call(*given, **named):
                count[0] += 1
                if count[0] == at:
                    if half:
                        path, content = given
                        original(path, content[: len(content) // 2])
                    raise error
                return original(*given, **named)

            return call

        monkeypatch.setattr(Path, "write_bytes", watched(Path.write_bytes, half=True))
        monkeypatch.setattr(os, "fsync", watched(os.fsync))
        for name in ("rename", "replace", "mkdir"):
            monkeypatch.setattr(Path, name, watched(getattr(Path, name)))
        return count

    return arm


def points(folder, content):
    """How many such calls one write over an old folder makes."""
    with pytest.MonkeyPatch.context() as patch:
        count = [0]

        def counted(original):
            def call(*given, **named):
                count[0] += 1
                return original(*given, **named)

            return call

        patch.setattr(Path, "write_bytes", counted(Path.write_bytes))
        patch.setattr(os, "fsync", counted(os.fsync))
        for name in ("rename", "replace", "mkdir"):
            patch.setattr(Path, name, counted(getattr(Path, name)))
        sealed.write_sealed(folder, content)
        return count[0]


def test_what_was_written_verifies_and_is_what_was_given(tmp_path):
    sealed.write_sealed(tmp_path / "x", NEW)
    assert sealed.verify_sealed(tmp_path / "x") == {"a", "b"}
    assert (tmp_path / "x" / "b").read_bytes() == NEW["b"]


def test_every_point_at_which_a_write_can_die_is_tried_below(tmp_path):
    sealed.write_sealed(tmp_path / "x", OLD)
    assert points(tmp_path / "x", NEW) == POINTS


@pytest.mark.parametrize("at", range(1, POINTS + 1))
def test_killed_at_any_point_the_old_or_the_new_folder_is_there_whole_and_the_next_write_succeeds(tmp_path, dying, at):
    folder = tmp_path / "x"
    sealed.write_sealed(folder, OLD)
    count = dying(at, Killed())
    with pytest.raises(Killed):
        sealed.write_sealed(folder, NEW)
    count[0] = POINTS  # nothing dies any more
    places = [p for p in (folder, tmp_path / ".x.old") if p.is_dir()]
    assert places
    for place in places:
        sealed.verify_sealed(place, ("a", "b"))
        assert (place / "a").read_bytes() in (OLD["a"], NEW["a"])
    sealed.write_sealed(folder, NEW)
    sealed.verify_sealed(folder)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]  # leftovers are cleared


@pytest.mark.parametrize("at", range(1, POINTS + 1))
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_error_of_the_disk_leaves_the_old_folder_as_it_was_or_the_new_one_whole(tmp_path, dying, at, number):
    folder = tmp_path / "x"
    sealed.write_sealed(folder, OLD)
    dying(at, OSError(number, os.strerror(number)))
    with pytest.raises(OSError, match=os.strerror(number)):
        sealed.write_sealed(folder, NEW)
    sealed.verify_sealed(folder)
    result = {name: (folder / name).read_bytes() for name in OLD}
    assert result in (OLD, NEW)
    assert not (tmp_path / ".x.part").exists()


def test_leftovers_of_any_kind_are_in_nobodys_way(tmp_path):
    (tmp_path / ".x.part").write_bytes(b"a file")
    (tmp_path / ".x.old").mkdir()
    (tmp_path / ".x.old" / "rubbish").write_bytes(b"r")
    sealed.write_sealed(tmp_path / "x", NEW)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_file_with_the_folders_name_is_replaced(tmp_path):
    (tmp_path / "x").write_bytes(b"a file")
    sealed.write_sealed(tmp_path / "x", NEW)
    assert sealed.verify_sealed(tmp_path / "x")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(("mask", "folder_mode", "file_mode"), [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600)])
def test_modes_follow_the_umask(tmp_path, mask, folder_mode, file_mode):
    before = os.umask(mask)
    try:
        sealed.write_sealed(tmp_path / "x", NEW)
        files.write_atomic(tmp_path / "y", b"y")
    finally:
        os.umask(before)
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "x", tmp_path / "x" / "a", tmp_path / "y")}
    assert list(modes.values()) == [folder_mode, file_mode, file_mode]


@pytest.mark.parametrize("name", ["a", "b", sealed.MANIFEST])
@pytest.mark.parametrize("harm", ["flipped", "cut", "emptied", "gone", "a folder", "a pipe"])
def test_harm_to_any_file_is_refused_by_its_name(tmp_path, name, harm):
    folder = tmp_path / "x"
    sealed.write_sealed(folder, NEW)
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if harm == "flipped":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif harm == "cut":
        path.write_bytes(content[:-2])
    elif harm == "emptied":
        path.write_bytes(b"")
    elif harm == "a folder":
        path.mkdir()
    elif harm == "a pipe":
        os.mkfifo(path)  # read as a file, it would wait for ever
    # A flipped letter of the manifest may be one of a name or of a sum: what it belongs to is named then.
    with pytest.raises(DamagedError, match="[ab]|manifest.json" if name == sealed.MANIFEST else rf"^{name} "):
        sealed.verify_sealed(folder)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../b", "", ".", "..", "a\0b", "x\ny", "\ud800"])
def test_a_manifest_that_names_a_path_is_refused(tmp_path, name):
    folder = tmp_path / "x"
    sealed.write_sealed(folder, NEW)
    (tmp_path / "outside").write_bytes(b"")
    sums = {name: hashlib.sha256(b"").hexdigest()}
    (folder / sealed.MANIFEST).write_text(json.dumps({"sha256": sums}))
    with pytest.raises(DamagedError, match="plain file name"):
        sealed.verify_sealed(folder)


@pytest.mark.parametrize("text", ["", "[]", "1", "{}", '{"sha256": []}', '{"sha256": {}}', "[" * 100_000, "\xff"])
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    (tmp_path / sealed.MANIFEST).write_text(text, encoding="latin-1")
    with pytest.raises(DamagedError, match="manifest"):
        sealed.verify_sealed(tmp_path)


def test_what_is_needed_must_be_sealed(tmp_path):
    sealed.write_sealed(tmp_path / "x", OLD)
    with pytest.raises(DamagedError, match="does not name c"):
        sealed.verify_sealed(tmp_path / "x", ("a", "c"))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.ENOMEM])
def test_a_system_that_refuses_for_now_is_no_damage(tmp_path, monkeypatch, number):
    sealed.write_sealed(tmp_path / "x", NEW)

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(RunFailedError, match=os.strerror(number)):
        sealed.verify_sealed(tmp_path / "x")


def test_a_small_disk_that_fills_up_keeps_the_old_folder(small_disk):
    folder = small_disk / "x"
    sealed.write_sealed(folder, OLD)
    with pytest.raises(OSError, match="No space"):
        sealed.write_sealed(folder, {"a": b"x" * (4 << 20)})
    assert (folder / "a").read_bytes() == OLD["a"]
    sealed.verify_sealed(folder)
    sealed.write_sealed(folder, NEW)
    assert shutil.disk_usage(small_disk).used < 1 << 20
