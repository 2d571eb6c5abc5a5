import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ganvas.config.run import ComputeConfig
from ganvas.networks.modern import Modern
from ganvas.networks.pair import DiscriminatorOutput, Shape
from ganvas.objectives.config import BookObjective, ClassifierObjective, GanObjective
from ganvas.rng import seed_weights, stream
from ganvas.training.engine import Engine
from ganvas.training.step import Optimisers, StepInputs, book_step, classifier_step, gan_step, reduce_metrics

SHAPE = Shape(1, 16, 3)


@pytest.fixture(scope="module")
def engine():
    return Engine.for_trials(ComputeConfig(1, "float32", "contiguous"))


def new_pair():
    seed_weights(0, "test")
    return Modern(width=4, noise=4, embedding=4, features=8).build(SHAPE)


def descending(pair, rate=0.1):
    return Optimisers(*(torch.optim.SGD(n.parameters(), lr=rate) for n in (pair.generator, pair.discriminator)))


def drawn(step=0, count=6):
    chance = stream(3, "test", step)
    labels = torch.randint(3, (3, count), generator=chance)
    noises = torch.randn((2, count, 4), generator=chance)
    real = torch.rand((count, *SHAPE.image), generator=chance) * 2 - 1
    return StepInputs(real, labels[0], noises[0], labels[1], noises[1], labels[2])


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.mark.parametrize(
    ("loss", "r1", "r2"), [("non-saturating", 0, 0), ("non-saturating", 0.5, 0), ("hinge", 0.5, 2)]
)
def test_a_simultaneous_step_is_d_on_both_halves_and_then_g_against_the_new_d(engine, loss, r1, r2):
    pair, given = new_pair(), drawn()
    gan_step(pair, descending(pair), engine, GanObjective(loss=loss, r1=r1, r2=r2, penalty_every=4), given, step=8)

    bare, rate = new_pair(), 0.1
    G, D = bare.generator, bare.discriminator
    real, fake = given.real.clone().requires_grad_(), G(given.noise, given.fake_labels).detach().requires_grad_()
    on_real, on_fake = D(real, given.labels), D(fake, given.fake_labels)
    slopes = [
        torch.autograd.grad(logits.sum(), images, create_graph=True)[0].square().sum(dim=(1, 2, 3)).mean()
        for logits, images in ((on_real, real), (on_fake, fake))
    ]
    if loss == "hinge":
        d_loss = (F.relu(1 - on_real) + 0).mean() + F.relu(1 + on_fake).mean()
    else:
        d_loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
    d_loss = d_loss + F.cross_entropy(D.judge(real, given.labels).classes, given.labels)
    # A penalty every fourth step weighs four times as much.
    total = d_loss + 4 * (r1 / 2 * slopes[0] + r2 / 2 * slopes[1])
    for p, gradient in zip(D.parameters(), torch.autograd.grad(total, list(D.parameters())), strict=True):
        p.data -= rate * gradient
    again = D.judge(G(given.noise, given.fake_labels), given.fake_labels)
    g_loss = -again.logits.mean() if loss == "hinge" else F.softplus(-again.logits).mean()
    g_loss = g_loss + 0.1 * F.cross_entropy(again.classes, given.fake_labels)
    for p, gradient in zip(G.parameters(), torch.autograd.grad(g_loss, list(G.parameters())), strict=True):
        p.data -= rate * gradient

    assert torch.allclose(weights(pair.discriminator), weights(D), rtol=1e-5, atol=1e-6)
    assert torch.allclose(weights(pair.generator), weights(G), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("labelled", [True, False])
def test_real_and_generated_images_may_come_to_d_together_or_apart(engine, labelled):
    after = []
    for together in (True, False):
        seed_weights(0, "test")
        pair = Modern(width=4, noise=4, embedding=4, features=8).build(SHAPE if labelled else Shape(1, 16))
        pair.discriminator.batch_independent = together
        draws = drawn()
        if not labelled:
            draws = replace(draws, labels=None, fake_labels=None)
        said = gan_step(pair, descending(pair), engine, GanObjective(r1=0.0, r2=0.0), draws, 0)
        after.append(torch.cat([weights(pair.generator), weights(pair.discriminator), said["score_fake"]]))
    assert torch.allclose(*after, atol=1e-6)


def test_between_penalties_there_is_none(engine):
    ends = []
    for r1, step in ((0.0, 3), (5.0, 3), (5.0, 4)):
        pair = new_pair()
        gan_step(pair, descending(pair), engine, GanObjective(r1=r1, r2=r1, penalty_every=4), drawn(), step=step)
        ends.append(weights(pair.discriminator))
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


@pytest.mark.parametrize(("step", "turn"), [(0, True), (1, False), (2, False), (3, True)])
def test_g_learns_at_its_turn_alone_and_its_loss_is_known_at_every_one(engine, step, turn):
    pair = new_pair()
    before = weights(pair.generator), weights(pair.discriminator)
    found = gan_step(pair, descending(pair), engine, GanObjective(generator_every=3), drawn(), step)
    assert torch.equal(weights(pair.generator), before[0]) == (not turn)
    assert not torch.equal(weights(pair.discriminator), before[1])
    assert found["loss_g"].isfinite()
    if not turn:  # from the logits that D gave before it learned
        assert found["loss_g"] == pytest.approx(float(F.softplus(-found["score_fake"]).mean()), rel=1e-5)
        assert all(p.grad is None for p in pair.generator.parameters())


@pytest.mark.parametrize(("real", "fake", "generator"), [(1, 1, 1), (1, 0, 0), (0, 0.5, 0), (0, 0, 0.1)])
def test_a_discriminator_that_classifies_learns_classes_and_g_to_be_recognised_as_they_are_weighed(
    engine, real, fake, generator
):
    class Telling(type(new_pair().discriminator)):
        def judge(self, images, labels=None):
            bright = images.mean(dim=(1, 2, 3))[:, None]
            return DiscriminatorOutput(super().judge(images, labels).logits, bright * self.told)

    rate, ends, silent = 0.1, [], GanObjective(r1=0, r2=0, classify_real=0, classify_generator=0)
    rule = GanObjective(r1=0, r2=0, classify_real=real, classify_fake=fake, classify_generator=generator)
    for told in (False, True):
        pair = new_pair()
        if told:
            pair.discriminator.__class__ = Telling
            pair.discriminator.told = torch.nn.Parameter(torch.tensor([1.0, 0.0, -1.0]))
            given, start = drawn(), pair.discriminator.told.detach().clone()
            with torch.no_grad():
                drawn_by_g = pair.generator(given.noise, given.fake_labels)
        gan_step(pair, descending(pair, rate), engine, rule if told else silent, drawn(), 1)
        ends.append(weights(pair.generator))
    slope = torch.zeros(3)
    halves = ((given.real, given.labels, real), (drawn_by_g, given.fake_labels, fake))
    for images, labels, weight in halves:  # d/dw of the mean of -log softmax
        bright = images.mean(dim=(1, 2, 3))[:, None]
        slope += weight * (bright * (torch.softmax(bright * start, 1) - F.one_hot(labels, 3))).mean(0)
    assert torch.allclose(pair.discriminator.told.detach(), start - rate * slope, atol=1e-6)
    assert torch.equal(*ends) == (generator == 0)


@pytest.mark.parametrize("rule", [GanObjective(), GanObjective(loss="relativistic"), BookObjective()])
def test_a_step_changes_both_and_leaves_every_weight_ready_to_learn(engine, rule):
    pair = new_pair()
    before = weights(pair.generator), weights(pair.discriminator)
    if isinstance(rule, BookObjective):
        found = book_step(pair, descending(pair), engine, rule, drawn())
    else:
        found = gan_step(pair, descending(pair), engine, rule, drawn(), 0)
    assert not torch.equal(weights(pair.generator), before[0])
    assert not torch.equal(weights(pair.discriminator), before[1])
    assert all(p.requires_grad for n in (pair.generator, pair.discriminator) for p in n.parameters())
    assert not any(value.requires_grad for value in found.values())
    assert set(found) == {"loss_d", "loss_g", "score_real", "score_fake"}


def test_the_step_of_g_leaves_ds_gradient_as_ds_own_step_made_it(engine):
    gradients = []
    for frozen in (False, True):
        pair = new_pair()
        optimisers = descending(pair)
        if frozen:  # G learns nothing: what D's gradient is cannot depend on it
            optimisers.generator.param_groups[0]["lr"] = 0.0
        gan_step(pair, optimisers, engine, GanObjective(), drawn(), 1)
        gradients.append([p.grad.clone() for p in pair.discriminator.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_the_books_second_fake_is_of_other_noise_and_other_labels(engine):
    asked = []
    pair, given = new_pair(), drawn()
    handle = pair.generator.register_forward_hook(lambda _m, inputs, _o: asked.append(inputs))
    book_step(pair, descending(pair), engine, BookObjective(), given)
    handle.remove()
    assert torch.equal(asked[0][0], given.noise)
    assert torch.equal(asked[0][1], given.fake_labels)
    assert torch.equal(asked[1][0], given.fresh_noise)
    assert torch.equal(asked[1][1], given.fresh_fake_labels)


@pytest.mark.parametrize("loss", ["bce", "cross-entropy"])
def test_a_classifier_learns_the_labels_it_is_shown(engine, loss):
    torch.manual_seed(0)
    classifier = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 3))
    optimiser = torch.optim.SGD(classifier.parameters(), lr=0.05)
    given = drawn(count=12)
    found = [classifier_step(classifier, optimiser, engine, ClassifierObjective(loss=loss), given.real, given.labels)]
    for _ in range(60):
        found.append(
            classifier_step(classifier, optimiser, engine, ClassifierObjective(loss=loss), given.real, given.labels)
        )
    assert found[-1]["loss"] < found[0]["loss"]
    assert found[-1]["accuracy"] == 1


def test_the_first_loss_of_a_classifier_is_the_formulas(engine):
    classifier = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 3))
    torch.nn.init.zeros_(classifier[1].weight)
    torch.nn.init.zeros_(classifier[1].bias)
    given = drawn()
    for loss, expected in (("bce", math.log(2)), ("cross-entropy", math.log(3))):
        optimiser = torch.optim.SGD(classifier.parameters(), lr=0.0)
        found = classifier_step(classifier, optimiser, engine, ClassifierObjective(loss=loss), given.real, given.labels)
        assert found["loss"].item() == pytest.approx(expected)


def test_scores_are_logged_as_mean_probabilities_and_losses_as_they_are():
    found = reduce_metrics({"loss_d": torch.tensor(1.5), "score_real": torch.tensor([0.0, 100.0])})
    assert found == {"loss_d": 1.5, "score_real": 0.75}
