"""Stops a run that has gone wrong before it can overwrite what went right."""

import math
from collections.abc import Mapping

import torch
from torch import nn

from ganvas.errors import RunFailedError
from ganvas.training.step import StepMetrics

CHECK_EVERY_STEPS = 10
LARGEST_LOGIT = 1e6  # of a healthy discriminator: below 100


def check_finite(scores: StepMetrics, networks: Mapping[str, nn.Module], step: int) -> None:
    """RunFailedError if a loss, a logit or a weight is no number or has exploded; says what to try."""
    for name, value in scores.items():
        largest = float(value.abs().max())
        if not math.isfinite(largest):
            raise RunFailedError(_advice(f"{name} is not a number after {step_count(step)}"))
        if name.startswith("score_") and largest > LARGEST_LOGIT:
            raise RunFailedError(
                _advice(f"the discriminator explodes: a logit of {largest:.1e} after {step_count(step)}")
            )
    for name, network in networks.items():
        norms = torch._foreach_norm([parameter.detach() for parameter in network.parameters()], ord=1)
        if not all(map(math.isfinite, torch.stack(list(norms)).tolist())):
            raise RunFailedError(_advice(f"a weight of the {name} is not a number after {step_count(step)}"))


def step_count(steps: int) -> str:
    """`1 step`, `30 steps`."""
    return f"{steps} step{'s' * (steps != 1)}"


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on whichever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _advice(what: str) -> str:
    return (
        f"{what}; what was saved before is kept. Try a lower --optimiser.lr, another --objective.r1, "
        "or --precision float32, with another --out"
    )


MEMORY_ADVICE = "memory ran out; the last checkpoint is kept. Try a smaller --training.batch, --pair.width or --size"
