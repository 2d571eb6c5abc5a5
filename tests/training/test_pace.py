"""Threads follow the load of a training, are recorded, and stay as they are where they were given."""

import pytest

from ganvas import threads
from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig
from ganvas.runs.record import State
from ganvas.threads import Change, Tuner
from ganvas.training.engine import Engine
from ganvas.training.pace import Pace


@pytest.fixture
def pace_of(tiny_source, tiny_prepared, small, monkeypatch):
    """pace_of(adapts, threads of the state, objective) -> (pace, the numbers of threads that torch was given)."""

    def make(adapts=True, before=None, **objective):
        used = []
        monkeypatch.setattr(threads, "use", lambda tuner: used.append(tuner.threads))
        monkeypatch.setattr(threads, "tuner", lambda first: Tuner((1, 2), first))
        run = configure(str(tiny_source), "modern", small(objective=objective))
        run = resolve(run, tiny_prepared, ComputeConfig(2, "float32", "contiguous"), 160)
        run = run.model_copy(update={"adapts_threads": adapts})
        return Pace(run, Engine(alone=True), State(threads=before)), used

    return make


def test_a_fixed_number_of_threads_stays(pace_of):
    pace, used = pace_of(adapts=False)
    assert {pace.after_step(step, 100.0) for step in range(50)} == {None}
    assert set(used) == {2}


def test_the_number_changes_and_a_resumed_run_begins_with_it(pace_of):
    pace, used = pace_of(penalty_every=4)
    changes = [pace.after_step(step, {1: 0.1, 2: 0.9}[used[-1]]) for step in range(40)]
    (change,) = [change for change in changes if change]
    assert (change.threads, used[-1]) == (1, 1)
    assert pace_of(before=1)[1] == [1]


def test_steps_of_another_kind_do_not_count(pace_of):
    pace, used = pace_of(penalty_every=4)
    usual = [step for step in range(1, 9) if pace.is_usual(step)]
    assert usual == [1, 2, 3, 5, 6, 7]
    for step in range(0, 4000, 4):
        assert pace.after_step(step, 100.0 if step > 400 else 1.0) is None
    assert set(used) == {2}


def test_a_change_of_threads_is_in_the_log_the_checkpoint_and_the_record(train_small, tmp_path, monkeypatch):
    monkeypatch.setattr(
        Pace, "after_step", lambda self, step, seconds: Change(1, "2.00 times as fast as 2") if step == 3 else None
    )
    run = train_small(tmp_path / "run")
    text = "1 thread from here on, 2.00 times as fast as 2"
    assert text in run.log.read_text()
    assert [(event.images, event.text) for event in run.read().events] == [(32, text)]
