"""Fits a classifier to images on this machine."""

import hashlib
import math
from collections.abc import Callable, Iterator
from itertools import count as count_from

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganvas import machine, threads
from ganvas.images import Pixels, from_uint8
from ganvas.networks.evaluator import EvaluatorConfig, EvaluatorNetwork
from ganvas.networks.pair import Shape
from ganvas.objectives.augment import random_translate
from ganvas.objectives.losses import label_cross_entropy
from ganvas.rng import seed_weights, stream
from ganvas.sizes import Size

BATCH = 128
LR = 0.002
WARM_UP = 0.1  # of the steps
MAX_SHIFT = 1 / 14  # of the shorter side: 2 of 28 pixels


def fit_images(count: int, side: float) -> int:
    """How many images a fit to `count` images shows: four epochs within bounds, fewer for large images.

    side: in pixels, `Size.side`. An epoch of large images teaches more and costs more. 240,000 images of 28 px take
    under a minute on two cores.
    """
    return int(np.clip(4 * count, 120_000, 240_000) * min(1.0, 32 / side))


def fit_classifier(
    pixels: Pixels,
    labels: NDArray[np.int64],
    classes: int | tuple[int, ...],
    images_shown: int,
    seed: int = 0,
    advance: Callable[[int], None] = lambda count: None,
    config: EvaluatorConfig | None = None,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    rows: NDArray[np.int64] | None = None,
) -> EvaluatorNetwork:
    """A classifier, in eval mode, fitted to pixels (N, C, H, W) uint8, which may be a memory map, and labels (N,).

    Labels of several parts are (N, P), -1 for a part that is missing, and `classes` are then those of each part: the
    classifier has one trunk, and class logits for each part side by side.
    images_shown: in all epochs together. advance: called with the size of each batch.
    augment: (images, generator) -> images; by default a small translation.
    rows: indices of the images to learn from; by default all.
    The same arguments give the same classifier on the same machine with one thread; with more, their number follows the
    load, and the result differs by rounding.
    """
    assert len(pixels) == len(labels), "as many labels as images"
    rows = np.arange(len(pixels)) if rows is None else np.asarray(rows)
    assert len(rows) > 0, "no images to learn from"
    _, channels, height, width = pixels.shape
    parts, values = (classes,) if isinstance(classes, int) else classes, labels.reshape(len(labels), -1)
    device = machine.device()
    seed_weights(seed, "judge")  # the purpose string of the random stream: another word draws other weights
    shape = Shape(channels, Size(height, width), sum(parts), parts)
    network = (config or EvaluatorConfig()).build(shape).to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=0.01, fused=device != "mps")
    max_shift = max(1, round(MAX_SHIFT * min(height, width)))
    batch = max(2, min(BATCH, len(rows)))
    steps = max(1, images_shown // batch)

    def train() -> Iterator[None]:
        """Takes one step each time it is advanced."""
        for step, chosen in zip(range(steps), _batches(rows, batch, seed), strict=False):
            images = from_uint8(torch.from_numpy(pixels[chosen]).to(device))
            generator = stream(seed, "fit/augment", step)
            images = augment(images, generator) if augment else random_translate(images, max_shift, generator)
            # Products run in bfloat16 where the device computes it in hardware.
            with torch.autocast(device, torch.bfloat16, enabled=machine.computes_bfloat16()):
                logits = network(images.contiguous(memory_format=torch.channels_last))
            loss = label_cross_entropy(logits, torch.from_numpy(values[chosen]).to(device), parts)
            optimiser.param_groups[0]["lr"] = LR * _lr_share((step + 1) / steps)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            advance(batch)
            yield

    for _ in threads.adapt(train()):
        pass
    return network.eval()


def _batches(rows: NDArray[np.int64], batch: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Batches (batch,) of rows without end: each row once per epoch, in another order each epoch."""
    waiting = rows[:0]
    for epoch in count_from():
        order = torch.randperm(len(rows), generator=stream(seed, "fit/epoch", epoch)).numpy()
        waiting = np.concatenate([waiting, rows[order]])
        while len(waiting) >= batch:
            yield waiting[:batch]
            waiting = waiting[batch:]


def _lr_share(progress: float) -> float:
    """The learning rate's share of its peak: a linear warm-up, then a cosine down to 0."""
    if progress < WARM_UP:
        return progress / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def weights_digest(network: nn.Module) -> str:
    """Hex digest of a network's weights: networks of one digest give the same logits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
