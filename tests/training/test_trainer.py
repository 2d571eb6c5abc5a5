import pytest
import torch

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, OptimiserConfig
from ganvas.networks.pair import Shape
from ganvas.training import trainer
from ganvas.training.engine import Engine

SPEED = ComputeConfig(1, "float32", "contiguous")


@pytest.fixture
def new_trainer(tiny_source, tiny_prepared, small):
    def make(recipe="modern", engine=None, **above):
        run = configure(str(tiny_source), recipe, small(recipe, **above))
        return trainer.build_trainer(
            resolve(run, tiny_prepared, SPEED), tiny_prepared, engine or Engine.for_trials(SPEED)
        )

    return make


def state(found):
    return {f"{n}/{k}": v.clone() for n, network in found.networks.items() for k, v in network.state_dict().items()}


def test_first_weights_follow_from_the_seed_alone(new_trainer):
    torch.manual_seed(1)
    one = state(new_trainer())
    torch.manual_seed(2)
    torch.rand(5)
    two, other = state(new_trainer()), state(new_trainer(seed=1))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


def test_a_step_played_anywhere_is_the_same_step(new_trainer):
    found = []
    for noise in (False, True):
        here = new_trainer()
        for step in range(3):
            if noise:  # whatever else draws from the global generator
                torch.rand(7)
            here.step(step)
        found.append(state(here))
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])


def test_what_is_kept_is_the_average_and_the_discriminator(new_trainer):
    here = new_trainer()
    assert here.bundle_networks()["generator"] is here.ema.network
    assert here.bundle_networks()["discriminator"] is here.networks["discriminator"]
    assert set(new_trainer("book-classifier").bundle_networks()) == {"classifier"}


def test_labels_off_takes_the_classes_away(tiny_source, tiny_prepared, small):
    run = configure(str(tiny_source), "modern", small(labels="off"))
    assert trainer.network_shape(run, tiny_prepared) == Shape(1, 16, 0)
    assert trainer.network_shape(run.model_copy(update={"labels": "on"}), tiny_prepared) == Shape(1, 16, 3)


def seen(monkeypatch, new_trainer, steps=3, **above):
    """The draws of the first steps."""
    found = []
    original = trainer.gan_step

    def look(pair, optimisers, engine, rule, draws, step):
        found.append(draws)
        return original(pair, optimisers, engine, rule, draws, step)

    def look_at_book(pair, optimisers, engine, rule, draws):
        found.append(draws)
        return {}

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "gan_step", look)
        patch.setattr(trainer, "book_step", look_at_book)
        here = new_trainer(**above)
        for step in range(steps):
            here.step(step)
    return found


def test_paired_labels_are_those_of_the_real_half(monkeypatch, new_trainer):
    for draws in seen(monkeypatch, new_trainer):
        assert torch.equal(draws.labels, draws.fake_labels)


def test_the_books_draws_are_all_independent(monkeypatch, new_trainer):
    for draws in seen(monkeypatch, new_trainer, recipe="book-conditional"):
        assert not torch.equal(draws.noise, draws.fresh_noise)
        three = [draws.labels, draws.fake_labels, draws.fresh_fake_labels]
        assert not all(torch.equal(three[0], other) for other in three[1:])


@pytest.mark.parametrize("above", [{}, {"objective": {"fake_labels": "uniform"}}, {"recipe": "book-conditional"}])
def test_the_draws_of_two_processes_join_to_those_of_one(monkeypatch, new_trainer, above):
    alone = seen(monkeypatch, new_trainer, **above)
    parts = []
    for rank in range(2):
        engine = Engine.for_trials(SPEED)
        engine.rank, engine.world = rank, 2
        monkeypatch.setattr(engine, "backward", lambda loss, _: loss.backward())
        parts.append(seen(monkeypatch, new_trainer, engine=engine, **above))
    for whole, one, two in zip(alone, *parts, strict=True):
        for name in ("real", "labels", "noise", "fake_labels", "fresh_noise", "fresh_fake_labels"):
            joined = torch.cat([getattr(one, name).detach(), getattr(two, name).detach()])
            assert torch.equal(joined, getattr(whole, name).detach()), name


def test_the_rate_is_constant_then_falls_in_a_straight_line():
    choice = OptimiserConfig(lr=2.0, lr_hold=0.5, lr_final=0.1)
    found = [trainer.learning_rate(choice, share) for share in (0, 0.25, 0.5, 0.75, 1, 1.5)]
    assert found == pytest.approx([2.0, 2.0, 2.0, 1.1, 0.2, 0.2])


def test_a_rate_that_is_always_constant_never_falls():
    assert trainer.learning_rate(OptimiserConfig(lr=2.0, lr_hold=1.0, lr_final=0.0), 1.0) == 2.0


def test_a_rate_may_fall_from_the_start():
    assert trainer.learning_rate(OptimiserConfig(lr=2.0, lr_hold=0.0, lr_final=0.0), 0.25) == 1.5


@pytest.mark.parametrize(("name", "kind"), [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")])
def test_an_optimiser_is_the_one_named_with_its_choices(name, kind):
    found = trainer.build_optimiser(
        OptimiserConfig(name=name, lr=0.5, beta1=0.1, beta2=0.2, weight_decay=0.3), torch.nn.Linear(2, 2)
    )
    group = found.param_groups[0]
    assert type(found).__name__ == kind
    assert (group["lr"], group["weight_decay"]) == (0.5, 0.3)
    assert group.get("betas", (0.1, 0.2)) == (0.1, 0.2)
