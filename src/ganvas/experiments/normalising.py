"""The book's classifier and its conditional GAN with one normalisation or another, for the same time.

BatchNorm has two sets of averages: while it trains, those of the batch; afterwards, running ones. In a batch of one
image the first are the image's own, and BatchNorm *is* InstanceNorm until it leaves training mode.
"""

import copy

import numpy as np
import torch
from torch import nn

from ganvas.config.recipes import configure
from ganvas.data import PreparedSet, open_source
from ganvas.evaluation.predict import accuracy, predict
from ganvas.experiments.experiment import Measurements, Trial, Variant
from ganvas.experiments.gan_trials import SPEED, Cost, stretches, train_and_score
from ganvas.networks.layers import spectral_norm
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer


def normalised(task: Trial, row: Variant) -> Measurements:
    """A GAN where the row's choices name a recipe, scored by the set's evaluator; else a classifier."""
    return train_and_score(task, row) if "recipe" in row.choices else classified(task, row)


def classified(task: Trial, row: Variant) -> Measurements:
    """accuracy: on held-out images, 0 to 1, of the book's classifier with the row's `normalisation` and `batch`.

    own_accuracy, of BatchNorm alone: by each image's own averages in place of the running ones; they give the
    accuracy of a row whose normalisation is "own". images: shown in the task's seconds.
    """
    name, batch = row.choices["normalisation"], row.choices["batch"]
    built = {"spectral": "none", "own": "batch"}.get(name, name)
    choices = {"pair": {"normalisation": built}, "training": {"batch": batch}, "seed": task.seed}
    run = configure(task.source, "book-classifier", choices)
    prepared = open_source(task.source, run.data, processes=1)
    game = build_trainer(run, prepared, Engine.for_trials(SPEED))
    classifier = game.networks["classifier"]
    if name == "spectral":
        bound(classifier)

    def share(spent: Cost) -> float:
        return spent.processor_seconds / task.seconds

    spent = next(spent for spent in stretches(game, run, share) if share(spent) >= 1)
    found = {"images": spent.images, "seconds": spent.processor_seconds}
    if built == "batch":
        found["own_accuracy"] = held_out_accuracy(by_own_averages(classifier), prepared)
    found["accuracy"] = found["own_accuracy"] if name == "own" else held_out_accuracy(classifier, prepared)
    return found


def held_out_accuracy(classifier: nn.Module, prepared: PreparedSet) -> float:
    """The share of held-out images, 0 to 1, whose class it says, in eval mode."""
    assert prepared.labels is not None
    held = np.asarray(prepared.held_out)
    said = predict(classifier, prepared.pixels[held]).argmax(1)
    return accuracy(np.asarray(prepared.labels)[held], said)


def by_own_averages(network: nn.Module) -> nn.Module:
    """A copy whose BatchNorm of maps is InstanceNorm with the same scales: what training mode says image by image.

    In this form many images can be looked at together, and none changes what is said of another.
    """
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, layer in module.named_children():
            if isinstance(layer, nn.BatchNorm2d):
                own = nn.InstanceNorm2d(layer.num_features, eps=layer.eps, affine=True)
                own.load_state_dict({"weight": layer.weight, "bias": layer.bias})
                setattr(module, name, own)
    return network


def bound(network: nn.Module) -> None:
    """Bounds every layer's weight by its largest singular value. An optimiser of the weights goes on as before."""
    with torch.no_grad():
        for layer in list(network.modules()):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                spectral_norm(layer)
