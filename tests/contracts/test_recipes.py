"""Every recipe: trains, resumes exactly, leaves a bundle that loads, draws or refuses to, with labels and without."""

import numpy as np
import pytest

from ganvas.config.recipes import RECIPES, configure
from ganvas.errors import UserError
from ganvas.images import save_png
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.pair import Shape
from ganvas.runs import bundle
from ganvas.sampling import load
from ganvas.sizes import Size
from ganvas.training import checkpoint

DRAWING = [name for name in RECIPES if not isinstance(RECIPES[name]("x").pair, BookClassifier)]
SHORT = {"images": 40, "save_every": 16, "preview_every": 24}


class Killed(BaseException):
    pass


@pytest.fixture
def short(train_small, tmp_path):
    def run(recipe, name="run", **above):
        training = {**SHORT, **above.pop("training", {})}
        return train_small(tmp_path / name, recipe, training=training, **above)

    return run


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_trains_and_its_bundle_loads_and_says_what_it_is(short, recipe):
    run = short(recipe)
    found = bundle.open_run(run.path)
    labelled = RECIPES[recipe]("x").labels == "on"
    assert found.info.recipe == recipe
    assert found.info.images == 40
    assert found.info.shape == Shape(1, 16, 3 if labelled else 0)
    assert run.read().status == "finished"
    assert run.read().peak_memory_bytes > 0
    assert sorted(p.name for p in run.bundle.glob("*.safetensors")) == (
        ["classifier.safetensors"]
        if recipe == "book-classifier"
        else ["discriminator.safetensors", "generator.safetensors"]
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_stopped_after_each_checkpoint_it_ends_as_one_that_was_not(short, recipe, monkeypatch, contents, figures_of):
    whole = short(recipe, "whole")
    original = checkpoint.save_checkpoint

    def die_after(run, trainer, record):
        original(run, trainer, record)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_checkpoint", die_after)
        for _ in range(3):
            with pytest.raises(Killed):
                short(recipe, "broken")
    broken = short(recipe, "broken")
    assert contents(broken.bundle) == contents(whole.bundle)
    assert contents(broken.path / "previews") == contents(whole.path / "previews")
    assert figures_of(broken) == figures_of(whole)
    assert [record["step"] for record in figures_of(broken)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_trains_in_bfloat16(short, recipe):
    assert short(recipe, training={"precision": "bfloat16"}).read().status == "finished"


@pytest.mark.parametrize("recipe", DRAWING)
@pytest.mark.parametrize("labels", ["on", "off"])
def test_labels_may_be_given_or_taken_away(short, recipe, labels):
    sampler = load(short(recipe, labels=labels).path)
    if labels == "on":
        assert sampler.classes == ("across", "down", "spot")
        assert sampler.sample(["spot", "across"]).shape == (2, 1, 16, 16)
        assert sampler.between("spot", "down", 3).shape == (3, 1, 16, 16)
    else:
        assert sampler.classes == ()
        assert sampler.sample(2).shape == (2, 1, 16, 16)
        with pytest.raises(UserError, match="was trained without labels"):
            sampler.sample(["spot"])


@pytest.mark.parametrize("recipe", DRAWING)
def test_a_set_without_labels_trains_any_that_draws(short, recipe, unlabelled_source):
    assert load(short(recipe, source=unlabelled_source).path).classes == ()


def test_a_classifier_is_measured_on_what_was_held_out_and_draws_nothing(short, tiny_prepared):
    run = short("book-classifier")
    results = run.read().results
    assert np.array(results.confusion).shape == (3, 3)
    assert np.array(results.confusion).sum() == results.held_out == len(tiny_prepared.held_out)
    assert results.accuracy == np.trace(results.confusion) / results.held_out
    with pytest.raises(UserError, match="trained a classifier, which tells classes apart and draws nothing"):
        load(run.path)


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_images_a_step_are_as_welcome_as_one(short, recipe):
    for batch in (1, 2):
        assert short(recipe, str(batch), training={"batch": batch, "images": 4}).bundle.is_dir()


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("size", [17, 28])
def test_odd_sizes_and_colour_are_as_welcome(short, recipe, size):
    run = short(recipe, data={"size": size, "channels": 3}, training={"images": 8})
    assert bundle.open_run(run.path).info.shape.image == (3, size, size)


@pytest.mark.parametrize("recipe", RECIPES)
def test_transparent_images_of_another_shape_are_as_welcome_but_for_the_books_squares(short, recipe):
    is_book = recipe.startswith("book")
    size = Size(17, 17) if is_book else Size(20, 17)
    run = short(recipe, data={"size": str(size), "channels": 4}, training={"images": 8})
    found = bundle.open_run(run.path).info
    assert found.shape.image == (4, *size)
    assert run.read().data.size == size
    if recipe != "book-classifier":
        sampler = load(run.path)
        drawn = sampler.sample(["spot"] if sampler.classes else 1)
        assert drawn.shape == (1, 4, *size)
    if is_book:
        with pytest.raises(UserError, match="squares"):
            short(recipe, "wide", data={"size": "17x20"})


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_unknown_option_is_refused_with_the_nearest(recipe):
    for part, option, close in (
        ("training", "imags", "images"),
        ("optimiser", "lrs", "lr"),
        ("objective", "los", "loss"),
        ("data", "sise", "size"),
    ):
        with pytest.raises(UserError, match=f"there is no --{part}.{option}: did you mean {close}"):
            configure("x", recipe, {part: {option: 1}})
    name = next(iter(RECIPES[recipe]("x").pair.model_dump(exclude={"kind"})))
    with pytest.raises(UserError, match=rf"there is no --pair\.{name}x: did you mean {name}"):
        configure("x", recipe, {"pair": {f"{name}x": 1}})


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_ends_with_its_charts(tiny_source, small, tmp_path, recipe):
    from ganvas.training.run import TrainRequest, train

    run = train(TrainRequest(str(tiny_source), recipe, small(recipe, training=SHORT)), tmp_path / "run")
    found = {p.stem for p in run.charts.glob("*.png")}
    assert {"losses", "kernels"} <= found
    assert ("features" in found) == (RECIPES[recipe]("x").pair.kind != "book-mlp")


@pytest.fixture(scope="module")
def source_in_parts(tmp_path_factory):
    """60 images of 16 px in class folders of two levels: three shapes, two colours, and a few without a colour."""
    folder = tmp_path_factory.mktemp("source") / "shapes"
    random = np.random.default_rng(0)
    for index in range(60):
        place = folder / ("star", "disc", "ring")[index % 3] / (("red", "blue")[index // 3 % 2] if index < 54 else "")
        save_png(random.integers(0, 256, (1, 16, 16), np.uint8), place / f"{index}.png")
    return folder


@pytest.mark.parametrize("recipe", DRAWING)
def test_labels_of_several_parts_train_and_draw(short, recipe, source_in_parts):
    data = {"nested": "shape/colour", "hold_out_combinations": 0.2}
    run = short(recipe, source=source_in_parts, labels="on", data=data, training={"sampler": "square-root"})
    sampler = load(run.path)
    assert sampler.info.shape == Shape(1, 16, 5, (3, 2))
    assert sampler.sample(["shape=star", {"shape": "ring", "colour": "red"}]).shape == (2, 1, 16, 16)
    assert sampler.between("shape=star,colour=red", "shape=ring", 3).shape == (3, 1, 16, 16)
    assert sampler.part_grid("shape", "colour", (None, None)).shape == (6, 1, 16, 16)


def test_a_classifier_of_labels_of_several_parts_is_refused(short, source_in_parts):
    with pytest.raises(UserError, match=r"book-classifier needs labels of one part, .* have 2 \(shape, colour\)"):
        short("book-classifier", source=source_in_parts, data={"nested": "shape/colour"})
