"""Training from Python: the command's request, resumed and interrupted alike, in any thread."""

import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

import ganvas
from ganvas import cli
from ganvas.errors import InterruptedRunError, UserError
from ganvas.training import artifacts, run
from ganvas.training.loop import run_loop

SMALL = {
    "threads": 1,
    "precision": "float32",
    "memory_format": "contiguous",
    "batch": 8,
    "pair": {"width": 4, "noise": 4, "embedding": 4, "features": 4},
    "training": {"log_every": 8, "preview_every": 80},
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in, without charts, which take longest."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(artifacts, "draw_charts", lambda *_: None)
    return tmp_path


@pytest.fixture
def interrupted_at(monkeypatch):
    """interrupted_at(step): a person presses Ctrl-C in that step."""

    def at(step):
        def stopped(trainer, *rest):
            def take(number, progress):
                if number == step:
                    os.kill(os.getpid(), signal.SIGINT)
                return trainer.step(number, progress)

            run_loop(replace(trainer, step=take), *rest)

        monkeypatch.setattr(run, "run_loop", stopped)

    return at


def test_the_same_options_give_the_run_of_the_command(tiny_source):
    made = ganvas.train(tiny_source, images=np.int64(16), seed=3, out="python", **SMALL)
    typed = ["--images", "16", "--seed", "3", "--threads", "1", "--precision", "float32", "--batch", "8"]
    typed += ["--memory-format", "contiguous"]
    typed += [f"--pair.{name}={size}" for name, size in SMALL["pair"].items()]
    typed += ["--training.log-every", "8", "--training.preview-every", "80"]
    assert cli.run(["train", str(tiny_source), "--out", "typed", *typed]) == 0
    typed_run = ganvas.load("typed")
    assert (made.folder / "bundle" / "generator.safetensors").read_bytes() == (
        typed_run.folder / "bundle" / "generator.safetensors"
    ).read_bytes()
    assert made.record.run == typed_run.record.run
    # Begun by one, it is the other's run too: what was asked for is equal.
    assert cli.run(["train", str(tiny_source), "--out", "python", *typed]) == 0
    assert ganvas.train(tiny_source, images=16.0, seed=3, out=typed_run, **SMALL).folder == typed_run.folder


def test_a_set_that_was_prepared_is_trained_on_as_it_was_prepared(tiny_source):
    images = ganvas.prepare(tiny_source, size=20, background="black")
    made = ganvas.train(images, images=8, **SMALL)
    assert str(made.folder) == "runs/patterns-modern-s0"
    assert made.record.data.fingerprint == images.fingerprint
    assert made.record.asked.choices["data"] == {"size": 20, "background": "black"}
    other = ganvas.train(images, size=16, images=8, out="other", **SMALL)  # what is given wins
    assert other.record.data.size == (16, 16)


def test_options_come_from_a_file_too(tiny_source, here):
    (here / "mine.toml").write_text('recipe = "modern"\nseed = 5\n[training]\nimages = 800\n')
    made = ganvas.train(tiny_source, config="mine.toml", images=8, **SMALL)
    assert (made.record.run.seed, made.record.run.images) == (5, 8)


def test_it_resumes_is_trained_further_and_starts_from_another(tiny_source):
    made = ganvas.train(tiny_source, images=16, out="a", **SMALL)
    assert ganvas.train(tiny_source, images=16, out="a", **SMALL).record == made.record  # finished: nothing to do
    assert ganvas.train(tiny_source, out=made, more_images=8).record.images_seen == 24
    begun = ganvas.train(tiny_source, start_from=made, images=8, out="b", **SMALL)
    assert begun.record.asked.start_from == str(made.folder.resolve())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"minuts": 5}, "there is no minuts; did you mean minutes? `ganvas list options` names them all"),
        ({"widht": 8}, "there is no widht; did you mean pair.width?"),
        ({"objective": {"los": "bce"}}, "there is no objective.los; did you mean objective.loss?"),
        ({"objective": {"loss": "bec"}}, "objective.loss: input should be 'non-saturating', "),
        ({"objective": "bce"}, "objective is a part of a run; its options are objective.kind, "),
        ({"recipe": "modrn"}, "there is no recipe 'modrn'; did you mean modern?"),
        ({"save_every": 0}, "save_every: input should be greater than or equal to 1 (it was 0)"),
        ({"training": {"save_every": 0}}, "save_every: input should be greater than or equal to 1 (it was 0)"),
        ({"images": 8, "training": {"images": 8}}, "images was given twice, once as training.images"),
        ({"images": 8, "minutes": 1}, "one budget, please, not images and minutes"),
        ({"more_minutes": 1, "images": 8}, "more_minutes is the budget of a finished run's further training: leave"),
        ({"more_images": 8}, "runs/patterns-modern-s0 is not a run, and more_minutes, more_images and moved_to are"),
        ({"track": "tensorbord"}, "there is no tracker 'tensorbord'; did you mean tensorboard?"),
        ({"track": ["tensorbord"]}, "there is no tracker 'tensorbord'; did you mean tensorboard?"),
        ({"start_from": "runs/no"}, "runs/no is not a run"),
        ({"config": "no.toml"}, "config no.toml cannot be read"),
    ],
)
def test_a_mistake_gets_one_sentence_in_the_words_of_python(tiny_source, here, options, sentence):
    with pytest.raises(UserError) as caught:
        ganvas.train(tiny_source, **options)
    assert str(caught.value).startswith(sentence)
    assert not list(here.iterdir()) or [path.name for path in here.iterdir()] == ["mine.toml"]


def test_another_option_on_the_same_folder_is_refused_with_the_difference(tiny_source):
    ganvas.train(tiny_source, images=8, out="a", **SMALL)
    with pytest.raises(UserError, match=r"holds a run begun with seed not given, now 1\. .* another out; a finished"):
        ganvas.train(tiny_source, images=8, seed=1, out="a", **SMALL)


def test_an_interrupt_saves_and_the_same_call_resumes(tiny_source, interrupted_at, contents):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    whole = ganvas.train(tiny_source, images=64, out="whole", **SMALL)
    interrupted_at(3)
    with pytest.raises(InterruptedRunError) as caught:
        ganvas.train(tiny_source, images=64, out="a", **SMALL)
    assert str(caught.value) == (
        "stopped after 32 images, and saved; the same call resumes it, and ganvas.load('a') opens it as it is"
    )
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    stopped = ganvas.load("a")
    assert (stopped.status, stopped.record.images_seen) == ("interrupted", 32)
    assert len(stopped.sample("down", 2)) == 2  # of its checkpoint
    assert list(stopped.log["images"]) == [8, 16, 24, 32]
    resumed = ganvas.train(tiny_source, images=64, out="a", **SMALL)
    assert contents(resumed.folder / "bundle") == contents(whole.folder / "bundle")


def test_in_another_thread_it_trains_alike_and_leaves_signals_alone(tiny_source, contents):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    made, seen = [], []
    here = ganvas.train(tiny_source, images=32, out="here", **SMALL)

    def work():
        seen.extend(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM))
        made.append(ganvas.train(tiny_source, images=32, out="there", **SMALL))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == before
    assert contents(made[0].folder / "bundle") == contents(here.folder / "bundle")


def test_torch_has_its_threads_back(tiny_source):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        ganvas.train(tiny_source, images=8, **SMALL)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
