import pytest

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, TrainingConfig
from ganvas.machine import threads
from ganvas.training import autotune


def test_what_is_given_is_not_measured(monkeypatch, tiny_source, tiny_prepared, small, said):
    monkeypatch.setattr(autotune, "images_per_second", lambda *_: pytest.fail("measured"))
    run = configure(str(tiny_source), "modern", small())
    assert autotune.choose_compute(run, tiny_prepared) == (ComputeConfig(1, "float32", "contiguous"), None)
    assert not said


def test_every_setting_left_open_is_tried_and_the_fastest_reported(
    monkeypatch, tiny_source, tiny_prepared, small, said
):
    fast = ComputeConfig(1, "bfloat16", "channels-last")
    tried = []

    def rate(run, prepared, compute, seconds, least):
        tried.append((compute, least))
        return 500.0 if compute == fast else 450.0

    monkeypatch.setattr(autotune, "images_per_second", rate)
    monkeypatch.setattr(autotune, "emulates_bfloat16", lambda: False)
    choices = small(training={"precision": "auto", "memory_format": "auto"})
    assert autotune.choose_compute(configure(str(tiny_source), "modern", choices), tiny_prepared) == (fast, 500.0)
    settings = [setting for setting, _ in tried]
    assert len(set(settings)) == 4
    assert settings == settings[:4] * 2  # in turn, twice
    assert [least for _, least in tried] == [0.0] + [pytest.approx(500 / autotune.HOPELESS_RATIO)] * 7
    assert said[1:] == ["compute: 1 thread, bfloat16, channels-last: 500 images/s, the fastest of 4 settings"]


def test_a_setting_that_was_disturbed_once_counts_by_its_other_round(monkeypatch, tiny_source, tiny_prepared, small):
    best, rates = ComputeConfig(1, "float32", "channels-last"), iter([80.0, 100.0, 500.0, 100.0])
    monkeypatch.setattr(autotune, "images_per_second", lambda *_: next(rates))
    choices = small(training={"precision": "float32", "memory_format": "auto"})
    assert autotune.choose_compute(configure(str(tiny_source), "modern", choices), tiny_prepared) == (best, 500.0)


def test_a_setting_far_behind_is_not_tried_again(monkeypatch, tiny_source, tiny_prepared, small):
    tried = []
    rates = {"channels-last": 300.0, "contiguous": 100.0}
    monkeypatch.setattr(
        autotune, "images_per_second", lambda *given: tried.append(given[2].memory_format) or rates[tried[-1]]
    )
    choices = small(training={"precision": "float32", "memory_format": "auto"})
    autotune.choose_compute(configure(str(tiny_source), "modern", choices), tiny_prepared)
    assert tried == ["channels-last", "contiguous", "channels-last"]


@pytest.mark.parametrize("emulated", [True, False])
def test_bfloat16_is_not_tried_where_it_is_emulated(monkeypatch, emulated):
    monkeypatch.setattr(autotune, "emulates_bfloat16", lambda: emulated)

    def tried(precision):
        training = TrainingConfig(precision=precision)
        return {compute.precision for compute in autotune.compute_candidates(training, 1)}

    assert tried("auto") == ({"float32"} if emulated else {"float32", "bfloat16"})
    assert tried("bfloat16") == {"bfloat16"}


def test_threads_left_open_are_one_or_all_that_there_are(monkeypatch):
    monkeypatch.setattr(autotune, "threads", lambda: 4)
    assert autotune.thread_counts(TrainingConfig()) == [1, 4]
    assert autotune.thread_counts(TrainingConfig(threads=3)) == [3]
    monkeypatch.setattr(autotune, "device", lambda: "cuda")
    assert autotune.thread_counts(TrainingConfig()) == [4]
    monkeypatch.setattr(autotune, "threads", threads)
    assert autotune.thread_counts(TrainingConfig()) == [threads()]


def test_more_threads_are_tried_with_the_best_precision_and_layout_alone(
    monkeypatch, tiny_source, tiny_prepared, small
):
    tried = []

    def rate(run, prepared, compute, seconds, least):
        tried.append(compute)
        return 100.0 * compute.threads + 10 * (compute.precision == "float32") + (compute.memory_format == "contiguous")

    monkeypatch.setattr(autotune, "images_per_second", rate)
    monkeypatch.setattr(autotune, "emulates_bfloat16", lambda: False)
    monkeypatch.setattr(autotune, "threads", lambda: 2)
    open_choices = {"precision": "auto", "memory_format": "auto", "threads": "auto"}
    run = configure(str(tiny_source), "modern", small(training=open_choices))
    assert autotune.choose_compute(run, tiny_prepared) == (ComputeConfig(2, "float32", "contiguous"), 211.0)
    assert [compute.threads for compute in tried] == [1] * 8 + [2] * 2
    assert set(tried[8:]) == {ComputeConfig(2, "float32", "contiguous")}


def clocked(monkeypatch, costs):
    """The steps of a trainer that is timed by a clock of its own, on which `costs(step, count)` gives their seconds."""
    now, steps = [0.0], []

    class TimedTrainer:
        def step(self, step, progress):
            steps.append(step)
            now[0] += costs(step, len(steps))

    monkeypatch.setattr(autotune, "build_trainer", lambda *_: TimedTrainer())
    monkeypatch.setattr(autotune.time, "perf_counter", lambda: now[0])
    return steps


def rate_of(tiny_source, tiny_prepared, small, seconds, least=0.0, **objective):
    run = configure(str(tiny_source), "modern", small(objective=objective))
    compute = ComputeConfig(1, "float32", "contiguous")
    return autotune.images_per_second(run, tiny_prepared, compute, seconds, least) / run.training.batch


def test_each_kind_of_step_counts_at_its_share(monkeypatch, tiny_source, tiny_prepared, small):
    clocked(monkeypatch, lambda step, _: 0.5 if step == 0 else 0.1)
    result = rate_of(tiny_source, tiny_prepared, small, 2.0, penalty_every=4)
    assert result == pytest.approx(1 / (0.25 * 0.5 + 0.75 * 0.1))


def test_the_first_of_a_kind_is_not_counted(monkeypatch, tiny_source, tiny_prepared, small):
    steps = clocked(monkeypatch, lambda _, count: 9.0 if count <= 2 else 0.1)
    assert rate_of(tiny_source, tiny_prepared, small, 0.0) == pytest.approx(10)
    assert steps == [0, 1, 0, 1]


def test_a_setting_that_is_slow_and_hopeless_is_given_up_at_once(monkeypatch, tiny_source, tiny_prepared, small):
    steps = clocked(monkeypatch, lambda *_: 0.6)
    assert rate_of(tiny_source, tiny_prepared, small, 5.0, least=1e6) == pytest.approx(1 / 0.6)
    assert steps == [0, 1]


def test_a_setting_that_is_only_slow_to_begin_is_not_given_up(monkeypatch, tiny_source, tiny_prepared, small):
    steps = clocked(monkeypatch, lambda _, count: 0.4 if count <= 2 else 0.1)
    assert rate_of(tiny_source, tiny_prepared, small, 0.1, least=1e6) == pytest.approx(10)
    assert steps == [0, 1, 0, 1]


@pytest.mark.parametrize(("penalty", "turn"), [(8, 1), (1, 1), (1, 5), (8, 5), (4, 2), (2, 4), (6, 4), (3, 3)])
def test_the_kinds_of_steps_are_those_of_a_whole_period(penalty, turn):
    choices = {"objective": {"penalty_every": penalty, "generator_every": turn}}
    result = autotune.step_kinds(configure("x", "modern", choices))
    period = [(step % penalty == 0, step % turn == 0) for step in range(penalty * turn)]
    assert {(step % penalty == 0, step % turn == 0): share for step, share in result.items()} == pytest.approx(
        {kind: period.count(kind) / len(period) for kind in period}
    )


def test_a_penalty_that_weighs_nothing_makes_no_kind_and_one_that_never_comes_is_no_burden():
    without = {"objective": {"r1": 0, "r2": 0}}
    assert autotune.step_kinds(configure("x", "modern", without)) == {0: 1.0}
    assert autotune.step_kinds(configure("x", "book-gan")) == {0: 1.0}
    rare = autotune.step_kinds(configure("x", "modern", {"objective": {"penalty_every": 10**12}}))
    assert list(rare) == [0, 1]
    assert rare[1] == pytest.approx(1)


def test_measuring_runs_the_run_itself_and_does_not_change_it(tiny_source, tiny_prepared, small):
    run = configure(str(tiny_source), "modern", small())
    run = resolve(run, tiny_prepared, ComputeConfig(1, "float32", "contiguous"))
    before = run.model_dump()
    assert autotune.images_per_second(run, tiny_prepared, ComputeConfig(1, "float32", "contiguous"), 0.01) > 0
    assert run.model_dump() == before


def test_compute_settings_in_words():
    assert str(ComputeConfig(2, "float32", "contiguous")) == "2 threads, float32, contiguous"
