"""Minutes are a promise: whatever the pace does, training ends within a tenth of them, and plans are rare."""

import json
from itertools import pairwise

import pytest

from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, TimeBudget
from ganvas.runs.record import Plan, State
from ganvas.training import trainer
from ganvas.training.engine import Engine
from ganvas.training.run import TrainRequest, train
from ganvas.training.schedule import Schedule

BATCH = 64


class Killed(BaseException):
    """What nothing catches, as nothing catches SIGKILL."""


@pytest.fixture
def schedule_of(tiny_source, small):
    """schedule_of(images, minutes, state): the schedule of a run that was planned with so many images."""
    from ganvas.config.recipes import configure
    from ganvas.data import open_source

    def make(images, minutes=None, state=None):
        run = configure(str(tiny_source), "modern", small(training={"batch": BATCH}))
        run = resolve(run, open_source(str(tiny_source)), ComputeConfig(1, "float32", "contiguous"), images)
        time = None if minutes is None else TimeBudget(begin_seconds=0, end_seconds=60 * minutes)
        return Schedule(run.model_copy(update={"time": time}), state or State())

    return make


def play(schedule, pace_at, state=None):
    """Steps to the end at `pace_at(seconds)` images a second -> (state, progress before each step, plans)."""
    state, engine, plans, progress = state or State(), Engine(alone=True), [], []
    while state.step < schedule.steps:
        progress.append(schedule.progress(state.step))
        state.step += 1
        state.training_seconds += BATCH / pace_at(state.training_seconds)
        if schedule.replan(state, engine):
            plans.append(state.plan)
    return state, progress, plans


def steady(seconds):
    return 1000


PACES = {
    "as planned": steady,
    "a third of it": lambda seconds: 333,
    "three times of it": lambda seconds: 3000,
    "a fifth from the middle on": lambda seconds: 1000 if seconds < 90 else 200,
    "a third for the first half": lambda seconds: 333 if seconds < 90 else 1000,
    "a third for the last sixth": lambda seconds: 1000 if seconds < 150 else 333,
    "a thirtieth at the very end": lambda seconds: 1000 if seconds < 170 else 33,
    "three times for the last fifth": lambda seconds: 1000 if seconds < 144 else 3000,
    "to and fro": lambda seconds: 1000 if seconds // 5 % 2 else 500,
}


@pytest.mark.parametrize("name", PACES)
def test_training_ends_within_a_tenth_of_the_minutes(schedule_of, name):
    state, progress, plans = play(schedule_of(180_000, 3), PACES[name])
    assert state.training_seconds == pytest.approx(180, rel=0.1)
    assert progress == sorted(progress)
    assert max(b - a for a, b in pairwise(progress)) < 0.02
    assert len(plans) <= 5


def test_a_pace_that_holds_is_not_planned_anew(schedule_of):
    state, progress, plans = play(schedule_of(180_000, 3), steady)
    assert plans == []
    assert state.plan is None
    assert progress == [step / 2813 for step in range(2813)]


def test_a_pace_that_swings_for_a_moment_is_not_planned_anew(schedule_of):
    def swinging(seconds):
        return 1000 * (0.6 if seconds % 20 < 3 else 1.06)

    assert play(schedule_of(180_000, 3), swinging)[2] == []


def test_images_that_were_asked_for_never_change(schedule_of):
    state, _, plans = play(schedule_of(64_000), lambda seconds: 1)
    assert (state.step * BATCH, plans) == (64_000, [])


def test_after_a_plan_the_rate_goes_on_from_where_it_is_to_the_new_end(schedule_of):
    schedule = schedule_of(
        64_000, state=State(step=500, plan=Plan(images_before=32_000, images=48_000, progress_before=0.5))
    )
    assert [schedule.progress(step) for step in (500, 625, 750)] == [0.5, 0.75, 1.0]
    assert schedule.steps == 750


def test_a_resumed_schedule_is_that_of_the_state(schedule_of):
    """Cut after any plan, the rest of the progress is the same as without a cut, at the same paces."""
    pace = PACES["a fifth from the middle on"]
    whole_state, whole, plans = play(schedule_of(180_000, 3), pace)
    cut = plans[-1].images_before // BATCH
    state = State(step=cut, plan=plans[-1], training_seconds=whole_state.training_seconds)
    resumed = schedule_of(180_000, 3, state)
    assert [resumed.progress(step) for step in range(cut, resumed.steps)] == whole[cut:]


@pytest.fixture
def planned(train_small, monkeypatch):
    """planned(folder, at_step, images): a run of 160 images, of which the rest is planned anew after a step."""
    monkeypatch.setattr("ganvas.training.autotune.plan", plan_of_160_images)

    def run(folder, at_step=6, images=96, dies_at=None):
        def better_total(self, state):
            return images if state.step == at_step else None

        original = trainer.gan_step

        def dying(*given):
            if given[-1] == dies_at:
                raise Killed
            return original(*given)

        with monkeypatch.context() as patch:
            patch.setattr(Schedule, "better_total", better_total)
            patch.setattr(trainer, "gan_step", dying)
            return train_small(folder, training={"minutes": 1})

    return run


def plan_of_160_images(run, prepared, world=1, always_measure=False):
    return resolve(run, prepared, ComputeConfig(1, "float32", "contiguous"), 160), 2.0


def log_of(run):
    return [json.loads(line) for line in run.log.read_text().splitlines()]


def test_a_plan_is_recorded_printed_and_followed(planned, tmp_path, said):
    run = planned(tmp_path / "run")
    record = run.read()
    assert (record.status, record.images_seen, record.run.images) == ("finished", 96, 160)
    assert [event.text for event in record.events] == ["the pace has changed: 96 images fit 1 minutes now"]
    assert record.events[0].text in said
    (event,) = [line for line in log_of(run) if "event" in line]
    assert (event["images"], event["planned_images"]) == (48, 96)


@pytest.mark.parametrize("dies_at", [7, 10])
def test_a_run_that_is_killed_after_a_plan_resumes_to_the_same_bytes(planned, contents, figures_of, tmp_path, dies_at):
    whole = planned(tmp_path / "whole")
    with pytest.raises(Killed):
        planned(tmp_path / "killed", dies_at=dies_at)
    resumed = planned(tmp_path / "killed", at_step=None)
    assert contents(resumed.bundle) == contents(whole.bundle)
    assert figures_of(resumed) == figures_of(whole)
    assert [event.text for event in resumed.read().events] == [event.text for event in whole.read().events]


def test_a_run_that_was_planned_anew_can_be_trained_further(planned, tiny_source, tmp_path):
    run = planned(tmp_path / "run")
    train(TrainRequest(str(tiny_source), more_images=64), run.path)
    assert run.read().images_seen == 160


def test_minutes_of_further_training_are_a_promise_too(own_run, tiny_source, monkeypatch):
    monkeypatch.setattr("ganvas.training.autotune.images_per_second", lambda *_: 2.0)
    train(TrainRequest(str(tiny_source), more_minutes=0.5), own_run.path)
    time = own_run.read().run.time
    assert time.end_seconds - time.begin_seconds == 30
