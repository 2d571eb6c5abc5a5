"""The book's recipes beside a bare loop, written from what the book says and from nothing of ours.

The loop has images in [0, 1], one-hot labels, networks that end in a sigmoid, a loss of probabilities, one image a
step. Both start from the same weights and get the same draws, and must go the same way.
"""

import pytest
import torch
from torch import nn

from ganvas.config.recipes import book_conditional, book_conv
from ganvas.config.run import ComputeConfig
from ganvas.networks.pair import Shape
from ganvas.rng import seed_weights, stream
from ganvas.training.engine import Engine
from ganvas.training.step import Optimisers, StepInputs, book_step
from ganvas.training.trainer import build_optimiser

CLASSES = 10


@pytest.fixture(scope="module")
def engine():
    return Engine.for_trials(ComputeConfig(threads=1, precision="float32", memory_format="contiguous"))


def one_hot(label):
    return torch.eye(CLASSES)[label]


def bare_conditional():
    discriminator = nn.Sequential(
        nn.Linear(784 + 10, 200), nn.LeakyReLU(0.02), nn.LayerNorm(200), nn.Linear(200, 1), nn.Sigmoid()
    )
    generator = nn.Sequential(
        nn.Linear(100 + 10, 200), nn.LeakyReLU(0.02), nn.LayerNorm(200), nn.Linear(200, 784), nn.Sigmoid()
    )
    return generator, discriminator


def bare_convolutional(width):
    discriminator = nn.Sequential(
        nn.Conv2d(3, width, 8, stride=2),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, width, 8, stride=2),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 3, 8, stride=2),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(3 * 10 * 10, 1),
        nn.Sigmoid(),
    )
    generator = nn.Sequential(
        nn.Linear(100, 3 * 11 * 11),
        nn.LeakyReLU(0.2),
        nn.Unflatten(1, (3, 11, 11)),
        nn.ConvTranspose2d(3, width, 8, stride=2),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(width, width, 8, stride=2),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(width, 3, 8, stride=2, padding=1),
        nn.BatchNorm2d(3),
        nn.Sigmoid(),
    )
    return generator, discriminator


def start_equal(bare, ours):
    """The bare network gets the weights of ours: the same arithmetic has the same parameters in the same order."""
    values, theirs = list(ours.parameters()), list(bare.parameters())
    assert [v.shape for v in theirs] == [v.shape for v in values]
    with torch.no_grad():
        for parameter, value in zip(theirs, values, strict=True):
            parameter.copy_(value)


def bare_step(generator, discriminator, optimisers, loss, real, noises, labels):
    """One image: D on it, D on a fake with a random label, G with a fresh one. Returns the three losses."""
    g_optimiser, d_optimiser = optimisers
    real_label, fake_label, fresh_label = labels

    def join(values, label):
        return values if label is None else torch.cat([values.flatten(), one_hot(label)])[None]

    real_loss = loss(discriminator(join(real, real_label)), torch.ones(1, 1))
    d_optimiser.zero_grad()
    real_loss.backward()
    d_optimiser.step()

    fake = generator(join(noises[0], fake_label)).detach()
    fake_loss = loss(discriminator(join(fake, fake_label)), torch.zeros(1, 1))
    d_optimiser.zero_grad()
    fake_loss.backward()
    d_optimiser.step()

    g_loss = loss(discriminator(join(generator(join(noises[1], fresh_label)), fresh_label)), torch.ones(1, 1))
    g_optimiser.zero_grad()
    g_loss.backward()
    g_optimiser.step()
    return real_loss.item(), fake_loss.item(), g_loss.item()


def draws_of(step, shape):
    """What both loops get: a uint8 image, mostly black as digits are, two seeds and three labels."""
    draws = stream(7, "test", step)
    ink = torch.rand((1, *shape.image), generator=draws)
    image = ((ink - 0.7).clamp(min=0) / 0.3 * 255).round()
    noises = [torch.randn((1, 100), generator=draws) for _ in range(2)]
    labels = torch.randint(CLASSES, (3,), generator=draws).tolist() if shape.classes else [None] * 3
    return image, noises, labels


def side_by_side(run, bare, loss, shape, engine, steps):
    """Both loops, so many steps: losses of each (steps, 3), networks of each."""
    seed_weights(0, "book rule")
    pair = run.pair.build(shape)
    generator, discriminator = bare
    start_equal(generator, pair.generator.layers)
    start_equal(discriminator, pair.discriminator.layers)
    bare_optimisers = (
        torch.optim.Adam(generator.parameters(), lr=1e-4),
        torch.optim.Adam(discriminator.parameters(), lr=1e-4),
    )
    our_optimisers = Optimisers(
        build_optimiser(run.optimiser, pair.generator), build_optimiser(run.optimiser, pair.discriminator)
    )
    losses = []
    for step in range(steps):
        image, noises, labels = draws_of(step, shape)
        expected = bare_step(generator, discriminator, bare_optimisers, loss, image / 255, noises, labels)
        tensors = [None if label is None else torch.tensor([label]) for label in labels]
        real = image / 127.5 - 1
        inputs = StepInputs(real, tensors[0], noises[0], tensors[1], noises[1], tensors[2])
        metrics = book_step(pair, our_optimisers, engine, run.objective, inputs)
        # Ours reports D's two losses as one sum.
        losses.append((expected[0] + expected[1], metrics["loss_d"].item(), expected[2], metrics["loss_g"].item()))
    return torch.tensor(losses), pair


def furthest(bare, ours, kernels_only=False):
    """The largest difference between two networks' tensors, as a share of that tensor's norm."""
    least_dimensions = 2 if kernels_only else 0
    pairs = zip(bare.parameters(), ours.parameters(), strict=True)
    return max(((a - b).norm() / b.norm()).item() for a, b in pairs if a.dim() >= least_dimensions)


@pytest.mark.parametrize("name", ["bce", "mse"])
def test_the_conditional_recipe_goes_the_books_way_for_a_hundred_steps(name, engine):
    run = book_conditional("digits")
    assert run.objective.loss == "bce"
    run = run.model_copy(update={"objective": run.objective.model_copy(update={"loss": name})})
    bare = bare_conditional()
    loss = {"bce": nn.BCELoss(), "mse": nn.MSELoss()}[name]
    losses, pair = side_by_side(run, bare, loss, Shape(1, 28, CLASSES), engine, steps=100)
    assert torch.allclose(losses[:, 0], losses[:, 1], rtol=1e-5, atol=0)
    assert torch.allclose(losses[:, 2], losses[:, 3], rtol=1e-5, atol=0)
    assert furthest(bare[0], pair.generator.layers) < 1e-5
    assert furthest(bare[1], pair.discriminator.layers) < 1e-5
    assert losses[-1, 0] < losses[0, 0] / 2  # the hundred steps went somewhere


def test_the_convolutional_recipe_goes_the_books_way_at_128_px(engine):
    run = book_conv("faces")
    width = 8  # the book's 256 would take minutes
    run = run.model_copy(update={"pair": run.pair.model_copy(update={"width": width})})
    bare = bare_convolutional(width)
    losses, pair = side_by_side(run, bare, nn.BCELoss(), Shape(3, 128), engine, steps=20)
    # Ten times the tolerance above: batch normalisation cancels the bias before it, whose gradient is then nothing but
    # rounding, and Adam makes full steps of it. Kernels keep to the way; those biases cannot.
    assert torch.allclose(losses[:, 0], losses[:, 1], rtol=1e-4, atol=0)
    assert torch.allclose(losses[:, 2], losses[:, 3], rtol=1e-4, atol=0)
    for bare_network, ours in zip(bare, (pair.generator.layers, pair.discriminator.layers), strict=True):
        assert furthest(bare_network, ours, kernels_only=True) < 1e-4


def test_the_books_batch_normalisation_of_one_image_is_instance_normalisation(engine):
    """The book evaluates in training mode, by an image's own averages: ours says the same in either mode."""
    run = book_conv("faces")
    pair = run.pair.model_copy(update={"width": 8}).build(Shape(3, 128))
    generator, discriminator = bare_convolutional(8)
    start_equal(generator, pair.generator.layers)
    start_equal(discriminator, pair.discriminator.layers)
    noise = torch.randn((1, 100), generator=stream(7, "test"))
    with torch.no_grad():
        expected = generator.train()(noise)
        for mode in (True, False):
            ours = pair.generator.train(mode)(noise)
            assert torch.allclose((ours + 1) / 2, expected, atol=1e-5)
            probability = torch.sigmoid(pair.discriminator.train(mode)(ours).logits)
            assert torch.allclose(probability, discriminator.train()(expected).flatten(), atol=1e-5)
