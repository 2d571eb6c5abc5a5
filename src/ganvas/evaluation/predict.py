"""Networks applied to many images: the one loop from uint8 arrays to numpy results; and counts of predictions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganvas import threads
from ganvas.images import Pixels, from_uint8

Logits = NDArray[np.float32]  # (N, K)


@contextmanager
def eval_mode(network: nn.Module) -> Iterator[nn.Module]:
    """The network in eval mode and without gradients; afterwards each module is in the mode it was in."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        with torch.no_grad():
            yield network.eval()
    finally:
        for module, training in modes:
            module.training = training


def in_batches(
    forward: Callable[[Tensor], Tensor], pixels: Pixels, device: torch.device | str, batch: int = 500
) -> NDArray[np.float32]:
    """`forward` of images (N, C, H, W) uint8, `batch` at a time and without gradients -> (N, ...) float32."""
    assert len(pixels) > 0, "no images"
    results = []
    with torch.no_grad():
        for start in threads.adapt(range(0, len(pixels), batch)):
            # A memory map is read a batch at a time, and copied, since torch wants memory that it may write to.
            images = from_uint8(torch.from_numpy(np.array(pixels[start : start + batch])).to(device))
            results.append(forward(images).float().cpu().numpy())
    return np.concatenate(results)


def predict(classifier: nn.Module, pixels: Pixels, batch: int = 500) -> Logits:
    """Images (N, C, H, W) uint8 -> class logits (N, K) in eval mode; the predicted class is the largest logit."""
    with eval_mode(classifier):
        return in_batches(classifier, pixels, next(classifier.parameters()).device, batch)


def confusion_matrix(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """(N,) true and (N,) predicted classes -> (K, K) counts: a row for the true class, a column for the predicted."""
    assert labels.shape == predicted.shape, "each image has one label and one prediction"
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def all_parts_right(predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,): whether the predicted class of every part is that of the labels, both (N, P), where it is known."""
    right: NDArray[np.bool_] = ((predicted == labels) | (labels < 0)).all(axis=1)
    return right


def accuracy(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """The share of images, 0 to 1, whose predicted class (N,) is the true one (N,)."""
    assert labels.shape == predicted.shape, "each image has one label and one prediction"
    assert len(labels) > 0, "no images"
    return float(np.mean(labels == predicted))
