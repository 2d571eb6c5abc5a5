"""SIGKILL at any moment: the last complete checkpoint loads, and the finished run equals an unbroken one exactly."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganvas.runs import sealed
from ganvas.runs.folder import RunFolder

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
DRIVER = Path(__file__).with_name("kill_driver.py")


def killed_at_every(number, source, choices, folder, contents, figures_of):
    command = [sys.executable, str(DRIVER), str(source), str(folder), json.dumps(choices), str(number)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr
    first, *result = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert first["points"] > 40
    assert len(result) == len(range(1, first["points"], number))
    assert [record for record in result if record["died"] != -signal.SIGKILL or record["ended"] != 0] == []
    assert any(record["saved"] for record in result)
    whole = RunFolder(folder / "whole")
    for record in result:
        run = RunFolder(folder / f"killed-{record['point']}")
        assert contents(run.bundle) == contents(whole.bundle), record
        assert contents(run.previews) == contents(whole.previews), record
        assert figures_of(run) == figures_of(whole), record
        assert not [p for p in run.path.rglob(".*") if p.name != ".lock"], record  # leftovers are cleared


@needs_fork
def test_killed_at_a_dozen_of_its_writes_syncs_and_renames_a_run_ends_the_same(
    tiny_source, small, tmp_path, contents, figures_of
):
    choices = small(training={"images": 40, "save_every": 24, "preview_every": 24})
    killed_at_every(11, tiny_source, choices, tmp_path, contents, figures_of)


@needs_fork
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_each_of_its_writes_syncs_and_renames_a_run_ends_the_same(
    tiny_source, small, tmp_path, contents, figures_of
):
    choices = small(training={"images": 80, "save_every": 16, "preview_every": 24})
    killed_at_every(1, tiny_source, choices, tmp_path, contents, figures_of)


def command(source, out, images):
    flags = "--images {} --batch 8 --save-every 80 --threads 1 --precision float32 --memory-format contiguous"
    options = "--pair.width 4 --pair.noise 4 --pair.features 4 --training.log_every 8 --training.preview_every 400"
    return [
        *(sys.executable, "-m", "ganvas", "train", str(source), "--out", str(out)),
        *flags.format(images).split(),
        *options.split(),
    ]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fifty_kills_at_random_moments_all_resume_bit_for_bit(tiny_source, tmp_path, contents, figures_of):
    images = 8000
    began = time.monotonic()
    subprocess.run(command(tiny_source, tmp_path / "whole", images), check=True, capture_output=True)
    longest = time.monotonic() - began
    whole = RunFolder(tmp_path / "whole")
    chance, kills, in_training, number = random.Random(0), 0, 0, 0
    while kills < 50:
        run = RunFolder(tmp_path / f"run-{number}")
        for _ in range(8):  # lives of one run, at most; then it is let go to its end
            with subprocess.Popen(command(tiny_source, run.path, images), stdout=subprocess.DEVNULL) as process:
                try:
                    assert process.wait(chance.uniform(0, longest)) == 0
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    kills += 1
            in_training += bool(run.checkpoints()) and not run.bundle.exists()
            for place in run.checkpoints():
                sealed.verify_sealed(place)
        subprocess.run(command(tiny_source, run.path, images), check=True, capture_output=True)
        assert contents(run.bundle) == contents(whole.bundle)
        assert contents(run.previews) == contents(whole.previews)
        assert figures_of(run) == figures_of(whole)
        number += 1
    assert in_training >= 5  # not all of them before the first step
