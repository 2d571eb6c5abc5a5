"""The trials of a comparison: what is shown, what a generator is trained on, and which runs are refused."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from ganvas.config.resolve import resolve
from ganvas.errors import UserError
from ganvas.evaluation.samples import Samples
from ganvas.experiments import gan_trials, worth_trials
from ganvas.experiments.budget import Share, Worth, class_counts
from ganvas.experiments.experiment import Trial, Variant
from ganvas.experiments.gan_trials import train_for_images
from ganvas.experiments.worth_trials import GENERATED, open_subject, shuffled_rows, training_images
from ganvas.runs import sealed
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer


@pytest.fixture
def subject(tiny_run):
    return open_subject(tiny_run.path, 100)


def share(trained=160):
    return Share(share=0.1, images=6, shown=128, generated=12, trained=trained, note="")


def generator_weights(trainer):
    return trainer.bundle_networks()["generator"].state_dict()


def test_a_generator_trained_anew_is_the_one_that_the_run_trained(subject):
    """Same seed, same images, same budget: the loop here and the run's own do the same to the averaged weights."""
    known = subject.sampler.generator.state_dict()
    anew = generator_weights(train_for_images(subject.run, subject.prepared, 160, subject.compute).trainer)
    assert all(np.allclose(anew[name], known[name], atol=1e-5) for name in known)
    run = resolve(subject.run, subject.prepared, subject.compute)
    fresh = generator_weights(build_trainer(run, subject.prepared, Engine.for_trials(subject.compute)))
    assert not all(np.allclose(fresh[name], known[name], atol=1e-5) for name in known)


@pytest.fixture
def resolved(monkeypatch):
    """Every run as a generator is trained by it."""
    runs = []
    build = gan_trials.build_trainer
    monkeypatch.setattr(gan_trials, "build_trainer", lambda run, *given: (runs.append(run), build(run, *given))[1])
    return runs


def test_what_a_run_leaves_to_the_data_is_resolved_on_the_part_that_is_trained_on(
    train_small, monkeypatch, tmp_path, resolved
):
    """A set of many images trains without augmentation, and a part of few images with it, as `train` would."""
    monkeypatch.setattr("ganvas.config.resolve.SMALL_SET", 20)  # the set of the tests has 54 training images
    run = train_small(tmp_path / "run", training={"images": 16})
    kept = run.read().run
    assert (kept.objective.augment, kept.pair.blur) == ("off", "off")
    subject = open_subject(run.path, 100)
    part = replace(subject.prepared, train=np.asarray(subject.prepared.train)[:6])
    trial = Trial("generator (10 %)", 1, 0.0, str(run.path), tmp_path)
    worth_trials.generated_images(subject, part, share(trained=16), trial)
    assert [(each.objective.augment, each.pair.blur, each.seed) for each in resolved] == [("on", "on", 1)]


def test_what_was_asked_for_stays_so_on_every_part(train_small, tmp_path, resolved):
    run = train_small(tmp_path / "run", training={"images": 16}, objective={"augment": "off"})
    subject = open_subject(run.path, 100)
    train_for_images(subject.run, subject.prepared, 8, subject.compute)
    assert resolved[0].objective.augment == "off"
    assert subject.run.pair.width == 4


def test_images_of_a_share_and_seed_are_drawn_once_and_kept(subject, tmp_path, monkeypatch):
    trial = Trial("real + generated (10 %)", 2, 0.0, str(subject.path), tmp_path)
    first = worth_trials.generated_images(subject, subject.prepared, share(trained=8), trial)
    monkeypatch.setattr(worth_trials, "train_for_images", None)
    again = worth_trials.generated_images(subject, subject.prepared, share(trained=8), replace(trial, variant="other"))
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.labels, again.labels)
    assert first.pixels.shape == (12, 1, 16, 16)
    assert [path.name for path in (tmp_path / "worth-generators").iterdir()] == ["0.1-seed-2.npz"]


def test_where_the_runs_own_generator_serves_none_is_trained(subject, tmp_path, monkeypatch):
    monkeypatch.setattr(worth_trials, "train_for_images", None)
    trial = Trial("generator (100 %)", 0, 0.0, str(subject.path), tmp_path)
    assert len(worth_trials.generated_images(subject, subject.prepared, share(trained=None), trial).pixels) == 12
    assert [path.name for path in (tmp_path / "worth-generators").iterdir()] == ["own-0.1-seed-0.npz"]


@pytest.fixture
def generated(subject):
    return Samples("generated", np.full((9, 1, 16, 16), 255, np.uint8), np.arange(9) % 3, {})


@pytest.mark.parametrize("way", list("abcdef"))
def test_every_way_shows_as_many_images_and_half_of_a_mixed_one_are_real(subject, generated, way):
    prepared = subject.prepared
    labels = np.asarray(prepared.labels)
    pixels, learned, rows = training_images(prepared, way, generated if way in GENERATED else None, 256, 0)
    assert len(rows) == 256
    is_generated = (pixels[rows] == 255).all(axis=(1, 2, 3))
    assert is_generated.sum() == {"a": 0, "b": 0, "c": 128, "d": 256, "e": 128, "f": 128}[way]
    if way in "cef":
        known = {prepared.pixels[k].tobytes(): labels[k] for k in prepared.train}
        assert all(known[pixels[k].tobytes()] == learned[k] for k in rows[~is_generated])


def test_the_rare_classes_of_every_share_are_those_of_the_whole_set(subject, tmp_path, monkeypatch):
    rare_classes, counted = worth_trials.rare_classes, []
    monkeypatch.setattr(
        worth_trials,
        "rare_classes",
        lambda trained, tested: (counted.append(trained), rare_classes(trained, tested))[1],
    )
    variant = Variant("real only (10 %)", {"share": share(), "tested": 100, "way": "a"})
    worth_trials.measure_worth(Trial(variant.name, 0, 0.0, str(subject.path), tmp_path), variant)
    assert all(np.array_equal(counts, class_counts(subject.prepared)) for counts in counted)
    assert len(counted) > 0


def test_images_are_shown_evenly_and_never_of_the_held_out_ones(subject):
    rows = shuffled_rows(np.array([4, 7, 9]), 10, 0, "real")
    assert sorted(np.unique(rows, return_counts=True)[1].tolist()) == [3, 3, 4]
    assert set(rows) == {4, 7, 9}
    _, _, real = training_images(subject.prepared, "a", None, 512, 0)
    assert not set(real) & set(subject.prepared.held_out)


def test_a_bundle_alone_is_refused(tiny_run):
    with pytest.raises(UserError, match="is a bundle, which does not say where its images lie: give the run's own"):
        open_subject(tiny_run.bundle, 100)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a run"):
        open_subject(tmp_path, 100)


def test_runs_that_draw_no_classes_are_refused(train_small, tmp_path):
    train_small(tmp_path / "plain", "book-gan", training={"images": 16})
    with pytest.raises(UserError, match="plain was trained without labels, and a classifier learns labels"):
        open_subject(tmp_path / "plain", 100)
    train_small(tmp_path / "evaluator", "book-classifier", training={"images": 16})
    with pytest.raises(UserError, match="evaluator trained a classifier, which tells classes apart and draws nothing"):
        open_subject(tmp_path / "evaluator", 100)


def saved(path, images, labels, classes):
    np.savez(path, images=images, labels=labels, classes=np.array(classes))
    return path


def some(count):
    return np.random.default_rng(count).integers(0, 255, (count, 16, 16)).astype(np.uint8)


def test_one_class_and_no_held_out_images_are_refused(train_small, tmp_path):
    one = saved(tmp_path / "one.npz", some(20), np.zeros(20, np.int64), ["only"])
    train_small(tmp_path / "one", source=one, training={"images": 16})
    with pytest.raises(UserError, match="one knows one class, and a classifier tells classes apart"):
        open_subject(tmp_path / "one", 100)
    few = saved(tmp_path / "few.npz", some(8), np.arange(8) % 2, ["left", "right"])
    train_small(tmp_path / "few", source=few, training={"images": 16})
    with pytest.raises(UserError, match="gives no held-out images, without which no classifier can be tested"):
        open_subject(tmp_path / "few", 100)


def test_a_source_that_changed_is_refused(train_small, tiny_source, tmp_path):
    source = tmp_path / "own.npz"
    shutil.copy(tiny_source, source)
    run = train_small(tmp_path / "run", source=source, training={"images": 16})
    saved(source, some(60), np.arange(60) % 3, ["across", "down", "spot"])
    with pytest.raises(UserError, match=r"is no longer what .*run was trained on: its images have changed"):
        open_subject(run.path, 100)


def test_a_damaged_bundle_is_refused_by_the_files_name(own_run):
    path = own_run.bundle / "generator.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"generator.safetensors does not match|{sealed.MANIFEST}"):
        open_subject(own_run.path, 100)


def test_a_quick_comparison_tests_on_fewer_held_out_images_evenly_over_the_classes(tiny_run):
    assert Worth(quick=True).most_tested < Worth().most_tested
    few = open_subject(tiny_run.path, 3)
    assert len(few.tested) == 3
    assert set(few.tested) < set(few.prepared.held_out)
    assert sorted(few.prepared.labels[few.tested]) == [0, 1, 2]
