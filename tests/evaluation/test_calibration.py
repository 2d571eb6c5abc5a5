import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from ganvas.evaluation.calibration import calibration_error, probabilities, temperature


def drawn(scale, count=4000, seed=0):
    """Logits, and labels that follow softmax(logits / scale): at temperature `scale` they are calibrated."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, 4))
    shares = probabilities(logits.astype(np.float32), scale)
    labels = np.array([random.choice(4, p=share) for share in shares])
    return logits.astype(np.float32), labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(scale):
    logits, labels = drawn(scale)
    assert temperature(logits, labels) == pytest.approx(scale, rel=0.15)


def test_calibrated_probabilities_have_a_small_error_and_others_a_large_one():
    logits, labels = drawn(3.0)
    assert calibration_error(probabilities(logits, 3.0), labels) < 0.03
    assert calibration_error(probabilities(logits, 0.5), labels) > 0.2


def test_the_error_worked_out_by_hand():
    # One bin holds all: confidence 0.8, accuracy 0.5.
    shares = np.array([[0.8, 0.2]] * 4)
    assert calibration_error(shares, np.array([0, 0, 1, 1])) == pytest.approx(0.3)


def test_probabilities_sum_to_one_and_keep_their_order():
    logits = np.array([[1.0, 2.0, 4.0]], np.float32)
    for heat in (0.1, 1, 10):
        found = probabilities(logits, heat)
        assert found.sum() == pytest.approx(1)
        assert list(found[0].argsort()) == [0, 1, 2]


def test_the_error_agrees_with_torchmetrics():
    logits, labels = drawn(2.0, count=3000)
    for heat in (0.3, 1.0, 2.0):
        shares = probabilities(logits, heat)
        oracle = multiclass_calibration_error(torch.from_numpy(shares), torch.from_numpy(labels), 4, n_bins=15)
        assert calibration_error(shares, labels) == pytest.approx(float(oracle), rel=1e-4)


def test_certain_and_always_right_is_no_error_and_always_wrong_is_one():
    assert calibration_error(np.eye(3), np.arange(3)) == 0
    assert calibration_error(np.eye(3), (np.arange(3) + 1) % 3) == 1


def test_a_classifier_that_is_always_right_gets_the_coldest_temperature():
    logits = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    assert temperature(logits, np.arange(30) % 3) == pytest.approx(0.05, rel=0.01)
