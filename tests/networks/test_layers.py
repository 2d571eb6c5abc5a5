import pytest
import torch
from torch import nn

from ganvas.errors import UserError
from ganvas.networks.layers import (
    FEW_CHANNELS,
    PatchDCT,
    Upsample2x,
    VectorBatchNorm,
    activation,
    blur_matrix,
    flatten_channels_last,
    normalisation,
    pyramid,
    spectral_norm,
    unflatten_channels_last,
)
from ganvas.sizes import Size


@pytest.mark.parametrize(
    ("size", "levels"),
    [
        ((8, 8), [(3, (8, 8))]),
        ((9, 9), [(3, (9, 9)), (16, (4, 4))]),
        ((28, 28), [(3, (28, 28)), (16, (14, 14)), (32, (7, 7))]),
        ((45, 45), [(3, (45, 45)), (16, (22, 22)), (32, (11, 11)), (64, (5, 5))]),
        ((28, 9), [(3, (28, 9)), (16, (14, 4)), (32, (7, 2))]),
    ],
)
def test_in_a_pyramid_sides_halve_until_at_most_8_and_channels_double(size, levels):
    assert pyramid(Size(*size), width=16, channels=3) == levels


def test_a_level_knows_what_twice_the_level_below_lacks():
    above, below = pyramid(Size(17, 12), width=16, channels=3)[:2]
    assert above.extra(below) == (1, 0)
    assert (below.shape, below.values) == ((16, 8, 6), 768)


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
    assert not list(layer.parameters())


def test_a_spectrally_normalised_layer_never_lengthens_a_vector():
    torch.manual_seed(0)
    layer = nn.Linear(6, 6, bias=False)
    nn.init.normal_(layer.weight, std=10)
    bounded = spectral_norm(layer)
    for _ in range(50):  # each forward pass refines the estimate of the largest singular value
        bounded(torch.randn(1, 6))
    largest = torch.linalg.matrix_norm(bounded.eval().weight, ord=2)
    assert largest.item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("after", [3, FEW_CHANNELS])
@pytest.mark.parametrize("extra", [0, 1, (0, 1), (1, 0)])
def test_upsampling_is_a_transposed_convolution_by_either_way(extra, after):
    layer, maps = Upsample2x(5, after, extra), torch.randn(2, 5, 6, 7)
    expected = nn.functional.conv_transpose2d(maps, layer.weight, layer.bias, stride=2, padding=1, output_padding=extra)
    down, across = (extra, extra) if isinstance(extra, int) else extra
    assert expected.shape == (2, after, 12 + down, 14 + across)
    assert torch.allclose(layer(maps), expected, atol=1e-6)
    assert torch.allclose(layer.as_convolution(maps), expected, atol=1e-6)


def test_upsampling_starts_with_weights_for_the_four_inputs_of_a_pixel():
    layer = Upsample2x(16, 64)
    assert 0.12 < layer.weight.abs().max().item() <= 1 / 8
    assert 0.1 < layer.bias.abs().max().item() <= 1 / 8


def test_flattening_goes_pixel_by_pixel_and_can_be_undone():
    maps = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    flat = flatten_channels_last(maps)
    assert flat[0, :3].tolist() == maps[0, :, 0, 0].tolist()
    assert torch.equal(unflatten_channels_last(flat, (3, 4, 5)), maps)
    assert unflatten_channels_last(flat, (3, 4, 5)).is_contiguous(memory_format=torch.channels_last)


def test_blurring_removes_a_checkerboard_and_leaves_a_constant():
    blur = blur_matrix(6)
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(6), indexing="ij")
    board = 1.0 - 2 * ((rows + columns) % 2)
    assert (blur @ board @ blur.T)[1:-1, 1:-1].abs().max() == 0
    assert torch.equal(blur @ torch.ones(3, 6, 6) @ blur.T, torch.ones(3, 6, 6))
    spike = torch.zeros(6, 6)
    spike[2, 3] = 16
    assert (blur @ spike @ blur.T)[1:4, 2:5].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


def test_cosines_are_orthogonal_weaker_with_frequency_and_keep_the_variance_of_noise():
    basis = PatchDCT(4).basis
    products = basis @ basis.T
    assert torch.allclose(products, torch.diag(products.diagonal()), atol=1e-6)
    ratios = products.diagonal().sqrt().view(4, 4) / products[0, 0].sqrt()
    assert torch.allclose(ratios, 1 / (1.0 + torch.arange(4)[:, None] + torch.arange(4)))
    assert products.diagonal().mean() == pytest.approx(1)


def test_a_patch_of_one_grey_has_its_lowest_frequency_alone():
    coefficients = PatchDCT(4)(torch.full((1, 2, 8, 4), 0.5))  # two channels, two patches
    assert coefficients.shape == (1, 32, 2, 1)
    first = torch.zeros(32, dtype=torch.bool)
    first[[0, 16]] = True
    assert (coefficients[:, first] > 0.5).all()
    assert coefficients[:, ~first].abs().max() < 1e-6


def test_a_layer_behind_cosines_equals_one_behind_pixels():
    dct, layer, same = PatchDCT(4), nn.Conv2d(32, 3, 3, padding=1), nn.Conv2d(32, 3, 3, padding=1)
    images = torch.randn(2, 2, 12, 16)
    with torch.no_grad():
        same.bias.copy_(layer.bias)
        same.weight.copy_(dct.in_pixels(layer.weight))
        assert torch.allclose(layer(dct(images)), same(nn.PixelUnshuffle(4)(images)), atol=1e-5)
