"""Training steps as CUDA graphs: recorded once for each kind of step, and from then on replayed by a single launch.

A step of small networks is hundreds of kernels of a few microseconds, and launching them one by one takes longer than
their work. A graph holds the addresses that a step read and wrote, so the inputs are copied to where it reads them, and
weights, averages of the optimiser and the learning rate are changed in place.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganvas import console
from ganvas.training.inputs import Draws
from ganvas.training.step import StepMetrics

Play = Callable[[Draws, int], StepMetrics]  # (inputs of a step, its number) -> its metrics

# Steps of a kind before it is recorded. They are part of the training like all others; in them the optimisers make
# their state, and libraries their handles and workspaces, which a graph cannot hold.
STEPS_BEFORE = 3


class Recording(NamedTuple):
    """A recorded step."""

    replay: Callable[[], None]
    metrics: StepMetrics
    """Where a replay leaves its metrics."""


class CudaRecorder:
    """Records on the current stream. All graphs share one pool of memory, since they never run at the same time."""

    def __init__(self) -> None:
        self.pool = torch.cuda.graph_pool_handle()

    def __call__(self, step: Callable[[], StepMetrics]) -> Recording:
        """Records a step without taking it. RuntimeError if it does what a graph cannot hold."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=torch.cuda.current_stream()):
            metrics = step()
        return Recording(graph.replay, metrics)


class CapturedSteps:
    """Takes steps as `play` does, by replaying them."""

    def __init__(
        self,
        play: Play,
        kind_of: Callable[[int], Hashable],
        networks: Sequence[nn.Module],
        record: Callable[[Callable[[], StepMetrics]], Recording],
    ) -> None:
        """kind_of: steps (by number) of one kind launch the same kernels. networks: all whose gradients change."""
        self.play, self.kind_of, self.record = play, kind_of, record
        self.parameters = [parameter for network in networks for parameter in network.parameters()]
        self.refusal = ""
        """Why steps are not recorded; empty as long as they are."""
        self._taken: Counter[Hashable] = Counter()
        self._inputs: Draws = {}
        self._recorded: dict[Hashable, tuple[Recording, list[Tensor | None]]] = {}
        self._gradients_of: Hashable = None

    def __call__(self, inputs: Draws, number: int) -> StepMetrics:
        """Takes the step of that number."""
        kind = self.kind_of(number)
        if kind not in self._recorded and self._taken[kind] >= STEPS_BEFORE and not self.refusal:
            self._record(kind, inputs, number)
        if kind not in self._recorded:
            self._taken[kind] += 1
            self._gradients_of = None
            return self.play(inputs, number)
        for name, tensor in self._inputs.items():
            tensor.copy_(inputs[name], non_blocking=True)
        recording, gradients = self._recorded[kind]
        recording.replay()
        if self._gradients_of != kind:  # the log reads them from the weights
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                parameter.grad = gradient
            self._gradients_of = kind
        return recording.metrics

    def _record(self, kind: Hashable, inputs: Draws, number: int) -> None:
        if not self._inputs:
            self._inputs = {name: tensor.clone() for name, tensor in inputs.items()}
        try:
            # Views, so that what a step asks of its inputs, such as a gradient, is not asked of every later one.
            recording = self.record(lambda: self.play({k: v.detach() for k, v in self._inputs.items()}, number))
        except RuntimeError as error:
            self.refusal = str(error).partition("\n")[0]
            console.info(f"steps are launched kernel by kernel: a CUDA graph cannot hold them ({self.refusal})")
            return
        self._recorded[kind] = recording, [parameter.grad for parameter in self.parameters]
