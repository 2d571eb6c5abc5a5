"""Augmentations: functions of a batch and of a generator of randomness, differentiable in the pictures."""

import torch
import torch.nn.functional as F
from torch import Tensor


def translate(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Moves each picture (N, C, H, W) by up to `most` whole pixels each way; its edge goes on where it moved away.

    As a classifier's augmentation it keeps a label wherever a place does not matter.
    """
    count, channels, height, width = images.shape
    padded = F.pad(images, (most,) * 4, mode="replicate")
    # Drawn on the CPU, so that every device moves the same picture by the same way.
    ways = torch.randint(2 * most + 1, (count, 2), generator=generator).to(images.device)
    rows = (ways[:, 0, None] + torch.arange(height, device=images.device))[:, None, :, None]
    columns = (ways[:, 1, None] + torch.arange(width, device=images.device))[:, None, None, :]
    picture = torch.arange(count, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[None, :, None, None]
    return padded[picture, channel, rows, columns]
