"""What a linear probe reads from the layers of a classifier: the direction of an edge, loops and ends, the class.

A probe learns from training images and is asked about held-out ones. Its score is Cohen's kappa (1960): 0 is guessing
with the right frequencies, 1 is never wrong.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganvas.alpha import both_grounds
from ganvas.data import PreparedSet, open_source
from ganvas.evaluation.predict import eval_mode
from ganvas.evaluation.samples import subsample
from ganvas.experiments import strokes
from ganvas.experiments.experiment import SQUARES, Measurements, Trial, Variant
from ganvas.experiments.patches import fit_to
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
Classes = NDArray[np.int64]  # (N,) classes to be predicted, 0 and up


def measure_probe(trial: Trial, variant: Variant) -> Measurements:
    """score: of a probe for what is `asked` at a `layer` of a trained classifier; untrained: of one that never learned.

    learned: the first less the second.
    """
    prepared = open_source(trial.source, SQUARES, processes=1)
    layer, target = variant.choices["layer"], variant.choices["asked"]
    seed_weights(trial.seed, "judge")  # the first weights of the classifier that is trained
    network = EvaluatorConfig().build(Shape(prepared.channels, prepared.size, len(prepared.classes))).eval()
    untrained = score = probe_score(network, prepared, layer, target, trial.seed)
    if layer != PIXELS:
        score = probe_score(fit_to(prepared, trial), prepared, layer, target, trial.seed)
    return {"score": score, "untrained": untrained, "learned": score - untrained}


def probe_score(network: EvaluatorNetwork, prepared: PreparedSet, layer: int, target: str, seed: int) -> float:
    """Cohen's kappa of a linear probe on held-out images."""
    labels = np.asarray(prepared.labels)
    sides = []
    for part, rows in (("learns", prepared.train), ("tells", prepared.held_out)):
        rows = subsample(np.asarray(rows), labels, MOST)
        pixels = np.array(prepared.pixels[rows])
        maps = layer_maps(network, pixels, layer)
        if target == "gradient":
            positions, classes = edges(pixels, torch.rand(len(rows), generator=stream(seed, f"edges/{part}")).numpy())
            sides.append((values_at(maps, positions, prepared.size.height), classes))
        else:
            classes = labels[rows] if target == "class" else stroke_counts(pixels, target)
            sides.append((maps.reshape(len(maps), -1), classes))
    (values, classes), (others, truth) = sides
    return kappa(truth, ridge_predict(values, classes, others))


def layer_maps(network: EvaluatorNetwork, pixels: Pixels, layer: int, batch: int = 500) -> Floats:
    """(N, C, H, W) uint8 -> (N, M, h, w): what a layer gives after its nonlinearity. The last features are 1 x 1."""
    ends = [index + 1 for index, part in enumerate(network.maps) if isinstance(part, torch.nn.ReLU)]
    device, maps = next(network.parameters()).device, []
    with eval_mode(network):
        for start in range(0, len(pixels), batch):
            images = from_uint8(torch.from_numpy(pixels[start : start + batch])).to(device)
            if layer == FEATURES:
                images = network.features(images)[:, :, None, None]
            elif layer != PIXELS:
                images = network.maps[: ends[layer - 1] if layer < FEATURES - 1 else ends[-1]](both_grounds(images))
            maps.append(images.float().cpu())
    return torch.cat(maps).numpy()


def stroke_counts(pixels: Pixels, target: str) -> Classes:
    """(N,) loops or ends."""
    ink = strokes.ink(pixels)
    return np.minimum(strokes.loops(ink), MOST_LOOPS) if target == "loops" else np.minimum(strokes.ends(ink), MOST_ENDS)


def edges(pixels: Pixels, chance: NDArray[np.float32]) -> tuple[NDArray[np.int64], Classes]:
    """A steep pixel of each image, (N, 2) row and column, and which eighth of a turn its brightness rises towards.

    chance: (N,) in [0, 1), which of the steep pixels it is.
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


def values_at(maps: Floats, positions: NDArray[np.int64], size: int) -> Floats:
    """(N, M, h, w), (N, 2) positions in images of `size` px -> (N, M): the values at each position."""
    rows, columns = (positions[:, axis] * maps.shape[2 + axis] // size for axis in (0, 1))
    return maps[np.arange(len(maps)), :, rows, columns]


def ridge_predict(values: Floats, labels: Classes, others: Floats) -> Classes:
    """What a ridge regression of (N, D) values on (N,) labels, one column a class, predicts for (M, D) others: (M,).

    Of STRENGTHS it takes the one with the least squared error on every fourth of the N, learning from the rest. It is
    solved in the dual form, with (N, N) products in place of (D, D) ones: a layer has more values than N images.
    """
    centre = values.mean(axis=0)
    values, others = values - centre, others - centre
    scale = max(float(np.mean(np.sum(values**2, axis=1))), 1e-12)
    classes, index = np.unique(labels, return_inverse=True)
    mean = np.eye(len(classes))[index].mean(axis=0)
    wanted = np.eye(len(classes))[index] - mean
    products = values @ values.T / scale  # (N, N), 1 on the diagonal on average
    held = np.arange(len(values)) % 4 == 3

    def weights(rows: NDArray[np.bool_], strength: float) -> Floats:
        regularised = products[np.ix_(rows, rows)] + strength * np.eye(rows.sum())
        return np.asarray(np.linalg.solve(regularised, wanted[rows]))

    errors = [
        np.mean((wanted[held] - products[held][:, ~held] @ weights(~held, strength)) ** 2) for strength in STRENGTHS
    ]
    chosen = weights(np.ones_like(held), STRENGTHS[int(np.argmin(errors))])
    scores = others @ (values.T @ chosen) / scale + mean  # (M, K)
    return np.asarray(classes[scores.argmax(axis=1)])


def kappa(truth: Classes, predicted: Classes) -> float:
    """Agreement beyond chance: (observed - expected) / (1 - expected), 0 where all are of one class."""
    classes = np.arange(max(int(truth.max()), int(predicted.max())) + 1)
    shares = [np.mean(each[:, None] == classes, axis=0) for each in (truth, predicted)]
    expected = float(np.sum(shares[0] * shares[1]))
    return 0.0 if expected == 1 else (float(np.mean(truth == predicted)) - expected) / (1 - expected)
