"""What a classifier says of images, and how often it is right."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganvas.images import Pixels, from_uint8

if TYPE_CHECKING:
    from torch import nn


Logits = NDArray[np.float32]  # (N, K)


def predict(classifier: "nn.Module", pixels: Pixels, batch: int = 500) -> Logits:
    """(N, C, H, W) uint8 -> class logits (N, K) float32, in eval mode, `batch` images at a time.

    The array may be a memory map: only a batch of it is read at once. The class is the largest logit.
    """
    import torch

    assert len(pixels) > 0, "nothing to classify"
    device = next(classifier.parameters()).device
    was_training = classifier.training
    classifier.eval()
    logits = []
    try:
        with torch.no_grad():
            for start in range(0, len(pixels), batch):
                # A copy, since torch wants memory that it may write to and a memory map is read-only.
                rows = torch.from_numpy(np.array(pixels[start : start + batch]))
                logits.append(classifier(from_uint8(rows.to(device))).float().cpu().numpy())
    finally:
        classifier.train(was_training)
    return np.concatenate(logits)


def confusion(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """(N,) true and (N,) predicted class indices -> (K, K): how many of row's class were taken for column's."""
    assert labels.shape == predicted.shape, "each image has one label and one prediction"
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def accuracy(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """The share of images, 0 to 1, whose predicted class (N,) is the true one (N,)."""
    assert labels.shape == predicted.shape, "each image has one label and one prediction"
    assert len(labels) > 0, "no image, no accuracy"
    return float(np.mean(labels == predicted))
