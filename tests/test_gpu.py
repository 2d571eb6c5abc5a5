"""What only a GPU shows. Skipped where there is none."""

import json

import numpy as np
import pytest
import torch

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig
from ganvas.data import open_source
from ganvas.objectives.augment import translate, translate_by_products
from ganvas.training import trainer
from ganvas.training.capture import STEPS_BEFORE
from ganvas.training.engine import Engine

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]
RECIPES = ["modern", "book-conditional", "book-classifier", "yardstick"]


@pytest.fixture
def trained(tiny_source, small):
    """trained(recipe, steps, engine class) -> every weight after so many steps."""

    def run(recipe, steps, kind=Engine):
        prepared = open_source(str(tiny_source))
        compute = ComputeConfig(1, "float32", "channels-last")
        resolved = resolve(configure(str(tiny_source), recipe, small(recipe)), prepared, compute)
        built = trainer.build_trainer(resolved, prepared, kind(alone=True).configure(compute))
        for number in range(steps):
            built.advance(number, number / steps)
        torch.cuda.synchronize()
        return {f"{n}/{k}": v.cpu() for n, net in built.networks.items() for k, v in net.state_dict().items()}

    return run


class Uncaptured(Engine):
    captures_steps = False


@pytest.mark.parametrize("recipe", RECIPES)
def test_recorded_steps_train_as_steps_one_by_one(trained, recipe):
    steps = 8 * (STEPS_BEFORE + 3)
    one, other = trained(recipe, steps), trained(recipe, steps, Uncaptured)
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_runs_end_bit_for_bit_equal(trained, recipe):
    one, other = trained(recipe, 60), trained(recipe, 60)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_run_that_is_killed_and_resumed_ends_bit_for_bit_equal(train_small, contents, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    whole = train_small(tmp_path / "whole", training={"images": 640})
    original = trainer.Trainer.advance

    def dying(self, number, progress):
        if number == 53:
            raise Killed
        return original(self, number, progress)

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "advance", dying)
        with pytest.raises(Killed):
            train_small(tmp_path / "killed", training={"images": 640})
    resumed = train_small(tmp_path / "killed", training={"images": 640})
    assert contents(resumed.bundle) == contents(whole.bundle)


def test_images_are_kept_on_the_gpu_where_they_fit(monkeypatch):
    engine, pixels = Engine(alone=True), np.zeros((10, 1, 16, 16), np.uint8)
    assert engine.keep_on_device(pixels).is_cuda
    monkeypatch.setattr("ganvas.training.engine.RESIDENT_SHARE", 0.0)
    assert engine.keep_on_device(pixels) is None


def test_memory_does_not_grow_from_step_to_step(tiny_source, small):
    prepared = open_source(str(tiny_source))
    compute = ComputeConfig(1, "bfloat16", "channels-last")
    resolved = resolve(configure(str(tiny_source), "modern", small()), prepared, compute)
    built = trainer.build_trainer(resolved, prepared, Engine(alone=True).configure(compute))
    used = []
    for number in range(200):
        built.advance(number, 0.0)
        if number in (100, 199):
            torch.cuda.synchronize()
            used.append(torch.cuda.memory_allocated())
    assert used[1] <= used[0]


def test_shifting_by_products_is_shifting(tiny_prepared):
    images = torch.rand(6, 3, 20, 20, device="cuda")
    shifts = torch.randint(-3, 4, (6, 2), device="cuda")
    assert torch.equal(translate(images, shifts).cpu(), translate(images.cpu(), shifts.cpu()))
    assert torch.equal(translate_by_products(images, shifts), translate(images, shifts))


def test_a_run_on_a_gpu_says_which(train_small, tmp_path):
    run = train_small(tmp_path / "run")
    assert json.loads(run.record.read_text())["machine"]["device"] == torch.cuda.get_device_name()
