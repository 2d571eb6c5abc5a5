"""Images whose patches lie in another order, and who notices: a classifier, or the discriminator of a GAN."""

import numpy as np
import torch
from torch import Tensor

from ganvas.data import open_source
from ganvas.evaluation.fit import MAX_SHIFT, fit_classifier
from ganvas.evaluation.predict import accuracy, eval_mode, predict
from ganvas.experiments.experiment import Measurements, Trial, Variant
from ganvas.experiments.gan_trials import held_out, train_gan
from ganvas.images import from_uint8
from ganvas.networks.inspect import receptive_field
from ganvas.networks.pair import Discriminator, Shape
from ganvas.objectives.augment import random_translate
from ganvas.rng import stream
from ganvas.training.trainer import network_shape

RATE = 3_000  # images of 28 px that a classifier learns from in a second of one thread, more or less
PIXELS = 0  # parts a side, for patches of one pixel


def measured(task: Trial, row: Variant) -> Measurements:
    """What the row's `sees` makes of held-out images cut into `parts` x `parts` patches."""
    return _classified(task, row) if row.choices["sees"] == "classifier" else _noticed(task, row)


def shuffled(images: Tensor, parts: int, generator: torch.Generator) -> Tensor:
    """(N, C, H, W), each cut into parts x parts square patches that lie in another order, drawn for each anew.

    PIXELS for patches of one pixel; 1 leaves an image whole. What the patches leave over of a side stays where it is.
    """
    count, channels, size, _ = images.shape
    parts = parts or size
    if parts == 1:
        return images.clone()
    side = size // parts
    whole = side * parts
    grid = images[:, :, :whole, :whole].reshape(count, channels, parts, side, parts, side)
    patches = grid.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # (N, C, P, s, P, s) -> (N, P * P, C, s, s)
    order = torch.rand(count, parts**2, generator=generator).argsort(dim=1)
    places = torch.arange(parts**2)
    order = torch.where((order == places).all(dim=1, keepdim=True), places.flip(0), order).to(images.device)
    patches = patches[torch.arange(count, device=images.device)[:, None], order]
    grid = patches.reshape(count, parts, parts, channels, side, side).permute(0, 3, 1, 4, 2, 5)  # -> (N, C, P, s, P, s)
    images = images.clone()
    images[:, :, :whole, :whole] = grid.reshape(count, channels, whole, whole)
    return images


def shown(task: Trial, size: int) -> int:
    """How many images a classifier sees: the task's seconds at a fixed rate, so that a seed says the same again."""
    return max(1, round(task.seconds * RATE * (28 / size) ** 2))


def _classified(task: Trial, row: Variant) -> Measurements:
    """accuracy on shuffled held-out images; `learns` says how the images were cut that it was fitted to."""
    prepared = open_source(task.source, processes=1)
    assert prepared.labels is not None
    size, learns = prepared.size, row.choices["learns"]
    most = max(1, round(MAX_SHIFT * size))

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        return shuffled(random_translate(images, most, generator), learns, generator)

    network = fit_classifier(
        prepared.pixels,
        np.asarray(prepared.labels),
        len(prepared.classes),
        shown(task, size),
        task.seed,
        augment=augment,
        rows=np.asarray(prepared.train),
    )
    pixels, labels = held_out(prepared)
    assert labels is not None
    broken = shuffled(torch.from_numpy(pixels), row.choices["parts"], stream(task.seed, "patches"))
    told = predict(network, broken.numpy()).argmax(axis=1)
    last = receptive_field(network, Shape(prepared.channels, size, len(prepared.classes)))[-1]
    return {"accuracy": accuracy(labels, told), "field": float(last.receptive_field or 0)}


def _noticed(task: Trial, row: Variant) -> Measurements:
    """told: of how many held-out images the row's D finds the whole one more real than the same one shuffled."""
    done = train_gan(task, row)
    judge = done.game.networks["discriminator"]
    assert isinstance(judge, Discriminator)
    held, labels = held_out(done.prepared)
    pixels = torch.from_numpy(held)
    shape = network_shape(done.run, done.prepared)
    asked = torch.from_numpy(labels) if labels is not None and shape.classes else None
    broken = shuffled(pixels, row.choices["parts"], stream(task.seed, "patches"))
    last = receptive_field(judge, shape)[-1]
    return {"told": ranked(judge, pixels, broken, asked), "field": float(last.receptive_field or 0)}


def ranked(judge: Discriminator, real: Tensor, broken: Tensor, labels: Tensor | None, batch: int = 500) -> float:
    """The share of pairs, real and broken (N, C, H, W) uint8, of which `judge` finds the first more real; ties half."""
    device = next(judge.parameters()).device
    wins = 0.0
    with eval_mode(judge) as looking:
        for start in range(0, len(real), batch):
            part = slice(start, start + batch)
            asked = None if labels is None else labels[part].to(device)
            first, second = (looking(from_uint8(each[part].to(device)), asked).logits for each in (real, broken))
            wins += float((first > second).sum()) + float((first == second).sum()) / 2
    return wins / len(real)
