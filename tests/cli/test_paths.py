"""Nothing is written into a source, over other files, or where there is no permission."""

import errno
import os
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ganvas import cli, files
from ganvas.training import run


@pytest.fixture
def pets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        (tmp_path / "pets" / kind).mkdir(parents=True)
        for index in range(12):
            Image.fromarray(random.integers(0, 255, (16, 16), np.uint8)).save(tmp_path / "pets" / kind / f"{index}.png")
    return tmp_path / "pets"


QUICK = ("--images", 16, "--batch", 8, "--threads", 1, "--precision", "float32", "--memory-format", "contiguous")


@pytest.mark.parametrize(
    "command",
    [
        ("data", "pets", "--out", "pets/cats/0.png"),
        ("data", "pets", "--out", "pets/sheet.png"),
        ("train", "pets", *QUICK, "--out", "pets/run"),
        ("train", "pets/", *QUICK, "--out", "./pets/run"),
    ],
)
def test_a_source_is_never_written_into(pets, refused, contents, command):
    before = contents(pets)
    assert "lies in the source pets" in refused(*command)
    assert contents(pets) == before


def test_samples_and_scorecards_keep_out_of_a_runs_source(pets, lines, refused, contents, monkeypatch):
    monkeypatch.setattr("ganvas.training.artifacts.draw_charts", lambda *_: None)
    lines("train", "pets", *QUICK, "--pair.width", 4, "--out", "run")
    before = contents(pets)
    for command in (
        ("sample", "run", "--out", "pets/"),
        ("sample", "run", "--out", "pets/cats/0.png"),
        ("evaluate", "run", "--out", "pets/score"),
    ):
        assert "lies in the source" in refused(*command)
    assert contents(pets) == before


def test_a_sample_sheet_is_a_png_and_takes_no_other_files_place(pets, refused, tmp_path):
    (tmp_path / "notes.txt").write_text("three years")
    assert refused("data", "pets", "--out", "notes.txt") == "--out notes.txt: the sample sheet is a FILE.png"
    assert (tmp_path / "notes.txt").read_text() == "three years"


def test_an_empty_out_is_no_place(tiny_run, refused):
    assert refused("sample", tiny_run.path, "--out", "").startswith("--out needs a value")


def test_a_walk_has_two_ends(tiny_run, refused):
    assert "--between takes -n 2 or more" in refused("sample", tiny_run.path, "--between", "spot", "down", "-n", 1)


def test_a_bundle_is_no_run_to_train(own_run, tiny_source, refused):
    assert "is a bundle; choose another --out" in refused("train", tiny_source, "--out", own_run.bundle)


@pytest.mark.parametrize("command", [("sample",), ("list", "runs", "--runs"), ("train",), ("evaluate",)])
def test_a_name_that_is_too_long_is_a_sentence(refused, command):
    assert len(refused(*command, "x" * 300)) < 800


def test_a_source_by_another_spelling_is_the_same(pets, lines, monkeypatch):
    monkeypatch.setattr("ganvas.training.artifacts.draw_charts", lambda *_: None)
    for source in ("pets", "pets/", "./pets", pets):
        output = lines("train", source, *QUICK, "--pair.width", 4, "--out", "run")
    assert output[0].startswith("run is finished: 16 images")


def test_a_budget_that_is_no_whole_number_of_batches_is_rounded_up_with_a_message(pets, lines, monkeypatch):
    monkeypatch.setattr("ganvas.training.artifacts.draw_charts", lambda *_: None)
    output = lines("train", "pets", *("--images", 20, *QUICK[2:]), "--pair.width", 4, "--out", "run")
    assert "budget 20 images, rounded up to whole batches: 24" in output


@pytest.mark.parametrize("budget", [("--images", "9" * 26), ("--minutes", "1e300"), ("--epochs", "1e300")])
def test_absurd_budgets_are_refused(pets, refused, budget):
    assert "input should be less than or equal to" in refused("train", "pets", *budget)


def test_interrupted_before_anything_was_saved_it_leaves_nothing(pets, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_to_end", interrupted)
    assert cli.run(["train", "pets", *map(str, QUICK), "--out", "runs/new"]) == 130
    assert not (tmp_path / "runs").exists()


def test_a_licence_beside_the_class_folders_is_no_image(pets, lines):
    (pets / "LICENSE").write_text("free")
    (pets / "cats" / "README").write_text("cats")
    (pets / ".thumbnails").mkdir()
    output = lines("data", "pets")
    assert "images: 24 of 16x16 px, grey" in output
    assert {"ignored: LICENSE", "ignored: cats/README"} <= set(output)
    assert [line for line in output if line.startswith("skipped: 1 ") and line.endswith(": .thumbnails/")]


@pytest.mark.skipif(os.name == "nt", reason="has no such modes")
def test_a_class_folder_that_cannot_be_read_is_not_a_class_that_vanishes(pets, refused, monkeypatch):
    original = os.scandir

    def scandir(place):
        if str(place).endswith("dogs"):
            raise PermissionError(13, "Permission denied", str(place))
        return original(place)

    monkeypatch.setattr(os, "scandir", scandir)
    assert "dogs cannot be read: Permission denied; a class would vanish" in refused("data", "pets")


def test_a_disk_without_locks_and_synced_folders_is_warned_of_once_and_trained_on(pets, monkeypatch, capsys, tmp_path):
    fcntl, fsync = pytest.importorskip("fcntl"), os.fsync

    def without_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    def of_files_alone(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(handle)

    monkeypatch.setattr(fcntl, "flock", without_locks)
    monkeypatch.setattr(os, "fsync", of_files_alone)
    monkeypatch.setattr(files, "_warned", set())
    monkeypatch.setattr("ganvas.training.artifacts.draw_charts", lambda *_: None)
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
    for _ in range(2):  # begun, and resumed
        assert cli.run(["train", "pets", *map(str, QUICK), "--pair.width", "4", "--out", "run"]) == 0
        shutil.rmtree(tmp_path / "run" / "bundle")
    assert capsys.readouterr().err.splitlines() == [
        f"warning: the disk of {tmp_path / 'cache' / 'prepared'} has no file locks: a second process is not noticed "
        "there",
        f"warning: the disk of {tmp_path / 'cache' / 'prepared'} does not sync folders: a power cut may lose the "
        "newest files",
    ]


@pytest.mark.parametrize("command", [("data", "pets"), ("train", "pets", *QUICK), ("evaluate", "run")])
def test_a_user_without_a_home_is_asked_for_a_cache_in_one_sentence(pets, lines, refused, monkeypatch, command):
    pwd = pytest.importorskip("pwd")
    monkeypatch.setattr("ganvas.training.artifacts.draw_charts", lambda *_: None)
    lines("train", "pets", *QUICK, "--pair.width", 4, "--out", "run")

    def unknown(user):
        raise KeyError(user)

    for name in ("HOME", "GANVAS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    sentence = "the cache needs a place, and this user has no home: set GANVAS_CACHE to a folder that can be written"
    assert refused(*command) == sentence
    lines("sample", "run", "-n", 2)  # needs no cache


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")  # noqa: PTH110
@pytest.mark.parametrize("redirect", ["> /dev/full", ">&-"])
def test_an_output_that_is_full_or_closed_is_no_traceback(redirect):
    command = f"{sys.executable} -m ganvas list {redirect}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1
