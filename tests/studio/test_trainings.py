import os
import signal
import sys
import time

import pytest

from ganvas.errors import UserError
from ganvas.runs.folder import RunFolder
from ganvas.settings import leaves
from ganvas.studio.places import Places
from ganvas.studio.refusals import ConflictError, NotFoundError
from ganvas.studio.summaries import Summaries
from ganvas.studio.trainings import NewTraining, Trainings

LOOKED = 0.02
# In place of Python: writes down its arguments, and stays until it is asked to end.
STAND_IN = """#!/bin/sh
printf '%s\\n' "$@"
trap 'exit 143' TERM
while :; do sleep 0.05; done
"""


def wait_for(fits, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not fits():
        assert time.monotonic() < end, "it did not come"
        time.sleep(LOOKED)


@pytest.fixture
def places(home) -> Places:
    return Places(home)


@pytest.fixture
def trainings(places):
    started = Trainings(places)
    yield started
    for process in started._processes.values():
        process.kill()
        process.wait()


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Nothing is trained: what would be is printed."""
    script = tmp_path / "stand-in"
    script.write_text(STAND_IN)
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


def printed(places, name: str) -> list[str]:
    wait_for(lambda: places.console_of(name).read_text())
    return places.console_of(name).read_text().splitlines()


def test_a_training_is_the_command_that_a_person_types(places, trainings, stand_in):
    name = trainings.start(NewTraining(source="digits", options={"training.minutes": 2, "data.stretch": True}))
    assert name == "digits-modern-s0"
    assert printed(places, name) == [
        *("-m", "ganvas", "train", "digits"),
        f"--out={places.runs / name}",
        "--recipe=modern",
        "--data.stretch=true",
        "--training.minutes=2",
    ]


def test_a_training_is_in_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(places, trainings, stand_in):
    name = trainings.start(NewTraining(source="digits"))
    process = trainings._processes[name]
    assert os.getsid(process.pid) != os.getsid(0)


def test_it_is_shown_as_starting_and_then_why_it_failed(places, trainings, tmp_path, monkeypatch):
    script = tmp_path / "failing"
    script.write_text("#!/bin/sh\necho preparing\necho 'ganvas: no images' >&2\nexit 2\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    name = trainings.start(NewTraining(source="digits"))
    assert trainings.without_record()[0].state in ("starting", "died")
    wait_for(lambda: not trainings.is_starting(name))
    (failed,) = trainings.without_record()
    assert (failed.name, failed.state, failed.reason) == (name, "died", "no images")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"source": "digitz"}, "did you mean digits"),
        ({"source": "../secret"}, "there is no set"),
        ({"source": "/etc"}, "there is no set"),
        ({"source": "--out=x"}, "there is no set"),
        ({"source": "hf:owner/name"}, "there is no set"),
        ({"source": "nul\0"}, "there is no set"),
        ({"source": "."}, "there is no set"),
        ({"source": "digits", "recipe": "modrn"}, "did you mean modern"),
        ({"source": "digits", "options": {"training.minuts": 3}}, "did you mean minutes"),
        ({"source": "digits", "options": {"training.minutes": -3}}, "greater than 0"),
        ({"source": "digits", "options": {"training.batch": "x; rm -rf /"}}, "valid integer"),
        ({"source": "digits", "name": "../up"}, "letters"),
        ({"source": "digits", "name": ".hidden"}, "letters"),
        ({"source": "digits", "name": "a\nb"}, "letters"),
        ({"source": "digits", "name": "-x"}, "letters"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_is_written(home, places, trainings, asked, says):
    (home / "secret").mkdir()
    before = sorted(home.rglob("*"))
    with pytest.raises(UserError, match=says):
        trainings.start(NewTraining(**asked))
    assert sorted(home.rglob("*")) == before


def test_a_link_that_leads_out_of_the_folder_is_no_set(home, places, trainings, tmp_path):
    (tmp_path / "outside").mkdir()
    (home / "linked").symlink_to(tmp_path / "outside")
    assert "linked" not in places.sets()
    with pytest.raises(NotFoundError):
        places.source("linked")


def test_sets_below_the_folder_are_named_and_found(home, places):
    (home / "pets" / "cat").mkdir(parents=True)
    (home / "birds.zip").write_bytes(b"PK")
    (home / "notes.txt").write_text("x")
    assert places.sets() == ["birds.zip", "pets"]
    assert places.source("pets") == str(home / "pets")
    assert places.source("pets/cat") == str(home / "pets" / "cat")


def test_a_name_that_is_taken_is_a_conflict(places, trainings):
    with pytest.raises(ConflictError, match="already"):
        trainings.start(NewTraining(source="digits", name="tiny"))


def test_a_few_trainings_at_once_are_enough(places, trainings, stand_in):
    for number in range(4):
        trainings.start(NewTraining(source="digits", name=f"run{number}"))
    with pytest.raises(ConflictError, match="stop one first"):
        trainings.start(NewTraining(source="digits", name="run9"))


def test_a_run_is_removed_for_good_only_under_its_repeated_name(places, trainings, tiny):
    for wrong in ("", "tin", "Tiny"):
        with pytest.raises(ConflictError, match="repeat its name"):
            trainings.remove(tiny, wrong)
        assert tiny.exists()
    trainings.remove(tiny, "tiny")
    assert not tiny.path.exists()
    assert [path.name for path in places.runs.iterdir()] == []


def test_a_finished_run_is_neither_stopped_nor_resumed(trainings, tiny):
    with pytest.raises(ConflictError, match="not being trained"):
        trainings.stop(tiny)
    with pytest.raises(ConflictError, match="nothing to resume"):
        trainings.resume(tiny)


def test_no_process_is_signalled_because_a_file_names_it(trainings, tiny, monkeypatch):
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a signal"))
    (tiny.path / ".lock").write_text(str(os.getppid()))
    with pytest.raises(ConflictError):
        trainings.stop(tiny)


def test_a_run_is_resumed_by_the_request_that_began_it(places, trainings, tiny, tiny_source, stand_in):
    tiny.write(tiny.read().model_copy(update={"status": "interrupted"}))
    trainings.resume(tiny)
    arguments = printed(places, "tiny")
    assert arguments[:5] == ["-m", "ganvas", "train", str(tiny_source), f"--out={tiny.path}"]
    assert "--training.images=160" in arguments
    assert "--recipe=modern" in arguments
    with pytest.raises(ConflictError, match="already"):
        trainings.resume(tiny)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_real_run_starts_is_stopped_saves_and_is_resumed_to_its_end(places, trainings, tiny_source, small):
    (places.root / "patterns.npz").write_bytes(tiny_source.read_bytes())
    every = {"images": 12_000, "log_every": 80, "preview_every": 800, "save_every": 4_000}
    choices = {key: value for key, value in leaves(small(training=every)) if value is not None}
    name = trainings.start(NewTraining(source="patterns.npz", name="real", options=choices))
    summaries, run = Summaries(places), RunFolder(places.runs / name)
    wait_for(lambda: run.previews.is_dir() and any(run.previews.iterdir()))
    assert summaries.one(run).state == "running"
    with pytest.raises(ConflictError, match="stop it first"):
        trainings.remove(run, name)
    trainings.stop(run)
    wait_for(lambda: not trainings.is_starting(name))
    assert trainings._processes[name].returncode == 128 + signal.SIGTERM
    assert summaries.one(run).state == "interrupted"
    trainings.resume(run)
    wait_for(lambda: summaries.one(run).state == "finished")
    assert summaries.one(run).images == 12_000
