"""The number of threads follows the load: on a simulated machine it is as fast as the best fixed number."""

from itertools import count

import numpy as np
import pytest

from ganvas import threads
from ganvas.threads import Tuner

# Images a second with one and with two threads beside 0, 1 and 2 busy processes on two cores: `modern`, 28 px.
MEASURED = {0: {1: 2613, 2: 4131}, 1: {1: 2639, 2: 1182}, 2: {1: 1530, 2: 143}}
# A network that is too small to gain from a second thread.
SMALL = {0: {1: 2000, 2: 1500}, 1: {1: 2000, 2: 600}, 2: {1: 1300, 2: 100}}
# One whose steps take a second and more.
LARGE = {busy: {number: rate / 100 for number, rate in rates.items()} for busy, rates in MEASURED.items()}
BATCH = 64


def simulate(rates, load, begin, tells_idle=True, noise=0.1, seed=0):
    """load: (seconds, busy processes) one after the other -> per part (images in each of its seconds), and changes."""
    random, now, changes = np.random.default_rng(seed), 0.0, []
    ends = np.cumsum([seconds for seconds, _ in load])
    busy = 0

    def idle():
        return max(0.0, 2 - busy - tuner.chosen) if tells_idle else None

    tuner = Tuner((1, 2), begin, idle)
    images = np.zeros(int(ends[-1]) + 1)
    while now < ends[-1]:
        busy = load[int(np.searchsorted(ends, now, side="right"))][1]
        seconds = BATCH / rates[busy][tuner.threads] * random.lognormal(0, noise)
        now += seconds
        if now < len(images):
            images[int(now)] += BATCH
        if change := tuner.after_step(seconds):
            changes.append((round(now), change.threads))
    begins = [0, *ends[:-1]]
    return [images[int(a) : int(b)] for a, b in zip(begins, ends, strict=True)], changes


def worst_share(rates, load, parts):
    """Images in the worst 30 s window of any part after its first 10 s, over those of the best fixed number."""
    worst = np.inf
    for (_, busy), images in zip(load, parts, strict=True):
        sums = np.convolve(images[10:], np.ones(30), "valid")
        worst = min(worst, sums.min() / (30 * max(rates[busy].values())))
    return worst


LOADS = [[(60, 0), (60, 1), (60, 0), (60, 2), (60, 1), (60, 2), (60, 0)], [(60, 2), (60, 0)], [(60, 1), (60, 2)]]


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("begin", [1, 2])
@pytest.mark.parametrize("rates", [MEASURED, SMALL])
def test_it_is_as_fast_as_the_best_fixed_number_in_every_window(rates, begin, load):
    parts, _ = simulate(rates, load, begin)
    assert worst_share(rates, load, parts) > 0.95


@pytest.mark.parametrize("begin", [1, 2])
def test_it_is_nearly_so_where_the_system_does_not_tell_of_idle_cores(begin):
    load = [(60, 0), (60, 2), (60, 0)]
    parts, _ = simulate(MEASURED, load, begin, tells_idle=False)
    assert worst_share(MEASURED, load, parts) > 0.85


@pytest.mark.parametrize("begin", [1, 2])
def test_steps_of_seconds_are_no_different(begin):
    load = [(300, 0), (300, 2), (300, 0)]
    parts, _ = simulate(LARGE, load, begin)
    for (_, busy), images in zip(load, parts, strict=True):
        assert images[60:].sum() / (240 * max(LARGE[busy].values())) > 0.9


@pytest.mark.parametrize("rates", [MEASURED, SMALL])
def test_on_a_quiet_machine_trials_cost_less_than_a_hundredth(rates):
    best = max(rates[0], key=rates[0].get)
    parts, changes = simulate(rates, [(600, 0)], best)
    assert parts[0][1:].mean() > 0.99 * rates[0][best] * np.exp(-0.005)  # the mean of the noise
    assert changes == []


@pytest.mark.parametrize("busy", [0, 1, 2])
def test_it_does_not_go_to_and_fro_under_a_constant_load(busy):
    for seed in range(5):
        _, changes = simulate(MEASURED, [(300, busy)], 2, noise=0.3, seed=seed)
        assert len(changes) == (0 if busy == 0 else 1)


def test_a_change_of_load_is_answered_within_seconds_and_its_reason_is_told():
    tuner = Tuner((1, 2), 2)
    changes = [tuner.after_step(BATCH / MEASURED[0][2]) for _ in range(200)]
    assert set(changes) == {None}
    spent = 0.0
    for _ in count():
        seconds = BATCH / MEASURED[2][tuner.threads]
        spent += seconds
        if change := tuner.after_step(seconds):
            break
    assert spent < 5
    assert change.threads == 1
    assert change.reason.endswith("times as fast as 2: steps became slower")


def test_with_one_number_there_is_nothing_to_try():
    tuner = Tuner((1,), 1)
    assert {tuner.after_step(seconds) for seconds in (0.1, 5.0, 0.1, 50.0)} == {None}
    assert tuner.threads == 1


def test_many_cores_are_climbed_down_step_by_step():
    """Eight threads beside seven busy processes: one or two of them are best."""
    rates = {1: 100, 2: 110, 4: 60, 8: 10}
    tuner = Tuner((1, 2, 4, 8), 8)
    for _ in range(3000):
        tuner.after_step(1 / rates[tuner.threads])
    assert tuner.chosen in (1, 2)


def test_candidates_are_powers_of_two_and_all_cores():
    assert [threads.candidates(cores) for cores in (1, 2, 6, 8)] == [[1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8]]


def test_idle_cores_lie_between_none_and_all():
    idle = threads.IdleCores()
    sum(range(100_000))
    cores = idle()
    assert cores is None or 0 <= cores <= 1e-6 + len(threads.candidates(1)) * 4096


def test_a_task_goes_on_with_the_fastest_number_from_step_to_step(monkeypatch):
    number, now = [2], [0.0]
    monkeypatch.setattr(threads, "use", lambda tuner: number.__setitem__(0, tuner.threads))
    monkeypatch.setattr(threads, "tuner", lambda: Tuner((1, 2), 2))
    monkeypatch.setattr(threads, "perf_counter", lambda: now[0])
    used = []
    for step in threads.adapt(range(200)):
        now[0] += {1: 0.1, 2: 0.5}[number[0]]
        used.append((step, number[0]))
    assert [step for step, _ in used] == list(range(200))
    assert sum(number == 2 for _, number in used[10:]) <= 10  # trials
    assert number == [1]
