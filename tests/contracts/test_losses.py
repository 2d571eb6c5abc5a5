"""What every loss must be, whatever it computes."""

from typing import get_args

import pytest
import torch

from ganvas.objectives.config import GanObjective
from ganvas.objectives.losses import LOSSES, TARGET_LOSSES

LOGITS = [-1e4, -30.0, -1.0, 0.0, 1.0, 30.0, 1e4]


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param]


def every_pair():
    real, fake = torch.meshgrid(torch.tensor(LOGITS), torch.tensor(LOGITS), indexing="ij")
    return real.flatten().requires_grad_(), fake.flatten().requires_grad_()


def test_a_loss_has_one_value_per_image_of_its_own_logits_alone(loss):
    real, fake = torch.tensor([0.3, -0.7, 1.5]), torch.tensor([-0.2, 0.1, 0.9])
    for minimise in (loss.discriminator, loss.generator):
        together = minimise(real, fake)
        assert together.shape == (3,)
        alone = torch.cat([minimise(real[i : i + 1], fake[i : i + 1]) for i in range(3)])
        assert torch.equal(together, alone)


def test_every_loss_can_be_asked_for_and_no_other():
    assert {*get_args(GanObjective.model_fields["loss"].annotation)} == {*LOSSES}


def test_losses_and_gradients_are_finite_at_any_logit(loss):
    for minimise in (loss.discriminator, loss.generator):
        real, fake = every_pair()
        value = minimise(real, fake)
        value.sum().backward()
        assert value.isfinite().all()
        assert fake.grad.isfinite().all()
        assert fake.grad.abs().max() <= 1
        assert real.grad is None or real.grad.isfinite().all()


def test_the_discriminator_wants_real_above_fake(loss):
    real, fake = every_pair()
    loss.discriminator(real, fake).sum().backward()
    assert (real.grad <= 0).all()
    assert (fake.grad >= 0).all()
    undecided = torch.zeros(1)
    assert loss.discriminator(undecided + 0.5, undecided - 0.5) < loss.discriminator(undecided, undecided)


def test_the_generator_wants_its_fakes_higher(loss):
    real, fake = every_pair()
    loss.generator(real, fake).sum().backward()
    assert (fake.grad <= 0).all()
    undecided = torch.zeros(1)
    assert loss.generator(undecided, undecided + 0.5) < loss.generator(undecided, undecided)


def test_only_a_paired_loss_reads_real_logits_in_the_generators_step(loss):
    real, fake = torch.zeros(2), torch.ones(2)
    moved = not torch.equal(loss.generator(real, fake), loss.generator(real + 1, fake))
    assert moved == loss.paired
    if not loss.paired:
        assert torch.equal(loss.generator(None, fake), loss.generator(real, fake))


@pytest.mark.parametrize("name", TARGET_LOSSES)
def test_a_loss_towards_a_target_is_finite_and_pulls_towards_it(name):
    for target in (0, 1):
        logits = torch.tensor(LOGITS, requires_grad=True)
        value = TARGET_LOSSES[name](logits, target)
        value.sum().backward()
        assert value.shape == (len(LOGITS),)
        assert value.isfinite().all()
        assert (value >= 0).all()
        assert (logits.grad * (1 - 2 * target) >= 0).all()
