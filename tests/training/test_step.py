import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganvas.config.run import ComputeConfig
from ganvas.networks.modern import Modern
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Pair, Shape
from ganvas.objectives.config import BookObjective, ClassifierObjective, GanObjective
from ganvas.rng import seed_weights, stream
from ganvas.training.engine import Engine
from ganvas.training.step import Optimisers, StepInputs, book_step, classifier_step, gan_step, reduce_metrics

SHAPE = Shape(1, 16, 3)
LR = 0.1


@pytest.fixture(scope="module")
def engine():
    return Engine.for_trials(ComputeConfig(1, "float32", "contiguous"))


def new_pair(shape=SHAPE):
    seed_weights(0, "test")
    return Modern(width=4, noise=4, embedding=4, features=8).build(shape)


def sgd(pair):
    return Optimisers(*(torch.optim.SGD(network.parameters(), lr=LR) for network in networks(pair)))


def networks(pair):
    return pair.generator, pair.discriminator


def step_inputs(step=0, count=6):
    generator = stream(3, "test", step)
    labels = torch.randint(3, (3, count), generator=generator)
    noise = torch.randn((2, count, 4), generator=generator)
    real = torch.rand((count, *SHAPE.image), generator=generator) * 2 - 1
    return StepInputs(real, labels[0, :, None], noise[0], labels[1, :, None], noise[1], labels[2, :, None])


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def descend(network, loss):
    """One step of gradient descent, by hand."""
    for p, gradient in zip(
        network.parameters(), torch.autograd.grad(loss, list(network.parameters()), allow_unused=True), strict=True
    ):
        p.data -= LR * (0 if gradient is None else gradient)


@pytest.mark.parametrize(
    ("loss", "r1", "r2"),
    [("non-saturating", 0, 0), ("non-saturating", 0.5, 0), ("hinge", 0.5, 2), ("relativistic", 0, 1)],
)
def test_a_gan_step_is_d_on_both_halves_and_then_g_against_the_new_d(engine, loss, r1, r2):
    pair, inputs = new_pair(), step_inputs()
    gan_step(pair, sgd(pair), engine, GanObjective(loss=loss, r1=r1, r2=r2, penalty_every=4), inputs, step=8)

    by_hand = new_pair()
    G, D = networks(by_hand)
    real = inputs.real.clone().requires_grad_()
    fake = G(inputs.noise, inputs.fake_labels).detach().requires_grad_()
    real_output, fake_logits = D(real, inputs.labels), D(fake, inputs.fake_labels).logits
    penalties = [
        torch.autograd.grad(logits.sum(), images, create_graph=True)[0].square().sum(dim=(1, 2, 3)).mean()
        for logits, images in ((real_output.logits, real), (fake_logits, fake))
    ]
    d_loss = {
        "hinge": F.relu(1 - real_output.logits) + F.relu(1 + fake_logits),
        "non-saturating": F.softplus(-real_output.logits) + F.softplus(fake_logits),
        "relativistic": F.softplus(fake_logits - real_output.logits),
    }[loss].mean()
    class_loss = F.cross_entropy(real_output.class_logits, inputs.labels[:, 0])
    # A penalty every fourth step weighs four times as much.
    descend(D, d_loss + class_loss + 4 * (r1 / 2 * penalties[0] + r2 / 2 * penalties[1]))

    fake_output = D(G(inputs.noise, inputs.fake_labels), inputs.fake_labels)
    new_real_logits = D(inputs.real, inputs.labels).logits
    g_loss = {
        "hinge": -fake_output.logits,
        "non-saturating": F.softplus(-fake_output.logits),
        "relativistic": F.softplus(new_real_logits - fake_output.logits),
    }[loss].mean()
    descend(G, g_loss + 0.1 * F.cross_entropy(fake_output.class_logits, inputs.fake_labels[:, 0]))

    for network, expected in zip(networks(pair), networks(by_hand), strict=True):
        assert torch.allclose(weights(network), weights(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("labelled", [True, False])
def test_real_and_generated_images_may_come_to_d_together_or_apart(engine, labelled):
    after = []
    for together in (True, False):
        pair, inputs = new_pair(SHAPE if labelled else Shape(1, 16)), step_inputs()
        pair.discriminator.batch_independent = together
        if not labelled:
            inputs = replace(inputs, labels=None, fake_labels=None)
        metrics = gan_step(pair, sgd(pair), engine, GanObjective(r1=0.0, r2=0.0), inputs, 0)
        after.append(torch.cat([*map(weights, networks(pair)), metrics["score_fake"]]))
    assert torch.allclose(*after, atol=1e-6)


def test_between_penalties_there_is_none(engine):
    after = []
    for r1, step in ((0.0, 3), (5.0, 3), (5.0, 4)):
        pair = new_pair()
        gan_step(pair, sgd(pair), engine, GanObjective(r1=r1, r2=r1, penalty_every=4), step_inputs(), step=step)
        after.append(weights(pair.discriminator))
    assert torch.equal(after[0], after[1])
    assert not torch.equal(after[0], after[2])


def test_each_use_of_d_in_a_step_has_its_own_shifts(engine):
    """A shift of a whole side leaves one colour an image, so that only the use that is shifted this far changes."""
    shifts = torch.zeros(3, 6, 2, dtype=torch.int64)
    objective = GanObjective(r1=0, r2=0)
    unshifted, shifted = [], []
    for use in (None, 0, 1, 2):
        pair, moved = new_pair(), shifts.clone()
        if use is not None:
            moved[use] = SHAPE.size.height
        metrics = gan_step(pair, sgd(pair), engine, objective, replace(step_inputs(), shifts=moved), 1)
        (unshifted if use is None else shifted).append(metrics)
    changed = [
        tuple(not torch.equal(metrics[name], unshifted[0][name]) for name in ("score_real", "score_fake", "loss_g"))
        for metrics in shifted
    ]
    # G's loss follows the new D, which has learned from other images wherever one of the first two uses differs.
    assert changed == [(True, False, True), (False, True, True), (False, False, True)]


@pytest.mark.parametrize("penalty_every", [1, 1000])
@pytest.mark.parametrize(("step", "updates_g"), [(0, True), (1, False), (2, False), (3, True)])
def test_g_learns_every_nth_step_alone_and_its_loss_is_known_at_every_one(engine, step, updates_g, penalty_every):
    pair, objective = new_pair(), GanObjective(generator_every=3, penalty_every=penalty_every)
    before = weights(pair.generator), weights(pair.discriminator)
    metrics = gan_step(pair, sgd(pair), engine, objective, step_inputs(), step)
    assert torch.equal(weights(pair.generator), before[0]) == (not updates_g)
    assert not torch.equal(weights(pair.discriminator), before[1])
    assert metrics["loss_g"].isfinite()
    if not updates_g:  # from the logits that D gave before it learned
        assert metrics["loss_g"] == pytest.approx(float(F.softplus(-metrics["score_fake"]).mean()), rel=1e-5)
        assert all(p.grad is None for p in pair.generator.parameters()), "D's loss and penalties do not reach G"


class BrightnessClassifier(Discriminator):
    """Another discriminator's logits, and class logits brightness · weight, whose gradient is known."""

    def __init__(self, discriminator):
        super().__init__(discriminator.parts)
        self.discriminator = discriminator
        self.weight = nn.Parameter(torch.tensor([1.0, 0.0, -1.0]))

    def forward(self, images, labels):
        return DiscriminatorOutput(self.discriminator(images, labels).logits, brightness(images) * self.weight)


def brightness(images):
    return images.mean(dim=(1, 2, 3))[:, None]  # (N, 1)


@pytest.mark.parametrize(("real", "fake", "generator"), [(1, 1, 1), (1, 0, 0), (0, 0.5, 0), (0, 0, 0.1)])
def test_each_class_loss_counts_by_its_weight(engine, real, fake, generator):
    inputs, after = step_inputs(), []
    for weight_real, weight_fake, weight_generator in ((real, fake, generator), (0, 0, 0)):
        plain = new_pair()
        pair = Pair(plain.generator, BrightnessClassifier(plain.discriminator))
        start = pair.discriminator.weight.detach().clone()
        with torch.no_grad():
            images = pair.generator(inputs.noise, inputs.fake_labels)
        objective = GanObjective(
            r1=0, r2=0, classify_real=weight_real, classify_fake=weight_fake, classify_generator=weight_generator
        )
        gan_step(pair, sgd(pair), engine, objective, inputs, 1)
        gradient = torch.zeros(3)
        halves = ((inputs.real, inputs.labels, weight_real), (images, inputs.fake_labels, weight_fake))
        for half, labels, weight in halves:
            # d/dw of the mean of -log softmax(b w): b (softmax(b w) - one-hot label).
            error = torch.softmax(brightness(half) * start, 1) - F.one_hot(labels[:, 0], 3)
            gradient += weight * (brightness(half) * error).mean(0)
        assert torch.allclose(pair.discriminator.weight.detach(), start - LR * gradient, atol=1e-6)
        after.append(weights(pair.generator))
    assert torch.equal(*after) == (generator == 0), "D's class losses do not move G in the same step, and G's own does"


@pytest.mark.parametrize("objective", [GanObjective(), GanObjective(loss="relativistic"), BookObjective()])
def test_a_step_changes_both_and_leaves_every_weight_ready_to_learn(engine, objective):
    pair = new_pair()
    before = weights(pair.generator), weights(pair.discriminator)
    if isinstance(objective, BookObjective):
        metrics = book_step(pair, sgd(pair), engine, objective, step_inputs())
    else:
        metrics = gan_step(pair, sgd(pair), engine, objective, step_inputs(), 0)
    assert not torch.equal(weights(pair.generator), before[0])
    assert not torch.equal(weights(pair.discriminator), before[1])
    assert all(p.requires_grad for network in networks(pair) for p in network.parameters())
    assert not any(value.requires_grad for value in metrics.values())
    assert set(metrics) == {"loss_d", "loss_g", "score_real", "score_fake"}


def test_the_update_of_g_leaves_ds_gradient_as_ds_own_update_made_it(engine):
    gradients = []
    for frozen in (False, True):
        pair = new_pair()
        optimisers = sgd(pair)
        if frozen:  # G learns nothing: what D's gradient is cannot depend on it
            optimisers.generator.param_groups[0]["lr"] = 0.0
        gan_step(pair, optimisers, engine, GanObjective(), step_inputs(), 1)
        gradients.append([p.grad.clone() for p in pair.discriminator.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_the_books_second_fake_is_of_other_noise_and_other_labels(engine):
    calls = []
    pair, inputs = new_pair(), step_inputs()
    handle = pair.generator.register_forward_hook(lambda _module, arguments, _output: calls.append(arguments))
    book_step(pair, sgd(pair), engine, BookObjective(), inputs)
    handle.remove()
    assert torch.equal(calls[0][0], inputs.noise)
    assert torch.equal(calls[0][1], inputs.fake_labels)
    assert torch.equal(calls[1][0], inputs.fresh_noise)
    assert torch.equal(calls[1][1], inputs.fresh_fake_labels)


@pytest.mark.parametrize("loss", ["bce", "cross-entropy"])
def test_a_classifier_learns_the_labels_it_is_given(engine, loss):
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(256, 3))
    optimiser = torch.optim.SGD(classifier.parameters(), lr=0.05)
    inputs, objective = step_inputs(count=12), ClassifierObjective(loss=loss)
    metrics = [classifier_step(classifier, optimiser, engine, objective, inputs.real, inputs.labels) for _ in range(61)]
    assert metrics[-1]["loss"] < metrics[0]["loss"]
    assert metrics[-1]["accuracy"] == 1


@pytest.mark.parametrize(("loss", "expected"), [("bce", math.log(2)), ("cross-entropy", math.log(3))])
def test_the_loss_of_a_classifier_that_is_undecided_between_3_classes(engine, loss, expected):
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(256, 3))
    nn.init.zeros_(classifier[1].weight)
    nn.init.zeros_(classifier[1].bias)
    optimiser, inputs = torch.optim.SGD(classifier.parameters(), lr=0.0), step_inputs()
    objective = ClassifierObjective(loss=loss)
    metrics = classifier_step(classifier, optimiser, engine, objective, inputs.real, inputs.labels)
    assert metrics["loss"].item() == pytest.approx(expected)


def test_scores_are_logged_as_mean_probabilities_and_losses_as_they_are():
    metrics = reduce_metrics({"loss_d": torch.tensor(1.5), "score_real": torch.tensor([0.0, 100.0])})
    assert metrics == {"loss_d": 1.5, "score_real": 0.75}
