"""A probe predicts what a layer holds, and nothing from noise."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ganvas.experiments import probes
from ganvas.experiments.experiment import Trial, Variant
from ganvas.experiments.probes import (
    FEATURES,
    PIXELS,
    edges,
    kappa,
    layer_maps,
    ridge_predict,
    stroke_counts,
    values_at,
)
from ganvas.experiments.questions.hierarchy import EXPERIMENT, LAYERS, TARGETS
from ganvas.networks.evaluator import EvaluatorConfig
from ganvas.networks.pair import Shape
from ganvas.rng import seed_weights


@pytest.fixture
def chance():
    return np.random.default_rng(0)


def test_every_target_is_probed_at_every_layer_and_is_a_line_of_the_chart():
    assert [(row.line, row.x) for row in EXPERIMENT.variants] == [
        (TARGETS[what], layer) for what in TARGETS for layer in LAYERS
    ]
    names = {row.name for row in EXPERIMENT.variants}
    assert len(names) == len(TARGETS) * len(LAYERS)
    assert all({*each.of, *each.against} <= names for each in EXPERIMENT.comparisons)
    assert {each.measure for each in EXPERIMENT.comparisons} <= {each.name for each in EXPERIMENT.measures}


def test_kappa_is_nothing_for_guessing_and_one_for_knowing():
    truth = np.array([0, 0, 0, 1, 1, 2])
    assert kappa(truth, truth) == 1
    assert kappa(truth, np.zeros(6, np.int64)) == 0
    assert kappa(np.zeros(6, np.int64), np.zeros(6, np.int64)) == 0
    # Observed 3 / 4; expected 1/2 x 1/4 + 1/2 x 3/4.
    assert kappa(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])) == pytest.approx((0.75 - 0.5) / 0.5)
    assert kappa(np.array([0, 1]), np.array([1, 0])) == -1


def test_a_probe_finds_what_lies_along_a_line(chance):
    values = chance.normal(size=(400, 30))
    answers = (values[:, 3] + 0.1 * values[:, 7] > 0) * 2
    result = ridge_predict(values[:300], answers[:300], values[300:])
    assert kappa(answers[300:], result) > 0.6
    assert set(result) == {0, 2}


def test_a_probe_works_with_more_values_than_images(chance):
    directions = chance.normal(size=(4, 900))
    answers = chance.integers(4, size=300)
    values = directions[answers] * 0.5 + chance.normal(size=(300, 900)) + 40
    assert kappa(answers[200:], ridge_predict(values[:200], answers[:200], values[200:])) > 0.9


def test_a_probe_finds_nothing_in_noise(chance):
    values, answers = chance.normal(size=(600, 50)), chance.integers(3, size=600)
    assert abs(kappa(answers[300:], ridge_predict(values[:300], answers[:300], values[300:]))) < 0.15


def test_equal_values_and_a_single_class_are_no_error(chance):
    answers = chance.integers(3, size=40)
    assert len(ridge_predict(np.zeros((40, 2)), answers, np.zeros((7, 2)))) == 7
    assert ridge_predict(chance.normal(size=(40, 2)), np.full(40, 5), np.zeros((3, 2))).tolist() == [5, 5, 5]


def ramp(rising_by_row, rising_by_column):
    rows, columns = np.mgrid[:8, :8]
    return (128 + 12 * rising_by_row * (rows - 4) + 12 * rising_by_column * (columns - 4)).astype(np.uint8)


def test_an_edge_points_where_brightness_rises():
    ways = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]  # right, then on with the clock
    pixels = np.stack([ramp(*way) for way in ways])[:, None]
    positions, sectors = edges(pixels, np.full(8, 0.5, np.float32))
    assert sectors.tolist() == list(range(8))
    assert positions.shape == (8, 2)


def test_an_edge_lies_where_it_is_steep(chance):
    pixels = chance.integers(0, 10, (50, 1, 12, 12)).astype(np.uint8)
    pixels[:, :, :, 6:] += 200
    positions, sectors = edges(pixels, chance.random(50, np.float32))
    assert set(positions[:, 1]) == {5, 6}
    assert len(set(positions[:, 0])) > 5
    assert set(sectors) == {0}


def test_a_flat_image_has_an_edge_too():
    positions, sectors = edges(np.zeros((2, 1, 4, 4), np.uint8), np.array([0.0, 0.99], np.float32))
    assert positions.tolist() == [[0, 0], [3, 3]]
    assert sectors.tolist() == [0, 0]


def test_a_position_of_an_image_is_scaled_to_a_smaller_map():
    maps = np.arange(2 * 3 * 4 * 4).reshape(2, 3, 4, 4).astype(float)
    result = values_at(maps, np.array([[0, 15], [9, 4]]), 16)
    assert result.tolist() == [maps[0, :, 0, 3].tolist(), maps[1, :, 2, 1].tolist()]
    assert values_at(maps[:, :, :1, :1], np.array([[0, 15], [9, 4]]), 16).shape == (2, 3)


def test_layers_are_pixels_then_maps_then_features():
    network = EvaluatorConfig(width=4, features=6).build(Shape(1, 28, 3))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28)).astype(np.uint8)
    shapes = [layer_maps(network, pixels, layer, batch=2).shape for layer in LAYERS]
    assert shapes == [(5, 1, 28, 28), (5, 4, 14, 14), (5, 8, 7, 7), (5, 8, 7, 7), (5, 6, 1, 1)]
    second, last = (layer_maps(network, pixels, layer) for layer in (2, 3))
    assert not np.array_equal(second, last)
    assert all(layer_maps(network, pixels, layer).min() >= 0 for layer in (1, 2, 3, FEATURES))
    assert np.allclose(layer_maps(network, pixels, PIXELS), pixels / 127.5 - 1, atol=1e-6)
    assert network.training


def test_the_last_maps_are_the_deepest_of_a_large_image():
    network = EvaluatorConfig(width=4, features=6).build(Shape(3, 64, 3)).eval()
    pixels = np.zeros((1, 3, 64, 64), np.uint8)
    assert [layer_maps(network, pixels, layer).shape[2] for layer in LAYERS] == [64, 32, 16, 4, 1]


def test_many_loops_and_ends_count_as_the_most():
    comb = np.zeros((1, 1, 16, 16), np.uint8)
    comb[0, 0, 8] = 255
    comb[0, 0, 2:14, ::3] = 255
    assert stroke_counts(comb, "ends").tolist() == [probes.MOST_ENDS]
    grid = np.zeros((1, 1, 16, 16), np.uint8)
    grid[0, 0, ::5] = grid[0, 0, :, ::5] = 255
    assert stroke_counts(grid, "loops").tolist() == [probes.MOST_LOOPS]


def test_the_untrained_network_has_the_weights_that_the_trained_one_begins_with(tiny_source, monkeypatch):
    networks = []

    def fitted(prepared, trial):
        seed_weights(trial.seed, "judge")  # as every fit begins
        return EvaluatorConfig().build(Shape(1, 16, len(prepared.classes)))

    monkeypatch.setattr(probes, "fit_to", fitted)
    monkeypatch.setattr(probes, "probe_score", lambda network, *_: networks.append(network) or 0.0)
    trial = Trial("x", 3, 0.1, str(tiny_source), Path())
    probes.measure_probe(trial, Variant("x", {"asked": "class", "layer": 1}))
    untrained, trained = networks
    assert untrained is not trained
    assert all(torch.equal(a, b) for a, b in zip(trained.parameters(), untrained.parameters(), strict=True))


@pytest.mark.parametrize(("asked", "layer"), [("gradient", 1), ("loops", 2), ("ends", 3), ("class", FEATURES)])
def test_a_trial_gives_a_score_that_of_no_training_and_their_difference(tiny_source, asked, layer):
    row = Variant("x", {"asked": asked, "layer": layer})
    result = probes.measure_probe(Trial("x", 0, 0.05, str(tiny_source), Path()), row)
    assert set(result) == {each.name for each in EXPERIMENT.measures}
    assert result["learned"] == result["score"] - result["untrained"]
    assert -1 <= result["score"] <= 1


def test_pixels_need_no_training(tiny_source, monkeypatch):
    monkeypatch.setattr(probes, "fit_to", None)
    row = Variant("x", {"asked": "class", "layer": PIXELS})
    result = probes.measure_probe(Trial("x", 0, 0.05, str(tiny_source), Path()), row)
    assert result["score"] == result["untrained"]
    assert result["learned"] == 0
