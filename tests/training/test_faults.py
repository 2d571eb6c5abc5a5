"""What goes wrong while a run trains: a disk, memory, numbers, signals. It ends in a sentence, and nothing is lost."""

import errno
import os

import pytest
import torch

from ganvas import files
from ganvas.errors import InterruptedRunError, RunFailedError
from ganvas.runs import bundle
from ganvas.runs.folder import RunFolder
from ganvas.training import autotune, checkpoint, run, trainer


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
@pytest.mark.parametrize("where", ["log", "preview", "checkpoint", "bundle", "record"])
def test_an_error_of_the_disk_ends_the_run_in_a_sentence_and_it_can_be_resumed(
    tiny_run, train_small, tmp_path, monkeypatch, contents, number, where
):
    count = [0]

    def failing(*_, **__):
        count[0] += 1
        raise OSError(number, os.strerror(number), "somewhere")

    def failing_later(original):
        def call(*given, **named):
            count[0] += 1
            if count[0] > 1:
                failing()
            return original(*given, **named)

        return call

    with monkeypatch.context() as patch:
        if where == "log":
            patch.setattr(files, "append_jsonl", failing)
        elif where == "preview":
            patch.setattr(run.artifacts, "save_preview", failing)
        elif where == "checkpoint":
            patch.setattr(checkpoint.sealed, "write_sealed", failing)
        elif where == "bundle":
            patch.setattr(run.bundle, "write_bundle", failing)
        else:  # the first record is written, the last is not
            patch.setattr(RunFolder, "write", failing_later(RunFolder.write))
        with pytest.raises(RunFailedError) as caught:
            train_small(tmp_path / "run")
    assert count[0]
    assert caught.value.status == 1
    assert os.strerror(number) in str(caught.value)
    assert "same command again" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert contents(train_small(tmp_path / "run").bundle) == contents(tiny_run.bundle)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 byte")])
@pytest.mark.parametrize("where", ["measuring", "playing"])
def test_memory_that_runs_out_is_reported_with_advice(train_small, tmp_path, monkeypatch, error, where):
    def full(*_, **__):
        raise error

    monkeypatch.setattr(*((autotune, "choose_compute", full) if where == "measuring" else (trainer, "gan_step", full)))
    with pytest.raises(RunFailedError, match=r"memory ran out.*--training.batch, --pair.width or --size"):
        train_small(tmp_path / "run")
    assert (tmp_path / "run").exists() == (where == "playing")


def test_an_error_of_ours_is_not_dressed_up(train_small, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(trainer, "gan_step", broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train_small(tmp_path / "run")


def test_a_run_that_explodes_is_stopped_within_ten_steps_and_keeps_its_last_good_checkpoint(
    train_small, tmp_path, monkeypatch
):
    original = trainer.gan_step

    def poisoned(pair, *given):
        scores = original(pair, *given)
        if given[-1] == 11:
            with torch.no_grad():
                next(pair.generator.parameters()).view(-1)[0] = float("nan")
        return scores

    monkeypatch.setattr(trainer, "gan_step", poisoned)
    with pytest.raises(RunFailedError, match=r"not a number after (1[2-9]|2[0-1]) steps.*--optimiser\.lr"):
        train_small(tmp_path / "run", training={"images": 400})
    run = RunFolder(tmp_path / "run")
    assert [p.name for p in run.checkpoints()] == ["step-0000000005", "step-0000000010"]
    record = run.read()
    assert record.status == "diverged"
    assert not record.has_ended  # it may be resumed
    assert "not a number" in record.events[-1].text
    result = bundle.open_run(run.path).networks["generator"]
    assert all(torch.isfinite(p).all() for p in result.parameters())


@pytest.mark.parametrize(
    "above",
    [
        {"optimiser": {"lr": 10.0, "name": "sgd"}, "objective": {"loss": "mse"}},
        {"optimiser": {"lr": 10.0, "name": "sgd"}, "objective": {"r1": 1e6}},
    ],
)
def test_a_real_explosion_is_found(train_small, tmp_path, above):
    with pytest.raises(RunFailedError, match=r"is not a number after \d+ steps|the discriminator explodes"):
        train_small(tmp_path / "run", training={"images": 400, "save_every": 10_000}, **above)
    assert not RunFolder(tmp_path / "run").bundle.exists()


def test_asked_to_stop_it_saves_what_it_has_but_not_what_is_broken(train_small, tmp_path, monkeypatch):
    original = trainer.gan_step

    def interrupted_step(pair, *given):
        scores = original(pair, *given)
        if given[-1] == 12:
            with torch.no_grad():
                next(pair.generator.parameters()).view(-1)[0] = float("nan")
            os.kill(os.getpid(), 15)
        return scores

    monkeypatch.setattr(trainer, "gan_step", interrupted_step)
    with pytest.raises(RunFailedError, match="not a number after 13 steps"):
        train_small(tmp_path / "run")
    assert RunFolder(tmp_path / "run").checkpoints()[-1].name == "step-0000000010"


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_saves_and_the_run_resumes_from_there(
    tiny_run, train_small, tmp_path, monkeypatch, contents, figures_of, number
):
    original = trainer.gan_step

    def interrupted_step(*given):
        if given[-1] == 12:
            os.kill(os.getpid(), number)
        return original(*given)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "gan_step", interrupted_step)
        with pytest.raises(InterruptedRunError, match="stopped after 104 images, and saved") as caught:
            train_small(tmp_path / "run")
    assert caught.value.status == 128 + number
    run = RunFolder(tmp_path / "run")
    assert run.read().status == "interrupted"
    assert run.checkpoints()[-1].name == "step-0000000013"
    train_small(tmp_path / "run")
    assert contents(run.bundle) == contents(tiny_run.bundle)
    assert figures_of(run) == figures_of(tiny_run)
