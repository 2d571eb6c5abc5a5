"""The game, on one screen: what one step does to each player.

A step gets its draws and changes weights; where the draws come from, and what happens between steps, is the loop's.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganvas.networks.conditioning import label_weights
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Pair
from ganvas.objectives.augment import translate
from ganvas.objectives.config import BookObjective, ClassifierObjective, GanObjective
from ganvas.objectives.losses import LOSSES, TARGET_LOSSES, class_loss
from ganvas.objectives.penalties import gradient_penalty
from ganvas.training.engine import Engine

StepMetrics = dict[str, Tensor]  # detached: losses (), and under score_... logits (N,)


@dataclass(frozen=True)
class Optimisers:
    """One for each network."""

    generator: torch.optim.Optimizer
    discriminator: torch.optim.Optimizer


@dataclass(frozen=True)
class StepInputs:
    """What chance gave one step: N real images, and what G is asked for."""

    real: Tensor
    """(N, C, H, W) in [-1, 1]."""
    labels: Tensor | None
    """(N,) of the real images."""
    noise: Tensor
    """(N, Z)."""
    fake_labels: Tensor | None
    """(N,) asked of G with `noise`."""
    fresh_noise: Tensor
    """(N, Z), for rules that draw twice; elsewhere the same as `noise`."""
    fresh_fake_labels: Tensor | None
    """(N,) asked of G with `fresh_noise`."""
    shifts: Tensor | None = None
    """(3, N, 2) pixels by which D sees the real half moved, the fake half, and the fakes in G's turn; None: not so."""


def gan_step(
    pair: Pair, optimisers: Optimisers, engine: Engine, rule: GanObjective, draws: StepInputs, step: int
) -> StepMetrics:
    """D learns from a real and a fake batch together; G then plays the same fakes against the new D."""
    G, D, loss, (r1, r2) = pair.generator, pair.discriminator, LOSSES[rule.loss], rule.penalties()
    penalties = step % rule.penalty_every == 0 and (r1 > 0 or r2 > 0)

    with engine.autocast():
        fake = G(draws.noise, draws.fake_labels)
        real, shown = augmented(draws.real, draws, 0), augmented(fake.detach(), draws, 1)
        if penalties:
            real, shown = real.requires_grad_(r1 > 0), shown.requires_grad_(r2 > 0)
        of_real, of_fake = discriminate(D, real, shown, draws, together=D.batch_independent and not penalties)
        d_loss = loss.discriminator(of_real.logits, of_fake.logits).mean()
        told = class_loss(of_real.classes, draws.labels, rule.classify_real)
        told = told + class_loss(of_fake.classes, draws.fake_labels, rule.classify_fake)
        slope: Tensor | float = 0.0
        for weight, logits, images in ((r1, of_real.logits, real), (r2, of_fake.logits, shown)):
            if penalties and weight > 0:
                slope = slope + weight / 2 * rule.penalty_every * gradient_penalty(logits, images).mean()
    update(engine, optimisers.discriminator, D, d_loss + told + slope)
    if step % rule.generator_every:  # not G's turn: its loss is what D said before it learned
        optimisers.generator.zero_grad(set_to_none=True)
        g_loss = loss.generator(of_real.logits, of_fake.logits).mean()
        return step_metrics(d_loss, g_loss, of_real.logits, of_fake.logits)

    D.requires_grad_(False)  # G's update asks for no gradient of D's weights: a third of the arithmetic
    with engine.autocast():
        partner = D(real.detach(), draws.labels) if loss.paired else None
        again = D.judge(augmented(fake, draws, 2), draws.fake_labels)
        g_loss = loss.generator(partner, again.logits).mean()
        told = class_loss(again.classes, draws.fake_labels, rule.classify_generator)
    update(engine, optimisers.generator, G, g_loss + told)
    D.requires_grad_(True)
    return step_metrics(d_loss, g_loss, of_real.logits, of_fake.logits)


def discriminate(
    D: Discriminator, real: Tensor, shown: Tensor, draws: StepInputs, together: bool
) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
    """What D says of the real and of the fake half, `together` in one call: larger products are faster ones."""
    labels, asked = draws.labels, draws.fake_labels
    if not together:
        return D.judge(real, labels), D.judge(shown, asked)
    logits, classes = D.judge(
        torch.cat([real, shown]), None if labels is None or asked is None else torch.cat([labels, asked])
    )
    of_real, of_fake = (None, None) if classes is None else classes.chunk(2)
    return DiscriminatorOutput(logits[: len(real)], of_real), DiscriminatorOutput(logits[len(real) :], of_fake)


def augmented(images: Tensor, draws: StepInputs, turn: int) -> Tensor:
    """Images as D sees them."""
    return images if draws.shifts is None else translate(images, draws.shifts[turn])


def book_step(
    pair: Pair, optimisers: Optimisers, engine: Engine, rule: BookObjective, draws: StepInputs
) -> StepMetrics:
    """The book's three updates: D on the real batch, D on a fake one, G with fresh noise and labels."""
    G, D, towards = pair.generator, pair.discriminator, TARGET_LOSSES[rule.loss]

    with engine.autocast():
        real_logits = D(draws.real, draws.labels)
        d_real = towards(real_logits, 1.0).mean()
    update(engine, optimisers.discriminator, D, d_real)

    with engine.autocast(), torch.no_grad():
        fake = G(draws.noise, draws.fake_labels)
    with engine.autocast():
        fake_logits = D(fake, draws.fake_labels)
        d_fake = towards(fake_logits, 0.0).mean()
    update(engine, optimisers.discriminator, D, d_fake)

    D.requires_grad_(False)
    with engine.autocast():
        again = G(draws.fresh_noise, draws.fresh_fake_labels)
        g_loss = towards(D(again, draws.fresh_fake_labels), 1.0).mean()
    update(engine, optimisers.generator, G, g_loss)
    D.requires_grad_(True)
    return step_metrics(d_real + d_fake, g_loss, real_logits, fake_logits)


def classifier_step(
    classifier: nn.Module,
    optimiser: torch.optim.Optimizer,
    engine: Engine,
    rule: ClassifierObjective,
    images: Tensor,
    labels: Tensor,
) -> StepMetrics:
    """One update of a classifier on images (N, C, H, W) and their labels (N,)."""
    with engine.autocast():
        logits = classifier(images)  # (N, K)
        if rule.loss == "bce":
            loss = F.binary_cross_entropy_with_logits(logits, label_weights(labels, logits.shape[1]))
        else:
            loss = F.cross_entropy(logits, labels)
    update(engine, optimiser, classifier, loss)
    return {"loss": loss.detach(), "accuracy": (logits.detach().argmax(1) == labels).float().mean()}


def update(engine: Engine, optimiser: torch.optim.Optimizer, network: nn.Module, loss: Tensor) -> None:
    """One update of one network."""
    optimiser.zero_grad(set_to_none=True)
    engine.backward(loss, network.parameters())
    optimiser.step()


def step_metrics(d_loss: Tensor, g_loss: Tensor, real_logits: Tensor, fake_logits: Tensor) -> StepMetrics:
    """What a step leaves behind, unreduced: most steps are not logged, and their reduction would cost for nothing."""
    return {
        "loss_d": d_loss.detach(),
        "loss_g": g_loss.detach(),
        "score_real": real_logits.detach(),
        "score_fake": fake_logits.detach(),
    }


def reduce_metrics(scores: StepMetrics) -> dict[str, float]:
    """What the log says of a step: losses, and D's mean probability of "real" for real and for fake images."""
    return {
        name: float(torch.sigmoid(value.float()).mean() if name.startswith("score_") else value)
        for name, value in scores.items()
    }
