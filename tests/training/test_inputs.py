"""The inputs of a step: images with their labels, the same whether they are moved one step at a time or in blocks."""

import dataclasses

import numpy as np
import pytest
import torch

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig
from ganvas.data.batches import Batches
from ganvas.training import inputs
from ganvas.training.engine import Engine
from ganvas.training.inputs import Inputs, drawer, step_inputs

COMPUTE = ComputeConfig(1, "float32", "contiguous")


class Ahead(Engine):
    """An engine that works ahead as a GPU does, and keeps the images where they are wanted."""

    works_ahead, keeps = True, False

    def keep_on_device(self, pixels):
        return torch.from_numpy(np.array(pixels)) if self.keeps else None


class Keeping(Ahead):
    keeps = True


@pytest.fixture
def inputs_of(tiny_source, tiny_prepared, small):
    def make(recipe="modern", engine=Engine, compute=COMPUTE, **above):
        run = resolve(configure(str(tiny_source), recipe, small(recipe, **above)), tiny_prepared, compute, 800)
        made = engine(alone=True).configure(compute)
        batches = Batches(tiny_prepared, run.training.batch, run.seed, "epochs", run.labels == "on")
        return Inputs(drawer(run, run.objective, tiny_prepared, 5, batches, made), tiny_prepared, made)

    return make


def test_images_are_float32_in_minus_one_to_one_with_the_labels_that_are_theirs(inputs_of, tiny_prepared):
    drawn = inputs_of().at(3)
    assert drawn["real"].shape == (8, 1, 16, 16)
    assert drawn["real"].dtype == torch.float32
    assert drawn["real"].abs().max() <= 1
    pixels = ((drawn["real"] + 1) * 127.5).round().to(torch.uint8).numpy()
    for image, label in zip(pixels, drawn["labels"][:, 0].tolist(), strict=True):
        rows = [row for row in tiny_prepared.train if (tiny_prepared.pixels[row] == image).all()]
        assert label in {int(tiny_prepared.labels[row]) for row in rows}


def test_images_lie_as_the_compute_settings_say(inputs_of):
    compute = ComputeConfig(1, "float32", "channels-last")
    assert inputs_of(compute=compute).at(0)["real"].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("engine", [Ahead, Keeping])
@pytest.mark.parametrize(
    ("recipe", "above"),
    [
        ("modern", {"objective": {"augment": "on", "fake_labels": "uniform"}}),
        ("modern", {"labels": "off"}),
        ("book-conditional", {}),
    ],
)
def test_blocks_that_are_moved_ahead_hold_the_same_as_steps_one_by_one(inputs_of, engine, recipe, above):
    plain, ahead = inputs_of(recipe, **above), inputs_of(recipe, engine, **above)
    for step in [*range(70), 200, 199, 31, 47, 48, 95, 96]:  # a resumed run begins anywhere
        expected, found = step_inputs(plain.at(step)), step_inputs(ahead.at(step))
        for field in dataclasses.fields(expected):
            one, other = getattr(expected, field.name), getattr(found, field.name)
            assert (one is None) == (other is None)
            assert one is None or torch.equal(one, other)


def test_a_block_is_drawn_before_its_first_step_is_due_and_old_ones_are_let_go(inputs_of, monkeypatch):
    ahead = inputs_of(engine=Ahead)
    drawn = []
    original = ahead._draw
    monkeypatch.setattr(ahead, "_draw", lambda step: drawn.append(step) or original(step))
    for step in range(3 * inputs.BLOCK):
        ahead.at(step)
        if step == inputs.BLOCK // 2:
            assert drawn[-1] == 2 * inputs.BLOCK - 1
    assert drawn == list(range(4 * inputs.BLOCK))
    assert len(ahead._blocks) == 2
