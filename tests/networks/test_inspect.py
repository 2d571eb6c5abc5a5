import numpy as np
import pytest
import torch
from torch import nn

from ganvas.networks.book import BookConv
from ganvas.networks.inspect import feature_maps, first_weight, parameter_count, receptive_field
from ganvas.networks.layers import PatchDCT
from ganvas.networks.modern import Modern
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Generator, Shape


class Chain(Discriminator):
    """Two convolutions with a pooling between them, and a label that it does not use."""

    def __init__(self, classes=0):
        super().__init__((classes,) if classes else ())
        self.first = nn.Conv2d(1, 2, 3, stride=2)
        self.norm = nn.BatchNorm2d(2)
        self.pool = nn.AvgPool2d(2)
        self.second = nn.Conv2d(2, 5, 3, dilation=2, padding=2)

    def forward(self, images, labels):
        return DiscriminatorOutput(self.second(self.pool(self.norm(self.first(images)))).mean((1, 2, 3)))


def test_a_parameter_count_is_of_what_is_learned_and_not_of_running_averages():
    assert parameter_count(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))) == (3 * 2 + 2) + (2 + 2)


@pytest.mark.parametrize("classes", [0, 3])
def test_receptive_fields_grow_by_kernel_times_all_strides_before(classes):
    # 3; the pooling adds 1 step of 2 px -> 5, jumps 4 px; the dilated kernel adds 2 * 2 steps of 4 px -> 21.
    reports = receptive_field(Chain(classes), Shape(1, 16, classes))
    assert reports == [("first", 3, (2, 7, 7)), ("second", 21, (5, 3, 3))]


def test_a_receptive_field_is_what_the_gradient_of_one_value_reaches():
    chain = nn.Sequential(nn.Conv2d(1, 1, 5, stride=2), nn.Conv2d(1, 1, 4, stride=2), nn.Conv2d(1, 1, 2))
    images = torch.randn(1, 1, 45, 45, requires_grad=True)
    chain(images)[0, 0, 4, 4].backward()
    reached = int((images.grad[0, 0].abs().sum(0) > 0).sum())
    assert receptive_field(chain, Shape(1, 45))[-1].receptive_field == reached


def test_a_patch_counts_as_a_kernel_whose_stride_is_its_side():
    network = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(16, 2, 3, padding=1), nn.Conv2d(2, 1, 2, stride=2))
    reports = receptive_field(network, Shape(1, 16))
    assert [report.receptive_field for report in reports] == [12, 16]  # three patches; then a fourth beside them


def test_transposed_convolutions_report_their_output_and_no_receptive_field():
    class Enlarging(Generator):
        def __init__(self):
            super().__init__(noise_size=4, parts=())
            self.layers = nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.ConvTranspose2d(1, 3, 4, stride=2))

        def forward(self, noise, labels):
            return self.layers(noise)

    assert receptive_field(Enlarging(), Shape(3, 6)) == [("layers.1", None, (3, 6, 6))]


def test_a_layer_of_the_modern_generator_is_reported_by_what_comes_out_of_it():
    pair = Modern(width=4).build(Shape(1, 28))
    assert receptive_field(pair.generator, Shape(1, 28)) == [
        ("stages.0", None, (4, 14, 14)),
        ("stages.1", None, (1, 28, 28)),
    ]


@pytest.mark.parametrize("training", [True, False])
def test_inspecting_a_network_leaves_it_as_it_was(training):
    network = BookConv(width=4).build(Shape(1, 28)).discriminator.train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    receptive_field(network, Shape(1, 28))
    feature_maps(network, np.full((1, 28, 28), 200, np.uint8), None)
    assert all(module.training == training for module in network.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_network_that_fails_is_left_as_it_was():
    network = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Linear(1, 1)).train()
    with pytest.raises(RuntimeError):
        receptive_field(network, Shape(1, 16))
    assert network.training
    assert not network[0]._forward_hooks


@pytest.mark.parametrize(
    ("convolutions", "names"), [(0, []), (1, ["low"]), (2, ["low", "high"]), (3, ["low", "middle", "high"])]
)
def test_feature_maps_are_of_the_first_a_middle_and_the_last_convolution(convolutions, names):
    layers = [nn.Conv2d(1 if index == 0 else 2, 2, 3, padding=1) for index in range(convolutions)]
    network = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(1))
    network(torch.zeros(1, 1, 8, 8))
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    maps = feature_maps(network, pixels, None)
    assert list(maps) == names
    images = torch.from_numpy(pixels[None]) / 127.5 - 1
    with torch.no_grad():
        for name, end in zip(names, {3: (1, 2, 3)}.get(convolutions, (1, 2)), strict=False):
            assert np.allclose(maps[name], network[:end](images)[0], atol=1e-6)


def test_feature_maps_are_of_the_label_that_is_given():
    class Brightened(Discriminator):
        def __init__(self):
            super().__init__((2,))
            self.layer = nn.Conv2d(1, 1, 1)

        def forward(self, images, labels):
            return DiscriminatorOutput(self.layer(images + labels[:, :, None, None]).sum((1, 2, 3)))

    network, pixels = Brightened(), np.zeros((1, 4, 4), np.uint8)
    difference = feature_maps(network, pixels, [1])["low"] - feature_maps(network, pixels, [0])["low"]
    assert np.allclose(difference, network.layer.weight.item(), atol=1e-6)


def test_the_first_weight_is_the_first_layers():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Linear(2, 1))
    assert np.allclose(first_weight(network), network[1].weight.detach())


@pytest.mark.parametrize("patchify", [nn.PixelUnshuffle(2), PatchDCT(2)])
def test_the_first_weight_behind_patches_is_shown_on_pixels(patchify):
    network = nn.Sequential(patchify, nn.Conv2d(4, 3, 2, stride=2, bias=False))
    weight = first_weight(network)
    assert weight.shape == (3, 1, 4, 4)
    image = torch.randn(1, 1, 4, 4)
    by_pixels = (torch.from_numpy(weight).float() * image).sum(dim=(1, 2, 3))
    assert torch.allclose(network(image).flatten(), by_pixels, atol=1e-6)


def test_a_network_without_layers_has_no_first_weight():
    with pytest.raises(AssertionError, match="without a layer"):
        first_weight(nn.Sequential(nn.Flatten()))
