import pytest
import torch

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig, OptimiserConfig
from ganvas.data import open_source
from ganvas.networks.pair import Shape
from ganvas.training import trainer
from ganvas.training.engine import Engine

COMPUTE = ComputeConfig(1, "float32", "contiguous")


@pytest.fixture
def new_trainer(tiny_source, tiny_prepared, small):
    def make(recipe="modern", engine=None, **above):
        run = configure(str(tiny_source), recipe, small(recipe, **above))
        return trainer.build_trainer(
            resolve(run, tiny_prepared, COMPUTE), tiny_prepared, engine or Engine.for_trials(COMPUTE)
        )

    return make


def state(result):
    return {f"{n}/{k}": v.clone() for n, network in result.networks.items() for k, v in network.state_dict().items()}


def test_first_weights_follow_from_the_seed_alone(new_trainer):
    torch.manual_seed(1)
    one = state(new_trainer())
    torch.manual_seed(2)
    torch.rand(5)
    two, other = state(new_trainer()), state(new_trainer(seed=1))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


def test_a_step_depends_on_its_number_and_not_on_the_global_generator(new_trainer):
    result = []
    for noise in (False, True):
        built = new_trainer()
        for step in range(3):
            if noise:  # whatever else draws from the global generator
                torch.rand(7)
            built.step(step, 0.0)
        result.append(state(built))
    assert all(torch.equal(result[0][key], result[1][key]) for key in result[0])


def test_what_is_kept_is_the_average_and_the_discriminator(new_trainer):
    built = new_trainer()
    assert built.bundle_networks()["generator"] is built.ema.network
    assert built.bundle_networks()["discriminator"] is built.networks["discriminator"]
    assert set(new_trainer("book-classifier").bundle_networks()) == {"classifier"}


def test_labels_off_takes_the_classes_away(tiny_source, tiny_prepared, small):
    run = configure(str(tiny_source), "modern", small(labels="off"))
    assert trainer.network_shape(run, tiny_prepared) == Shape(1, 16, 0)
    assert trainer.network_shape(run.model_copy(update={"labels": "on"}), tiny_prepared) == Shape(1, 16, 3)


def recorded(monkeypatch, new_trainer, steps=3, **above):
    """The draws of the first steps."""
    result = []
    original = trainer.gan_step

    def record_inputs(pair, optimisers, engine, rule, draws, step):
        result.append(draws)
        return original(pair, optimisers, engine, rule, draws, step)

    def record_book_inputs(pair, optimisers, engine, rule, draws):
        result.append(draws)
        return {}

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "gan_step", record_inputs)
        patch.setattr(trainer, "book_step", record_book_inputs)
        built = new_trainer(**above)
        for step in range(steps):
            built.step(step, 0.0)
    return result


def test_paired_labels_are_those_of_the_real_half(monkeypatch, new_trainer):
    for draws in recorded(monkeypatch, new_trainer):
        assert torch.equal(draws.labels, draws.fake_labels)


def test_the_books_draws_are_all_independent(monkeypatch, new_trainer):
    for draws in recorded(monkeypatch, new_trainer, recipe="book-conditional"):
        assert not torch.equal(draws.noise, draws.fresh_noise)
        three = [draws.labels, draws.fake_labels, draws.fresh_fake_labels]
        assert not all(torch.equal(three[0], other) for other in three[1:])


@pytest.mark.parametrize("above", [{}, {"objective": {"fake_labels": "uniform"}}, {"recipe": "book-conditional"}])
def test_the_draws_of_two_processes_join_to_those_of_one(monkeypatch, new_trainer, above):
    alone = recorded(monkeypatch, new_trainer, **above)
    parts = []
    for rank in range(2):
        engine = Engine.for_trials(COMPUTE)
        engine.rank, engine.world = rank, 2
        monkeypatch.setattr(engine, "backward", lambda loss, _: loss.backward())
        parts.append(recorded(monkeypatch, new_trainer, engine=engine, **above))
    for whole, one, two in zip(alone, *parts, strict=True):
        for name in ("real", "labels", "noise", "fake_labels", "fresh_noise", "fresh_fake_labels"):
            joined = torch.cat([getattr(one, name).detach(), getattr(two, name).detach()])
            assert torch.equal(joined, getattr(whole, name).detach()), name


def test_the_rate_is_constant_then_falls_in_a_straight_line():
    choice = OptimiserConfig(lr=2.0, lr_hold=0.5, lr_final=0.1)
    result = [trainer.learning_rate(choice, share) for share in (0, 0.25, 0.5, 0.75, 1, 1.5)]
    assert result == pytest.approx([2.0, 2.0, 2.0, 1.1, 0.2, 0.2])


def test_a_rate_that_is_always_constant_never_falls():
    assert trainer.learning_rate(OptimiserConfig(lr=2.0, lr_hold=1.0, lr_final=0.0), 1.0) == 2.0


def test_a_rate_may_fall_from_the_start():
    assert trainer.learning_rate(OptimiserConfig(lr=2.0, lr_hold=0.0, lr_final=0.0), 0.25) == 1.5


@pytest.mark.parametrize(("name", "class_name"), [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")])
def test_an_optimiser_is_the_one_named_with_its_choices(name, class_name):
    result = trainer.build_optimiser(
        OptimiserConfig(name=name, lr=0.5, beta1=0.1, beta2=0.2, weight_decay=0.3), torch.nn.Linear(2, 2)
    )
    group = result.param_groups[0]
    assert type(result).__name__ == class_name
    assert (group["lr"], group["weight_decay"]) == (0.5, 0.3)
    assert group.get("betas", (0.1, 0.2)) == (0.1, 0.2)


def test_a_penalty_that_falls_is_whole_at_first_and_its_final_share_at_the_end(new_trainer):
    """Plain gradient descent moves D by its loss and the penalty: the penalty's part falls in proportion."""
    moves = []
    for r1, final, progress in ((0.0, 1.0, 0.0), (5.0, 1.0, 0.0), (5.0, 0.25, 0.0), (5.0, 0.25, 1.0)):
        objective = {"r1": r1, "r2": 0.0, "penalty_every": 1, "penalty_final": final}
        optimiser = {"name": "sgd", "lr": 0.1, "lr_hold": 1.0}
        built = new_trainer("yardstick", objective=objective, optimiser=optimiser)
        before = built.networks["discriminator"].features.weight.detach().clone()
        built.advance(0, progress)
        moves.append(built.networks["discriminator"].features.weight.detach() - before)
    bare, whole, whole_too, quarter = moves
    assert torch.allclose(whole_too, whole)
    assert torch.allclose(quarter - bare, 0.25 * (whole - bare), atol=1e-7)
    assert (whole - bare).abs().max() > 1e-6


def test_a_run_grows_to_full_resolution_when_its_share_of_the_training_is_over(tiny_source, small):
    pair = {"stem": "strided", "half_resolution": 0.25}
    run = configure(str(tiny_source), "modern", small(pair=pair, data={"size": 32}))
    prepared = open_source(run.source, run.data, processes=1)
    built = trainer.build_trainer(resolve(run, prepared, COMPUTE), prepared, Engine.for_trials(COMPUTE))
    networks = [*built.networks.values(), built.ema.network]
    for step, progress in enumerate([0.0, 0.2, 0.25, 0.5]):
        built.advance(step, progress)
        assert [network.half_layer.in_use for network in networks] == [progress < 0.25] * 3
        waiting = built.networks["generator"].stages[-1].weight.grad is None
        assert waiting == (progress < 0.25)


def test_beta2_follows_half_a_cosine_where_it_changes_and_else_stays(new_trainer):
    built = new_trainer("r3gan-small")
    for progress, expected in ((0.0, 0.9), (0.5, 0.945), (1.0, 0.99)):
        built.advance(0, progress)
        assert [o.param_groups[0]["betas"] for o in built.optimisers.values()] == [(0.0, pytest.approx(expected))] * 2
    assert new_trainer().beta2_at is None


def test_an_optimiser_without_a_mean_square_trains_by_that_recipe_too(new_trainer):
    built = new_trainer("r3gan-small", optimiser={"name": "sgd"})
    assert built.beta2_at is None
    assert built.advance(0, 0.5)["loss_d"].isfinite()
