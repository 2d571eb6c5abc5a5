"""The loop: takes steps, and between them logs, previews, scores and saves when it is due. Nothing else."""

import signal
import sys
import threading
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any, Self

from torch import nn

from ganvas.config.run import ResolvedRun
from ganvas.errors import InterruptedRunError
from ganvas.runs.record import State
from ganvas.training import health
from ganvas.training.engine import Engine
from ganvas.training.outputs import RunOutputs
from ganvas.training.pace import Pace
from ganvas.training.schedule import Schedule
from ganvas.training.step import reduce_metrics
from ganvas.training.trainer import Trainer


def run_loop(trainer: Trainer, engine: Engine, run: ResolvedRun, state: State, outputs: RunOutputs) -> None:
    """Steps from `state.step` to the run's end. InterruptedRunError after a signal, RunFailedError on divergence."""
    training, batch = run.training, run.training.batch
    schedule, pace = Schedule(run, state), Pace(run, engine, state)
    clock = Clock(state, state.step * batch)

    def due(every_images: int) -> bool:
        return state.step * batch // every_images > (state.step - 1) * batch // every_images

    with StopSignal() as stop:
        while state.step < schedule.steps:
            step, began = state.step, time.perf_counter()
            metrics = trainer.advance(step, schedule.progress(step))
            change = pace.after_step(step, time.perf_counter() - began)
            state.step, images = step + 1, (step + 1) * batch
            clock.read()
            is_checked = state.step % health.CHECK_EVERY_STEPS == 0
            if change:
                state.threads = change.threads
                outputs.note(state, str(change))
            # All processes have to follow one plan, and asking them costs: not at every step.
            replanned = (engine.world == 1 or is_checked) and schedule.replan(state, engine)
            if replanned:
                outputs.show_plan(state)
            last = state.step == schedule.steps
            if is_checked or last or replanned or due(training.save_every):
                health.check_finite(metrics, trainer.networks, state.step)
            line: dict[str, float] = {}
            if due(training.log_every) or last:
                line |= {
                    "seconds": round(state.training_seconds, 3),
                    "images_per_second": round(clock.images_per_second(images), 2),
                    **engine.mean_over_ranks({**reduce_metrics(metrics), **gradient_norms(trainer.networks)}),
                }
            if due(training.preview_every) or last:
                line |= outputs.preview(images)
            if training.score_every and (due(training.score_every) or last):
                line |= outputs.score(images)
            if line:
                line = {"step": state.step, "images": images, **line}
                outputs.write(line)
            # A plan is saved at once: a run that is killed after it, and resumed, must not follow the one before.
            if due(training.save_every) or replanned or last:
                outputs.save(state)
            # All processes call the watchdog together, whatever each logs, since they have to agree on its answer.
            scored = training.score_every is not None and due(training.score_every)
            if due(training.log_every) or due(training.preview_every) or scored or last:
                outputs.watch(line)
            # Several processes have to agree on a signal too, and asking costs: not at every step.
            if (engine.world == 1 or is_checked) and engine.any_rank(stop.received) and not last:
                health.check_finite(metrics, trainer.networks, state.step)
                outputs.save(state)
                raise InterruptedRunError(f"stopped after {images} images, and saved", stop.signal_number)


class StopSignal:
    """While entered, SIGTERM or Ctrl-C only sets `received`: the loop then saves. A second Ctrl-C ends at once.

    It ends the program, but in a notebook or at Python's prompt, where a person's other work is, only the training.
    """

    def __init__(self) -> None:
        self.signal_number: int = signal.SIGTERM
        self.received = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal_number, self.received = number, True
        is_interactive = hasattr(sys, "ps1")
        signal.signal(signal.SIGINT, signal.default_int_handler if is_interactive else signal.SIG_DFL)


class Clock:
    """Adds the time of this process to the state of a run."""

    def __init__(self, state: State, images: int) -> None:
        self.state = state
        self.wall, self.cpu = time.monotonic(), time.process_time()
        self.images, self.seconds = images, state.training_seconds

    def read(self) -> None:
        """Brings the state's times up to now."""
        wall, cpu = time.monotonic(), time.process_time()
        self.state.training_seconds += wall - self.wall
        self.state.cpu_seconds += cpu - self.cpu
        self.wall, self.cpu = wall, cpu

    def images_per_second(self, images: int) -> float:
        """The rate since the last call."""
        speed = (images - self.images) / max(self.state.training_seconds - self.seconds, 1e-9)
        self.images, self.seconds = images, self.state.training_seconds
        return speed


def gradient_norms(networks: Mapping[str, nn.Module]) -> dict[str, float]:
    """The size of each network's last gradient: grad_g, grad_d, or a classifier's grad."""
    names = {"generator": "grad_g", "discriminator": "grad_d", "classifier": "grad"}
    return {
        names[name]: float(nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None]))
        for name, network in networks.items()
    }
