"""A running average of the generator's weights: the generator that a run keeps, previews and samples from.

D and G circle around an equilibrium rather than settle in it, and an average over the last images cancels these swings
(Yazıcı et al. 2019, arXiv 1806.04498). The half-life in images, and its ramp, are those of Karras et al. 2020
(arXiv 1912.04958).
"""

import copy

import torch
from torch import nn


class EMA:
    """An exponential moving average of a network's weights. With a half-life of 0 it is the network itself."""

    def __init__(self, network: nn.Module, halflife_images: int, ramp: float) -> None:
        self.halflife_images, self.ramp = halflife_images, ramp
        self.network = copy.deepcopy(network).requires_grad_(False).eval() if halflife_images else network
        self._average = [parameter.detach() for parameter in self.network.parameters()]
        self._current = [parameter.detach() for parameter in network.parameters()]
        self._buffers = list(zip(self.network.buffers(), network.buffers(), strict=True))

    def update(self, batch: int, images_seen: int) -> None:
        """Moves the average towards the current weights, after a step of `batch` images."""
        if not self.halflife_images:
            return
        # Shorter while training is young: a long average would still remember the random weights of the start.
        halflife = min(self.halflife_images, max(self.ramp * images_seen, 1e-8))
        # average += (1 - decay) (current - average), where decay = 1/2 after `halflife` images. It depends on images
        # and not on steps, so that another batch size gives the same average. One kernel call for all tensors.
        torch._foreach_lerp_(self._average, self._current, 1 - 0.5 ** (batch / halflife))
        # Buffers, such as the running statistics of batch normalisation, are averages already: copied as they are.
        for average, current in self._buffers:
            average.copy_(current)
