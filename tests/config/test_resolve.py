import numpy as np
import pytest

from ganvas import console
from ganvas.config import resolve
from ganvas.config.recipes import RECIPES, configure
from ganvas.config.resolve import class_sizes


class Set:
    """As much of a prepared set as the rules look at."""

    def __init__(self, *sizes):
        self.labels = np.repeat(np.arange(len(sizes)), sizes)
        self.train = np.arange(len(self.labels))
        self.classes = tuple(map(str, range(len(sizes))))
        self.channels, self.size = 1, 28


LEFT_OPEN = {
    "training": {"sampler": "auto"},
    "objective": {"r1": 0.5, "r2": 0.5, "augment": "auto"},
}


def left_open(**above):
    return configure("x", "modern", LEFT_OPEN, above)


def settled(prepared, **above):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "info", (said := []).append)
        return resolve.resolve(left_open(**above), prepared), said


def test_unequal_classes_are_drawn_more_evenly_and_that_is_said():
    run, said = settled(Set(4000, 20_000))
    assert run.training.sampler == "square-root"
    assert said == ["classes drawn by the root of their size: they have 4000 to 20000 images"]
    run, said = settled(Set(6000, 18_000))
    assert run.training.sampler == "epochs"
    assert said == []


def test_few_images_are_augmented_where_that_is_left_to_the_data_and_that_is_said():
    run, said = settled(Set(4000, 4000))
    assert run.objective.augment == "on"
    assert said[0] == "D sees images moved: it could learn 8000 of them by heart"
    assert settled(Set(5000, 5000))[0].objective.augment == "off"
    larger = Set(4000, 4000)
    larger.size = 64
    assert settled(larger)[0].objective.augment == "off", "it was not seen to help there"


def test_where_d_sees_images_moved_g_blurs_them_and_that_is_said(said):
    run = resolve.resolve(left_open(pair={"blur": "auto"}), Set(4000, 4000))
    assert run.pair.blur == "on"
    assert "G's images blurred by a pixel: a D that sees them moved does not mind dots" in said
    assert resolve.resolve(left_open(objective={"augment": "off"}), Set(4000, 4000)).pair.blur == "off"
    assert resolve.resolve(left_open(pair={"blur": "off"}), Set(4000, 4000)).pair.blur == "off"


def test_what_a_person_says_stands():
    above = {"training": {"sampler": "epochs"}, "objective": {"augment": "off"}}
    run, said = settled(Set(10, 1000), **above)
    assert (run.training.sampler, run.objective.augment, said) == ("epochs", "off", [])


def penalised(channels, size, **objective):
    prepared = Set(10, 10)
    prepared.channels, prepared.size = channels, size
    above = {"objective": {"augment": "off", **objective}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "info", (said := []).append)
        run = resolve.resolve(configure("x", "modern", above), prepared)
    return run.objective.penalty_weights(), said


def test_the_penalties_grow_with_the_values_of_a_image_and_that_is_said():
    assert penalised(1, 28) == ((0.03, 0.03), ["gradient penalties of 0.03: an image has 784 values"])
    assert penalised(1, 56)[0] == (0.96, 0.96)  # four times the values, 32 times the weight
    assert penalised(1, 20)[0] == (0.0056, 0.0056)  # 0.51 times the values
    assert penalised(3, 48) == ((1, 1), ["gradient penalties of 1: an image has 6912 values"])
    assert penalised(3, 128)[0] == (1, 1)


def test_a_penalty_that_a_person_gives_stands():
    assert penalised(3, 48, r1=0.1, r2=0.0) == ((0.1, 0.0), [])
    assert penalised(3, 48, r2=0.0)[0] == (1, 0.0)


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe != "modern"])
def test_no_other_recipe_leaves_anything_to_the_data_unless_asked(recipe):
    run = configure("x", recipe)
    assert resolve.resolve(run, Set(10, 1000)) == run


def test_without_labels_no_class_is_rare():
    run = left_open(labels="off")
    assert class_sizes(run, Set(10, 1000)) == (0, 0)
    assert resolve.resolve(run, Set(10, 1000)).training.sampler == "epochs"


def test_an_empty_class_is_not_the_smallest():
    assert class_sizes(left_open(), Set(10, 0, 30)) == (10, 30)
