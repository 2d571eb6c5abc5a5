"""The loop: plays steps, and between them looks, writes and saves when it is time. Nothing else."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import nn

from ganvas.config.run import TrainingConfig
from ganvas.errors import InterruptedRunError
from ganvas.training import health
from ganvas.training.engine import Engine
from ganvas.training.log import Log
from ganvas.training.signals import StopSignal
from ganvas.training.step import reduce_metrics
from ganvas.training.trainer import Trainer


@dataclass
class State:
    """How far a run is."""

    step: int = 0
    training_seconds: float = 0.0
    """From its first step, over all its parts."""
    cpu_seconds: float = 0.0


class Live(Protocol):
    """Whoever is shown the records."""

    def show(self, record: Mapping[str, float]) -> None:
        """Takes one record."""


@dataclass(frozen=True)
class LoopOutputs:
    """Where the loop's results go. Each is called between steps, when it is due."""

    live: Live
    log: Log | None
    """None on every process but the first."""
    preview: Callable[[int], dict[str, float]]
    """Gets the images seen; gives what it measured of the images it drew."""
    score: Callable[[int], dict[str, float]]
    """The same of a quick score."""
    see: Callable[[Mapping[str, float]], None]
    """Looks at each record, and raises where the run should go no further."""
    save: Callable[[State], None]


def run_loop(
    game: Trainer,
    engine: Engine,
    training: TrainingConfig,
    steps: int,
    state: State,
    outlets: LoopOutputs,
) -> None:
    """Plays from `state.step` to `steps`. InterruptedRunError after a signal, RunFailedError on divergence."""
    batch = training.batch
    clock = Clock(state, state.step * batch)

    def due(every_images: int) -> bool:
        return state.step * batch // every_images > (state.step - 1) * batch // every_images

    with StopSignal() as stop:
        for step in range(state.step, steps):
            scores = game.advance(step, step / steps)
            state.step, images = step + 1, (step + 1) * batch
            last = state.step == steps
            if state.step % health.CHECK_EVERY_STEPS == 0 or last or due(training.save_every):
                health.check_finite(scores, game.networks, state.step)
            record: dict[str, float] = {}
            if due(training.log_every) or last:
                clock.read()
                record |= {
                    "seconds": round(state.training_seconds, 3),
                    "images_per_second": round(clock.images_per_second(images), 2),
                    **engine.mean_over_ranks({**reduce_metrics(scores), **gradient_norms(game.networks)}),
                }
            if due(training.preview_every) or last:
                record |= outlets.preview(images)
            if training.score_every and (due(training.score_every) or last):
                record |= outlets.score(images)
            if record:
                record = {"step": state.step, "images": images, **record}
                outlets.live.show(record)
                engine.track(record, state.step)
                if outlets.log:
                    outlets.log.write(record)
            if due(training.save_every) or last:
                clock.read()
                outlets.save(state)
            # On every process or on none, whatever each of them has to record: they agree on what they see.
            if due(training.log_every) or due(training.preview_every) or last:
                outlets.see(record)
            # Several processes have to agree, and asking costs: not at every step.
            if (
                (engine.world == 1 or state.step % health.CHECK_EVERY_STEPS == 0)
                and engine.any_rank(stop.asked)
                and not last
            ):
                clock.read()
                health.check_finite(scores, game.networks, state.step)
                outlets.save(state)
                raise InterruptedRunError(f"stopped after {images} images, and saved", stop.signal_number)


class Clock:
    """Adds the time of this part of a run to its state."""

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
        """Since it was asked last."""
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
