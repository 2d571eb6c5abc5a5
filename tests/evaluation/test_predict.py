import numpy as np
import pytest
import torch

from ganvas.evaluation.predict import accuracy, confusion_matrix, predict
from ganvas.images import from_uint8
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.pair import Shape


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (7, 1, 16, 16), dtype=np.uint8)


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    return BookClassifier().build(Shape(1, 16, 3))


def test_prediction_is_the_classifiers_logits_in_eval_mode(classifier, pixels):
    logits = predict(classifier, pixels)
    with torch.no_grad():
        expected = classifier.eval()(from_uint8(torch.from_numpy(pixels))).numpy()
    assert logits.dtype == np.float32
    assert np.allclose(logits, expected)


def test_prediction_does_not_depend_on_the_batch_size(classifier, pixels):
    assert np.allclose(predict(classifier, pixels, batch=3), predict(classifier, pixels), atol=1e-6)


def test_prediction_leaves_the_classifier_as_it_was(classifier, pixels):
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    predict(classifier, pixels)
    assert classifier.training
    assert all(torch.equal(before[name], value) for name, value in classifier.state_dict().items())


def test_a_read_only_memory_map_can_be_classified(classifier, pixels, tmp_path):
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    assert np.array_equal(predict(classifier, mapped), predict(classifier, pixels))


def test_confusion_counts_true_classes_in_rows_and_predictions_in_columns():
    labels, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 2, 2])
    assert confusion_matrix(labels, predicted, 4).tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]


def test_accuracy_is_the_share_on_the_diagonal():
    labels, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 2, 2])
    assert accuracy(labels, predicted) == pytest.approx(4 / 6)
    assert np.trace(confusion_matrix(labels, predicted, 3)) / len(labels) == accuracy(labels, predicted)


def test_no_images_raise_an_assertion(classifier):
    with pytest.raises(AssertionError, match="no images"):
        predict(classifier, np.zeros((0, 1, 16, 16), np.uint8))
