"""How well a classifier's probabilities match its accuracy: one temperature, and the error that is left after it."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ganvas.evaluation.predict import Logits

LOWEST, HIGHEST = 0.05, 20.0


def temperature(logits: Logits, labels: NDArray[np.int64]) -> float:
    """The T for which softmax(logits / T) is most likely: logits (N, K), labels (N,).

    Guo et al. 2017 (arXiv 1706.04599). The likelihood is convex in 1 / T, so a golden-section search finds its top.
    """
    values, targets = torch.from_numpy(logits).double(), torch.from_numpy(np.asarray(labels))
    low, high = 1 / HIGHEST, 1 / LOWEST
    ratio = (5**0.5 - 1) / 2

    def loss(inverse: float) -> float:
        return float(F.cross_entropy(values * inverse, targets))

    for _ in range(60):
        first, second = high - ratio * (high - low), low + ratio * (high - low)
        if loss(first) <= loss(second):
            high = second
        else:
            low = first
    return 2 / (low + high)


def probabilities(logits: Logits, temperature: float = 1.0) -> NDArray[np.float64]:
    """(N, K) logits -> (N, K), each row summing to 1."""
    return np.asarray(torch.softmax(torch.from_numpy(logits).double() / temperature, dim=1).numpy())


def calibration_error(probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int = 15) -> float:
    """The expected calibration error of (N, K): the mean gap between confidence and accuracy, over bins of confidence.

    Naeini, Cooper & Hauskrecht 2015. The bins are equally wide, and each counts by how many images are in it.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    # |mean confidence - accuracy| of a bin times its share of the images is |sum of the differences| / N.
    gaps = np.bincount(bin_of, confidence - correct, bins)
    return float(np.abs(gaps).sum() / len(labels))
