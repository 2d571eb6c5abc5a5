"""What the two networks play for: pure functions of logits, one loss per image.

A logit is D's answer before any sigmoid, (N,): high for real. softplus(x) = log(1 + exp(x)); σ is the sigmoid.
Every loss is finite, with finite gradients, for any finite logit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Logits = Tensor  # (N,)


def non_saturating_d(real: Logits, fake: Logits) -> Tensor:
    """softplus(-real) + softplus(fake), (N,): real called fake costs, and fake called real. Goodfellow et al. 2014
    (arXiv 1406.2661)."""
    return F.softplus(-real) + F.softplus(fake)


def non_saturating_g(real: Logits | None, fake: Logits) -> Tensor:
    """softplus(-fake), (N,): the fake should be called real, with a gradient also where D is sure that it is not."""
    return F.softplus(-fake)


def relativistic_d(real: Logits, fake: Logits) -> Tensor:
    """softplus(fake - real), (N,): small when each real image outscores its fake partner.

    Jolicoeur-Martineau 2018 (arXiv 1807.00734); in this paired form Huang et al. 2024 (arXiv 2501.05441).
    """
    return F.softplus(fake - real)


def relativistic_g(real: Logits | None, fake: Logits) -> Tensor:
    """softplus(real - fake), (N,): small when each fake image outscores its real partner. See `relativistic_d`."""
    assert real is not None, "the relativistic loss compares a fake with its real partner"
    return F.softplus(real - fake)


def hinge_d(real: Logits, fake: Logits) -> Tensor:
    """max(0, 1 - real) + max(0, 1 + fake), (N,): nothing to gain beyond ±1. Lim & Ye 2017 (arXiv 1705.02894)."""
    return F.relu(1 - real) + F.relu(1 + fake)


def hinge_g(real: Logits | None, fake: Logits) -> Tensor:
    """-fake, (N,)."""
    return -fake


def bce_to_target(logits: Logits, target: float) -> Tensor:
    """-target log σ(x) - (1 - target) log(1 - σ(x)), (N,): the book's binary cross-entropy, from the logit."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction="none")


def mse_to_target(logits: Logits, target: float) -> Tensor:
    """(σ(x) - target)², (N,): the book's loss before its first refinement."""
    return (torch.sigmoid(logits) - target).square()


def bce_d(real: Logits, fake: Logits) -> Tensor:
    """Cross-entropy of real against 1 and fake against 0, (N,): `non_saturating_d` under the book's name."""
    return bce_to_target(real, 1) + bce_to_target(fake, 0)


def bce_g(real: Logits | None, fake: Logits) -> Tensor:
    """Cross-entropy of fake against 1, (N,): `non_saturating_g` under the book's name."""
    return bce_to_target(fake, 1)


def mse_d(real: Logits, fake: Logits) -> Tensor:
    """Squared error of real's probability against 1 and fake's against 0, (N,)."""
    return mse_to_target(real, 1) + mse_to_target(fake, 0)


def mse_g(real: Logits | None, fake: Logits) -> Tensor:
    """Squared error of fake's probability against 1, (N,)."""
    return mse_to_target(fake, 1)


def class_loss(classes: Tensor | None, labels: Tensor | None, weight: float) -> Tensor | float:
    """`weight` times the cross-entropy of an auxiliary classifier's logits (N, K) with the labels, averaged.

    0, and nothing to differentiate, of one that says nothing or does not count.

    Odena et al. 2017 (arXiv 1610.09585, equation 3).
    """
    return 0.0 if classes is None or labels is None or weight == 0 else weight * F.cross_entropy(classes, labels)


@dataclass(frozen=True)
class Loss:
    """A game: what D minimises and what G minimises, both from the logits of a real and a fake batch."""

    discriminator: Callable[[Logits, Logits], Tensor]
    """(real, fake) -> (N,)."""
    generator: Callable[[Logits | None, Logits], Tensor]
    """(real, fake) -> (N,). `real` is read where `paired`, and may be None elsewhere."""
    paired: bool = False
    """Whether G's loss compares each fake with a real partner, so that G's step needs real logits too."""


LOSSES: dict[str, Loss] = {
    "non-saturating": Loss(non_saturating_d, non_saturating_g),
    "relativistic": Loss(relativistic_d, relativistic_g, paired=True),
    "hinge": Loss(hinge_d, hinge_g),
    "bce": Loss(bce_d, bce_g),
    "mse": Loss(mse_d, mse_g),
}

# One batch against one target, as the book's rule updates: (logits (N,), target 0 or 1) -> (N,).
TARGET_LOSSES: dict[str, Callable[[Logits, float], Tensor]] = {"bce": bce_to_target, "mse": mse_to_target}
