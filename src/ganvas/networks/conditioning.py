"""How a label enters a network: joined as a one-hot vector or planes, embedded, or projected.

A label argument is None (a pair without labels), (N,) int64 class indices, or (N, K) float mixtures: see `pair`.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def label_weights(labels: Tensor | None, classes: int) -> Tensor:
    """(N,) int64 or (N, K) float -> (N, K) float: one-hot rows, or the mixture as it was given."""
    assert classes > 0, "a network without classes has no label to mix"
    assert labels is not None, "a network with classes needs labels"
    if labels.is_floating_point():
        assert labels.shape[1:] == (classes,), f"a mixture of {classes} classes came as {tuple(labels.shape)}"
        return labels
    assert labels.dim() == 1, f"class indices came as {tuple(labels.shape)}"
    return F.one_hot(labels, classes).float()


def join_vector(vector: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """(N, F) and labels -> (N, F + K): the one-hot label behind the vector; with no classes, the vector alone."""
    if classes == 0:
        assert labels is None, "a network without classes was given labels"
        return vector
    return torch.cat([vector, label_weights(labels, classes)], dim=1)


def join_planes(images: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """(N, C, H, W) and labels -> (N, C + K, H, W): behind the image one constant plane per class."""
    if classes == 0:
        assert labels is None, "a network without classes was given labels"
        return images
    planes = label_weights(labels, classes)[:, :, None, None].expand(-1, -1, *images.shape[2:])
    return torch.cat([images, planes], dim=1)


class LabelEmbedding(nn.Module):
    """Labels -> (N, features): a learned vector per class, mixed as the label mixes its classes."""

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        assert classes > 0, "an embedding needs classes"
        self.classes = classes
        self.weight = nn.Parameter(torch.randn(classes, features))  # (K, features)

    def forward(self, labels: Tensor | None) -> Tensor:
        """See the class."""
        assert labels is not None, "a network with classes needs labels"
        if labels.is_floating_point():
            return label_weights(labels, self.classes) @ self.weight
        return F.embedding(labels, self.weight)


def projection(features: Tensor, embedded: Tensor) -> Tensor:
    """(N, F) and (N, F) -> (N,): their inner product over √F, the label's share of a projection discriminator's logit.

    Miyato & Koyama 2018 (arXiv 1802.05637); divided by √F so that its size does not grow with the width.
    """
    return (features * embedded).sum(dim=1) / math.sqrt(features.shape[1])
