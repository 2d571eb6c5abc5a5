"""Images to be scored: sampled from a run or loaded, and compatible with the real set."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ganvas.data import open_source
from ganvas.data.labels import LabelPart, LabelSpace, single_part
from ganvas.data.prepared import in_memory
from ganvas.errors import UserError
from ganvas.evaluation import samples
from ganvas.evaluation.evaluator import rows_learned
from ganvas.sampling import load


def test_samples_have_the_class_proportions_of_the_training_images(tiny_run, tiny_prepared):
    result = samples.sample_run(tiny_run.path, tiny_prepared, 50, 3)
    counts = np.bincount(result.labels)
    assert result.pixels.shape == (50, 1, 16, 16)
    assert counts.sum() == 50
    assert counts.max() - counts.min() <= 1
    spot = [image for image, label in zip(result.pixels, result.labels, strict=True) if label == 2]
    assert np.array_equal(spot, load(tiny_run.path).sample(["spot"] * len(spot), seed=3))


def test_proportions_are_those_of_the_set_with_at_least_one_per_class(tiny_prepared):
    class Unequal:
        label_space = single_part(("a", "b", "c"), (900, 99, 1))
        labels = np.array([0] * 900 + [1] * 99 + [2])
        train = np.arange(1000)
        classes = ("many", "some", "one")

    assert samples.proportions(Unequal, 100).tolist() == [90, 9, 1]
    assert samples.proportions(Unequal, 10).sum() >= 10
    assert samples.proportions(Unequal, 10).min() == 1


def test_samples_of_a_run_without_labels_have_none(train_small, tiny_prepared, tmp_path):
    run = train_small(tmp_path / "plain", "book-gan", training={"images": 16})
    result = samples.sample_run(run.path, tiny_prepared, 20, 0)
    assert result.labels is None
    assert len(result.pixels) == 20


def test_the_set_of_a_run_is_the_one_it_was_trained_on(tiny_run, tiny_prepared):
    assert samples.training_set_of(tiny_run.path).fingerprint == tiny_prepared.fingerprint


def test_a_source_that_has_changed_since_is_refused(train_small, small, tiny_source, tmp_path):
    with np.load(tiny_source) as file:
        arrays = {name: file[name] for name in file.files}
    source = tmp_path / "mine.npz"
    np.savez(source, **arrays)
    run = train_small(tmp_path / "run", source=source, training={"images": 16})
    np.savez(source, **(arrays | {"images": 255 - arrays["images"]}))
    with pytest.raises(UserError, match=r"is no longer what .* was trained on"):
        samples.training_set_of(run.path)


def test_a_bundle_alone_does_not_know_its_set(tiny_run):
    with pytest.raises(UserError, match="is a bundle, which does not say where its images lie: give --against"):
        samples.training_set_of(tiny_run.bundle)


def save_images(folder, classes, size=16, mode="L", count=8):
    random = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(count):
            shape = (size, size) if mode == "L" else (size, size, 3)
            Image.fromarray(random.integers(0, 255, shape, np.uint8)).save(folder / name / f"{index}.png")
    return str(folder)


def test_loaded_images_are_labelled_by_the_names_of_their_classes(tiny_prepared, tmp_path):
    result = samples.load_samples(save_images(tmp_path / "theirs", ("spot", "down", "across")), tiny_prepared, 100)
    assert np.bincount(result.labels).tolist() == [8, 8, 8]
    other = open_source(str(tmp_path / "theirs"))
    names = np.array(other.classes)[np.asarray(other.labels)]
    assert [tiny_prepared.classes[label] for label in result.labels] == names.tolist()


def test_a_limit_takes_equally_many_images_of_every_class(tiny_prepared, tmp_path):
    result = samples.load_samples(save_images(tmp_path / "theirs", ("spot", "down", "across")), tiny_prepared, 9)
    assert np.bincount(result.labels).tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("classes", "more", "sentence"),
    [
        (("spot", "down"), {}, "has no images of the class 'across'"),
        (("spot", "down", "acros"), {}, "has a class 'acros' that patterns lacks; did you mean across"),
        (("spot", "down", "across"), {"size": 20}, "holds images of 20x20 px and patterns is prepared at 16x16"),
        (("spot", "down", "across"), {"mode": "RGB"}, r"is RGB \(3 channels\), and patterns is grey \(1 channel\)"),
    ],
)
def test_images_that_do_not_fit_the_set_are_refused(tiny_prepared, tmp_path, classes, more, sentence):
    with pytest.raises(UserError, match=sentence):
        samples.load_samples(save_images(tmp_path / "theirs", classes, **more), tiny_prepared, 100)


def test_subsampling_takes_evenly_from_every_class_and_each_row_once():
    rows, labels = np.arange(100, 200), np.repeat([0, 1], [150, 50])
    result = samples.subsample(rows, labels, 20)
    assert len(set(result)) == 20
    assert np.bincount(labels[result]).tolist() == [10, 10]
    assert np.array_equal(samples.subsample(rows, labels, 100), rows)


def save_icons(folder, opaque=False, size=(20, 16)):
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for index in range(20):
            pixels = random.integers(0, 255, (*size, 4), np.uint8)
            pixels[..., 3] |= 255 * opaque
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return str(folder)


def test_images_of_another_shape_are_refused_and_named_height_first(tmp_path):
    prepared = open_source(save_icons(tmp_path / "set"))
    assert (prepared.size, prepared.channels) == ((20, 16), 4)
    with pytest.raises(UserError, match="holds images of 16x20 px and set is prepared at 20x16"):
        samples.load_samples(save_icons(tmp_path / "theirs", size=(16, 20)), prepared, 100)


def test_images_without_transparency_are_scored_as_opaque_ones_of_a_transparent_set(tmp_path):
    prepared = open_source(save_icons(tmp_path / "set"))
    result = samples.load_samples(save_icons(tmp_path / "theirs", opaque=True), prepared, 100)
    assert (result.pixels[:, 3] == 255).all()


def test_transparent_images_are_laid_on_a_ground_for_a_set_without_alpha(tmp_path):
    prepared = open_source(save_icons(tmp_path / "set", opaque=True))
    assert prepared.channels == 3
    assert samples.load_samples(save_icons(tmp_path / "theirs"), prepared, 100).pixels.shape[1:] == (3, 20, 16)


def test_images_are_asked_for_in_the_proportions_of_combinations_and_unseen_ones_apart():
    space = LabelSpace(
        parts=(LabelPart(name="shape", classes=("star", "disc")), LabelPart(name="colour", classes=("red", "blue"))),
        combinations=((0, 0), (0, 1), (1, 0), (1, 1)),
        counts=(6, 3, 0, 1),
    )
    labels = np.repeat([0, 1, 2, 3], [6, 3, 4, 1])
    plain = in_memory("shapes", np.zeros((14, 1, 16, 16), np.uint8), labels, space.classes)
    train = np.flatnonzero(labels != 2)
    prepared = replace(plain, train=train, manifest=plain.manifest.model_copy(update={"labels": space}))
    assert samples.proportions(prepared, 100).tolist() == [60, 30, 0, 10]
    assert samples.proportions(prepared, 2).tolist() == [1, 1, 0, 0]
    assert prepared.unseen.tolist() == [9, 10, 11, 12]
    # Every other image of a combination held out is for the evaluator to learn.
    assert rows_learned(prepared).tolist() == [*range(10), 11, 13]
    assert rows_learned(replace(prepared, held_out=prepared.unseen)).tolist() == train.tolist()
