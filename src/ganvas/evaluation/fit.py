"""Fits a classifier to images, on the machine at hand."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ganvas import machine
from ganvas.images import Pixels, from_uint8
from ganvas.networks.evaluator import EvaluatorConfig, EvaluatorNetwork
from ganvas.networks.pair import Shape
from ganvas.objectives.augment import random_translate
from ganvas.rng import seed_weights, stream

BATCH = 128
LR = 0.002
WARM_UP = 0.1  # of the images shown
MAX_SHIFT = 1 / 14  # of a side: two pixels of 28
Advance = Callable[[int], None]


def fit_images(count: int, size: int) -> int:
    """How many images a fit on `count` images of `size` px shows: four passes, within bounds, fewer where large.

    A pass over a large image teaches more and costs more; 240,000 images of 28 px take under a minute on two cores.
    """
    return int(np.clip(4 * count, 120_000, 240_000) * min(1.0, 32 / size))


def fit_classifier(
    pixels: Pixels,
    labels: NDArray[np.int64],
    classes: int,
    shown: int,
    seed: int = 0,
    advance: Advance = lambda done: None,
    settings: EvaluatorConfig | None = None,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    rows: NDArray[np.int64] | None = None,
) -> EvaluatorNetwork:
    """A classifier of pixels (N, C, H, W) uint8, which may be a memory map, and labels (N,) of so many classes.

    shown: images shown in all. advance: is told how many were shown since it was last.
    augment: images and a generator -> images; a small translation unless given.
    rows: indices of the images to learn from; all unless given.
    The same arguments give the same classifier on the same machine and number of threads.
    """
    _, channels, size, _ = pixels.shape
    assert len(pixels) == len(labels), "as many labels as images"
    rows = np.arange(len(pixels)) if rows is None else np.asarray(rows)
    assert len(rows) > 0, "nothing to learn from"
    seed_weights(seed, "judge")
    place = machine.device()
    network = (settings or EvaluatorConfig()).build(Shape(channels, size, classes)).to(place)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=0.01, fused=place != "mps")
    most = max(1, round(MAX_SHIFT * size))
    batch = max(2, min(BATCH, len(rows)))
    steps = max(1, shown // batch)
    order = _Order(rows, seed)

    def step(number: int) -> None:
        chosen = order.rows(number * batch, batch)
        images = from_uint8(torch.from_numpy(pixels[chosen]).to(place))
        generator = stream(seed, "fit/augment", number)
        images = random_translate(images, most, generator) if augment is None else augment(images, generator)
        with autocast():
            logits = network(images.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits, torch.from_numpy(labels[chosen]).to(place))
        optimiser.param_groups[0]["lr"] = LR * _share_of_rate((number + 1) / steps)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    def next_step() -> None:
        if (number := next(numbers, None)) is not None:
            step(number)
            advance(batch)

    network.train()
    numbers = iter(range(steps))
    with machine.fastest_threads(next_step):
        for number in numbers:
            step(number)
            advance(batch)
    network.eval()
    return network


def autocast() -> AbstractContextManager[object]:
    """Products run in bfloat16 where the device is made for it."""
    return torch.autocast(machine.device(), torch.bfloat16) if machine.computes_bfloat16() else nullcontext()


class _Order:
    """The order in which rows are shown: every one once a pass, another order each pass."""

    def __init__(self, rows: NDArray[np.int64], seed: int) -> None:
        self.all, self.seed, self.epoch = rows, seed, -1
        self.shuffled = np.empty(0, np.int64)

    def rows(self, first: int, count: int) -> NDArray[np.int64]:
        """`count` rows from the `first`-th shown on."""
        found: list[NDArray[np.int64]] = []
        while count:
            epoch, place = divmod(first, len(self.all))
            if epoch != self.epoch:
                generator = stream(self.seed, "fit/epoch", epoch)
                self.epoch, self.shuffled = epoch, self.all[torch.randperm(len(self.all), generator=generator).numpy()]
            part = self.shuffled[place : place + count]
            found.append(part)
            first, count = first + len(part), count - len(part)
        return np.concatenate(found)


def _share_of_rate(progress: float) -> float:
    """Up in a straight line, then down along a cosine."""
    if progress < WARM_UP:
        return progress / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def weights_digest(network: nn.Module) -> str:
    """Hex digest of a network's weights: two with the same digest say the same of every image."""
    import hashlib

    whole = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        whole.update(name.encode())
        whole.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return whole.hexdigest()
