import pytest
import torch

from ganvas.networks.evaluator import EvaluatorConfig
from ganvas.networks.pair import Shape
from ganvas.sizes import Size


@pytest.mark.parametrize("size", [16, 17, 28, 45, 64, 127, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_classifies_images_of_every_size(size, channels):
    network = EvaluatorConfig(width=4, features=6).build(Shape(channels, size, 3)).eval()
    images = torch.rand(2, channels, size, size) * 2 - 1
    assert network(images).shape == (2, 3)
    assert network.features(images).shape == (2, 6)


def test_its_logits_are_a_linear_function_of_its_features():
    network = EvaluatorConfig(width=4, features=6).build(Shape(1, 16, 3)).eval()
    images = torch.rand(5, 1, 16, 16)
    assert torch.allclose(network.class_head(network.features(images)), network(images), atol=1e-6)


def test_an_images_features_do_not_depend_on_those_beside_it():
    network = EvaluatorConfig(width=4, features=6).build(Shape(1, 16, 3)).eval()
    images = torch.rand(5, 1, 16, 16)
    assert torch.allclose(network.features(images)[2:3], network.features(images[2:3]), atol=1e-6)


def test_it_sees_transparent_images_on_both_grounds_and_takes_any_shape():
    network = EvaluatorConfig(width=4, features=6).build(Shape(4, Size(20, 33), 3)).eval()
    images = torch.rand(2, 4, 20, 33) * 2 - 1
    assert network(images).shape == (2, 3)
    assert network.maps[0].in_channels == 6
    assert torch.equal(network.class_head(network.features(images)), network(images))
