"""What D and G minimise: pure functions of logits, one value per image.

A logit (N,) is D's output before any sigmoid: high for real. softplus(x) = log(1 + exp(x)), and σ is the sigmoid, so
that -log σ(x) = softplus(-x). The losses are written with softplus because log(σ(x)) is -inf for a very negative x:
every loss here is finite, with finite gradients, for any finite logit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Logits = Tensor  # (N,)


def non_saturating_d(real: Logits, fake: Logits) -> Tensor:
    """softplus(-real) + softplus(fake), (N,): the cross-entropy of D's probabilities, real against 1, fake against 0.

    Goodfellow et al. 2014 (arXiv 1406.2661, equation 1, with the sign turned).
    """
    return F.softplus(-real) + F.softplus(fake)


def non_saturating_g(real: Logits | None, fake: Logits) -> Tensor:
    """softplus(-fake), (N,): minus the log probability that D gives the fake for real.

    Equation 1 of the same paper would minimise -softplus(fake), which has no gradient where D is sure of a fake, as it
    is early in training. Its section 3 gives this loss in its place.
    """
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
    """max(0, 1 - real) + max(0, 1 + fake), (N,): no gradient for logits beyond ±1. Lim & Ye 2017 (arXiv 1705.02894)."""
    return F.relu(1 - real) + F.relu(1 + fake)


def hinge_g(real: Logits | None, fake: Logits) -> Tensor:
    """-fake, (N,)."""
    return -fake


def bce_to_target(logits: Logits, target: float) -> Tensor:
    """-target log σ(x) - (1 - target) log(1 - σ(x)), (N,): the book's binary cross-entropy, from the logit."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction="none")


def mse_to_target(logits: Logits, target: float) -> Tensor:
    """(σ(x) - target)², (N,): the book's loss before its first refinement.

    Its gradient has the factor σ(x) (1 - σ(x)), which vanishes where D is sure, so that G stops learning there.
    """
    return (torch.sigmoid(logits) - target).square()


def classification_loss(
    class_logits: Tensor | None, labels: Tensor | None, weight: float, parts: tuple[int, ...]
) -> Tensor | float:
    """`weight` times the cross-entropy of class logits (N, K) with labels: the mean over the parts of a label.

    labels: (N, P) class indices, -1 where a part is missing, which then does not count. parts: their classes, K in all.
    Odena et al. 2017 (arXiv 1610.09585, equation 3). It is 0 and has no gradient where D does not classify, where there
    are no labels, and where the weight is 0.
    """
    if class_logits is None or labels is None or weight == 0:
        return 0.0
    return weight * label_cross_entropy(class_logits, labels, parts)


def label_cross_entropy(class_logits: Tensor, labels: Tensor, parts: tuple[int, ...]) -> Tensor:
    """(): the mean over the parts of the mean cross-entropy of class logits (N, K) with labels (N, P), -1 for none."""
    total = torch.zeros((), device=class_logits.device)
    for logits, column in zip(torch.split(class_logits, list(parts), dim=1), labels.unbind(1), strict=True):
        entropies = F.cross_entropy(logits, column, ignore_index=-1, reduction="sum")
        total = total + entropies / (column >= 0).sum().clamp(min=1)
    return total / len(parts)


@dataclass(frozen=True)
class Loss:
    """What D minimises and what G minimises, both from the logits of a real and a fake batch."""

    discriminator: Callable[[Logits, Logits], Tensor]
    """(real, fake) -> (N,)."""
    generator: Callable[[Logits | None, Logits], Tensor]
    """(real, fake) -> (N,). `real` is read where `paired`, and may be None elsewhere."""
    paired: bool = False
    """Whether G's loss compares each fake with a real partner, so that G's update needs real logits too."""


TargetLoss = Callable[[Logits, float], Tensor]
"""(logits (N,), target) -> (N,): one batch against one target, 1 for real and 0 for fake, as the book updates."""


def towards_targets(loss: TargetLoss) -> Loss:
    """D's real batch against 1 and its fake batch against 0; G's fake batch against 1."""
    return Loss(lambda real, fake: loss(real, 1) + loss(fake, 0), lambda _, fake: loss(fake, 1))


TARGET_LOSSES: dict[str, TargetLoss] = {"bce": bce_to_target, "mse": mse_to_target}

LOSSES: dict[str, Loss] = {
    "non-saturating": Loss(non_saturating_d, non_saturating_g),
    "relativistic": Loss(relativistic_d, relativistic_g, paired=True),
    "hinge": Loss(hinge_d, hinge_g),
    # bce is non-saturating under the book's name, by PyTorch's own formula: equal up to rounding.
    **{name: towards_targets(loss) for name, loss in TARGET_LOSSES.items()},
}
