"""How a label enters a network: joined as a one-hot vector or as planes, embedded, or projected.

A label argument is None, (N, P) int64 class indices of its P parts, or (N, K) float weights of all their K classes: see
`pair`. A part that is missing, -1, has no weights and an embedding of zeros: D scores an image by the parts that are
known, and G learns what such images look like. A class drawn in its place would be wrong for most images, and D would
learn that it means nothing.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def label_weights(labels: Tensor | None, parts: tuple[int, ...]) -> Tensor:
    """(N, K) float: a one-hot row for each part of class indices (N, P), side by side; or the weights (N, K) given."""
    classes = sum(parts)
    assert classes > 0, "a network without classes has no label to weigh"
    assert labels is not None, "a network with classes needs labels"
    if labels.is_floating_point():
        assert labels.shape[1:] == (classes,), f"weights of {classes} classes came as {tuple(labels.shape)}"
        return labels
    columns = by_part(labels, parts)
    # A class beyond the last stands for a missing part, and is cut off.
    each = [F.one_hot(torch.where(column < 0, count, column), count + 1) for column, count in columns]
    return torch.cat([rows[:, :-1] for rows in each], dim=1).float()


def by_part(labels: Tensor, parts: tuple[int, ...]) -> list[tuple[Tensor, int]]:
    """(class indices (N,), number of classes) of each part of class indices (N, P), or (N,) of one part."""
    if labels.dim() == 1:
        labels = labels[:, None]
    assert labels.shape[1:] == (len(parts),), f"class indices of {len(parts)} parts came as {tuple(labels.shape)}"
    return list(zip(labels.unbind(1), parts, strict=True))


def join_vector(vector: Tensor, labels: Tensor | None, parts: tuple[int, ...]) -> Tensor:
    """(N, F + K): the vector (N, F) with the one-hot label behind it; without classes the vector alone.

    Conditioning by concatenation: Mirza & Osindero 2014 (arXiv 1411.1784).
    """
    return torch.cat([vector, label_weights(labels, parts)], dim=1) if parts else vector


def join_planes(images: Tensor, labels: Tensor | None, parts: tuple[int, ...]) -> Tensor:
    """(N, C + K, H, W): behind the image (N, C, H, W) one constant plane per class; without classes the image alone.

    The plane of the image's own class, or of its class in each part, is 1 everywhere and the others are 0, so that a
    convolution reads the label at every pixel.
    """
    if not parts:
        return images
    planes = label_weights(labels, parts)[:, :, None, None].expand(-1, -1, *images.shape[2:])  # (N, K, H, W)
    return torch.cat([images, planes], dim=1)


class LabelEmbedding(nn.Module):
    """Labels -> (N, F): a learned vector per class, or the weighted mean of several for a mixture of classes.

    The vectors of several parts are added up, as in a projection (their products with features then add up); or
    `joined`, (N, P * F), which keeps the parts apart.
    """

    def __init__(self, parts: tuple[int, ...], features: int, joined: bool = False) -> None:
        super().__init__()
        assert parts, "an embedding needs classes"
        self.parts, self.joined = parts, joined
        self.weight = nn.Parameter(torch.randn(sum(parts), features))  # (K, F)

    def forward(self, labels: Tensor | None) -> Tensor:
        """(N, F), or (N, P * F)."""
        assert labels is not None, "a network with classes needs labels"
        sizes = list(self.parts)
        if labels.is_floating_point():
            weights = label_weights(labels, self.parts)
            if not self.joined:
                return weights @ self.weight  # (N, K) @ (K, F)
            each = zip(torch.split(weights, sizes, 1), torch.split(self.weight, sizes), strict=True)
            return torch.cat([mixed @ vectors for mixed, vectors in each], dim=1)
        # The same as the products above for one-hot rows, without building them.
        columns = by_part(labels, self.parts)
        if len(columns) == 1:  # a label of one part is never missing
            return F.embedding(columns[0][0], self.weight)
        each_part = [
            F.embedding(column.clamp(min=0), vectors) * (column >= 0)[:, None]
            for (column, _), vectors in zip(columns, torch.split(self.weight, sizes), strict=True)
        ]
        return torch.cat(each_part, dim=1) if self.joined else torch.stack(each_part).sum(0)


def projection(features: Tensor, embedded: Tensor) -> Tensor:
    """<features, embedded> / √F, (N,): the label's share of a projection discriminator's logit.

    Miyato & Koyama 2018 (arXiv 1802.05637). They add the plain inner product; here it is divided by √F,
    both (N, F), so that its size does not grow with the width of the network.
    """
    return (features * embedded).sum(dim=1) / math.sqrt(features.shape[1])
