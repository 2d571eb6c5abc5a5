import math
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ganvas.config.run import ComputeConfig, OptimiserConfig, TrainingConfig
from ganvas.training.engine import Engine
from ganvas.training.loop import Clock, State, StopSignal, gradient_norms, run_loop
from ganvas.training.trainer import Trainer, learning_rate


class Log:
    def __init__(self):
        self.records = []

    def show(self, record):
        self.records.append(dict(record))

    write = show


@pytest.fixture
def looped():
    """looped(training, steps, first) -> (rates of the steps played, records, steps saved, images previewed)."""

    def run(training, steps, first=0, optimiser=None):
        network = nn.Linear(2, 1)
        optimiser_used = torch.optim.SGD(network.parameters(), lr=1.0)
        rates, saved, previews, recorded, log = {}, [], [], [], Log()

        def step_once(step, progress):
            rates[step] = optimiser_used.param_groups[0]["lr"]
            for p in network.parameters():
                p.grad = torch.ones_like(p)
            return {"loss": torch.tensor(float(step))}

        choice = optimiser or OptimiserConfig()
        trainer = Trainer(
            {"classifier": network},
            {"classifier": optimiser_used},
            step_once,
            training.batch,
            partial(learning_rate, choice),
        )
        state = State(step=first)
        engine = Engine.for_trials(ComputeConfig(1, "float32", "contiguous"))
        outputs = SimpleNamespace(
            write=log.write,
            preview=lambda images: previews.append(images) or {},
            score=lambda images: {"fcd": float(images)},
            watch=recorded.append,
            save=lambda s: saved.append(s.step),
        )
        budget = {"images": steps * training.batch, "time": None}
        chosen = SimpleNamespace(
            training=training, objective=None, compute=engine.compute, adapts_threads=False, **budget
        )
        run_loop(trainer, engine, chosen, state, outputs)
        return rates, log.records, saved, previews

    return run


def training(**above):
    return TrainingConfig(
        **{"batch": 10, "images": 100, "log_every": 20, "preview_every": 30, "save_every": 40, **above}
    )


def test_whatever_repeats_is_counted_in_images_and_done_at_the_end_too(looped):
    rates, records, saved, previews = looped(training(), 11)
    assert list(rates) == list(range(11))
    assert [record["images"] for record in records] == [20, 40, 60, 80, 100, 110]
    assert previews == [30, 60, 90, 110]
    assert saved == [4, 8, 11]


def test_what_comes_due_inside_a_batch_is_done_after_it_and_once(looped):
    _, records, saved, previews = looped(training(log_every=1, save_every=25, preview_every=7), 5)
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5]
    assert saved == [3, 5]
    assert previews == [10, 20, 30, 40, 50]


@pytest.mark.parametrize("first", [1, 4, 5, 10])
def test_begun_later_it_does_at_each_step_what_it_would_have_done(looped, first):
    whole, part = looped(training(), 11), looped(training(), 11, first)
    assert part[0] == {step: rate for step, rate in whole[0].items() if step >= first}
    keys = ("step", "images", "loss", "grad")
    kept = [{key: record[key] for key in keys} for record in whole[1] if record["step"] > first]
    assert [{key: record[key] for key in keys} for record in part[1]] == kept
    assert part[2] == [step for step in whole[2] if step > first]
    assert part[3] == [images for images in whole[3] if images > 10 * first]


def test_a_run_that_has_ended_takes_no_step(looped):
    assert looped(training(), 5, first=5) == ({}, [], [], [])


def test_the_rate_of_a_step_follows_from_its_share_of_the_run(looped):
    rates = looped(training(), 10, optimiser=OptimiserConfig(lr=1.0, lr_hold=0.5, lr_final=0.0))[0]
    assert list(rates.values()) == pytest.approx([1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])


def test_a_record_holds_what_the_chart_and_the_display_need(looped):
    record = looped(training(), 2)[1][0]
    assert set(record) == {"step", "images", "seconds", "images_per_second", "loss", "grad"}
    assert record["grad"] == pytest.approx(math.sqrt(3))


def test_a_clock_adds_to_what_earlier_parts_took(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "process_time", lambda: now[0] / 2)
    state = State(step=5, training_seconds=40.0, cpu_seconds=7.0)
    clock = Clock(state, images=1000)
    now[0] += 10
    clock.read()
    assert (state.training_seconds, state.cpu_seconds) == (50.0, 12.0)
    assert clock.images_per_second(1200) == pytest.approx(20)
    now[0] += 5
    clock.read()
    assert clock.images_per_second(1300) == pytest.approx(20)
    assert state.training_seconds == 55.0


def test_gradient_norms_are_lengths_over_all_weights():
    network = nn.Linear(2, 1)
    network.weight.grad, network.bias.grad = torch.tensor([[3.0, 0.0]]), torch.tensor([4.0])
    assert gradient_norms({"generator": network}) == {"grad_g": 5.0}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_is_received_and_nothing_ends(number):
    with StopSignal() as stop:
        assert not stop.received
        os.kill(os.getpid(), number)
        assert stop.received
        assert stop.signal_number == number


def test_the_handlers_before_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopSignal():
        os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM"])
def test_a_second_ctrl_c_ends_at_once(first):
    program = f"""
import os, signal
from ganvas.training.loop import StopSignal
with StopSignal() as stop:
    os.kill(os.getpid(), signal.{first})
    print("noted", stop.received, flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("still here", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "noted True\n"
    assert done.returncode == -signal.SIGINT  # a shell says 130


def test_at_a_prompt_or_in_a_notebook_a_second_ctrl_c_ends_the_training_alone(monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    before = signal.getsignal(signal.SIGINT)
    with StopSignal() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.received
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_in_another_thread_it_leaves_signals_alone():
    received = []

    def enter():
        with StopSignal() as stop:
            received.append(stop.received)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert received == [False]
