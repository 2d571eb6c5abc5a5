import pytest
import torch
from torch import nn

from ganvas.training.ema import EMA


def network(value):
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, value)
    return layer


def test_after_one_halflife_half_the_distance_is_covered():
    here = network(0.0)
    average = EMA(here, halflife_images=100, ramp=1.0)
    nn.init.constant_(here.weight, 1.0)
    for batch in range(10):
        average.update(10, 10_000 + batch)
    assert average.network.weight.item() == pytest.approx(0.5, rel=1e-5)


def test_the_distance_covered_depends_on_images_and_not_on_how_they_are_batched():
    ends = []
    for batch in (1, 5, 50):
        here = network(0.0)
        average = EMA(here, 70, 1.0)
        nn.init.constant_(here.weight, 1.0)
        for _ in range(50 // batch):
            average.update(batch, 10_000)
        ends.append(average.network.weight.item())
    assert ends == pytest.approx([1 - 0.5 ** (50 / 70)] * 3, rel=1e-4)


def test_while_training_is_young_the_halflife_is_a_share_of_the_images_seen():
    here = network(0.0)
    average = EMA(here, 10**9, ramp=0.05)
    nn.init.constant_(here.weight, 1.0)
    average.update(8, 160)  # half-life 8 images
    assert average.network.weight.item() == pytest.approx(0.5, rel=1e-5)


def test_without_a_halflife_it_is_the_network_itself():
    here = network(3.0)
    average = EMA(here, 0, 0.05)
    average.update(8, 8)
    assert average.network is here
    assert here.training


def test_it_starts_as_a_copy_that_learns_nothing_and_is_in_eval_mode():
    here = network(3.0)
    average = EMA(here, 100, 0.05)
    assert average.network is not here
    assert torch.equal(average.network.weight, here.weight)
    assert not average.network.weight.requires_grad
    assert not average.network.training


def test_buffers_are_copied_as_they_are():
    here = nn.BatchNorm2d(2)
    average = EMA(here, 10**6, 1.0)
    here(torch.randn(4, 2, 3, 3))
    average.update(4, 10**6)
    for copied, original in zip(average.network.buffers(), here.buffers(), strict=True):
        assert torch.equal(copied, original)
        assert copied.data_ptr() != original.data_ptr()


def test_the_layout_of_the_network_is_kept():
    here = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    assert EMA(here, 100, 0.05).network.weight.stride() == here.weight.stride()
