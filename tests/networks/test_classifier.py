import pytest
import torch
from torch import nn

from ganvas.networks.classifier import BookClassifier
from ganvas.networks.inspect import parameter_count, receptive_field
from ganvas.networks.pair import Shape

DIGITS = Shape(1, 28, 10)


def test_the_classifier_is_the_books_at_28_px():
    classifier = BookClassifier().build(DIGITS)
    block = [nn.Conv2d, nn.LeakyReLU, nn.BatchNorm2d]
    assert [type(layer) for layer in classifier.layers] == [*block, *block, nn.Flatten, nn.Linear]
    assert receptive_field(classifier, DIGITS) == [
        ("layers.convolution1", 5, (10, 12, 12)),
        ("layers.convolution2", 9, (10, 5, 5)),
    ]
    assert {layer.negative_slope for layer in classifier.layers if isinstance(layer, nn.LeakyReLU)} == {0.02}
    assert classifier.layers.linear.in_features == 250
    assert parameter_count(classifier) == (25 * 10 + 10 + 20) + (10 * 10 * 9 + 10 + 20) + (250 * 10 + 10)


def test_it_reads_the_books_range():
    classifier = BookClassifier().build(DIGITS).eval()
    book = torch.rand(2, 1, 28, 28)
    assert torch.allclose(classifier(book * 2 - 1), classifier.layers(book), atol=1e-5)


@pytest.mark.parametrize("size", [16, 17, 28, 45, 64, 127, 128])
def test_at_every_size_it_ends_in_a_logit_per_class_from_a_small_map(size):
    shape = Shape(3, size, 4)
    classifier = BookClassifier(normalisation="layer").build(shape)
    assert classifier(torch.zeros(2, *shape.image)).shape == (2, 4)
    assert 2 <= receptive_field(classifier, shape)[-1].output[1] <= 8


def test_a_classifier_without_classes_is_our_mistake():
    with pytest.raises(AssertionError, match="needs classes"):
        BookClassifier().build(Shape(1, 28))


def test_it_learns_to_tell_bright_images_from_dark_ones():
    torch.manual_seed(0)
    classifier = BookClassifier().build(Shape(1, 16, 2))
    optimiser = torch.optim.Adam(classifier.parameters())
    labels = torch.arange(32) % 2
    images = (labels.float() - 0.5)[:, None, None, None] + 0.1 * torch.randn(32, 1, 16, 16)
    one_hot = nn.functional.one_hot(labels, 2).float()
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(classifier(images), one_hot).backward()
        optimiser.step()
    assert classifier(images).argmax(1).tolist() == labels.tolist()
