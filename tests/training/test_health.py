import re

import pytest
import torch
from torch import nn

from ganvas.errors import RunFailedError
from ganvas.training import health


def scores(**above):
    return {
        "loss_d": torch.tensor(1.0),
        "loss_g": torch.tensor(2.0),
        "score_real": torch.tensor([3.0, -3.0]),
        "score_fake": torch.tensor([0.0, 1.0]),
        **above,
    }


def networks():
    return {"generator": nn.Linear(3, 3), "discriminator": nn.Linear(3, 1)}


def test_a_healthy_step_passes():
    health.check_finite(scores(), networks(), 10)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["loss_d", "loss_g"])
def test_a_loss_that_is_no_number_is_named_with_the_step_and_advice(name, value):
    with pytest.raises(RunFailedError, match=f"{name} is not a number after 30 steps") as caught:
        health.check_finite(scores(**{name: torch.tensor(value)}), networks(), 30)
    assert "--optimiser.lr" in str(caught.value)
    assert "what was saved before is kept" in str(caught.value)
    assert caught.value.status == 1


def test_one_logit_that_is_no_number_is_enough():
    with pytest.raises(RunFailedError, match="score_fake is not a number"):
        health.check_finite(scores(score_fake=torch.tensor([0.0, float("nan")])), networks(), 1)


@pytest.mark.parametrize("value", [2e6, -2e6])
def test_an_exploding_discriminator_is_found_by_its_logits(value):
    with pytest.raises(RunFailedError, match=re.escape("the discriminator explodes: a logit of 2.0e+06")):
        health.check_finite(scores(score_real=torch.tensor([0.0, value])), networks(), 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_one_weight_that_is_no_number_is_enough(name, value):
    result = networks()
    with torch.no_grad():
        result[name].weight[0, 1] = value
    with pytest.raises(RunFailedError, match=f"a weight of the {name} is not a number"):
        health.check_finite(scores(), result, 1)


def test_large_weights_are_numbers():
    result = networks()
    nn.init.constant_(result["generator"].weight, 1e30)
    health.check_finite(scores(), result, 1)


def test_memory_that_ran_out_is_known_from_other_errors():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert health.out_of_memory(caught.value)
    assert health.out_of_memory(MemoryError())
    assert health.out_of_memory(torch.OutOfMemoryError())
    assert not health.out_of_memory(RuntimeError("shapes do not fit"))
