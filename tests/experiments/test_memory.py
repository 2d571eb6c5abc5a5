"""The measured memory is what was allocated, and the predicted one is what one counts by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ganvas import machine
from ganvas.config.recipes import configure
from ganvas.config.run import ComputeConfig
from ganvas.experiments import memory
from ganvas.experiments.experiment import Trial, Variant
from ganvas.experiments.questions.memory import EXPERIMENT, FAMILIES, SIZES
from ganvas.networks.book import BookMLP
from ganvas.networks.pair import Shape
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer


def task(row, seed=0, folder=Path()):
    return Trial(row.name, seed, 0.0, "unused", folder)


@pytest.fixture
def trainer_of():
    """trainer_of("book-gan", 16) -> a trainer on noise."""

    def build(recipe, size):
        run, prepared = configure("noise", recipe), memory.noise_set(size, 0)
        return build_trainer(run, prepared, Engine.for_trials(ComputeConfig(1, "float32", "contiguous")))

    return build


def test_every_family_is_tried_at_every_size_as_a_point_of_its_line():
    assert [(row.line, row.x) for row in EXPERIMENT.variants] == [
        (family, size) for family in FAMILIES for size in SIZES
    ]
    names = {row.name for row in EXPERIMENT.variants}
    assert len(names) == len(EXPERIMENT.variants)
    assert "fully connected, 128 px" in names
    assert all({*each.of, *each.against} <= names for each in EXPERIMENT.comparisons)
    assert not EXPERIMENT.needs_evaluator


def test_noise_is_the_same_for_a_seed_and_has_three_channels_and_no_labels():
    first, again, other = (memory.noise_set(16, seed) for seed in (0, 0, 1))
    assert first.pixels.shape == (memory.IMAGES, 3, 16, 16)
    assert np.array_equal(first.pixels, again.pixels)
    assert not np.array_equal(first.pixels, other.pixels)
    assert first.labels is None
    assert first.pixels.max() > 250


def test_values_of_a_chain_are_those_of_its_layers_counted_by_hand():
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 6 * 6, 5))
    assert memory.output_values(network, Shape(3, 8)) == 3 * 72 + 5
    pair = BookMLP(hidden=7).build(Shape(3, 16))
    # Hidden, nonlinearity, normalisation, image, and the image reshaped.
    assert memory.output_values(pair.generator, Shape(3, 16)) == 3 * 7 + 2 * 768
    assert memory.output_values(pair.discriminator, Shape(3, 16)) == 3 * 7 + 1


def test_counting_values_leaves_no_hook():
    network = nn.Sequential(nn.Linear(4, 4))
    with pytest.raises(RuntimeError):
        memory.output_values(network, Shape(3, 8))
    assert not network[0]._forward_hooks


def test_the_prediction_is_four_numbers_a_weight_and_the_values_of_the_layers():
    variant = Variant("x", {"recipe": "book-gan", "size": 16})
    weights = (100 * 200 + 200 + 400 + 200 * 768 + 768) + (768 * 200 + 200 + 400 + 200 + 1)
    predicted = memory.measure_memory(task(variant), variant)["predicted"]
    assert predicted * memory.MB == pytest.approx(4 * (4 * weights + (600 + 2 * 768) + 601))


def test_a_step_is_timed_for_the_seconds_and_over_a_few_steps_at_least(trainer_of):
    trainer = trainer_of("book-gan", 16)
    steps = []
    counting = replace(trainer, step=lambda step, progress: steps.append(step))
    assert memory.seconds_a_step(counting, 0.0) >= 0
    assert steps == list(range(memory.FEWEST))
    steps.clear()
    real = replace(trainer, step=lambda step, progress: (steps.append(step), trainer.step(step, progress))[1])
    memory.seconds_a_step(real, 0.05)
    assert len(steps) > memory.FEWEST


def test_the_peak_remembers_what_is_gone_until_it_is_forgotten():
    memory.forget_peak()
    before = memory.peak()
    if before is None:
        pytest.skip("the system says nothing about memory")
    size = 300 * memory.MB  # above what the tests before may have left free
    held = torch.ones(size // 4)
    del held
    assert memory.peak() >= before + size // 2
    memory.forget_peak()
    if memory.peak() >= before + size // 2:
        pytest.skip("the system does not let a peak begin anew")
    assert memory.peak() < before + size // 2


def test_where_there_is_no_status_the_peak_is_the_processes_own(monkeypatch):
    def none(*_, **__):
        raise OSError

    monkeypatch.setattr(memory.Path, "read_text", none)
    monkeypatch.setattr(memory.Path, "write_text", none)
    monkeypatch.setattr(machine, "peak_memory_bytes", lambda: 5)
    memory.forget_peak()
    assert memory.peak() == 5
    monkeypatch.setattr(memory.Path, "read_text", lambda *_, **__: "Name: x\n")
    assert memory.peak() == 5


@pytest.mark.parametrize("recipe", ["book-gan", "book-conv"])
def test_a_trial_gives_every_measure_of_the_question(recipe):
    row = Variant("x", {"recipe": recipe, "size": 16})
    result = memory.measure_memory(task(row), row)
    assert set(result) <= {each.name for each in EXPERIMENT.measures}
    assert result["milliseconds"] > 0
    assert result["predicted"] > 0
    assert result.get("memory", 0) >= 0


def test_where_nothing_is_known_of_memory_there_is_no_figure_of_it(monkeypatch):
    monkeypatch.setattr(memory, "peak", lambda: None)
    row = Variant("x", {"recipe": "book-gan", "size": 16})
    assert set(memory.measure_memory(task(row), row)) == {"milliseconds", "parameters", "predicted"}


def test_parameters_grow_with_the_images_faster_for_the_fully_connected_pair(trainer_of):
    def millions(recipe, size):
        trainer = trainer_of(recipe, size)
        return sum(each.numel() for network in trainer.networks.values() for each in network.parameters()) / 1e6

    # 3 x 28 x 28 values, to and from 200 hidden ones.
    assert millions("book-gan", 28) == pytest.approx((200 * 101 + 400 + 201 * 2352 + 2353 * 200 + 400 + 201) / 1e6)
    assert millions("book-gan", 56) / millions("book-gan", 28) > 3.5
    assert millions("book-conv", 28) < millions("book-gan", 28)
