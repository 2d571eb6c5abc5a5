"""How many threads are the fastest now: a number that follows the load of the machine while a long task goes on.

The threads of a parallel loop wait for each other, spinning, at its end. Where another process takes a core, the thread
that runs waits for the one that does not, at every loop of every layer: two threads are then several times slower than
one (docs/speed.md). So a long task times its own steps, and now and then takes a few of them with another number of
threads: when its steps became slower, when cores became idle, and otherwise rarely.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from ganvas import machine

Step = TypeVar("Step")

WINDOW_SECONDS = 1.0  # steps are averaged over so long before they are compared
TRIAL_SECONDS = 0.3
MIN_STEPS = 3
# Caches that depend on the number of threads are filled by the first steps after a change.
WARM_UP_STEPS, LONG_STEP_SECONDS = 2, 0.5  # one step is enough where it is long
# The time of a step with another number of threads, over that with the present one, below which it is taken.
FASTER = 0.92
# So much slower than before, and another number is tried at once.
SLOWER = 1.25
# A trial ends early where it is slower by so much after so many steps.
GIVEN_UP = ((1, 3.0), (10, 1.2))
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 4.0, 32.0
PAUSE_PER_LOST_SECOND = 100  # so that trials cost at most 1 % of the time
MIN_IDLE = 0.5  # of the cores that more threads would use


@dataclass(frozen=True)
class Change:
    """The number of threads was changed for good, not for a trial."""

    threads: int
    reason: str

    def __str__(self) -> str:
        """`1 thread from here on, 2.31 times as fast as 2: steps became slower`."""
        return f"{self.threads} thread{'s' * (self.threads > 1)} from here on, {self.reason}"


class IdleCores:
    """How many of the cores that this process may use were idle, on average, since the last call."""

    def __init__(self) -> None:
        self._before = _core_times()

    def __call__(self) -> float | None:
        """None where the system does not tell."""
        before, self._before = self._before, _core_times()
        if before is None or self._before is None:
            return None
        total, idle = (now - then for now, then in zip(self._before, before, strict=True))
        return machine.cores() * idle / total if total > 0 else None


def _core_times() -> tuple[float, float] | None:
    """Seconds of all usable cores together since the machine was started: in all, and idle."""
    import psutil

    try:
        times = psutil.cpu_times(percpu=True)
    except (OSError, RuntimeError):
        return None
    if hasattr(os, "sched_getaffinity"):
        usable = os.sched_getaffinity(0)
        times = [each for core, each in enumerate(times) if core in usable] or times
    return sum(sum(each) for each in times), sum(each.idle for each in times)


@dataclass
class _Window:
    """Steps that are timed together."""

    steps: int = 0
    seconds: float = 0.0
    warming: int = 0

    def add(self, seconds: float) -> None:
        if self.warming:
            self.warming = self.warming - 1 if seconds < LONG_STEP_SECONDS else 0
        else:
            self.steps += 1
            self.seconds += seconds

    @property
    def mean(self) -> float:
        return self.seconds / self.steps


@dataclass
class Tuner:
    """Chooses the number of threads of a task from the times of its steps. It sets nothing by itself."""

    candidates: Sequence[int]
    """The numbers of threads to choose from, ascending."""
    threads: int
    """The number that the next step should use."""
    idle_cores: Callable[[], float | None] = lambda: None

    def __post_init__(self) -> None:
        self.chosen = self.threads  # what is not a trial
        self._usual: float | None = None  # seconds of a step with the chosen number, of late
        self._clock = 0.0  # seconds of all steps
        self._window = _Window(warming=WARM_UP_STEPS)
        self._pause, self._next_trial = FIRST_PAUSE_SECONDS, 0.0  # the first one as soon as there is a window
        self._least_idle = 0.0  # since the last trial
        self._up_next = False  # whether the next trial that nothing asks for is of more threads
        self._queue: list[int] = []  # trials that are still to come
        self._why = ""

    @property
    def is_open(self) -> bool:
        """Whether there is anything to choose."""
        return len(self.candidates) > 1

    def after_step(self, seconds: float) -> Change | None:
        """Takes the time of one step, and sets `threads` for the next. Returns a change that is more than a trial."""
        if not self.is_open:
            return None
        self._clock += seconds
        self._window.add(seconds)
        if self.threads != self.chosen:
            return self._end_trial()
        seconds, steps = self._window.seconds, self._window.steps
        if seconds >= WINDOW_SECONDS and (steps >= MIN_STEPS or seconds >= MIN_STEPS * WINDOW_SECONDS):
            self._end_window()
        return None

    def _end_window(self) -> None:
        """Begins a trial where there is a reason for one."""
        before, self._usual = self._usual, self._window.mean
        self._window = _Window()
        position, idle = self.candidates.index(self.chosen), self.idle_cores()
        fewer, more = self.candidates[max(0, position - 1) : position], self.candidates[position + 1 : position + 2]
        has_become_idle = False
        if more and idle is not None:
            self._least_idle = min(idle, self._least_idle)
            wanted = MIN_IDLE * (more[0] - self.chosen)
            has_become_idle = idle >= wanted and idle - self._least_idle >= wanted
            if idle < wanted:
                more = ()  # no core is free: more threads would wait for each other
        if before is not None and self._usual > SLOWER * before:
            self._begin([*fewer, *more], "steps became slower")
        elif has_become_idle or (more and before is not None and before > SLOWER * self._usual):
            self._begin(more, "cores became idle")
        elif self._clock >= self._next_trial:
            self._begin(more if more and (self._up_next or not fewer) else fewer)
            self._up_next = not self._up_next

    def _begin(self, candidates: Sequence[int], why: str = "") -> None:
        self._queue, self._why = list(candidates), why
        self._least_idle = self.candidates[-1]
        self._go_on()

    def _go_on(self) -> None:
        """To the next trial; or, when all were made, back to the chosen number."""
        self.threads = self._queue.pop(0) if self._queue else self.chosen
        self._window = _Window(warming=WARM_UP_STEPS)
        self._trial_began = self._clock
        if self.threads == self.chosen:
            self._next_trial = self._clock + self._pause

    def _end_trial(self) -> Change | None:
        window, usual = self._window, self._usual
        assert usual is not None
        if not window.steps:
            return None
        is_slower = any(window.steps >= steps and window.mean > ratio * usual for steps, ratio in GIVEN_UP)
        is_long = window.seconds >= TRIAL_SECONDS and window.steps >= MIN_STEPS
        if not (is_slower or is_long or window.seconds >= 2 * TRIAL_SECONDS):
            return None
        if window.mean >= FASTER * usual:
            lost = self._clock - self._trial_began - usual * (window.steps + WARM_UP_STEPS)
            self._pause = max(min(2 * self._pause, LONGEST_PAUSE_SECONDS), PAUSE_PER_LOST_SECOND * lost)
            self._go_on()
            return None
        reason = f"{usual / window.mean:.2f} times as fast as {self.chosen}{f': {self._why}' if self._why else ''}"
        fewer = self.threads < self.chosen
        self.chosen, self._usual, self._pause = self.threads, window.mean, FIRST_PAUSE_SECONDS
        beyond = [each for each in self.candidates if (each < self.chosen if fewer else each > self.chosen)]
        self._begin(beyond[-1:] if fewer else beyond[:1], self._why)  # it may be better still
        return Change(self.chosen, reason)


def candidates(most: int) -> list[int]:
    """The numbers of threads worth trying on so many cores: powers of two, and all."""
    return sorted({2**power for power in range(most.bit_length()) if 2**power <= most} | {most})


def tuner(first: int | None = None) -> Tuner:
    """A tuner for this machine that begins with so many threads, by default with torch's present number."""
    import torch

    begin = first or torch.get_num_threads()
    return Tuner(sorted({*candidates(machine.threads()), begin}), begin, IdleCores())


def use(tuner: Tuner) -> None:
    """Lets torch use as many threads as the tuner says."""
    import torch

    if torch.get_num_threads() != tuner.threads:
        torch.set_num_threads(tuner.threads)


def adapt(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps of a task that takes long; from one to the next, torch's number of threads follows what is fastest.

    A step's time is from when it is asked for to when the next one is. The number that was the fastest stays.
    """
    chooser = tuner()
    waiting = iter(steps)
    try:
        while True:
            began = perf_counter()
            try:
                step = next(waiting)
            except StopIteration:
                return
            yield step
            chooser.after_step(perf_counter() - began)
            use(chooser)
    finally:
        chooser.threads = chooser.chosen
        use(chooser)
