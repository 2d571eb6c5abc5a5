import pytest
import torch
from torch import nn

from ganvas.errors import UserError
from ganvas.networks.layers import (
    FEW_MAPS,
    PatchDCT,
    Upsample2x,
    VectorBatchNorm,
    activation,
    blur_matrix,
    flatten_channels_last,
    normalisation,
    parameter_count,
    receptive_field,
    spectral_norm,
    unflatten_channels_last,
)
from ganvas.networks.modern import Modern
from ganvas.networks.pair import Discriminator, Generator, Shape


class Chain(Discriminator):
    """Two convolutions with a pooling between them, and a label that it does not use."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3, stride=2)
        self.norm = nn.BatchNorm2d(2)
        self.pool = nn.AvgPool2d(2)
        self.second = nn.Conv2d(2, 5, 3, dilation=2, padding=2)

    def forward(self, images, labels=None):
        return self.second(self.pool(self.norm(self.first(images)))).mean((1, 2, 3))


def test_a_slope_belongs_to_leaky_relu_alone():
    values = torch.tensor([-1.0, 2.0])
    assert activation("leaky-relu", 0.25)(values).tolist() == [-0.25, 2.0]
    assert torch.equal(activation("sigmoid", 0.25)(values), torch.sigmoid(values))
    assert torch.equal(activation("gelu", 0.25)(values), nn.functional.gelu(values))


def test_layer_normalisation_of_a_map_makes_each_image_mean_0_and_deviation_1():
    maps = torch.randn(2, 4, 5, 5) * 3 + 7
    out = normalisation("layer", 4, dimensions=2)(maps).flatten(1)
    assert torch.allclose(out.mean(1), torch.zeros(2), atol=1e-5)
    assert torch.allclose(out.std(1, unbiased=False), torch.ones(2), atol=1e-3)


def test_instance_normalisation_is_what_batch_normalisation_does_to_one_image_while_training():
    maps = torch.randn(1, 4, 5, 5) * 3 + 7
    batch, instance = normalisation("batch", 4, dimensions=2), normalisation("instance", 4, dimensions=2)
    assert torch.allclose(batch(maps), instance(maps), atol=1e-6)
    assert not torch.allclose(batch.eval()(maps), instance.eval()(maps), atol=0.1)


@pytest.mark.parametrize("name", ["layer", "instance"])
def test_these_normalise_each_vector_over_its_own_values(name):
    vectors = torch.randn(3, 50) * 2 + 5
    out = normalisation(name, 50, dimensions=1)(vectors)
    assert torch.allclose(out.mean(1), torch.zeros(3), atol=1e-5)
    assert torch.allclose(out.std(1, unbiased=False), torch.ones(3), atol=1e-3)


def test_batch_normalisation_of_one_vector_is_refused_while_training_and_fine_after():
    layer = normalisation("batch", 8, dimensions=1)
    assert isinstance(layer, VectorBatchNorm)
    with pytest.raises(UserError, match="a batch of 2 or more, or layer normalisation"):
        layer(torch.randn(1, 8))
    assert layer(torch.randn(2, 8)).shape == (2, 8)
    assert layer.eval()(torch.randn(1, 8)).shape == (1, 8)


def test_no_normalisation_changes_nothing_and_learns_nothing():
    layer = normalisation("none", 8, dimensions=2)
    values = torch.randn(2, 8, 3, 3)
    assert torch.equal(layer(values), values)
    assert parameter_count(layer) == 0


def test_a_spectrally_normalised_layer_never_lengthens_a_vector():
    torch.manual_seed(0)
    layer = nn.Linear(6, 6, bias=False)
    nn.init.normal_(layer.weight, std=10)
    bounded = spectral_norm(layer)
    for _ in range(50):  # each forward pass refines the estimate of the largest singular value
        bounded(torch.randn(1, 6))
    largest = torch.linalg.matrix_norm(bounded.eval().weight, ord=2)
    assert largest.item() == pytest.approx(1, abs=1e-3)


def test_parameters_counts_what_is_learned_and_not_running_averages():
    assert parameter_count(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))) == (3 * 2 + 2) + (2 + 2)


def test_receptive_fields_grow_by_kernel_times_all_strides_before():
    # 3; the pooling adds 1 step of 2 px -> 5, jumps 4 px; the dilated kernel adds 2 * 2 steps of 4 px -> 21.
    assert receptive_field(Chain(), Shape(1, 16, 3)) == [("first", 3, (2, 7, 7)), ("second", 21, (5, 3, 3))]


def test_a_receptive_field_is_what_the_gradient_of_one_value_reaches():
    chain = nn.Sequential(nn.Conv2d(1, 1, 5, stride=2), nn.Conv2d(1, 1, 4, stride=2), nn.Conv2d(1, 1, 2))
    images = torch.randn(1, 1, 45, 45, requires_grad=True)
    chain(images)[0, 0, 4, 4].backward()
    reached = int((images.grad[0, 0].abs().sum(0) > 0).sum())
    assert receptive_field(chain, Shape(1, 45))[-1].receptive_field == reached


def test_transposed_convolutions_report_their_output_and_no_receptive_field():
    class Draw(Generator):
        noise_size = 4

        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.ConvTranspose2d(1, 3, 4, stride=2))

        def forward(self, noise, labels=None):
            return self.layers(noise)

    assert receptive_field(Draw(), Shape(3, 6)) == [("layers.1", None, (3, 6, 6))]


@pytest.mark.parametrize("after", [3, FEW_MAPS])
@pytest.mark.parametrize("extra", [0, 1])
def test_doubling_is_a_transposed_convolution_by_either_way(extra, after):
    doubling, maps = Upsample2x(5, after, extra), torch.randn(2, 5, 6, 7)
    wanted = nn.functional.conv_transpose2d(
        maps, doubling.weight, doubling.bias, stride=2, padding=1, output_padding=extra
    )
    assert wanted.shape == (2, after, 12 + extra, 14 + extra)
    assert torch.allclose(doubling(maps), wanted, atol=1e-6)
    assert torch.allclose(doubling.shuffled(maps), wanted, atol=1e-6)


def test_doubling_starts_with_weights_for_the_four_inputs_of_a_pixel():
    doubling = Upsample2x(16, 64)
    assert 0.12 < doubling.weight.abs().max().item() <= 1 / 8
    assert 0.1 < doubling.bias.abs().max().item() <= 1 / 8


def test_flattening_goes_pixel_by_pixel_and_can_be_undone():
    maps = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    flat = flatten_channels_last(maps)
    assert flat[0, :3].tolist() == maps[0, :, 0, 0].tolist()
    assert torch.equal(unflatten_channels_last(flat, (3, 4, 5)), maps)
    assert unflatten_channels_last(flat, (3, 4, 5)).is_contiguous(memory_format=torch.channels_last)


def test_a_folded_image_is_seen_patch_by_patch():
    folding = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(16, 2, 3, padding=1), nn.Conv2d(2, 1, 2, stride=2))
    found = receptive_field(folding, Shape(1, 16))
    assert [layer.receptive_field for layer in found] == [12, 16]  # three patches; then a fourth beside them


def test_blurring_takes_dots_away_and_leaves_what_is_even():
    blur = blur_matrix(6)
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(6), indexing="ij")
    dots = 1.0 - 2 * ((rows + columns) % 2)
    assert (blur @ dots @ blur.T)[1:-1, 1:-1].abs().max() == 0
    assert torch.equal(blur @ torch.ones(3, 6, 6) @ blur.T, torch.ones(3, 6, 6))
    spike = torch.zeros(6, 6)
    spike[2, 3] = 16
    assert (blur @ spike @ blur.T)[1:4, 2:5].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


def test_waves_are_right_angled_the_finer_the_weaker_and_keep_the_size_of_noise():
    basis = PatchDCT(4).basis
    products = basis @ basis.T
    assert torch.allclose(products, torch.diag(products.diagonal()), atol=1e-6)
    ratios = products.diagonal().sqrt().view(4, 4) / products[0, 0].sqrt()
    assert torch.allclose(ratios, 1 / (1.0 + torch.arange(4)[:, None] + torch.arange(4)))
    assert products.diagonal().mean() == pytest.approx(1)


def test_a_patch_of_one_grey_is_its_first_wave_alone():
    strengths = PatchDCT(4)(torch.full((1, 2, 8, 4), 0.5))  # two channels, two patches
    assert strengths.shape == (1, 32, 2, 1)
    first = torch.zeros(32, dtype=torch.bool)
    first[[0, 16]] = True
    assert (strengths[:, first] > 0.5).all()
    assert strengths[:, ~first].abs().max() < 1e-6


def test_a_layer_behind_waves_is_one_behind_folded_pixels():
    waves, layer, same = PatchDCT(4), nn.Conv2d(32, 3, 3, padding=1), nn.Conv2d(32, 3, 3, padding=1)
    images = torch.randn(2, 2, 12, 16)
    with torch.no_grad():
        same.bias.copy_(layer.bias)
        same.weight.copy_(waves.in_pixels(layer.weight))
        assert torch.allclose(layer(waves(images)), same(nn.PixelUnshuffle(4)(images)), atol=1e-5)


def test_a_doubling_is_reported_by_what_comes_out_of_it():
    pair = Modern(width=4).build(Shape(1, 28))
    assert receptive_field(pair.generator, Shape(1, 28)) == [
        ("stages.0", None, (4, 14, 14)),
        ("stages.1", None, (1, 28, 28)),
    ]


def test_looking_at_a_network_leaves_it_as_it_was():
    chain = Chain()
    before = {name: value.clone() for name, value in chain.state_dict().items()}
    receptive_field(chain, Shape(1, 16))
    assert chain.training
    assert all(torch.equal(before[name], value) for name, value in chain.state_dict().items())
    assert not chain.first._forward_hooks
