"""The linear classifier of features: it finds the one minimum, and generalises where a line separates the classes."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from ganvas.evaluation import linear
from ganvas.evaluation.linear import fit_linear


def clouds(count, seed):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    return (random.normal(size=(count, 5)) + 4 * np.eye(3, 5)[labels]).astype(np.float32), labels.astype(np.int64)


def test_classes_that_a_line_separates_are_recognised_in_fresh_images():
    predict = fit_linear(*clouds(300, 0), 3)
    features, labels = clouds(300, 1)
    assert np.mean(predict(features) == labels) > 0.95


def test_it_predicts_what_the_minimum_found_by_another_solver_predicts():
    features, labels = clouds(60, 4)
    features += np.random.default_rng(5).normal(0, 3, features.shape).astype(np.float32)  # so that they overlap
    scaled = (features - features.mean(0)) / features.std(0)

    def loss(values):
        weights, bias = values[:15].reshape(5, 3), values[15:]
        logits = scaled @ weights + bias
        return np.mean(logsumexp(logits, axis=1) - logits[np.arange(60), labels]) + 0.05 * np.square(weights).sum()

    best = minimize(loss, np.zeros(18), method="BFGS", options={"gtol": 1e-8}).x
    expected = (scaled @ best[:15].reshape(5, 3) + best[15:]).argmax(1)
    assert linear.WEIGHT_PENALTY == 0.1
    assert (fit_linear(features, labels, 3)(features) == expected).all()
    assert 0.4 < np.mean(expected == labels) < 1


def test_the_scale_of_a_feature_and_the_order_of_images_do_not_matter():
    features, labels = clouds(200, 2)
    fresh, _ = clouds(100, 3)
    first = fit_linear(features, labels, 3)(fresh)
    order = np.random.default_rng(0).permutation(200)
    second = fit_linear(features[order] * np.float32(64), labels[order], 3)(fresh * np.float32(64))
    assert (first == second).all()
