"""One step of training: the updates of each network. `trainer` draws its inputs, `loop` repeats it."""

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganvas.networks.conditioning import label_weights
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Pair
from ganvas.objectives.augment import translate
from ganvas.objectives.config import BookObjective, ClassifierObjective, GanObjective, ObjectiveConfig
from ganvas.objectives.losses import LOSSES, TARGET_LOSSES, classification_loss
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
    """The random inputs of one step: N real images, and the noise and labels for N generated ones."""

    real: Tensor
    """(N, C, H, W) in [-1, 1]."""
    labels: Tensor | None
    """(N, P) of the real images, -1 where a part is missing."""
    noise: Tensor
    """(N, Z)."""
    fake_labels: Tensor | None
    """(N, P) that G gets with `noise`."""
    fresh_noise: Tensor
    """(N, Z), for an objective that generates twice; elsewhere the same as `noise`."""
    fresh_fake_labels: Tensor | None
    """(N, P) that G gets with `fresh_noise`."""
    penalty_share: Tensor | None = None
    """(): the share of the penalties' weights that is left at this step, where they fall."""
    shifts: Tensor | None = None
    """(3, N, 2) pixels by which D sees shifted: the real images, the generated ones, and these again in G's update."""


def step_kind(objective: ObjectiveConfig, step: int) -> tuple[bool, bool]:
    """(whether a step has gradient penalties, whether it updates G): steps of one kind cost the same."""
    if not isinstance(objective, GanObjective):
        return False, True
    return any(
        objective.penalty_weights()
    ) and step % objective.penalty_every == 0, step % objective.generator_every == 0


def gan_step(
    pair: Pair, optimisers: Optimisers, engine: Engine, objective: GanObjective, inputs: StepInputs, step: int
) -> StepMetrics:
    """D learns from real and generated images in one update; then G learns from the new D, with the same noise."""
    G, D, loss = pair.generator, pair.discriminator, LOSSES[objective.loss]
    r1, r2 = objective.penalty_weights()
    penalise = step % objective.penalty_every == 0 and (r1 > 0 or r2 > 0)
    class_loss = partial(classification_loss, parts=D.parts)

    with engine.autocast():
        fake = G(inputs.noise, inputs.fake_labels)
        # D sees every image augmented, in G's update too. Here the fakes are detached, so that D's loss leaves G alone.
        real_augmented, fake_augmented = augment(inputs.real, inputs, 0), augment(fake.detach(), inputs, 1)
        if penalise:  # the penalties are gradients with respect to these images
            real_augmented.requires_grad_(r1 > 0)
            fake_augmented.requires_grad_(r2 > 0)
        real_output, fake_output = discriminate(D, real_augmented, fake_augmented, inputs, penalise)
        d_loss = loss.discriminator(real_output.logits, fake_output.logits).mean()
        real_class_loss = class_loss(real_output.class_logits, inputs.labels, objective.classify_real)
        fake_class_loss = class_loss(fake_output.class_logits, inputs.fake_labels, objective.classify_fake)
        penalty = penalties(objective, real_output, real_augmented, fake_output, fake_augmented) if penalise else 0.0
        if inputs.penalty_share is not None:
            penalty = penalty * inputs.penalty_share
    update(engine, optimisers.discriminator, D, d_loss + (real_class_loss + fake_class_loss) + penalty)
    if step % objective.generator_every:  # not G's turn: its loss is logged from the logits that are there
        optimisers.generator.zero_grad(set_to_none=True)
        g_loss = loss.generator(real_output.logits, fake_output.logits).mean()
        return step_metrics(d_loss, g_loss, real_output.logits, fake_output.logits)

    D.requires_grad_(False)  # G's update needs no gradient of D's weights: a third of the arithmetic
    with engine.autocast():
        real_logits = D(real_augmented.detach(), inputs.labels).logits if loss.paired else None
        new_output = D(augment(fake, inputs, 2), inputs.fake_labels)
        g_loss = loss.generator(real_logits, new_output.logits).mean()
        g_class_loss = class_loss(new_output.class_logits, inputs.fake_labels, objective.classify_generator)
    update(engine, optimisers.generator, G, g_loss + g_class_loss)
    D.requires_grad_(True)
    return step_metrics(d_loss, g_loss, real_output.logits, fake_output.logits)


def augment(images: Tensor, inputs: StepInputs, use: int) -> Tensor:
    """Images (N, C, H, W) as D sees them. Each `use` of D in a step has its own shifts: 0, 1 or 2."""
    return images if inputs.shifts is None else translate(images, inputs.shifts[use])


def discriminate(
    D: Discriminator, real: Tensor, fake: Tensor, inputs: StepInputs, penalise: bool
) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
    """D's outputs of N real and of N generated images."""
    labels, fake_labels = inputs.labels, inputs.fake_labels
    # One forward pass of 2N images is faster than two of N. It needs a D whose logits of an image do not depend on the
    # rest of the batch. With a penalty there are two, because the gradient of either half would run through both.
    if penalise or not D.batch_independent:
        return D(real, labels), D(fake, fake_labels)
    both_labels = None if labels is None or fake_labels is None else torch.cat([labels, fake_labels])
    logits, class_logits = D(torch.cat([real, fake]), both_labels)  # (2N,), (2N, K)
    real_logits, fake_logits = logits.chunk(2)
    real_classes, fake_classes = (None, None) if class_logits is None else class_logits.chunk(2)
    return DiscriminatorOutput(real_logits, real_classes), DiscriminatorOutput(fake_logits, fake_classes)


def penalties(
    objective: GanObjective, real: DiscriminatorOutput, real_images: Tensor, fake: DiscriminatorOutput, fakes: Tensor
) -> Tensor | float:
    """R1 + R2, (): γ/2 times the mean squared gradient of D's logits in its images (N, C, H, W), real and generated."""
    total: Tensor | float = 0.0
    r1, r2 = objective.penalty_weights()
    for weight, output, images in ((r1, real, real_images), (r2, fake, fakes)):
        if weight > 0:
            # The penalty is lazy: computed every `penalty_every` steps and scaled up by as much, so that its expected
            # weight is unchanged (Karras et al. 2020, arXiv 1912.04958, appendix B). Most steps then need no double
            # backward.
            total = total + objective.penalty_every * weight / 2 * gradient_penalty(output.logits, images).mean()
    return total


def book_step(
    pair: Pair, optimisers: Optimisers, engine: Engine, objective: BookObjective, inputs: StepInputs
) -> StepMetrics:
    """Losses and D's logits of the book's three updates: D on real images, D on generated ones, G on fresh ones.

    Unlike in `gan_step`, D's two batches are two updates, and G generates again, from other noise and other labels.
    """
    G, D, loss_to_target = pair.generator, pair.discriminator, TARGET_LOSSES[objective.loss]

    with engine.autocast():
        real_logits = D(inputs.real, inputs.labels).logits
        d_loss_real = loss_to_target(real_logits, 1.0).mean()
    update(engine, optimisers.discriminator, D, d_loss_real)

    with engine.autocast(), torch.no_grad():  # this fake trains D alone
        fake = G(inputs.noise, inputs.fake_labels)
    with engine.autocast():
        fake_logits = D(fake, inputs.fake_labels).logits
        d_loss_fake = loss_to_target(fake_logits, 0.0).mean()
    update(engine, optimisers.discriminator, D, d_loss_fake)

    D.requires_grad_(False)  # as in `gan_step`
    with engine.autocast():
        fresh_fake = G(inputs.fresh_noise, inputs.fresh_fake_labels)
        g_loss = loss_to_target(D(fresh_fake, inputs.fresh_fake_labels).logits, 1.0).mean()
    update(engine, optimisers.generator, G, g_loss)
    D.requires_grad_(True)
    return step_metrics(d_loss_real + d_loss_fake, g_loss, real_logits, fake_logits)


def classifier_step(
    classifier: nn.Module,
    optimiser: torch.optim.Optimizer,
    engine: Engine,
    objective: ClassifierObjective,
    images: Tensor,
    labels: Tensor,
) -> StepMetrics:
    """One update of a classifier on images (N, C, H, W) and their labels (N, 1), which have one part."""
    with engine.autocast():
        logits = classifier(images)  # (N, K)
        if objective.loss == "bce":
            loss = F.binary_cross_entropy_with_logits(logits, label_weights(labels, logits.shape[1:]))
        else:
            loss = F.cross_entropy(logits, labels[:, 0])
    update(engine, optimiser, classifier, loss)
    return {"loss": loss.detach(), "accuracy": (logits.detach().argmax(1) == labels[:, 0]).float().mean()}


def update(engine: Engine, optimiser: torch.optim.Optimizer, network: nn.Module, loss: Tensor) -> None:
    """Moves the weights of one network against the gradient of its loss (), averaged over all processes."""
    optimiser.zero_grad(set_to_none=True)
    engine.backward(loss, network.parameters())
    optimiser.step()


def step_metrics(d_loss: Tensor, g_loss: Tensor, real_logits: Tensor, fake_logits: Tensor) -> StepMetrics:
    """Losses () and logits (N,), detached. They are not reduced here, because most steps are not logged."""
    return {
        "loss_d": d_loss.detach(),
        "loss_g": g_loss.detach(),
        "score_real": real_logits.detach(),
        "score_fake": fake_logits.detach(),
    }


def reduce_metrics(metrics: StepMetrics) -> dict[str, float]:
    """What is logged of a step: the losses, and D's mean probability of "real" for real and for generated images."""
    return {
        name: float(torch.sigmoid(value.float()).mean() if name.startswith("score_") else value)
        for name, value in metrics.items()
    }
