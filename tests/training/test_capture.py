"""Recorded steps train as steps that are taken one by one. The recorder is a stand-in: see tests/test_gpu.py."""

import copy

import pytest
import torch
from torch import nn

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig
from ganvas.training import trainer
from ganvas.training.capture import STEPS_BEFORE, CapturedSteps, Recording
from ganvas.training.engine import Engine
from ganvas.training.loop import gradient_norms
from ganvas.training.step import step_kind

COMPUTE = ComputeConfig(1, "float32", "contiguous")


class Capturing(Engine):
    """An engine that records steps."""

    captures_steps = True


class Recorder:
    """Does what CUDA's does: a recorded step is not taken, and its replays write to where the recorded one did."""

    def __init__(self, networks, optimisers, refuses=""):
        self.networks, self.optimisers, self.refuses, self.recorded = networks, optimisers, refuses, 0

    def __call__(self, step):
        if self.refuses:
            raise RuntimeError(f"{self.refuses}\nCompile with ...")
        self.recorded += 1
        everything = [*self.networks, *self.optimisers]
        before = [copy.deepcopy(each.state_dict()) for each in everything]
        metrics = step()
        gradients = self.gradients()
        for each, state in zip(everything, before, strict=True):
            each.load_state_dict(state)

        def replay():
            for target, new in zip(metrics.values(), step().values(), strict=True):
                target.copy_(new)
            for target, new in zip(gradients, self.gradients(), strict=True):
                if target is not None:
                    target.copy_(new)

        return Recording(replay, metrics)

    def gradients(self):
        return [parameter.grad for network in self.networks for parameter in network.parameters()]


@pytest.fixture
def new_trainer(tiny_source, tiny_prepared, small, monkeypatch):
    """new_trainer(recipe, recorded, **choices) -> (a trainer, its captured steps or None)."""

    def make(recipe, recorded, refuses="", **above):
        run = resolve(configure(str(tiny_source), recipe, small(recipe, **above)), tiny_prepared, COMPUTE)
        made = []

        def captured(play, kind_of, networks, record):
            made.append(CapturedSteps(play, kind_of, networks, Recorder(networks, optimisers, refuses)))
            return made[-1]

        optimisers = []
        build = trainer.build_optimiser
        with monkeypatch.context() as patch:
            patch.setattr(trainer, "CudaRecorder", lambda: None)
            patch.setattr(trainer, "CapturedSteps", captured)
            # On a CPU a fused optimiser takes no learning rate from memory.
            patch.setattr(
                trainer, "build_optimiser", lambda *given: optimisers.append(build(*given[:2])) or optimisers[-1]
            )
            engine = (Capturing if recorded else Engine)(alone=True).configure(COMPUTE)
            built = trainer.build_trainer(run, tiny_prepared, engine)
        return built, made[0] if made else None

    return make


CASES = [
    ("modern", {"objective": {"penalty_every": 4, "augment": "on"}}),
    ("modern", {"objective": {"penalty_every": 3, "generator_every": 2, "loss": "relativistic"}}),
    ("modern", {"labels": "off"}),
    ("book-conditional", {}),
    ("book-classifier", {}),
]


@pytest.mark.parametrize(("recipe", "above"), CASES)
def test_recorded_steps_train_as_steps_one_by_one(new_trainer, recipe, above):
    (plain, _), (captured, steps) = new_trainer(recipe, False, **above), new_trainer(recipe, True, **above)
    for number in range(40):
        one, other = plain.advance(number, number / 40), captured.advance(number, number / 40)
        assert {name: value.tolist() for name, value in one.items()} == {
            name: value.tolist() for name, value in other.items()
        }
        assert gradient_norms(plain.networks) == gradient_norms(captured.networks)
    for name, network in plain.networks.items():
        for key, value in network.state_dict().items():
            assert torch.equal(value, captured.networks[name].state_dict()[key])
    kinds = {steps.kind_of(number) for number in range(40)}
    assert steps.record.recorded == len(steps._recorded) == len(kinds)


def test_the_first_steps_of_a_kind_are_taken_before_it_is_recorded(new_trainer):
    built, steps = new_trainer("book-conditional", True)
    for number in range(STEPS_BEFORE):
        built.step(number, 0.0)
    assert steps.record.recorded == 0
    built.step(STEPS_BEFORE, 0.0)
    assert steps.record.recorded == 1


def test_what_cannot_be_recorded_is_taken_step_by_step_and_that_is_said_once(new_trainer, said):
    (plain, _), (captured, steps) = new_trainer("modern", False), new_trainer("modern", True, "operation not permitted")
    for number in range(10):
        plain.step(number, 0.0)
        captured.step(number, 0.0)
    assert steps.refusal == "operation not permitted"
    assert said == [
        "steps are launched kernel by kernel: a CUDA graph cannot hold them (operation not permitted)",
    ]
    for one, other in zip(plain.networks.values(), captured.networks.values(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_networks_with_dropout_are_not_recorded(new_trainer):
    assert new_trainer("acgan", True)[1] is None


def test_kinds_of_steps_are_what_a_step_asks_for(tiny_source, small):
    objective = configure(str(tiny_source), "modern", small(objective={"penalty_every": 4, "generator_every": 2}))
    kinds = [step_kind(objective.objective.model_copy(update={"r1": 1.0, "r2": 0.0}), step) for step in range(5)]
    assert kinds == [(True, True), (False, False), (False, True), (False, False), (True, True)]
    none = objective.objective.model_copy(update={"r1": 0.0, "r2": 0.0})
    assert step_kind(none, 0) == (False, True)


def test_a_learning_rate_in_memory_is_changed_in_place():
    layer = nn.Linear(2, 1)
    rate = torch.tensor(1.0)
    optimiser = torch.optim.SGD(layer.parameters(), lr=rate)
    trainer.set_learning_rate(optimiser, 0.25)
    assert optimiser.param_groups[0]["lr"] is rate
    assert rate == 0.25
