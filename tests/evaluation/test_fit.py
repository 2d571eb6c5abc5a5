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


def fitted(pixels, labels, shown=9000, **more):
    return fit_classifier(pixels, labels, 3, shown, config=SMALL, **more)


def test_it_learns_what_can_be_told_apart(shades):
    pixels, labels = shades
    assert np.mean(predict(fitted(pixels, labels), pixels).argmax(1) == labels) > 0.95


def test_the_same_arguments_give_the_same_classifier_and_another_seed_another(shades):
    digests = [weights_digest(fitted(*shades, shown=300, seed=seed)) for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]


def test_it_learns_from_the_rows_chosen_alone(shades):
    pixels, labels = shades
    wrong = labels.copy()
    wrong[60:] = (labels[60:] + 1) % 3
    network = fitted(pixels, wrong, rows=np.arange(60))
    assert np.mean(predict(network, pixels).argmax(1) == labels) > 0.95


def test_the_progress_it_tells_adds_up_to_what_is_shown(shades):
    told = []
    fitted(*shades, shown=1200, advance=told.append)
    assert sum(told) == 1200


def test_an_augmentation_of_ones_own_takes_the_place_of_the_translation(shades):
    seen = []

    def augment(images, generator):
        seen.append((images.shape, generator.initial_seed()))
        return images

    fitted(*shades, shown=360, augment=augment)
    assert len(seen) == 3
    assert len({seed for _, seed in seen}) == 3


def test_a_single_image_more_than_a_class_is_enough(shades):
    pixels, labels = shades
    assert fitted(pixels[:4], labels[:4], shown=12)(torch.zeros(1, 1, 16, 16)).shape == (1, 3)


def test_what_is_shown_grows_with_the_set_within_bounds_and_falls_with_the_size():
    assert fit_images(100, 28) == fit_images(30_000, 28) == 120_000
    assert fit_images(45_000, 28) == 180_000
    assert fit_images(10**6, 28) == 240_000
    assert fit_images(100, 64) == 60_000
