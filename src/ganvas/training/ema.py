"""A running average of the generator's weights: what is kept, previewed and sampled.

Averaged over the last images, the generator's swings around the point the game circles cancel out
(Yazıcı et al. 2019, arXiv 1806.04498); the half-life in images and its ramp follow Karras et al. 2020
(arXiv 1912.04958).
"""

import copy

import torch
from torch import nn


class EMA:
    """An average of a network's weights. With a half-life of 0 it is the network itself."""

    def __init__(self, network: nn.Module, halflife_images: int, ramp: float) -> None:
        self.halflife_images, self.ramp = halflife_images, ramp
        self.network = copy.deepcopy(network).requires_grad_(False).eval() if halflife_images else network
        self._to = [parameter.detach() for parameter in self.network.parameters()]
        self._from = [parameter.detach() for parameter in network.parameters()]
        self._buffers = list(zip(self.network.buffers(), network.buffers(), strict=True))

    def update(self, batch: int, images_seen: int) -> None:
        """Moves the average towards the weights that `batch` more images made."""
        if not self.halflife_images:
            return
        # Shorter while training is young: a long average would still remember the random start.
        halflife = min(self.halflife_images, max(self.ramp * images_seen, 1e-8))
        torch._foreach_lerp_(self._to, self._from, 1 - 0.5 ** (batch / halflife))
        for mine, theirs in self._buffers:
            mine.copy_(theirs)
