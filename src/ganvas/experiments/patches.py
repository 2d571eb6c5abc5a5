"""Images whose patches lie in another order, scored by a classifier and by the discriminator of a GAN."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ganvas.data import PreparedSet, open_source
from ganvas.evaluation.fit import MAX_SHIFT, fit_classifier
from ganvas.evaluation.predict import accuracy, eval_mode, predict
from ganvas.experiments.experiment import SQUARES, Measurements, Trial, Variant
from ganvas.experiments.gan_trials import held_out, train_gan
from ganvas.images import from_uint8
from ganvas.networks.evaluator import EvaluatorNetwork
from ganvas.networks.inspect import receptive_field
from ganvas.networks.pair import Discriminator, Shape
from ganvas.objectives.augment import random_translate
from ganvas.rng import stream
from ganvas.training.trainer import network_shape

RATE = 3_000  # images of 28 px that a classifier learns from in a second of one thread, more or less
PIXELS = 0  # parts a side, for patches of one pixel
Augment = Callable[[Tensor, torch.Generator], Tensor]


def shuffle_patches(images: Tensor, parts: int, generator: torch.Generator) -> Tensor:
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
    positions = torch.arange(parts**2)
    order = torch.where((order == positions).all(dim=1, keepdim=True), positions.flip(0), order).to(images.device)
    patches = patches[torch.arange(count, device=images.device)[:, None], order]
    grid = patches.reshape(count, parts, parts, channels, side, side).permute(0, 3, 1, 4, 2, 5)  # -> (N, C, P, s, P, s)
    images = images.clone()
    images[:, :, :whole, :whole] = grid.reshape(count, channels, whole, whole)
    return images


def fit_to(prepared: PreparedSet, trial: Trial, augment: Augment | None = None) -> EvaluatorNetwork:
    """A classifier of the training images. It is shown the trial's seconds at a fixed rate, so that a seed repeats."""
    assert prepared.labels is not None
    images, labels = max(1, round(trial.seconds * RATE * (28 / prepared.size.side) ** 2)), np.asarray(prepared.labels)
    classes, rows = len(prepared.classes), np.asarray(prepared.train)
    return fit_classifier(prepared.pixels, labels, classes, images, trial.seed, augment=augment, rows=rows)


def measure_locality(trial: Trial, variant: Variant) -> Measurements:
    """Of held-out images cut into `parts` x `parts` patches, by the network that the variant's `sees` names.

    A "classifier" gives its accuracy; `learns` is how the images were cut that it was fitted to. A "discriminator"
    gives `ranked`, the share of images that it scores higher whole than shuffled. field: pixels along a side of the
    receptive field of the last convolution.
    """

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        max_shift = max(1, round(MAX_SHIFT * images.shape[-1]))
        return shuffle_patches(random_translate(images, max_shift, generator), variant.choices["learns"], generator)

    network: nn.Module
    if variant.choices["sees"] == "classifier":
        prepared = open_source(trial.source, SQUARES, processes=1)
        network = fit_to(prepared, trial, augment)
        shape = Shape(prepared.channels, prepared.size, len(prepared.classes))
    else:
        gan = train_gan(trial, variant)
        prepared, network = gan.prepared, gan.trainer.networks["discriminator"]
        shape = network_shape(gan.run, prepared)
    pixels, labels = held_out(prepared)
    whole = torch.from_numpy(pixels)
    broken = shuffle_patches(whole, variant.choices["parts"], stream(trial.seed, "patches"))
    metrics = {"field": float(receptive_field(network, shape)[-1].receptive_field or 0)}
    if isinstance(network, Discriminator):
        given = torch.from_numpy(labels) if labels is not None and shape.classes else None
        return {"ranked": share_ranked_first(network, whole, broken, given), **metrics}
    assert labels is not None
    return {"accuracy": accuracy(labels, predict(network, broken.numpy()).argmax(axis=1)), **metrics}


def share_ranked_first(
    discriminator: Discriminator, real: Tensor, broken: Tensor, labels: Tensor | None, batch: int = 500
) -> float:
    """The share of pairs, real and broken (N, C, H, W) uint8, of which D scores the first higher; ties half."""
    device = next(discriminator.parameters()).device
    wins = 0.0
    with eval_mode(discriminator) as network:
        for start in range(0, len(real), batch):
            rows = slice(start, start + batch)
            given = None if labels is None else labels[rows].to(device)
            first, second = (network(from_uint8(side[rows].to(device)), given).logits for side in (real, broken))
            wins += float((first > second).sum()) + float((first == second).sum()) / 2
    return wins / len(real)
