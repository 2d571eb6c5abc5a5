import errno
import os
import shutil
from pathlib import Path

import pytest
import torch

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig
from ganvas.errors import RunFailedError
from ganvas.runs import sealed, weights
from ganvas.runs.folder import RunFolder
from ganvas.runs.record import State
from ganvas.training import checkpoint
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer


@pytest.fixture
def new_trainer(tiny_source, tiny_prepared, small):
    def make(recipe="modern", precision="float32", memory_format="contiguous", **above):
        run = configure(str(tiny_source), recipe, small(recipe, **above))
        run = resolve(run, tiny_prepared, ComputeConfig(1, precision, memory_format))
        return build_trainer(run, tiny_prepared, Engine.for_trials(run.compute))

    return make


def train_steps(trainer, first, last, batch=8):
    for step in range(first, last):
        trainer.step(step, 0.0)
        if trainer.ema:
            trainer.ema.update(batch, (step + 1) * batch)


def strides(trainer):
    return {name: tensor.stride() for name, tensor in checkpoint.tensors(trainer).items()}


RUNS = {
    "modern": {},
    "channels-last": {"memory_format": "channels-last"},
    "bfloat16": {"precision": "bfloat16"},
    "channels-last bfloat16": {"memory_format": "channels-last", "precision": "bfloat16"},
    "relativistic": {"objective": {"loss": "relativistic", "penalty_every": 3, "fake_labels": "uniform"}},
    "hinge adam with momentum": {"objective": {"loss": "hinge"}, "optimiser": {"name": "adam", "beta1": 0.5}},
    "sgd": {"optimiser": {"name": "sgd", "lr": 0.01}},
    "balanced, weight decay": {"training": {"sampler": "balanced"}, "optimiser": {"weight_decay": 0.1}},
    "no labels": {"labels": "off"},
    "no average": {"training": {"ema_halflife_images": 0}},
    "book-conv": {"recipe": "book-conv", "labels": "on"},
    "book-conv spectral": {"recipe": "book-conv", "pair": {"normalisation": "spectral"}},
    "book-conv channels-last": {"recipe": "book-conv", "memory_format": "channels-last"},
    "book-conv averaged": {"recipe": "book-conv", "training": {"ema_halflife_images": 100}},
    "book-gan": {"recipe": "book-gan", "objective": {"loss": "mse"}},
    "book-conditional": {"recipe": "book-conditional", "objective": {"fake_labels": "data"}},
    "book-classifier": {"recipe": "book-classifier"},
    "book-classifier channels-last": {"recipe": "book-classifier", "memory_format": "channels-last"},
}


@pytest.mark.parametrize("name", RUNS)
def test_a_trainer_filled_from_a_checkpoint_continues_bit_for_bit(new_trainer, tmp_path, name):
    run = RunFolder(tmp_path)
    trainer = new_trainer(**RUNS[name])
    train_steps(trainer, 0, 4)
    checkpoint.save_checkpoint(run, trainer, State(step=4))
    train_steps(trainer, 4, 9)

    other = new_trainer(**RUNS[name])
    assert checkpoint.load_checkpoint(run, other) == State(step=4)
    train_steps(other, 4, 9)
    expected, result = checkpoint.tensors(trainer), checkpoint.tensors(other)
    assert expected.keys() == result.keys()
    assert not [key for key, tensor in expected.items() if not torch.equal(tensor, result[key])]
    assert strides(trainer) == strides(other)


def test_a_checkpoint_has_the_wanted_names_shapes_and_types(new_trainer):
    trainer = new_trainer()
    outline = {name: (tensor.shape, tensor.dtype) for name, tensor in checkpoint.wanted(trainer).items()}
    train_steps(trainer, 0, 1)
    assert outline == {name: (tensor.shape, tensor.dtype) for name, tensor in checkpoint.tensors(trainer).items()}


def test_equal_states_are_equal_bytes_whatever_the_layout(new_trainer):
    one, other = (new_trainer(memory_format=name).networks["generator"] for name in ("contiguous", "channels-last"))
    assert {p.stride() for p in one.parameters()} != {p.stride() for p in other.parameters()}
    assert weights.to_bytes(one.state_dict()) == weights.to_bytes(other.state_dict())


def test_the_last_two_are_kept(new_trainer, tmp_path):
    run, trainer = RunFolder(tmp_path), new_trainer()
    train_steps(trainer, 0, 1)
    for step in (5, 10, 15):
        checkpoint.save_checkpoint(run, trainer, State(step=step))
    assert [p.name for p in run.checkpoints()] == ["step-0000000010", "step-0000000015"]


def test_saving_a_step_again_replaces_it(new_trainer, tmp_path):
    run, trainer = RunFolder(tmp_path), new_trainer()
    train_steps(trainer, 0, 1)
    checkpoint.save_checkpoint(run, trainer, State(step=5, world=1))
    checkpoint.save_checkpoint(run, trainer, State(step=5, world=2))
    assert checkpoint.load_checkpoint(run, trainer) == State(step=5, world=2)
    assert [p.name for p in run.checkpoint_folder.iterdir()] == ["step-0000000005"]


def harm(path, how):
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[:-3])
    else:
        path.write_bytes(content[:-2] + bytes([content[-2] ^ 4]) + content[-1:])


@pytest.mark.parametrize("name", [checkpoint.STATE, checkpoint.RECORD, sealed.MANIFEST])
@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_harm_to_any_file_of_the_newest_is_named_and_the_one_before_is_used(new_trainer, tmp_path, name, how, said):
    run, trainer = RunFolder(tmp_path), new_trainer()
    train_steps(trainer, 0, 1)
    checkpoint.save_checkpoint(run, trainer, State(step=1))
    before = {key: tensor.clone() for key, tensor in checkpoint.tensors(trainer).items()}
    train_steps(trainer, 1, 2)
    checkpoint.save_checkpoint(run, trainer, State(step=2))
    harm(run.checkpoints()[-1] / name, how)
    assert checkpoint.load_checkpoint(run, trainer) == State(step=1)
    assert len(said) == 1
    assert said[0].startswith("checkpoint step-0000000002 is damaged (")
    assert name in said[0]
    assert all(torch.equal(tensor, before[key]) for key, tensor in checkpoint.tensors(trainer).items())


def test_whole_checkpoints_are_not_pushed_out_by_later_damaged_ones(new_trainer, tmp_path, said):
    run, trainer = RunFolder(tmp_path), new_trainer()
    train_steps(trainer, 0, 1)
    for step in (50, 60):
        checkpoint.save_checkpoint(run, trainer, State(step=step))
        harm(run.checkpoints()[-1] / checkpoint.STATE, "cut")
    assert checkpoint.load_checkpoint(run, trainer) is None
    assert len(said) == 2
    checkpoint.save_checkpoint(run, trainer, State(step=10))  # begun again from nothing
    assert checkpoint.load_checkpoint(run, trainer) == State(step=10)
    checkpoint.save_checkpoint(run, trainer, State(step=20))
    assert [p.name for p in run.checkpoints()] == ["step-0000000010", "step-0000000020"]


def test_the_checkpoint_of_another_network_is_refused_by_what_differs(new_trainer, tmp_path, said):
    run, trainer = RunFolder(tmp_path), new_trainer()
    train_steps(trainer, 0, 1)
    checkpoint.save_checkpoint(run, trainer, State(step=1))
    assert checkpoint.load_checkpoint(run, new_trainer(pair={"width": 8})) is None
    assert "has shape" in said[0]
    said.clear()
    assert checkpoint.load_checkpoint(run, new_trainer(optimiser={"name": "sgd"})) is None
    assert "which this network does not have" in said[0]


# Eleven calls make a save: two mkdirs, three files opened and synced, the folder synced, a rename, the parent synced.
@pytest.mark.parametrize("at", [1, 2, 3, 4, 8, 9, 10, 11])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
def test_a_save_that_fails_is_one_sentence_and_the_checkpoint_before_is_intact(
    new_trainer, tmp_path, monkeypatch, at, number
):
    run, trainer = RunFolder(tmp_path), new_trainer()
    train_steps(trainer, 0, 1)
    checkpoint.save_checkpoint(run, trainer, State(step=1))
    count = [0]

    def failing(original):
        def call(*given, **named):
            count[0] += 1
            if count[0] == at:
                raise OSError(number, os.strerror(number))
            return original(*given, **named)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(os.fsync))
        for name in ("rename", "mkdir", "open"):
            patch.setattr(Path, name, failing(getattr(Path, name)))
        with pytest.raises(RunFailedError) as caught:
            checkpoint.save_checkpoint(run, trainer, State(step=2))
    assert os.strerror(number) in str(caught.value)
    assert "intact" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.status == 1
    result = checkpoint.load_checkpoint(run, new_trainer())
    assert result in (State(step=1), State(step=2))
    checkpoint.save_checkpoint(run, trainer, State(step=2))
    assert sorted(p.name for p in run.checkpoint_folder.iterdir()) == ["step-0000000001", "step-0000000002"]


def test_on_a_disk_that_is_full_the_checkpoint_before_is_intact(new_trainer, small_disk):
    run, trainer = RunFolder(small_disk), new_trainer(pair={"width": 16})
    train_steps(trainer, 0, 1)
    checkpoint.save_checkpoint(run, trainer, State(step=1))
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - 50_000))
    with pytest.raises(RunFailedError, match=r"No space left on device.*step-0000000001, is intact"):
        checkpoint.save_checkpoint(run, trainer, State(step=2))
    assert checkpoint.load_checkpoint(run, trainer) == State(step=1)
    (small_disk / "ballast").unlink()
    checkpoint.save_checkpoint(run, trainer, State(step=2))
    assert checkpoint.load_checkpoint(run, trainer) == State(step=2)


def test_a_checkpoint_that_was_being_replaced_is_put_back_and_leftovers_go(new_trainer, tmp_path):
    run, trainer = RunFolder(tmp_path), new_trainer()
    train_steps(trainer, 0, 1)
    checkpoint.save_checkpoint(run, trainer, State(step=7))
    run.checkpoints()[0].rename(run.checkpoint_folder / ".step-0000000007.old")
    (run.checkpoint_folder / ".step-0000000008.part").mkdir()
    (run.checkpoint_folder / ".step-0000000009.part").write_bytes(b"a file")
    checkpoint.clear_leftovers(run.checkpoint_folder)
    assert [p.name for p in run.checkpoint_folder.iterdir()] == ["step-0000000007"]
    assert checkpoint.load_checkpoint(run, trainer) == State(step=7)


def test_too_many_open_files_while_reading_is_not_taken_for_damage(new_trainer, tmp_path, monkeypatch):
    run, trainer = RunFolder(tmp_path), new_trainer()
    train_steps(trainer, 0, 1)
    checkpoint.save_checkpoint(run, trainer, State(step=1))

    def refuse(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(RunFailedError, match="Too many open files"):
        checkpoint.load_checkpoint(run, trainer)
