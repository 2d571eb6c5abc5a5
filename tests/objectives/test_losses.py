"""Each loss against numbers worked out by hand, with log 2 = 0.693147, log 3 = 1.098612, log 4 = 1.386294.

The logit log 3 has the probability 3/4: softplus(log 3) = log(1 + 3) = log 4, softplus(-log 3) = log(4/3).
"""

import math

import pytest
import torch

from ganvas.objectives import losses
from ganvas.objectives.losses import LOSSES, TARGET_LOSSES, classification_loss

LOG_2, LOG_3, LOG_4 = math.log(2), math.log(3), math.log(4)
REAL = torch.tensor([0.0, LOG_3, -LOG_3], dtype=torch.float64)
FAKE = torch.tensor([0.0, 0.0, LOG_3], dtype=torch.float64)


def close(loss, expected):
    return loss.tolist() == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_non_saturating_losses_are_log_probabilities():
    # log 2 + log 2; log(4/3) + log 2; log 4 + log 4.
    assert close(losses.non_saturating_d(REAL, FAKE), [2 * LOG_2, LOG_4 - LOG_3 + LOG_2, 2 * LOG_4])
    # log 2; log 2; log(1 + 1/3) = log 4 - log 3.
    assert close(losses.non_saturating_g(None, FAKE), [LOG_2, LOG_2, LOG_4 - LOG_3])


def test_relativistic_losses_see_only_the_difference_of_a_pair():
    # real - fake = 0, log 3, -2 log 3 = -log 9.
    assert close(losses.relativistic_d(REAL, FAKE), [LOG_2, LOG_4 - LOG_3, math.log(10)])
    assert close(losses.relativistic_g(REAL, FAKE), [LOG_2, LOG_4, math.log(10 / 9)])
    assert torch.allclose(losses.relativistic_d(REAL + 5, FAKE + 5), losses.relativistic_d(REAL, FAKE))


def test_hinge_losses_stop_beyond_the_margin():
    real, fake = torch.tensor([2.0, 0.25, -3.0]), torch.tensor([-1.0, 0.5, -4.0])
    # max(0, -1) + max(0, 0); 0.75 + 1.5; 4 + max(0, -3).
    assert losses.hinge_d(real, fake).tolist() == [0, 2.25, 4]
    assert losses.hinge_g(real, fake).tolist() == [1, -0.5, 4]


def test_bce_towards_a_target_is_the_books_cross_entropy_of_the_probability():
    # Probabilities 1/2, 3/4, 1/4.
    assert close(losses.bce_to_target(REAL, 1), [LOG_2, LOG_4 - LOG_3, LOG_4])
    assert close(losses.bce_to_target(REAL, 0), [LOG_2, LOG_4, LOG_4 - LOG_3])
    probability = torch.sigmoid(REAL)
    assert torch.allclose(
        losses.bce_to_target(REAL, 1), torch.nn.BCELoss(reduction="none")(probability, torch.ones_like(probability))
    )


def test_mse_towards_a_target_is_the_squared_error_of_the_probability():
    assert close(losses.mse_to_target(REAL, 1), [1 / 4, 1 / 16, 9 / 16])
    assert close(losses.mse_to_target(REAL, 0), [1 / 4, 9 / 16, 1 / 16])


def test_bce_is_the_non_saturating_loss():
    bce = LOSSES["bce"]
    assert torch.allclose(bce.discriminator(REAL, FAKE), losses.non_saturating_d(REAL, FAKE))
    assert torch.allclose(bce.generator(None, FAKE), losses.non_saturating_g(None, FAKE))


def test_mse_sums_both_halves_for_the_discriminator():
    # (0 - 1/2)² + (1/2)²; (1/4)² + (1/2)²; (3/4)² + (3/4)².
    assert close(LOSSES["mse"].discriminator(REAL, FAKE), [1 / 2, 5 / 16, 9 / 8])
    assert close(LOSSES["mse"].generator(None, FAKE), [1 / 4, 1 / 4, 1 / 16])


@pytest.mark.parametrize("name", TARGET_LOSSES)
def test_a_target_of_zero_mirrors_a_target_of_one(name):
    logits = torch.linspace(-30, 30, 13, dtype=torch.float64)
    assert torch.allclose(TARGET_LOSSES[name](logits, 1), TARGET_LOSSES[name](-logits, 0))


@pytest.mark.parametrize("name", TARGET_LOSSES)
def test_a_loss_towards_targets_makes_the_loss_of_the_same_name(name):
    loss, to_target = LOSSES[name], TARGET_LOSSES[name]
    assert torch.equal(loss.discriminator(REAL, FAKE), to_target(REAL, 1) + to_target(FAKE, 0))
    assert torch.equal(loss.generator(None, FAKE), to_target(FAKE, 1))


def test_a_generator_gets_a_gradient_where_the_discriminator_is_sure_of_a_fake():
    fake = torch.tensor([-50.0], requires_grad=True)
    losses.non_saturating_g(None, fake).sum().backward()
    assert fake.grad.item() == pytest.approx(-1)
    fake.grad = None
    LOSSES["mse"].generator(None, fake).sum().backward()
    assert abs(fake.grad.item()) < 1e-12  # the book's first refinement, in one number


def test_a_paired_loss_without_real_logits_is_our_mistake():
    with pytest.raises(AssertionError, match="real partner"):
        LOSSES["relativistic"].generator(None, FAKE)


def test_an_auxiliary_classifiers_loss_is_the_cross_entropy_of_its_logits():
    logits = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])  # probabilities 1/4, 3/4 and 1/2, 1/2
    labels, by_hand = torch.tensor([[1], [0]]), (math.log(4 / 3) + math.log(2)) / 2
    assert float(classification_loss(logits, labels, 1, (2,))) == pytest.approx(by_hand)
    assert float(classification_loss(logits, labels, 0.1, (2,))) == pytest.approx(0.1 * by_hand)


def test_the_loss_of_several_parts_is_the_mean_over_the_parts_that_are_known():
    first, second = math.log(4 / 3), math.log(2)  # of the probability 3/4, and of each of two equal classes
    logits = torch.tensor([[0.0, math.log(3), 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    known = torch.tensor([[1, 0], [0, 1]])
    assert float(classification_loss(logits, known, 1, (2, 2))) == pytest.approx(((first + second) / 2 + second) / 2)
    missing = torch.tensor([[1, -1], [-1, 1]])
    assert float(classification_loss(logits, missing, 1, (2, 2))) == pytest.approx((first + second) / 2)
    never = torch.tensor([[1, -1], [1, -1]])
    assert float(classification_loss(logits, never, 1, (2, 2))) == pytest.approx((first + second) / 2 / 2)


def test_a_missing_part_gives_its_logits_no_gradient():
    logits = torch.zeros(1, 5, requires_grad=True)
    classification_loss(logits, torch.tensor([[2, -1]]), 1, (3, 2)).backward()
    assert (logits.grad[0, :3] != 0).all()
    assert (logits.grad[0, 3:] == 0).all()


def test_the_gradient_of_one_part_is_that_of_the_plain_cross_entropy_bit_for_bit():
    torch.manual_seed(0)
    logits, labels = torch.randn(37, 10), torch.arange(37) % 10
    ours, plain = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    classification_loss(ours, labels[:, None], 0.1, (10,)).backward()
    (0.1 * torch.nn.functional.cross_entropy(plain, labels)).backward()
    assert torch.equal(ours.grad, plain.grad)


def test_a_discriminator_that_classifies_nothing_has_no_such_loss():
    assert classification_loss(None, torch.tensor([[0]]), 1, (2,)) == 0
    assert classification_loss(torch.zeros(1, 2), None, 1, (2,)) == 0
    assert classification_loss(torch.zeros(1, 2), torch.tensor([[0]]), 0, (2,)) == 0.0
