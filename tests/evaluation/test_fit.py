import numpy as np
import pytest
import torch

from ganvas.evaluation.fit import fit_classifier, fit_images, weights_digest
from ganvas.evaluation.predict import predict
from ganvas.networks.evaluator import EvaluatorConfig

SMALL = EvaluatorConfig(width=4, features=8)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setattr("ganvas.machine.cores", lambda: 1)


def fitted(pixels, labels, images_shown=9000, **more):
    return fit_classifier(pixels, labels, 3, images_shown, config=SMALL, **more)


def test_it_learns_classes_that_are_easy_to_distinguish(shades):
    pixels, labels = shades
    assert np.mean(predict(fitted(pixels, labels), pixels).argmax(1) == labels) > 0.95


def test_the_same_arguments_give_the_same_classifier_and_another_seed_another(shades):
    digests = [weights_digest(fitted(*shades, images_shown=300, seed=seed)) for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]


def test_it_learns_from_the_given_rows_alone(shades):
    pixels, labels = shades
    wrong = labels.copy()
    wrong[60:] = (labels[60:] + 1) % 3
    network = fitted(pixels, wrong, rows=np.arange(60))
    assert np.mean(predict(network, pixels).argmax(1) == labels) > 0.95


def test_the_reported_progress_adds_up_to_the_images_shown(shades):
    batches = []
    fitted(*shades, images_shown=1200, advance=batches.append)
    assert sum(batches) == 1200


def test_an_augmentation_that_is_given_replaces_the_translation(shades):
    calls = []

    def augment(images, generator):
        calls.append((images.shape, generator.initial_seed()))
        return images

    fitted(*shades, images_shown=360, augment=augment)
    assert len(calls) == 3
    assert len({seed for _, seed in calls}) == 3


def test_four_images_of_three_classes_are_enough(shades):
    pixels, labels = shades
    assert fitted(pixels[:4], labels[:4], images_shown=12)(torch.zeros(1, 1, 16, 16)).shape == (1, 3)


def test_images_shown_grow_with_the_set_within_bounds_and_fall_with_the_image_size():
    assert fit_images(100, 28) == fit_images(30_000, 28) == 120_000
    assert fit_images(45_000, 28) == 180_000
    assert fit_images(10**6, 28) == 240_000
    assert fit_images(100, 64) == 60_000
