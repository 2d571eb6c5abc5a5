"""How a label enters a network: joined as a one-hot vector or as planes, embedded, or projected.

A label argument is None, (N,) int64 class indices, or (N, K) float weights of the classes: see `pair`.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def label_weights(labels: Tensor | None, classes: int) -> Tensor:
    """(N, K) float: one-hot rows of class indices (N,), or the weights (N, K) as they were given."""
    assert classes > 0, "a network without classes has no label to weigh"
    assert labels is not None, "a network with classes needs labels"
    if labels.is_floating_point():
        assert labels.shape[1:] == (classes,), f"weights of {classes} classes came as {tuple(labels.shape)}"
        return labels
    assert labels.dim() == 1, f"class indices came as {tuple(labels.shape)}"
    return F.one_hot(labels, classes).float()


def join_vector(vector: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """(N, F + K): the vector (N, F) with the one-hot label behind it; without classes the vector alone.

    Conditioning by concatenation: Mirza & Osindero 2014 (arXiv 1411.1784).
    """
    return vector if classes == 0 else torch.cat([vector, label_weights(labels, classes)], dim=1)


def join_planes(images: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """(N, C + K, H, W): behind the image (N, C, H, W) one constant plane per class; without classes the image alone.

    The plane of the image's own class is 1 everywhere and the others are 0, so that a convolution reads the label at
    every pixel.
    """
    if classes == 0:
        return images
    planes = label_weights(labels, classes)[:, :, None, None].expand(-1, -1, *images.shape[2:])  # (N, K, H, W)
    return torch.cat([images, planes], dim=1)


class LabelEmbedding(nn.Module):
    """Labels -> (N, F): a learned vector per class, or the weighted mean of several for a mixture of classes."""

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        assert classes > 0, "an embedding needs classes"
        self.classes = classes
        self.weight = nn.Parameter(torch.randn(classes, features))  # (K, F)

    def forward(self, labels: Tensor | None) -> Tensor:
        """(N, F)."""
        assert labels is not None, "a network with classes needs labels"
        if labels.is_floating_point():
            return label_weights(labels, self.classes) @ self.weight  # (N, K) @ (K, F)
        # The same as the product above for one-hot rows, without building them.
        return F.embedding(labels, self.weight)


def projection(features: Tensor, embedded: Tensor) -> Tensor:
    """<features, embedded> / √F, (N,): the label's share of a projection discriminator's logit.

    Miyato & Koyama 2018 (arXiv 1802.05637). They add the plain inner product; here it is divided by √F,
    both (N, F), so that its size does not grow with the width of the network.
    """
    return (features * embedded).sum(dim=1) / math.sqrt(features.shape[1])
