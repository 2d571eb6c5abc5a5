import numpy as np
import pytest
import torch
from torch import nn

from ganvas.config.recipes import RECIPES
from ganvas.images import from_uint8
from ganvas.networks.book import BookConv
from ganvas.networks.modern import Modern
from ganvas.networks.pair import Discriminator, DiscriminatorOutput, Shape
from ganvas.networks.reference.dcgan import Dcgan
from ganvas.networks.reference.r3gan import R3gan
from ganvas.networks.reference.sngan import Sngan
from ganvas.networks.units import opinion, pixels_seen, ran, score_gradient, swap_quadrants, unit_sum


def noise(channels, height, width=None):
    random = np.random.default_rng(0)
    return random.integers(0, 256, (channels, height, width or height)).astype(np.uint8)


class Known(Discriminator):
    """One convolution of 2 x 2 ones and a bias of 5; the score is its value at the first place."""

    def __init__(self):
        super().__init__(())
        self.layer = nn.Conv2d(1, 1, 2, stride=2, padding=1)
        nn.init.ones_(self.layer.weight)
        nn.init.constant_(self.layer.bias, 5)

    def forward(self, images, labels):
        return DiscriminatorOutput(self.layer(images)[:, 0, 1, 1])


def test_a_value_is_written_out_as_inputs_times_kernel_plus_bias():
    pixels = np.zeros((1, 6, 6), np.uint8)  # -1 in the network
    pixels[0, 1, 2] = 255  # 1
    found = unit_sum(Known(), pixels, None, 0, 0, 1, 1)
    assert found.value == 5 + (-1 - 1 + 1 - 1)
    assert (found.bias, found.seen) == (5, (1, 1, 3, 3))
    assert found.terms[0].inputs.tolist() == [[-1, 1], [-1, -1]]
    assert found.terms[0].kernel.tolist() == [[1, 1], [1, 1]]
    corner = unit_sum(Known(), pixels, None, 0, 0, 0, 0)  # three of its four inputs lie beyond the edge
    assert corner.value == 4
    assert corner.terms[0].inputs.tolist() == [[0, 0], [0, -1]]
    assert corner.seen == (0, 0, 1, 1)


def test_the_score_looks_where_its_pixels_are():
    gradient = score_gradient(Known(), noise(1, 6), None)
    assert np.argwhere(gradient).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    assert gradient.max() == 1


PAIRS = [
    (Modern(width=4), Shape(1, 28, 3)),
    (Modern(width=4, patch_dct=False), Shape(3, 30)),  # no whole number of patches
    (Modern(width=4, stem="strided"), Shape(3, 32, 5, (2, 3))),
    (Modern(width=8, stem="strided", half_resolution=0.5), Shape(1, 64)),
    (Dcgan(width=4), Shape(1, 28, 3)),
    (Sngan(width=4), Shape(3, 32, 3)),
    (R3gan(width=16), Shape(1, 32, 3)),  # grouped convolutions
    (BookConv(width=4, normalisation="spectral"), Shape(1, 28)),
]


@pytest.mark.parametrize(("settings", "shape"), PAIRS, ids=lambda each: getattr(each, "kind", ""))
def test_the_terms_of_every_layer_of_every_pair_add_up_to_its_value(settings, shape):
    torch.manual_seed(0)
    network = settings.build(shape).discriminator.requires_grad_(False)
    pixels, label = noise(*shape.image), tuple(count - 1 for count in shape.parts) or None
    output, layers = ran(network.eval(), from_uint8(torch.from_numpy(pixels[None])), label)
    assert layers
    for number in {0, len(layers) // 2, len(layers) - 1}:
        layer = layers[number]
        _, count, height, width = layer.output.shape
        for unit, row, column in ((0, 0, 0), (count - 1, height - 1, width // 2)):
            found = unit_sum(network, pixels, label, number, unit, row, column)
            total = found.bias + sum(term.total for term in found.terms)
            assert found.value == pytest.approx(total, abs=1e-4)
            assert found.value == pytest.approx(float(layer.output[0, unit, row, column]), abs=1e-5)
    assert float(opinion(network, pixels[None], label).logits) == pytest.approx(float(output.logits), abs=1e-5)


def test_pixels_seen_of_a_patch_are_three_patches_and_fewer_at_the_edge():
    network = Modern(width=4).build(Shape(1, 28)).discriminator
    assert pixels_seen(network, (1, 28, 28), None, 0, 3, 3) == (8, 8, 20, 20)
    assert pixels_seen(network, (1, 28, 28), None, 0, 0, 6) == (0, 20, 8, 28)


def test_inspecting_a_unit_leaves_no_trace():
    network = BookConv(width=4).build(Shape(1, 28)).discriminator.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    unit_sum(network, noise(1, 28), None, 1, 0, 0, 0)
    score_gradient(network, noise(1, 28), None)
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_quadrants_change_places_and_what_is_left_over_stays():
    pixels = np.arange(15, dtype=np.uint8).reshape(1, 5, 3)
    assert np.array_equal(swap_quadrants(pixels, (0, 1, 2, 3)), pixels)
    swapped = swap_quadrants(pixels, (3, 1, 2, 0))
    assert swapped[0].tolist() == [[7, 1, 2], [10, 4, 5], [6, 0, 8], [9, 3, 11], [12, 13, 14]]


def test_every_recipe_of_a_gan_has_a_discriminator_to_look_into():
    kinds = {recipe("x").pair.kind for recipe in RECIPES.values()} - {"book-classifier", "book-mlp"}
    assert kinds >= {settings.kind for settings, _ in PAIRS} - {"yardstick"}
