"""Where the arithmetic runs: device, precision, memory layout, processes (the only file that imports accelerate).

Gradients of several processes are averaged here after a backward pass rather than by a wrapper around the networks:
each network is called several times a step and differentiated twice under a penalty, and a plain mean of gradients
over equal slices of the global batch is exactly the gradient of the global batch.
"""

import importlib.util
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ganvas import machine
from ganvas.config.run import ComputeConfig
from ganvas.errors import RunFailedError, UserError, nearest
from ganvas.images import Pixels

with warnings.catch_warnings():  # in a notebook without widgets tqdm misses them, which nothing of ours draws
    warnings.filterwarnings("ignore", "IProgress not found")
    from accelerate import Accelerator

Module = TypeVar("Module", bound=nn.Module)
T = TypeVar("T")
TRACKERS = ("tensorboard", "wandb")
# Of the GPU's free memory, what the prepared images may take.
RESIDENT_SHARE = 0.25


class Engine:
    """One process's share of the machine. `configure` comes before any network is placed."""

    compute: ComputeConfig

    def __init__(self, track: tuple[str, ...] = (), folder: Path | None = None, alone: bool = False) -> None:
        """UserError for a tracker that is unknown or not installed. alone: ignores all other processes (for trials)."""
        for name in track:
            if name not in TRACKERS:
                raise UserError(f"there is no tracker {name!r}; {nearest(name, TRACKERS)}")
            if importlib.util.find_spec(name) is None:
                raise UserError(f"tracking with {name} needs it installed: pip install 'ganvas[{name}]'")
        self._trackers = list(track)
        machine.keep_freed_memory()
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # matrix products are deterministic with it
        self._accelerator = Accelerator(
            cpu=machine.device() == "cpu", log_with=self._trackers or None, project_dir=folder
        )
        self.device: torch.device = self._accelerator.device
        self.rank: int = 0 if alone else self._accelerator.process_index
        self.world: int = 1 if alone else self._accelerator.num_processes

    @classmethod
    def for_trials(cls, compute: ComputeConfig) -> "Engine":
        """An engine of this process alone, with compute settings to be tried."""
        return cls(alone=True).configure(compute)

    def configure(self, compute: ComputeConfig) -> "Engine":
        """Uses these compute settings from now on."""
        self.compute = compute
        torch.set_num_threads(compute.threads)
        if self.device.type == "cuda":
            self._configure_cuda()
        return self

    def _configure_cuda(self) -> None:
        is_deterministic = self.compute.deterministic == "on"
        # An operation without a deterministic form is warned of, and used. Memory that is filled before it is used
        # would only hide the use of uninitialised memory, and takes time.
        torch.use_deterministic_algorithms(is_deterministic, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        # Steps are recorded on the stream that they run on, and the default one cannot be recorded.
        if torch.cuda.current_stream(self.device) == torch.cuda.default_stream(self.device):
            torch.cuda.set_stream(torch.cuda.Stream(self.device))  # type: ignore[no-untyped-call]

    @property
    def captures_steps(self) -> bool:
        """Whether steps are recorded as CUDA graphs. Not where processes have to exchange gradients in the middle."""
        return self.device.type == "cuda" and self.world == 1

    @property
    def works_ahead(self) -> bool:
        """Whether the device does its work while this process prepares what comes next."""
        return self.device.type == "cuda"

    @property
    def is_rank_zero(self) -> bool:
        """Whether this is the process that writes the files."""
        return self.rank == 0

    def place(self, module: Module) -> Module:
        """Moves a network to the device, in the memory layout chosen."""
        module = module.to(self.device)
        if self.compute.memory_format == "channels-last":
            module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return module

    def move(self, tensor: Tensor) -> Tensor:
        """Moves a tensor to the device; a GPU fetches it while this process goes on."""
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def lay_out(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in the memory layout chosen."""
        if self.compute.memory_format == "channels-last":
            images = images.contiguous(memory_format=torch.channels_last)
        return images

    def keep_on_device(self, pixels: Pixels) -> Tensor | None:
        """All images (N, C, H, W) in the memory of the GPU; None where they would fill too much of it."""
        if self.device.type != "cuda":
            return None
        free, _ = torch.cuda.mem_get_info(self.device)
        return torch.from_numpy(pixels).to(self.device) if pixels.nbytes <= RESIDENT_SHARE * free else None

    def shard(self, draw: Tensor) -> Tensor:
        """This process's slice of a draw (N, ...) made for the global batch."""
        share = len(draw) // self.world
        return draw[self.rank * share : (self.rank + 1) * share]

    def autocast(self) -> AbstractContextManager[object]:
        """Convolutions and matrix products inside run in the chosen precision.

        One such block for each update: it remembers weights in low precision, which an update makes stale.
        """
        if self.compute.precision == "float32":
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

    def synchronise(self) -> None:
        """Waits until the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def mean_over_ranks(self, values: Mapping[str, float]) -> dict[str, float]:
        """Numbers averaged over the processes."""
        if self.world == 1:
            return dict(values)
        stacked = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        return dict(zip(values, self._accelerator.reduce(stacked, "mean").tolist(), strict=True))

    def from_rank_zero(self, value: float) -> float:
        """Rank zero's number, on every process."""
        if self.world == 1:
            return value
        mine = value if self.is_rank_zero else 0.0
        total = self._accelerator.reduce(torch.tensor(mine, dtype=torch.float64, device=self.device), "sum")
        return float(total)

    def any_rank(self, flag: bool) -> bool:
        """Whether the flag is up on any process."""
        return self.mean_over_ranks({"flag": float(flag)})["flag"] > 0

    def on_rank_zero(self, work: Callable[[], None]) -> None:
        """Rank zero works while the others wait. If it raises, its error is raised there, and the others end too."""
        failed: Exception | None = None
        if self.is_rank_zero:
            try:
                work()
            except Exception as error:  # whatever it is, the others must not wait for ever
                failed = error
        if self.any_rank(failed is not None):
            raise failed or RunFailedError("rank zero failed; its message is the cause")

    def rank_zero_first(self, work: Callable[[], T]) -> T:
        """What `work` returns. Rank zero works before any other starts, so that they find what it prepares."""
        results: list[T] = []
        self.on_rank_zero(lambda: results.append(work()))
        return results[0] if results else work()

    @property
    def device_name(self) -> str:
        """The name of the device."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type

    def track_start(self, project: str, config: Mapping[str, Any]) -> None:
        """Opens the trackers that were asked for."""
        if self._trackers:
            self._accelerator.init_trackers(project, config=dict(config))

    def track(self, values: Mapping[str, float], step: int) -> None:
        """Sends one record to the trackers."""
        if self._trackers:
            self._accelerator.log(dict(values), step=step)

    def close(self) -> None:
        """Ends the trackers and, where there are several, the processes' ties to each other."""
        self._accelerator.end_training()
