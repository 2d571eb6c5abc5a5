"""How much of the machine a training step uses: `python benchmarks/step.py [--size 28] [--channels 1] [--threads 1]`.

The arithmetic of a step (by PyTorch's own formulas: convolutions and matrix products, two operations for a
multiplication with its addition) over its time, beside the rate of one 2048 x 2048 matrix product in the same
precision, measured in turn in the same run, by CPU time divided by the threads. bfloat16 is left out where the
CPU has none.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from pairs import machine
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import TrainingConfig
from ganvas.data.prepared import PreparedSet, in_memory
from ganvas.training import autotune
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer

SIDE, STEPS, ROUNDS = 2048, 64, 5


def main() -> None:
    """Counts, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    choices = parser.parse_args()
    torch.set_num_threads(choices.threads)
    print(machine())
    prepared = images(choices.channels, choices.size)
    asked = configure("random", "modern", {"training": {"batch": choices.batch}})
    for compute in autotune.compute_candidates(TrainingConfig(threads=choices.threads, memory_format="channels-last")):
        run, precision = resolve(asked, prepared, compute), compute.precision
        trainer = build_trainer(run, prepared, Engine.for_trials(compute))
        with Operations() as counter:
            take_steps(trainer.step, run.objective.penalty_every)
        work = counter.total / run.objective.penalty_every * STEPS
        pairs = [rates(trainer.step, work, getattr(torch, precision), choices.threads) for _ in range(ROUNDS)]
        shares = [step / product for step, product in pairs]
        step, product = (statistics.median(each) for each in zip(*pairs, strict=True))
        spread = f"{min(shares):.2f} to {max(shares):.2f} of {ROUNDS} rounds"
        print(
            f"{choices.size} px, batch {choices.batch}, {precision}: {work / STEPS / choices.batch / 1e6:.1f} MFLOP a "
            f"image; step {step:.0f} of {product:.0f} GFLOP/s: {statistics.median(shares):.2f} ({spread})"
        )


def images(channels: int, size: int) -> PreparedSet:
    """A set of noise: what a step costs does not depend on what it sees."""
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (1000, channels, size, size), dtype=np.uint8)
    return in_memory("random", pixels, chance.integers(0, 10, 1000), tuple("0123456789"))


class Operations(TorchDispatchMode):
    """Counts what is worked out inside."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Runs one operator, and adds what its formula says."""
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket in flop_registry:
            self.total += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def rates(step: Callable[[int], object], work: float, kind: torch.dtype, threads: int) -> tuple[float, float]:
    """GFLOP/s of `STEPS` steps, which are `work` operations, and of matrix products."""
    left, right = torch.rand(SIDE, SIDE, dtype=kind), torch.rand(SIDE, SIDE, dtype=kind)
    product = 2 * SIDE**3 * 10 / seconds(lambda: [left @ right for _ in range(10)], threads)
    return work / seconds(lambda: take_steps(step, STEPS), threads) / 1e9, product / 1e9


def take_steps(step: Callable[[int, float], object], count: int) -> None:
    """So many steps."""
    for number in range(count):
        step(number, 0.0)


def seconds(work: Callable[[], object], threads: int) -> float:
    """Processor seconds of one thread, after a first go that warms up."""
    work()
    began = time.process_time()
    work()
    return (time.process_time() - began) / threads


if __name__ == "__main__":
    main()
