"""What a linear probe reads from the layers of a classifier: the direction of an edge, loops and ends, the class.

A probe learns from training images and is asked about held-out ones. Its score is Cohen's kappa (1960): 0 is guessing
with the right frequencies, 1 is never wrong.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganvas.data import PreparedSet, open_source
from ganvas.evaluation.fit import fit_classifier
from ganvas.evaluation.predict import eval_mode
from ganvas.evaluation.samples import subsample
from ganvas.experiments import strokes
from ganvas.experiments.experiment import Measurements, Trial, Variant
from ganvas.experiments.patches import images_to_show
from ganvas.images import Pixels, from_uint8
from ganvas.networks.evaluator import EvaluatorConfig, EvaluatorNetwork
from ganvas.networks.pair import Shape
from ganvas.rng import seed_weights, stream

MOST = 2_000  # images that a probe learns from, and as many that it is asked about
SECTORS = 8  # of a turn
STEEP = 0.5  # of an image's steepest place
MOST_LOOPS, MOST_ENDS = 2, 4  # more count as so many
STRENGTHS = 10.0 ** np.arange(-2, 3)  # of the ridge; an image's mean square is 1
PIXELS, FEATURES = 0, 4  # layers; between them the first convolution, the second, the last
Floats = NDArray[np.floating[Any]]
Answers = NDArray[np.int64]  # (N,) classes to be predicted, 0 and up


def measure_probe(trial: Trial, variant: Variant) -> Measurements:
    """score: of a probe for what is `asked` at a `layer` of a trained classifier; untrained: of one that never learned.

    learned: the first less the second.
    """
    prepared = open_source(trial.source, processes=1)
    layer, asked = variant.choices["layer"], variant.choices["asked"]
    trained, fresh = networks(prepared, trial, fits=layer != PIXELS)
    score = probe_score(trained, prepared, layer, asked, trial.seed)
    untrained = score if trained is fresh else probe_score(fresh, prepared, layer, asked, trial.seed)
    return {"score": score, "untrained": untrained, "learned": score - untrained}


def networks(prepared: PreparedSet, trial: Trial, fits: bool) -> tuple[EvaluatorNetwork, EvaluatorNetwork]:
    """An evaluator that learned from the training images, if it `fits`, and one with the same first weights."""
    assert prepared.labels is not None
    seed_weights(trial.seed, "judge")
    fresh = EvaluatorConfig().build(Shape(prepared.channels, prepared.size, len(prepared.classes))).eval()
    if not fits:
        return fresh, fresh
    labels, rows = np.asarray(prepared.labels), np.asarray(prepared.train)
    count = images_to_show(trial, prepared.size)
    return fit_classifier(prepared.pixels, labels, len(prepared.classes), count, trial.seed, rows=rows), fresh


def probe_score(network: EvaluatorNetwork, prepared: PreparedSet, layer: int, asked: str, seed: int) -> float:
    """Cohen's kappa of a linear probe on held-out images."""
    labels = np.asarray(prepared.labels)
    sides = []
    for part, rows in (("learns", prepared.train), ("tells", prepared.held_out)):
        rows = subsample(np.asarray(rows), labels, MOST)
        pixels = np.array(prepared.pixels[rows])
        maps = layer_maps(network, pixels, layer)
        if asked == "gradient":
            places, answers = edges(pixels, torch.rand(len(rows), generator=stream(seed, f"edges/{part}")).numpy())
            sides.append((values_at(maps, places, prepared.size), answers))
        else:
            answers = labels[rows] if asked == "class" else stroke_counts(pixels, asked)
            sides.append((maps.reshape(len(maps), -1), answers))
    (values, answers), (others, truth) = sides
    return kappa(truth, ridge_predict(values, answers, others))


def layer_maps(network: EvaluatorNetwork, pixels: Pixels, layer: int, batch: int = 500) -> Floats:
    """(N, C, H, W) uint8 -> (N, M, h, w): what a layer gives after its nonlinearity. The last features are 1 x 1."""
    ends = [index + 1 for index, part in enumerate(network.maps) if isinstance(part, torch.nn.ReLU)]
    device = next(network.parameters()).device

    def maps_at_layer(images: Tensor) -> Tensor:
        if layer == PIXELS:
            return images
        if layer == FEATURES:
            return network.features(images)[:, :, None, None]
        maps: Tensor = network.maps[: ends[layer - 1] if layer < FEATURES - 1 else ends[-1]](images)
        return maps

    with eval_mode(network):
        parts = [from_uint8(torch.from_numpy(pixels[at : at + batch])) for at in range(0, len(pixels), batch)]
        return torch.cat([maps_at_layer(part.to(device)).float().cpu() for part in parts]).numpy()


def stroke_counts(pixels: Pixels, asked: str) -> Answers:
    """(N,) loops or ends."""
    ink = strokes.ink(pixels)
    return np.minimum(strokes.loops(ink), MOST_LOOPS) if asked == "loops" else np.minimum(strokes.ends(ink), MOST_ENDS)


def edges(pixels: Pixels, chance: NDArray[np.float32]) -> tuple[NDArray[np.int64], Answers]:
    """A steep place of each image, (N, 2) row and column, and which eighth of a turn its brightness rises towards.

    chance: (N,) in [0, 1), which of the steep places it is.
    """
    grey = pixels.mean(axis=1)
    down, right = np.gradient(grey, axis=(1, 2))
    slope = np.hypot(down, right).reshape(len(grey), -1)
    steep = slope >= STEEP * slope.max(axis=1, keepdims=True)
    nth = (chance * steep.sum(axis=1)).astype(np.int64)
    position = (steep.cumsum(axis=1) > nth[:, None]).argmax(axis=1)
    every = np.arange(len(grey))
    angle = np.arctan2(down.reshape(slope.shape)[every, position], right.reshape(slope.shape)[every, position])
    sector = np.floor(angle / (2 * np.pi) * SECTORS + 0.5).astype(np.int64) % SECTORS
    return np.stack(np.divmod(position, grey.shape[2]), axis=1), sector


def values_at(maps: Floats, places: NDArray[np.int64], size: int) -> Floats:
    """(N, M, h, w), (N, 2) places in images of `size` px -> (N, M): the values where each place lies."""
    rows, columns = (places[:, axis] * maps.shape[2 + axis] // size for axis in (0, 1))
    return maps[np.arange(len(maps)), :, rows, columns]


def ridge_predict(values: Floats, answers: Answers, others: Floats) -> Answers:
    """What a ridge regression of (N, D) values on (N,) answers, one column a class, predicts for (M, D) others: (M,).

    Of STRENGTHS it takes the one with the least squared error on every fourth of the N, learning from the rest.
    """
    centre = values.mean(axis=0)
    values, others = values - centre, others - centre
    scale = max(float(np.mean(np.sum(values**2, axis=1))), 1e-12)
    classes, index = np.unique(answers, return_inverse=True)
    mean = np.eye(len(classes))[index].mean(axis=0)
    wanted = np.eye(len(classes))[index] - mean
    alike = values @ values.T / scale  # (N, N), 1 on the diagonal on average
    chooses = np.arange(len(values)) % 4 == 3
    errors = [
        np.mean((wanted[chooses] - alike[chooses][:, ~chooses] @ _ridge(alike, wanted, ~chooses, strength)) ** 2)
        for strength in STRENGTHS
    ]
    weights = _ridge(alike, wanted, np.ones_like(chooses), STRENGTHS[int(np.argmin(errors))])
    scores = others @ (values.T @ weights) / scale + mean  # (M, K)
    return np.asarray(classes[scores.argmax(axis=1)])


def _ridge(alike: Floats, wanted: Floats, rows: NDArray[np.bool_], strength: float) -> Floats:
    """The weights of these rows, of (N, N) products and (N, K) answers."""
    return np.asarray(np.linalg.solve(alike[np.ix_(rows, rows)] + strength * np.eye(rows.sum()), wanted[rows]))


def kappa(truth: Answers, predicted: Answers) -> float:
    """Agreement beyond chance: (observed - expected) / (1 - expected), 0 where all are of one class."""
    classes = np.arange(max(int(truth.max()), int(predicted.max())) + 1)
    shares = [np.mean(each[:, None] == classes, axis=0) for each in (truth, predicted)]
    expected = float(np.sum(shares[0] * shares[1]))
    return 0.0 if expected == 1 else (float(np.mean(truth == predicted)) - expected) / (1 - expected)
