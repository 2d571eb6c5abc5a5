"""Images whose patches lie in another order, as a classifier and the discriminator of a GAN see them."""

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


def measure_locality(trial: Trial, variant: Variant) -> Measurements:
    """Of held-out images cut into `parts` x `parts` patches, by the network that the variant's `sees` names."""
    return classify_patches(trial, variant) if variant.choices["sees"] == "classifier" else rank_patches(trial, variant)


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
    positions = torch.arange(parts**2)
    order = torch.where((order == positions).all(dim=1, keepdim=True), positions.flip(0), order).to(images.device)
    patches = patches[torch.arange(count, device=images.device)[:, None], order]
    grid = patches.reshape(count, parts, parts, channels, side, side).permute(0, 3, 1, 4, 2, 5)  # -> (N, C, P, s, P, s)
    images = images.clone()
    images[:, :, :whole, :whole] = grid.reshape(count, channels, whole, whole)
    return images


def images_to_show(trial: Trial, size: int) -> int:
    """How many images a classifier is fitted to: the trial's seconds at a fixed rate, so that a seed repeats."""
    return max(1, round(trial.seconds * RATE * (28 / size) ** 2))


def classify_patches(trial: Trial, variant: Variant) -> Measurements:
    """accuracy on shuffled held-out images; `learns` is how the images were cut that the classifier was fitted to."""
    prepared = open_source(trial.source, processes=1)
    assert prepared.labels is not None
    size, learns = prepared.size, variant.choices["learns"]
    most = max(1, round(MAX_SHIFT * size))

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        return shuffled(random_translate(images, most, generator), learns, generator)

    network = fit_classifier(
        prepared.pixels,
        np.asarray(prepared.labels),
        len(prepared.classes),
        images_to_show(trial, size),
        trial.seed,
        augment=augment,
        rows=np.asarray(prepared.train),
    )
    pixels, labels = held_out(prepared)
    assert labels is not None
    broken = shuffled(torch.from_numpy(pixels), variant.choices["parts"], stream(trial.seed, "patches"))
    last = receptive_field(network, Shape(prepared.channels, size, len(prepared.classes)))[-1]
    predicted = predict(network, broken.numpy()).argmax(axis=1)
    return {"accuracy": accuracy(labels, predicted), "field": float(last.receptive_field or 0)}


def rank_patches(trial: Trial, variant: Variant) -> Measurements:
    """told: the share of held-out images that the variant's D scores higher whole than shuffled."""
    gan = train_gan(trial, variant)
    discriminator = gan.trainer.networks["discriminator"]
    assert isinstance(discriminator, Discriminator)
    held, labels = held_out(gan.prepared)
    pixels, shape = torch.from_numpy(held), network_shape(gan.run, gan.prepared)
    given = torch.from_numpy(labels) if labels is not None and shape.classes else None
    broken = shuffled(pixels, variant.choices["parts"], stream(trial.seed, "patches"))
    last = receptive_field(discriminator, shape)[-1]
    share = share_ranked_first(discriminator, pixels, broken, given)
    return {"told": share, "field": float(last.receptive_field or 0)}


def share_ranked_first(
    discriminator: Discriminator, real: Tensor, broken: Tensor, labels: Tensor | None, batch: int = 500
) -> float:
    """The share of pairs, real and broken (N, C, H, W) uint8, of which D scores the first higher; ties half."""
    device = next(discriminator.parameters()).device
    wins = 0.0
    with eval_mode(discriminator) as network:
        for start in range(0, len(real), batch):
            part = slice(start, start + batch)
            given = None if labels is None else labels[part].to(device)
            first, second = (network(from_uint8(side[part].to(device)), given).logits for side in (real, broken))
            wins += float((first > second).sum()) + float((first == second).sum()) / 2
    return wins / len(real)
