import pytest
import torch
from torch import nn

from ganvas.errors import UserError
from ganvas.networks.book import BookConv, BookMLP, geometry
from ganvas.networks.inspect import parameter_count, receptive_field
from ganvas.networks.pair import Shape
from ganvas.rng import seed_weights
from ganvas.settings import parse

FACES = Shape(3, 128)
DIGITS = Shape(1, 28, 10)


def kinds(network):
    return [type(layer) for layer in network.layers]


def convolutions(network):
    found = [layer for layer in network.layers if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    return [(c.in_channels, c.out_channels, c.kernel_size, c.stride, c.padding, c.output_padding) for c in found]


def slopes(network):
    return {layer.negative_slope for layer in network.layers if isinstance(layer, nn.LeakyReLU)}


def test_the_convolutional_discriminator_is_the_books_at_128_px():
    discriminator = BookConv().build(FACES).discriminator
    block = [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU]
    assert kinds(discriminator) == [*block, *block, nn.Conv2d, nn.LeakyReLU, nn.Flatten, nn.Linear]
    assert convolutions(discriminator) == [
        (3, 256, (8, 8), (2, 2), (0, 0), (0, 0)),
        (256, 256, (8, 8), (2, 2), (0, 0), (0, 0)),
        (256, 3, (8, 8), (2, 2), (0, 0), (0, 0)),
    ]
    assert discriminator.layers.linear.in_features == 300
    assert slopes(discriminator) == {0.2}
    # Kernels and biases, then a scale and a shift for each of 256 maps twice, then 300 weights and a bias.
    kernels = (3 * 256 * 64 + 256) + (256 * 256 * 64 + 256) + (256 * 3 * 64 + 3)
    assert parameter_count(discriminator) == kernels + 2 * 512 + 301 == 4_294_448
    assert receptive_field(discriminator, FACES) == [
        ("layers.convolution1", 8, (256, 61, 61)),
        ("layers.convolution2", 22, (256, 27, 27)),
        ("layers.convolution3", 50, (3, 10, 10)),
    ]


def test_the_convolutional_generator_is_the_books_at_128_px():
    generator = BookConv().build(FACES).generator
    block = [nn.ConvTranspose2d, nn.BatchNorm2d, nn.LeakyReLU]
    assert kinds(generator) == [
        *[nn.Linear, nn.LeakyReLU, nn.Unflatten],
        *block,
        *block,
        *[nn.ConvTranspose2d, nn.BatchNorm2d],
    ]
    assert convolutions(generator) == [
        (3, 256, (8, 8), (2, 2), (0, 0), (0, 0)),
        (256, 256, (8, 8), (2, 2), (0, 0), (0, 0)),
        (256, 3, (8, 8), (2, 2), (1, 1), (0, 0)),
    ]
    assert (generator.noise_size, generator.layers.linear.out_features) == (100, 363)
    assert generator.layers.first_map.unflattened_size == (3, 11, 11)
    assert slopes(generator) == {0.2}
    kernels = (3 * 256 * 64 + 256) + (256 * 256 * 64 + 256) + (256 * 3 * 64 + 3)
    assert parameter_count(generator) == (100 * 363 + 363) + kernels + 2 * 512 + 6 == 4_330_816
    assert receptive_field(generator, FACES) == [
        ("layers.convolution1", None, (256, 28, 28)),
        ("layers.convolution2", None, (256, 62, 62)),
        ("layers.convolution3", None, (3, 128, 128)),
    ]


def test_the_fully_connected_pair_is_the_books():
    pair = BookMLP().build(DIGITS)
    between = [nn.Linear, nn.LeakyReLU, nn.LayerNorm, nn.Linear]
    assert kinds(pair.discriminator) == between
    assert kinds(pair.generator) == [*between, nn.Unflatten]
    assert slopes(pair.generator) == slopes(pair.discriminator) == {0.02}
    assert parameter_count(pair.discriminator) == (794 * 200 + 200) + 400 + (200 + 1)
    assert parameter_count(pair.generator) == (110 * 200 + 200) + 400 + (200 * 784 + 784)


def test_without_labels_the_fully_connected_pair_is_that_of_chapter_8():
    pair = BookMLP().build(Shape(1, 28))
    assert pair.discriminator.layers.hidden.in_features == 784
    assert pair.generator.layers.hidden.in_features == 100


def test_a_generators_sigmoid_is_translated_to_our_range():
    pair = BookMLP().build(DIGITS)
    noise, labels = torch.randn(3, 100), torch.tensor([1, 2, 3])
    one_hot = nn.functional.one_hot(labels, 10).float()
    book = torch.sigmoid(pair.generator.layers(torch.cat([noise, one_hot], 1)))  # in [0, 1]
    assert torch.allclose(pair.generator(noise, labels), book * 2 - 1)


def test_a_discriminator_reads_the_books_range_and_returns_the_logit_before_its_sigmoid():
    pair = BookMLP().build(DIGITS)
    book, labels = torch.rand(3, 1, 28, 28), torch.tensor([1, 2, 3])
    joined = torch.cat([book.flatten(1), nn.functional.one_hot(labels, 10).float()], 1)
    expected = pair.discriminator.layers(joined)[:, 0]
    assert torch.allclose(pair.discriminator(book * 2 - 1, labels).logits, expected, atol=1e-6)


def test_both_outputs_are_float32_under_bfloat16_autocast():
    pair = BookMLP(hidden=8).build(DIGITS)
    labels = torch.tensor([4, 5])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images = pair.generator(torch.randn(2, 100), labels)
        assert (images.dtype, pair.discriminator(images, labels).logits.dtype) == (torch.float32, torch.float32)


def test_every_size_from_16_to_128_px_has_a_geometry_that_draws_it():
    for size in range(16, 129):
        plan = geometry(size)
        side = plan.first_map
        for _ in range(plan.stages):
            side = (side - 1) * 2 + plan.kernel
        assert side - 2 * plan.padding + plan.output_padding == size
        assert plan.first_map >= 3
        assert plan.kernel % 2 == 0
        assert plan.padding >= plan.output_padding  # what is given back was drawn
        assert plan.output_padding in (0, 1)


@pytest.mark.parametrize("size", [16, 17, 23, 28, 45, 64, 96, 127])
def test_away_from_128_px_the_discriminator_reads_every_pixel(size):
    assert unread_rows(BookConv(width=4), size) == 0


def test_at_128_px_the_published_discriminator_never_reads_the_last_six_rows_unless_padded():
    assert unread_rows(BookConv(width=4), 128) == 6
    assert unread_rows(BookConv(width=4, edges="padded"), 128) == 0
    assert unread_rows(BookConv(width=4, edges="unread"), 28) == 2


def unread_rows(settings, size):
    seed_weights(0, "edges")
    discriminator = settings.build(Shape(1, size)).discriminator.eval()
    images = torch.randn(2, 1, size, size, requires_grad=True)
    discriminator(images).logits.sum().backward()
    return int((images.grad.abs().sum((0, 1, 3)) == 0).sum())


@pytest.mark.parametrize("name", ["batch", "layer", "instance", "spectral", "none"])
def test_every_normalisation_of_the_convolutional_pair_trains_on_a_batch_of_one(name):
    pair = BookConv(width=4, normalisation=name).build(Shape(3, 16, 2))
    labels = torch.tensor([1])
    pair.discriminator(pair.generator(torch.randn(1, 100), labels), labels).logits.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in pair.generator.parameters())


def test_spectral_bounds_the_discriminator_and_leaves_the_generator_its_batch_normalisation():
    pair = BookConv(width=4, normalisation="spectral").build(Shape(3, 16))
    weighted = [layer for layer in pair.discriminator.layers if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(weighted) == 3
    assert all(nn.utils.parametrize.is_parametrized(layer) for layer in weighted)
    assert nn.BatchNorm2d not in kinds(pair.discriminator)
    assert kinds(pair.generator).count(nn.BatchNorm2d) == 2


def test_the_books_refinements_can_each_be_taken_back():
    pair = BookMLP(activation="sigmoid", normalisation="none").build(DIGITS)
    for network in (pair.generator, pair.discriminator):
        assert nn.Sigmoid in kinds(network)
        assert nn.LayerNorm not in kinds(network)


def test_gelu_takes_the_place_of_every_leaky_relu():
    pair = BookConv(activation="gelu").build(Shape(3, 16))
    for network in (pair.generator, pair.discriminator):
        assert nn.GELU in kinds(network)
        assert nn.LeakyReLU not in kinds(network)


def test_batch_normalisation_of_the_hidden_vector_asks_for_a_larger_batch():
    pair = BookMLP(hidden=8, normalisation="batch").build(Shape(1, 16))
    with pytest.raises(UserError, match="batch of one image"):
        pair.generator(torch.randn(1, 100))
    assert pair.generator(torch.randn(2, 100)).shape == (2, 1, 16, 16)


def test_a_misspelt_option_is_answered_with_its_right_name():
    with pytest.raises(UserError, match="did you mean activation"):
        parse(BookConv, {"activatoin": "gelu"}, prefix="--pair.")
    with pytest.raises(UserError, match="spectral"):
        parse(BookMLP, {"normalisation": "spectral"}, prefix="--pair.")
