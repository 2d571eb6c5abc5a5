"""Where the arithmetic runs: device, precision, memory layout, processes (the only door to accelerate).

Gradients of several processes are averaged here after a backward pass rather than by a wrapper around the networks:
each network is called several times a step and differentiated twice under a penalty, and a plain mean of gradients
over equal slices of the global batch is exactly the gradient of the global batch.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from ganvas.errors import UserError

Module = TypeVar("Module", bound=nn.Module)
TRACKERS = ("tensorboard", "wandb")


@dataclass(frozen=True)
class Speed:
    """What the speed of a run depends on, and nothing of what it learns beyond rounding."""

    threads: int
    precision: Literal["float32", "bfloat16"]
    memory_format: Literal["contiguous", "channels-last"]


class Engine:
    """One process's share of the machine."""

    def __init__(self, speed: Speed, track: tuple[str, ...] = (), folder: Path | None = None) -> None:
        self.speed = speed
        torch.set_num_threads(speed.threads)
        self._accelerator = Accelerator(
            cpu=not accelerator_present(),
            log_with=_known(track) or None,
            project_dir=folder,
        )
        self.device: torch.device = self._accelerator.device
        self.rank: int = self._accelerator.process_index
        self.world: int = self._accelerator.num_processes

    @property
    def is_first(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0

    def place(self, module: Module) -> Module:
        """Moves a network to the device, in the memory layout chosen."""
        module = module.to(self.device)
        if self.speed.memory_format == "channels-last":
            module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return module

    def move(self, tensor: Tensor) -> Tensor:
        """Moves a batch to the device; pictures in the memory layout chosen."""
        tensor = tensor.to(self.device, non_blocking=True)
        if tensor.dim() == 4 and self.speed.memory_format == "channels-last":
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        return tensor

    def mine(self, draw: Tensor) -> Tensor:
        """This process's slice of a draw (N, ...) made for the global batch, on the device."""
        share = len(draw) // self.world
        return self.move(draw[self.rank * share : (self.rank + 1) * share])

    def autocast(self) -> AbstractContextManager[object]:
        """Convolutions and matrix products inside run in the chosen precision.

        One such block for each update: it remembers weights in low precision, which an update makes stale.
        """
        if self.speed.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def backward(self, loss: Tensor, parameters: Iterable[nn.Parameter]) -> None:
        """Adds the gradient of the global batch's mean loss to `parameters`."""
        loss.backward()  # type: ignore[no-untyped-call]
        if self.world > 1:
            gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
            flat = self._accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]), "mean")
            for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
                gradient.copy_(part.view_as(gradient))

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Numbers averaged over the processes."""
        if self.world == 1:
            return dict(values)
        stacked = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        return dict(zip(values, self._accelerator.reduce(stacked, "mean").tolist(), strict=True))

    def any(self, flag: bool) -> bool:
        """Whether the flag is up on any process."""
        return self.mean({"flag": float(flag)})["flag"] > 0

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            self._accelerator.wait_for_everyone()

    def track_start(self, project: str, config: Mapping[str, Any]) -> None:
        """Opens the trackers that were asked for."""
        self._accelerator.init_trackers(project, config=dict(config))

    def track(self, values: Mapping[str, float], step: int) -> None:
        """Sends one record to the trackers."""
        if self._accelerator.trackers:
            self._accelerator.log(dict(values), step=step)

    def close(self) -> None:
        """Ends the trackers and, where there are several, the processes' ties to each other."""
        self._accelerator.end_training()


def accelerator_present() -> bool:
    """Whether there is anything faster than the processor."""
    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())


def cores() -> int:
    """Processor cores that this process may use, shared fairly with the run's other processes here."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def _known(track: tuple[str, ...]) -> list[str]:
    """The trackers asked for, each of which can be imported."""
    from importlib.util import find_spec

    from ganvas.errors import nearest

    for name in track:
        if name not in TRACKERS:
            raise UserError(f"there is no tracker {name!r}; {nearest(name, TRACKERS)}")
        if find_spec(name) is None:
            raise UserError(f"tracking with {name} needs it installed: pip install 'ganvas[{name}]'")
    return list(track)
