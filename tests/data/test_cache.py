import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganvas import files
from ganvas.data import DataConfig, cache, open_source
from ganvas.data.prepared import Manifest
from ganvas.errors import RunFailedError, UserError


def opened(folder, **choices):
    return open_source(str(folder), DataConfig(**choices))


@pytest.fixture
def count_preparing(monkeypatch):
    """How often preparing ran."""
    calls = []
    real = cache.prepare

    def counted(*arguments):
        calls.append(arguments)
        real(*arguments)

    monkeypatch.setattr(cache, "prepare", counted)
    return calls


def test_a_set_is_prepared_once(class_folder, count_preparing):
    folder = class_folder(cats=12)
    first, second = opened(folder), opened(folder)
    assert len(count_preparing) == 1
    assert first.folder == second.folder
    assert (first.pixels == second.pixels).all()


def test_every_choice_has_a_prepared_set_of_its_own_but_accepting_refusals(class_folder, count_preparing):
    folder = class_folder(cats=12)
    for choices in ({}, {"size": 16}, {"crop": 16}, {"channels": 3}, {"background": "black"}):
        opened(folder, **choices)
    assert len(count_preparing) == 5
    opened(folder, accept_refused=True)
    assert len(count_preparing) == 5


def test_a_changed_source_is_reported_and_prepared_again(class_folder, draw, count_preparing, said):
    folder = class_folder(cats=12)
    opened(folder)
    assert not any("changed" in line for line in said)
    draw(77).save(folder / "cats" / "new.png")
    assert len(opened(folder).pixels) == 13
    assert any("changed" in line for line in said)
    (folder / "cats" / "new.png").rename(folder / "cats" / "newer.png")
    opened(folder)
    os.utime(folder / "cats" / "newer.png", (1, 1))
    opened(folder)
    assert len(count_preparing) == 4


def test_a_source_that_changed_back_uses_its_first_prepared_set(class_folder, draw, count_preparing):
    folder = class_folder(cats=12)
    first = opened(folder)
    draw(77).save(folder / "cats" / "new.png")
    opened(folder)
    (folder / "cats" / "new.png").unlink()
    assert opened(folder).folder == first.folder
    assert len(count_preparing) == 2


def test_an_image_replaced_by_one_of_equal_size_and_time_is_a_change(class_folder, count_preparing):
    folder = class_folder(cats=12)
    opened(folder)
    path = folder / "cats" / "0.png"
    status, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:-1] + b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    opened(folder)
    assert len(count_preparing) == 2


@pytest.mark.parametrize("name", ["pixels.npy", "labels.npy", "train.npy", "held_out.npy", "manifest.json"])
@pytest.mark.parametrize("harm", ["cut", "remove"])
def test_a_damaged_prepared_set_is_reported_and_prepared_again(class_folder, name, harm, said):
    folder = class_folder(cats=12)
    first = opened(folder)
    before = first.pixels.copy()
    path = first.folder / name
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    else:
        path.unlink()
    second = opened(folder)
    assert any("damaged" in line for line in said)
    assert (second.pixels == before).all()
    assert cache.load_prepared(second.folder) is not None


def test_a_set_of_an_older_format_is_kept_and_prepared_again_without_a_message(
    class_folder, count_preparing, monkeypatch, said
):
    folder = class_folder(cats=12)
    with monkeypatch.context() as older:
        older.setattr(cache, "FORMAT", cache.FORMAT - 1)
        first = opened(folder)
    second = opened(folder)
    assert len(count_preparing) == 2
    assert first.folder != second.folder
    assert first.fingerprint == second.fingerprint
    assert all(line.startswith("preparing ") for line in said)


@pytest.mark.parametrize("text", ["[]", "{}", "null", '{"bytes": []}', '{"bytes": {"../x": 1}}', '{"bytes": {}}'])
def test_a_set_with_an_invalid_manifest_is_damaged(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    assert cache.load_prepared(tmp_path) is None


KILLED = """
import importlib, os, sys, signal
from ganvas.data import DataConfig, open_source
room, name, after, source = sys.argv[1:]
module = importlib.import_module("ganvas." + room)
real = getattr(module, name)
def deadly(*arguments, **more):
    if after == "after": real(*arguments, **more)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(module, name, deadly)
open_source(source, DataConfig())
"""


@pytest.mark.parametrize(
    ("room", "name", "moment"),
    [
        ("data.prepare", "_decode_pass", "before"),
        ("data.prepare", "_drop_rows", "after"),
        ("files", "sync_contents", "after"),
        ("files", "remove", "before"),
    ],
)
def test_a_set_whose_preparing_was_killed_is_prepared_again_and_nothing_is_left(
    class_folder, cache, room, name, moment
):
    folder = class_folder(cats=12)
    ended = subprocess.run([sys.executable, "-c", KILLED, room, name, moment, str(folder)], check=False)
    assert ended.returncode == -signal.SIGKILL
    left = list((cache / "prepared").glob(".building-*"))
    assert left
    for unfinished in left:  # one killed just before its rename has no lock; only its age shows that it is abandoned
        os.utime(unfinished, (1, 1))
    assert len(opened(folder).pixels) == 12
    assert not list((cache / "prepared").glob(".building-*"))


def test_two_processes_may_prepare_the_same_set_at_once(class_folder, cache):
    folder = class_folder(cats=60)
    script = "import sys; from ganvas.data import *; print(open_source(sys.argv[1], DataConfig()).fingerprint)"
    both = [
        subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    prints = {process.communicate(timeout=60)[0].splitlines()[-1] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(prints) == 1
    assert len(list((cache / "prepared").glob("*/manifest.json"))) == 1
    assert not list((cache / "prepared").glob(".building-*"))


def test_a_set_that_is_finished_second_does_not_replace_the_first(class_folder, tmp_path):
    prepared = opened(class_folder(cats=12))
    with cache.building(prepared.folder) as unfinished:
        (unfinished / "manifest.json").write_text("{}")
    assert cache.load_prepared(prepared.folder) is not None


def test_a_folder_that_another_process_is_building_is_left_alone(tmp_path):
    with cache.building(tmp_path / "a") as first:
        with cache.building(tmp_path / "b") as second:
            (second / "manifest.json").write_text("{}")
        assert first.exists()
        (first / "manifest.json").write_text("{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_on_a_disk_without_locks_sets_are_built_and_no_unfinished_folder_is_removed(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def without_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", without_locks)
    monkeypatch.setattr(files, "_warned", set())
    with cache.building(tmp_path / "a") as first:
        with cache.building(tmp_path / "b") as second:
            (second / "manifest.json").write_text("{}")
        assert first.exists()
        (first / "manifest.json").write_text("{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_folder_that_is_finished_while_its_lock_is_checked_is_not_abandoned(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "lock").write_text("")
    real = fcntl.flock

    def finished_meanwhile(*arguments):
        (tmp_path / "lock").unlink()
        real(*arguments)

    assert cache._is_abandoned(tmp_path)
    monkeypatch.setattr(fcntl, "flock", finished_meanwhile)
    assert not cache._is_abandoned(tmp_path)


def test_on_a_full_disk_nothing_is_left_and_the_message_names_the_remedy(class_folder, small_disk, monkeypatch):
    monkeypatch.setenv("GANVAS_CACHE", str(small_disk))
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - 100_000))
    with pytest.raises(RunFailedError, match=r"No space left on device; .*GANVAS_CACHE"):
        opened(class_folder(cats=200), size=64)
    assert not list((small_disk / "prepared").glob(".building-*"))
    (small_disk / "ballast").unlink()
    assert len(opened(class_folder("again", cats=20)).pixels) == 20


def test_a_failed_build_leaves_nothing(tmp_path):
    with pytest.raises(UserError), cache.building(tmp_path / "a"):
        raise UserError("no")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_clear_sentence(tmp_path):
    with pytest.raises(RunFailedError, match="No space left"), cache.building(tmp_path / "a"):
        raise OSError(28, "No space left on device")


def test_a_cache_that_is_a_file_is_one_clear_sentence(class_folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="GANVAS_CACHE"):
        opened(class_folder(cats=3))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_without_write_permission_is_one_clear_sentence(class_folder, tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir(mode=0o500)
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "closed"))
    with pytest.raises(UserError, match="GANVAS_CACHE"):
        opened(class_folder(cats=3))


def test_the_cache_is_the_systems_cache_folder_unless_chosen(monkeypatch):
    monkeypatch.delenv("GANVAS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache.cache_folder() == Path("/elsewhere/ganvas")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.cache_folder() == Path.home() / "Library" / "Caches" / "ganvas"
    monkeypatch.setenv("GANVAS_CACHE", "/chosen")
    assert cache.cache_folder() == Path("/chosen")


@pytest.fixture
def of_nobody(monkeypatch):
    """A user without HOME, whom the system does not know."""
    pwd = pytest.importorskip("pwd")

    def unknown(user):
        raise KeyError(user)

    for name in ("HOME", "GANVAS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("getpwuid", "getpwnam"):
        monkeypatch.setattr(pwd, name, unknown)


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_a_user_without_a_home_is_asked_for_a_cache_in_one_sentence(class_folder, of_nobody, monkeypatch, system):
    folder = class_folder(cats=12)
    monkeypatch.setattr(sys, "platform", system)
    expected = "^the cache needs a place, and this user has no home: set GANVAS_CACHE to a folder that can be written$"
    with pytest.raises(UserError, match=expected) as caught:
        opened(folder)
    assert caught.value.status == 2


@pytest.mark.parametrize("chosen", ["~/cache", "~nobody-of-that-name/cache"])
def test_a_cache_in_the_home_of_nobody_is_refused_by_its_name(class_folder, of_nobody, monkeypatch, chosen):
    monkeypatch.setenv("GANVAS_CACHE", chosen)
    with pytest.raises(UserError, match=f"^GANVAS_CACHE is {chosen}, and no such home is known: set GANVAS_CACHE to"):
        opened(class_folder(cats=12))


def test_a_user_without_a_home_who_chose_a_cache_works(class_folder, of_nobody, tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "chosen"))
    assert opened(class_folder(cats=12)).folder.parent == tmp_path / "chosen" / "prepared"


@pytest.mark.parametrize("inside", ["", "cache", "cats/deep/cache"])
def test_a_cache_inside_its_source_is_refused_before_anything_is_written(class_folder, contents, monkeypatch, inside):
    folder = class_folder(cats=12)
    before = contents(folder)
    for cache_name in (folder / inside, folder / "cats" / ".." / inside):
        monkeypatch.setenv("GANVAS_CACHE", str(cache_name))
        with pytest.raises(UserError, match=r"lies in the source .*: set GANVAS_CACHE to a folder outside$"):
            opened(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GANVAS_CACHE", inside or ".")  # relative, as the source is
    with pytest.raises(UserError, match=r"lies in the source \."):
        opened(".")
    assert contents(folder) == before


def test_a_hidden_cache_and_one_beside_the_source_are_no_part_of_it(class_folder, monkeypatch):
    folder = class_folder(cats=12)
    for place in (folder / ".cache" / "ganvas", folder.with_name(folder.name + "-cache")):
        monkeypatch.setenv("GANVAS_CACHE", str(place))
        first = opened(folder)
        assert opened(folder).folder == first.folder


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_read_only_cache_is_one_sentence_with_the_remedy(class_folder, monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    folder = class_folder(cats=3)
    monkeypatch.setattr(Path, "mkdir", refuse)
    expected = f"^cannot write below .*prepared: {os.strerror(number)}; set GANVAS_CACHE to a folder that can be"
    with pytest.raises(UserError, match=expected) as caught:
        opened(folder)
    assert caught.value.status == 2


def test_a_set_in_a_cache_that_became_read_only_is_still_opened(class_folder, monkeypatch, count_preparing):
    folder = class_folder(cats=12)
    opened(folder)

    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(Path, "write_text", refuse)
    assert len(opened(folder).pixels) == 12
    assert len(count_preparing) == 1


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path, monkeypatch):
    cache.refuse_read_only(tmp_path / "evaluators" / "new")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match=r"^nothing can be kept in .*; set GANVAS_CACHE to a folder that can be writt"):
        cache.refuse_read_only(tmp_path / "evaluators" / "new")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^nothing can be kept in .*file; "):
        cache.refuse_read_only(tmp_path / "file" / "new")


def test_a_prepared_set_is_one_folder_with_a_readable_name_and_a_manifest(class_folder):
    prepared = opened(class_folder("pets & co", cats=12))
    assert prepared.folder.name.startswith("pets-co-")
    assert prepared.name == "pets & co"
    assert Manifest.model_validate_json((prepared.folder / "manifest.json").read_text()) == prepared.manifest
    assert not (prepared.folder / "scratch").exists()


def test_after_its_source_is_removed_a_prepared_set_loads_only_by_its_folder(class_folder):
    folder = class_folder(cats=12)
    prepared = opened(folder)
    shutil.rmtree(folder)
    with pytest.raises(UserError, match="no source"):
        opened(folder)
    assert cache.load_prepared(prepared.folder) is not None


def test_an_abandoned_folder_without_a_lock_is_removed_after_an_hour(tmp_path):
    old = tmp_path / ".building-old"
    old.mkdir()
    with cache.building(tmp_path / "a") as unfinished:
        (unfinished / "x").write_text("")
    assert old.exists()
    os.utime(old, (time.time() - 2 * cache.SECONDS_UNTIL_ABANDONED,) * 2)
    with cache.building(tmp_path / "b") as unfinished:
        (unfinished / "x").write_text("")
    assert not old.exists()


def test_a_prepared_set_is_found_by_its_fingerprint_and_nothing_is_prepared_for_it(tiny_source, monkeypatch, tmp_path):
    from ganvas.data.cache import find_prepared

    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
    fingerprint = "0" * 32
    assert find_prepared(fingerprint) is None
    assert not (tmp_path / "cache").exists()
    prepared = open_source(str(tiny_source))
    found = find_prepared(prepared.fingerprint)
    assert found is not None
    assert (found.folder, found.fingerprint) == (prepared.folder, prepared.fingerprint)
    assert find_prepared(fingerprint) is None
    (prepared.folder / "pixels.npy").write_bytes(b"")
    assert find_prepared(prepared.fingerprint) is None
