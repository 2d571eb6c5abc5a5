"""A run as a process of its own, or as several: exit statuses, handles, locks, and two that equal one."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ganvas.runs import bundle
from ganvas.runs.folder import RunFolder

FLAGS = ["--batch", "8", "--threads", "1", "--precision", "float32", "--memory-format", "contiguous"]
FLAGS += ["--optimiser.lr", "0.001"]
LIMITED = """
import os, resource
from ganvas.__main__ import main
from ganvas.training import checkpoint
original = checkpoint.save_checkpoint
def save(run, trainer, state):
    if state.step > 5:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, 4096))
    original(run, trainer, state)
checkpoint.save_checkpoint = save
main()
"""


def arguments(source, out, images, *more):
    return ["train", str(source), "--out", str(out), "--images", str(images), *FLAGS, *more]


def begun(source, out, images, *more):
    """A run in another process, in the middle of its training."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ganvas", *arguments(source, out, images, "--save-every", "800", *more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    waited = time.monotonic()
    while not RunFolder(out).checkpoints():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - waited < 100
        time.sleep(0.02)
    return process


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_with_its_status_one_sentence_and_a_checkpoint(tiny_source, tmp_path, number, status):
    out = tmp_path / "run"
    with begun(tiny_source, out, 10**7) as process:
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == status
    assert said.startswith("ganvas: stopped after ")
    assert said.count("\n") == 1
    newest = RunFolder(out).checkpoints()[-1]
    assert f"stopped after {8 * int(newest.name[5:])} images, and saved" in said
    bundle.open_run(out)
    assert RunFolder(out).read().status == "interrupted"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts its open files there")
def test_out_of_file_handles_it_ends_in_a_sentence_with_status_1(tiny_source, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments(tiny_source, tmp_path / "run", 160, "--save-every", "40")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Too many open files" in done.stderr
    assert done.stderr.startswith("ganvas: ")
    assert done.stderr.count("\n") == 1
    assert "what was saved before is intact" in done.stderr
    assert bundle.open_run(tmp_path / "run").info.images == 40


@pytest.mark.slow
def test_a_second_process_on_the_folder_is_refused_with_status_2(tiny_source, tmp_path):
    out = tmp_path / "run"
    more = ["--save-every", "800"]
    with begun(tiny_source, out, 10**7) as process:
        command = [sys.executable, "-m", "ganvas", *arguments(tiny_source, out, 10**7, *more)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert process.poll() is None
        process.kill()
    assert second.returncode == 2
    assert f"is being trained by process {process.pid} already" in second.stderr
    with begun(tiny_source, out, 10**7) as process:  # a dead process holds nothing
        process.kill()


@pytest.mark.slow
def test_on_a_disk_that_fills_up_it_ends_with_status_1_and_what_was_saved_is_whole(tiny_source, small_disk):
    out = small_disk / "run"
    with begun(tiny_source, out, 10**7, "--pair.width", "4", "--pair.features", "4") as process:
        with suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        _, said = process.communicate(timeout=100)
    assert process.returncode == 1
    assert "No space left on device" in said
    assert said.count("\n") == 1
    bundle.open_run(out)


@pytest.mark.slow
def test_a_read_only_folder_is_refused_with_status_2(tiny_source, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    command = [sys.executable, "-m", "ganvas", *arguments(tiny_source, small_disk / "run", 160)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 2
    assert done.stderr == f"ganvas: {small_disk / 'run'} cannot be written: Read-only file system\n"


def in_processes(count, source, out, images, *more, port=29517):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count)]
    command += ["--master-port", str(port), "-m", "ganvas", *arguments(source, out, images, *more)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)


def furthest(one, two):
    """The largest difference between two bundles' weights, as a share of each tensor's norm."""
    result = [bundle.read_bundle(run.bundle).networks for run in (one, two)]
    pairs = [
        (a, result[1][name].state_dict()[key])
        for name, network in result[0].items()
        for key, a in network.state_dict().items()
    ]
    return max(float((a - b).norm() / b.norm()) for a, b in pairs)


@pytest.mark.slow
@pytest.mark.timeout(700)
@pytest.mark.parametrize("recipe", ["modern", "book-conditional"])
def test_two_processes_equal_one_with_the_same_global_batch_to_rounding(tiny_source, tmp_path, recipe):
    flags = ["--recipe", recipe, "--save-every", "80", "--training.log_every", "40"]
    for count, name in ((2, "two"), (1, "one")):
        done = in_processes(count, tiny_source, tmp_path / name, 160, *flags)
        assert done.returncode == 0, done.stderr
    two, one = RunFolder(tmp_path / "two"), RunFolder(tmp_path / "one")
    assert furthest(one, two) < 1e-4
    logs = [[json.loads(line) for line in run.log.read_text().splitlines()] for run in (one, two)]
    assert [record["step"] for record in logs[0]] == [record["step"] for record in logs[1]]
    for a, b in zip(*logs, strict=True):
        assert a["loss_d"] == pytest.approx(b["loss_d"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_a_run_saved_by_two_processes_resumes_on_one_with_a_message(tiny_source, tmp_path, monkeypatch):
    out = tmp_path / "run"
    done = in_processes(2, tiny_source, out, 160, "--save-every", "80")
    assert done.returncode == 0, done.stderr
    run = RunFolder(out)
    record = run.read()
    run.write(record.model_copy(update={"status": "begun"}))
    newest = run.checkpoints()[-1]
    for place in newest.iterdir():
        place.unlink()
    newest.rmdir()
    done = in_processes(1, tiny_source, out, 160, "--save-every", "80")
    assert done.returncode == 0, done.stderr
    assert "resuming on 1 processes, saved by 2" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_what_fails_in_the_first_process_ends_both(tiny_source, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text").write_text("three years")
    began = time.monotonic()
    done = in_processes(2, tiny_source, tmp_path / "thesis", 160)
    assert done.returncode != 0
    assert "is there already and is not a run" in done.stderr
    assert time.monotonic() - began < 200  # far below the half hour for which one would wait for the other


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_a_batch_that_does_not_divide_is_refused(tiny_source, tmp_path):
    done = in_processes(3, tiny_source, tmp_path / "run", 160)
    assert done.returncode != 0
    assert "--batch 8 does not divide among 3 processes" in done.stderr
    assert not (tmp_path / "run").exists()
