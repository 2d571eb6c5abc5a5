import pytest

from ganvas.machine import threads
from ganvas.runs.recipes import resolve
from ganvas.runs.spec import Training
from ganvas.training import measure
from ganvas.training.engine import Speed


def test_what_is_given_is_not_measured(monkeypatch, tiny_source, tiny_prepared, small):
    monkeypatch.setattr(measure, "images_per_second", lambda *_: pytest.fail("measured"))
    run = resolve(str(tiny_source), "modern", small())
    speed = measure.choose(run, tiny_prepared, lambda line: pytest.fail(line))
    assert speed == Speed(1, "float32", "contiguous")


def test_every_way_left_open_is_tried_and_the_fastest_said(monkeypatch, tiny_source, tiny_prepared, small):
    fast = Speed(1, "bfloat16", "channels-last")
    tried = []

    def rate(run, prepared, speed, seconds):
        tried.append(speed)
        return 500.0 if speed == fast else 100.0

    monkeypatch.setattr(measure, "images_per_second", rate)
    choices = small(training={"precision": "auto", "memory_format": "auto"})
    said = []
    assert measure.choose(resolve(str(tiny_source), "modern", choices), tiny_prepared, said.append) == fast
    assert len(set(tried)) == 4
    assert tried == tried[:4] * 2  # in turn, twice
    assert said == ["speed 1 thread, bfloat16, channels-last: 500 pictures/s, the fastest of 4 ways tried"]


def test_a_way_that_was_disturbed_once_is_judged_by_its_other_round(monkeypatch, tiny_source, tiny_prepared, small):
    best, rates = Speed(1, "float32", "contiguous"), iter([50.0, 100.0, 500.0, 100.0])
    monkeypatch.setattr(measure, "images_per_second", lambda *_: next(rates))
    choices = small(training={"precision": "float32", "memory_format": "auto"})
    assert measure.choose(resolve(str(tiny_source), "modern", choices), tiny_prepared, lambda _: None) == best


def test_threads_left_open_are_one_or_all_that_there_are(monkeypatch):
    monkeypatch.setattr(measure, "threads", lambda: 4)
    assert {speed.threads for speed in measure.speeds(Training())} == {1, 4}
    monkeypatch.setattr(measure, "threads", threads)
    assert {speed.threads for speed in measure.speeds(Training())} == {1, threads()}


def test_a_rate_counts_whole_rounds_of_the_penalty_and_leaves_the_run_alone(tiny_source, tiny_prepared, small):
    run = resolve(str(tiny_source), "modern", small(objective={"penalty_every": 3}))
    played = []
    original = measure.build

    def watched(*given):
        game = original(*given)
        step = game.play
        object.__setattr__(game, "play", lambda number: (played.append(number), step(number)))
        return game

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "build", watched)
        rate = measure.images_per_second(run, tiny_prepared, Speed(1, "float32", "contiguous"), 0.01)
    assert rate > 0
    assert len(played) % 3 == 0
    assert len(played) >= 6  # a round that is not counted, and one that is
    assert played == list(range(len(played)))


def test_a_speed_in_words():
    assert measure.said(Speed(2, "float32", "contiguous")) == "2 threads, float32, contiguous"
