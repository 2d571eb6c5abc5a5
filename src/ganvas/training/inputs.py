"""The random inputs of every step. They are drawn on the CPU, so that every device trains on the same ones.

Every draw is made for the global batch, from (seed, purpose, step) alone, and then cut to this process's share: so that
any number of processes trains alike, and a resumed run needs no generator's state.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ganvas.config.run import ResolvedRun
from ganvas.data.batches import Batches, FakeLabels
from ganvas.data.prepared import PreparedSet
from ganvas.images import from_uint8
from ganvas.objectives.augment import MAX_SHIFT_DIVISOR
from ganvas.objectives.config import BookObjective, GanObjective, ObjectiveConfig
from ganvas.rng import stream
from ganvas.training.engine import Engine
from ganvas.training.step import StepInputs

Draws = dict[str, Tensor]  # by the name of the field of StepInputs; those that are equal to another one are left out

BLOCK = 32  # steps whose draws go to a GPU together: one transfer takes as long for many as for one


def drawer(
    run: ResolvedRun,
    objective: ObjectiveConfig,
    prepared: PreparedSet,
    noise_size: int,
    batches: Batches,
    engine: Engine,
) -> Callable[[int], Draws]:
    """A function from a step's number to this process's share of its draws, on the CPU.

    `rows` are the indices (N,) of its real images.
    """
    batch, has_labels, is_book = run.training.batch, batches.labels is not None, isinstance(objective, BookObjective)
    is_gan = isinstance(objective, GanObjective | BookObjective)
    how = objective.fake_labels if isinstance(objective, GanObjective | BookObjective) else "paired"
    fake_labels = FakeLabels(prepared, how, run.seed) if has_labels and how != "paired" else None
    is_augmented = isinstance(objective, GanObjective) and objective.augment == "on"
    most = min(prepared.size) // MAX_SHIFT_DIVISOR
    # A label is drawn as one of the set's combinations of classes, and given as the class indices of its parts.
    combinations = torch.from_numpy(prepared.label_space.values) if batches.labels is not None else torch.empty(0)

    def draw(step: int) -> Draws:
        rows = torch.from_numpy(batches.rows(step))
        draws = {"rows": rows}
        if batches.labels is not None:
            draws["labels"] = combinations[torch.from_numpy(batches.labels[rows.numpy()])]
        # The book generates again for G's update, from draws of their own.
        for prefix, again in (("", ""), ("fresh_", " again"))[: is_gan + is_book]:
            noise = torch.randn(batch, noise_size, generator=stream(run.seed, f"noise{again}", step))
            draws[f"{prefix}noise"] = engine.shard(noise)
            if fake_labels:
                drawn = combinations[fake_labels.draw(f"labels{again}", step, batch)]
                draws[f"{prefix}fake_labels"] = engine.shard(drawn)
        if is_augmented:
            shifts = torch.randint(-most, most + 1, (batch, 3, 2), generator=stream(run.seed, "augment", step))
            draws["shifts"] = engine.shard(shifts)
        return draws

    return draw


def step_inputs(draws: Draws) -> StepInputs:
    """The inputs of a GAN's step. What was not drawn is the same as something else that was."""
    labels, noise = draws.get("labels"), draws["noise"]
    fake_labels, shifts = draws.get("fake_labels", labels), draws.get("shifts")
    return StepInputs(
        real=draws["real"],
        labels=labels,
        noise=noise,
        fake_labels=fake_labels,
        fresh_noise=draws.get("fresh_noise", noise),
        fresh_fake_labels=draws.get("fresh_fake_labels", fake_labels),
        penalty_share=draws.get("penalty_share"),
        shifts=None if shifts is None else shifts.transpose(0, 1),  # (N, 3, 2) -> (3, N, 2)
    )


class Block(NamedTuple):
    """The draws of several steps on the device, each (BLOCK, ...)."""

    first: int
    draws: Draws

    def at(self, step: int) -> Draws:
        """Those of one step."""
        return {name: draw[step - self.first] for name, draw in self.draws.items()}


class Inputs:
    """The inputs of each step on the device. A GPU gets them in blocks, ahead of its work."""

    def __init__(self, draw: Callable[[int], Draws], prepared: PreparedSet, engine: Engine) -> None:
        """Keeps the prepared images in the device's memory where they fit."""
        self._draw, self.pixels, self.engine = draw, prepared.pixels, engine
        self.resident = engine.keep_on_device(prepared.pixels)
        self._blocks: dict[int, Block] = {}

    def at(self, step: int) -> Draws:
        """The draws of one step; `real` (N, C, H, W) in [-1, 1] in place of the rows."""
        draws = self._from_blocks(step) if self.engine.works_ahead else self._moved(self._drawn(step))
        rows = draws.pop("rows")
        pixels = draws.pop("pixels") if self.resident is None else self.resident[rows]
        return draws | {"real": self.engine.lay_out(from_uint8(pixels))}

    def _drawn(self, step: int) -> Draws:
        draws = self._draw(step)
        if self.resident is None:
            draws["pixels"] = torch.from_numpy(self.pixels[draws["rows"].numpy()])
        return draws

    def _from_blocks(self, step: int) -> Draws:
        first = step - step % BLOCK
        if first not in self._blocks:
            self._blocks[first] = self._block(first)
        block = self._blocks[first]
        # The next one is drawn in the middle of this one, while the device has steps to work at.
        if step - first == BLOCK // 2 and first + BLOCK not in self._blocks:
            self._blocks = {first: block, first + BLOCK: self._block(first + BLOCK)}
        return block.at(step)

    def _block(self, first: int) -> Block:
        each = [self._drawn(step) for step in range(first, first + BLOCK)]
        return Block(first, self._moved({name: torch.stack([draws[name] for draws in each]) for name in each[0]}))

    def _moved(self, draws: Draws) -> Draws:
        return {name: self.engine.move(draw) for name, draw in draws.items()}
