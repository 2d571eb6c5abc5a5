"""One normalisation or another: the averages that BatchNorm uses, and what spectral normalisation bounds."""

import numpy as np
import pytest
import torch
from torch import nn

from ganvas.evaluation.predict import predict
from ganvas.experiments import gan_trials, normalising
from ganvas.experiments.experiment import Trial, Variant
from ganvas.experiments.normalising import (
    held_out_accuracy,
    measure_normalisation,
    normalise_spectrally,
    with_own_averages,
)
from ganvas.experiments.questions.normalisation import EXPERIMENT
from ganvas.images import from_uint8
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.pair import Shape


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    monkeypatch.setattr(gan_trials, "IMAGES_PER_STRETCH", 16)


def task(source, folder, seconds=0.1, seed=0):
    return Trial("a row", seed, seconds, str(source), folder)


def row(normalisation, batch):
    return Variant("a row", {"normalisation": normalisation, "batch": batch})


def trained(normalisation="batch"):
    """A classifier whose scales and running averages are not those it began with."""
    torch.manual_seed(0)
    classifier = BookClassifier(normalisation=normalisation).build(Shape(1, 16, 3))
    for layer in classifier.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.InstanceNorm2d):
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
    for _ in range(3):
        classifier(torch.rand(4, 1, 16, 16))
    return classifier


def test_batch_normalisation_of_one_image_while_it_trains_is_instance_normalisation():
    images = torch.rand(6, 1, 16, 16) * 2 - 1
    classifier = trained()
    own = with_own_averages(classifier)
    batch_independent = torch.cat([classifier.train()(image[None]) for image in images])
    assert torch.allclose(own.eval()(images), batch_independent, atol=1e-5)
    assert torch.allclose(own.train()(images), batch_independent, atol=1e-5)


def test_running_averages_give_other_logits():
    images = torch.rand(6, 1, 16, 16) * 2 - 1
    classifier = trained()
    assert not torch.allclose(with_own_averages(classifier).eval()(images), classifier.eval()(images), atol=0.01)


def test_one_step_of_one_image_is_the_same_with_both():
    image, label = torch.rand(1, 1, 16, 16), torch.tensor([1])
    pair = trained(), with_own_averages(trained())
    for classifier in pair:
        classifier.train()
        optimiser = torch.optim.SGD(classifier.parameters(), lr=0.1)
        nn.functional.cross_entropy(classifier(image), label).backward()
        optimiser.step()
    for one, other in zip(*(each.parameters() for each in pair), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_the_copy_leaves_the_classifier_as_it_was():
    classifier = trained()
    before = {name: tensor.clone() for name, tensor in classifier.state_dict().items()}
    own = with_own_averages(classifier)
    nn.init.zeros_(own.layers.normalisation1.weight)
    after = classifier.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert isinstance(classifier.layers.normalisation1, nn.BatchNorm2d)


def test_own_averages_change_nothing_without_batch_normalisation():
    classifier, images = trained("layer").eval(), torch.rand(2, 1, 16, 16)
    assert torch.equal(with_own_averages(classifier)(images), classifier(images))


def test_spectral_normalisation_bounds_every_layer_and_the_optimiser_still_updates_them():
    classifier = trained("none")
    optimiser = torch.optim.SGD(classifier.parameters(), lr=0.5)
    normalise_spectrally(classifier)
    images = torch.rand(8, 1, 16, 16)
    before = classifier(images).detach()
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(classifier(images), torch.arange(8) % 3).backward()
        optimiser.step()
    assert not torch.allclose(classifier(images), before)
    classifier.eval()
    largest = [
        float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2))
        for layer in classifier.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    assert len(largest) == 3
    assert largest == pytest.approx([1.0] * 3, abs=0.1)


def test_accuracy_is_that_of_held_out_images_in_eval_mode(tiny_prepared):
    classifier = trained().train()
    held = np.asarray(tiny_prepared.held_out)
    with torch.no_grad():
        images = from_uint8(torch.from_numpy(np.array(tiny_prepared.pixels[held])))
        predicted = classifier.eval()(images).argmax(1).numpy()
    classifier.train()
    expected = float(np.mean(predicted == np.asarray(tiny_prepared.labels)[held]))
    assert held_out_accuracy(classifier, tiny_prepared) == expected
    assert classifier.training, "measuring leaves the mode as it was"


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("name", ["layer", "instance", "none", "spectral"])
def test_a_classifier_is_trained_for_its_cpu_seconds(name, batch, tiny_source, tmp_path):
    result = measure_normalisation(task(tiny_source, tmp_path), row(name, batch))
    assert set(result) == {"accuracy", "images", "seconds"}
    assert result["seconds"] >= 0.1
    assert result["images"] % 16 == 0
    assert 0 <= result["accuracy"] <= 1


@pytest.mark.parametrize("batch", [1, 8])
def test_batch_normalisation_is_scored_with_running_averages_and_with_each_images_own(batch, tiny_source, tmp_path):
    result = measure_normalisation(task(tiny_source, tmp_path), row("batch", batch))
    assert set(result) == {"accuracy", "own_accuracy", "images", "seconds"}
    own = measure_normalisation(task(tiny_source, tmp_path), row("own", batch))
    assert own["accuracy"] == own["own_accuracy"]


def test_the_seed_decides_what_is_learned(tiny_source, tmp_path, monkeypatch):
    firsts = []

    def noted(classifier, prepared):
        firsts.append(predict(classifier, prepared.pixels[:2]))
        return 0.5

    monkeypatch.setattr(normalising, "held_out_accuracy", noted)
    for seed in (0, 0, 1):  # so little time that it is one stretch
        measure_normalisation(task(tiny_source, tmp_path, 1e-9, seed), row("layer", 8))
    assert np.array_equal(firsts[0], firsts[1])
    assert not np.array_equal(firsts[0], firsts[2])


def test_a_row_with_a_recipe_is_a_gan_and_has_a_distance_in_place_of_an_accuracy(large_source, tmp_path, monkeypatch):
    monkeypatch.setattr("ganvas.evaluation.evaluator.fit_images", lambda count, size: 256)
    monkeypatch.setattr(gan_trials, "COUNT", 140)
    run = {"pair": {"hidden": 6, "normalisation": "batch"}, "training": {"batch": 4}}
    result = measure_normalisation(
        task(large_source, tmp_path), Variant("a row", {"recipe": "book-conditional", "run": run})
    )
    assert "fcd" in result
    assert "accuracy" not in result


def test_each_normalisation_is_a_line_over_the_images_of_a_batch():
    lines = {
        line: [row.x for row in EXPERIMENT.variants if row.line == line]
        for line in {r.line for r in EXPERIMENT.variants}
    }
    lines.pop("")
    assert len(lines) == 6
    assert all(points == [1, 8, 64] for points in lines.values())
