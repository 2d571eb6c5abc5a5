import pytest
import torch
from torch import nn

from ganvas.config.recipes import RECIPES, configure
from ganvas.networks.pair import Shape
from ganvas.networks.reference import Acgan, Dcgan, R3gan, Sngan


def convolutions(network):
    return [(layer.in_channels, layer.out_channels) for layer in network.modules() if isinstance(layer, nn.Conv2d)]


def test_the_auxiliary_pair_at_32_px_has_the_layers_that_are_commonly_run():
    pair = Acgan().build(Shape(1, 32, 10))
    assert convolutions(pair.generator) == [(128, 128), (128, 64), (64, 1)]
    assert convolutions(pair.discriminator) == [(1, 16), (16, 32), (32, 64), (64, 128)]
    assert [layer.p for layer in pair.discriminator.modules() if isinstance(layer, nn.Dropout2d)] == [0.25] * 4
    assert pair.discriminator.real_head.in_features == 128 * 2 * 2
    assert [norm.eps for norm in pair.generator.modules() if isinstance(norm, nn.BatchNorm2d)] == [1e-5, 0.8, 0.8]


def test_the_auxiliary_pairs_label_multiplies_the_noise():
    generator = Acgan().build(Shape(1, 32, 2)).generator.eval()
    with torch.no_grad():
        generator.label_embedding.weight.copy_(torch.tensor([[1.0], [2.0]]).expand(2, 100))
        noise = torch.randn(1, 100)
        assert torch.equal(generator(2 * noise, torch.tensor([0])), generator(noise, torch.tensor([1])))


def test_every_layer_of_the_spectral_discriminator_stretches_by_one_at_most():
    torch.manual_seed(0)
    discriminator = Sngan(width=8).build(Shape(1, 28, 3)).discriminator
    images, labels = torch.randn(4, 1, 28, 28), torch.tensor([0, 1, 2, 0])
    for _ in range(40):  # each forward pass is one power iteration
        discriminator(images, labels)
    discriminator.eval()
    normed = [layer for layer in discriminator.modules() if hasattr(layer, "parametrizations")]
    assert len(normed) == 3 * 2 + 2  # three convolutions a block, the last layer and the label's embedding
    for layer in normed:
        assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2) == pytest.approx(1, abs=0.02)


def test_the_spectral_generators_label_chooses_scale_and_shift():
    generator = Sngan(width=8).build(Shape(1, 28, 2)).generator
    norm = generator.blocks[0].first_norm
    with torch.no_grad():
        norm.scale.weight[1], norm.shift.weight[1] = 3.0, -1.0
        norm.scale.weight[0], norm.shift.weight[0] = 1.0, 0.0
        maps = torch.randn(6, 32, 7, 7)
        plain, changed = norm(maps, torch.zeros(6, dtype=torch.int64)), norm(maps, torch.ones(6, dtype=torch.int64))
    assert torch.allclose(changed, 3 * plain - 1, atol=1e-5)
    assert torch.allclose(plain.mean(dim=(0, 2, 3)), torch.zeros(32), atol=1e-5)


@pytest.mark.parametrize(
    ("recipe", "loss", "every", "betas", "normalised"),
    [
        ("dcgan-concat", "bce", 1, (0.5, 0.999), nn.BatchNorm2d),
        ("acgan", "bce", 1, (0.5, 0.999), nn.BatchNorm2d),
        ("sngan-projection", "hinge", 5, (0.0, 0.9), None),
    ],
)
def test_the_references_are_trained_as_published(recipe, loss, every, betas, normalised):
    run = configure("mnist", recipe)
    assert (run.objective.loss, run.objective.generator_every, run.objective.r1, run.objective.r2) == (
        loss,
        every,
        0,
        0,
    )
    assert (run.optimiser.name, run.optimiser.lr, run.optimiser.lr_hold) == ("adam", 2e-4, 1.0)
    assert (run.optimiser.beta1, run.optimiser.beta2, run.training.batch) == (*betas, 64)
    discriminator = run.pair.build(Shape(1, 28, 10)).discriminator
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in discriminator.modules()) == (normalised is not None)


def test_dcgan_begins_with_the_papers_weights():
    generator = Dcgan().build(Shape(1, 64, 10)).generator
    weights = torch.cat(
        [layer.weight.detach().flatten() for layer in generator.modules() if isinstance(layer, nn.ConvTranspose2d)]
    )
    assert weights.std() == pytest.approx(0.02, rel=0.01)
    assert "dcgan-concat" in RECIPES


def test_the_small_r3gan_starts_as_its_transitions_alone_since_every_branch_is_zero():
    pair = R3gan(width=16).build(Shape(3, 32, 4))
    images, labels = torch.randn(2, 3, 32, 32), torch.tensor([0, 3])
    before = pair.discriminator(images, labels).logits
    for network in (pair.generator, pair.discriminator):
        for block in (module for module in network.modules() if type(module).__name__ == "ResidualBlock"):
            assert (block.narrow.weight == 0).all()
            assert block.mix.groups == block.mix.in_channels // 16
            nn.init.normal_(block.mix.weight)
    assert torch.equal(pair.discriminator(images, labels).logits, before)


def test_the_recipe_r3gan_small_is_relativistic_with_falling_penalties_and_rising_beta2():
    run = configure("digits", "r3gan-small")
    assert (run.objective.loss, run.objective.penalty_every, run.objective.penalty_final) == ("relativistic", 1, 0.1)
    assert (run.optimiser.beta2, run.optimiser.beta2_final) == (0.9, 0.99)
