"""The book's classifier and its conditional GAN with one normalisation or another, for the same time.

BatchNorm has two sets of averages: while it trains, those of the batch; afterwards, running ones. In a batch of one
image the first are the image's own, and BatchNorm *is* InstanceNorm until it leaves training mode.
"""

import copy

import numpy as np
import torch
from torch import nn

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.data import PreparedSet, open_source
from ganvas.evaluation.predict import accuracy, predict
from ganvas.experiments.experiment import Measurements, Trial, Variant
from ganvas.experiments.gan_trials import SPEED, stretches, train_and_score
from ganvas.networks.layers import spectral_norm
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer


def measure_normalisation(trial: Trial, variant: Variant) -> Measurements:
    """Of a GAN if the variant's choices name a recipe: see `train_and_score`. Else of the book's classifier.

    Read from the choices then: `normalisation`, `batch`. accuracy: on held-out images, 0 to 1. own_accuracy, of
    BatchNorm alone: with each image's own averages in place of the running ones; it is the accuracy of a variant whose
    normalisation is "own". images: shown in the trial's seconds.
    """
    if "recipe" in variant.choices:
        return train_and_score(trial, variant)
    name, batch = variant.choices["normalisation"], variant.choices["batch"]
    built = {"spectral": "none", "own": "batch"}.get(name, name)
    choices = {"pair": {"normalisation": built}, "training": {"batch": batch}, "seed": trial.seed}
    run = configure(trial.source, "book-classifier", choices)
    prepared = open_source(trial.source, run.data, processes=1)
    trainer = build_trainer(resolve(run, prepared, SPEED), prepared, Engine.for_trials(SPEED))
    classifier = trainer.networks["classifier"]
    if name == "spectral":
        normalise_spectrally(classifier)
    costs = stretches(trainer, lambda cost: cost.cpu_seconds / trial.seconds)
    cost = next(cost for cost in costs if cost.cpu_seconds >= trial.seconds)
    metrics: dict[str, float] = {"images": cost.images, "seconds": cost.cpu_seconds}
    if built == "batch":
        metrics["own_accuracy"] = held_out_accuracy(with_own_averages(classifier), prepared)
    metrics["accuracy"] = metrics["own_accuracy"] if name == "own" else held_out_accuracy(classifier, prepared)
    return metrics


def held_out_accuracy(classifier: nn.Module, prepared: PreparedSet) -> float:
    """The share of held-out images, 0 to 1, that are classified rightly, in eval mode."""
    assert prepared.labels is not None
    held = np.asarray(prepared.held_out)
    return accuracy(np.asarray(prepared.labels)[held], predict(classifier, prepared.pixels[held]).argmax(1))


def with_own_averages(network: nn.Module) -> nn.Module:
    """A copy whose BatchNorm of maps is InstanceNorm with the same scales: training mode's output, image by image.

    In this form many images can be classified together, and none changes the result of another.
    """
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, layer in module.named_children():
            if isinstance(layer, nn.BatchNorm2d):
                own = nn.InstanceNorm2d(layer.num_features, eps=layer.eps, affine=True)
                own.load_state_dict({"weight": layer.weight, "bias": layer.bias})
                setattr(module, name, own)
    return network


def normalise_spectrally(network: nn.Module) -> None:
    """Divides every layer's weight by its largest singular value. An existing optimiser still updates them."""
    with torch.no_grad():
        for layer in list(network.modules()):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                spectral_norm(layer)
