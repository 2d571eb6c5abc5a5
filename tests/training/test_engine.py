import pytest
import torch
from torch import nn

from ganvas.config.run import ComputeConfig
from ganvas.errors import RunFailedError, UserError
from ganvas.machine import cores
from ganvas.training.engine import Engine


def engine(precision="float32", memory_format="contiguous"):
    return Engine.for_trials(ComputeConfig(1, precision, memory_format))


def test_alone_it_is_the_first_of_one():
    here = engine()
    assert (here.rank, here.world, here.is_rank_zero) == (0, 1, True)
    assert torch.equal(here.shard(torch.arange(4)), torch.arange(4))
    assert here.mean_over_ranks({"a": 2.0}) == {"a": 2.0}
    assert here.any_rank(True)
    assert not here.any_rank(False)


def test_a_slice_is_this_processs_part_and_the_parts_make_the_whole():
    here, parts = engine(), []
    for here.rank in range(3):
        here.world = 3
        parts.append(here.shard(torch.arange(12)))
    assert torch.equal(torch.cat(parts), torch.arange(12))


def test_channels_last_is_the_layout_of_networks_and_images():
    here = engine(memory_format="channels-last")
    layer = here.place(nn.Conv2d(3, 4, 3))
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert here.lay_out(torch.zeros(2, 3, 4, 4)).is_contiguous(memory_format=torch.channels_last)
    assert here.move(torch.zeros(2, 3)).is_contiguous()


@pytest.mark.parametrize(("precision", "kind"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_products_inside_run_in_the_precision_chosen(precision, kind):
    with engine(precision).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == kind


def test_threads_are_as_chosen():
    engine()
    assert torch.get_num_threads() == 1


def test_a_backward_pass_adds_the_gradient():
    weight = nn.Parameter(torch.tensor([2.0]))
    engine().backward((weight**2).sum(), [weight])
    assert weight.grad == 4


@pytest.mark.parametrize("error", [UserError("no"), OSError(28, "No space"), RuntimeError("x")])
def test_what_the_first_raises_is_raised_there(error):
    def work():
        raise error

    with pytest.raises(type(error)) as caught:
        engine().on_rank_zero(work)
    assert caught.value is error


def test_the_others_end_when_the_first_fails(monkeypatch):
    here = engine()
    here.rank = 1
    monkeypatch.setattr(here, "any_rank", lambda flag: True)
    with pytest.raises(RunFailedError, match="rank zero failed"):
        here.on_rank_zero(lambda: pytest.fail("not this process's work"))


def test_an_unknown_tracker_gets_the_nearest_name():
    with pytest.raises(UserError, match="there is no tracker 'tensorbord'; did you mean tensorboard"):
        Engine(("tensorbord",))


def test_a_tracker_that_is_not_installed_is_one_line(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs it installed: pip install 'ganvas\[wandb\]'"):
        Engine(("wandb",))


def test_cores_are_shared_among_the_processes_of_a_machine(monkeypatch):
    alone = cores()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(alone))
    assert cores() == 1
