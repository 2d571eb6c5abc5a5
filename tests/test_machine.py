import subprocess
import sys

import pytest

from ganvas import machine


def test_cores_are_those_this_process_may_use():
    assert machine.cores() >= 1


def test_peak_memory_grows_with_what_was_held():
    before = machine.peak_memory_bytes()
    held = bytearray(before // 2 + 50_000_000)
    assert machine.peak_memory_bytes() > before + len(held) // 4
    del held


FAULTS = """
import resource, sys
from ganvas import machine

if sys.argv[1] == "kept" and not machine.keep_freed_memory():
    sys.exit(77)
for turn in range(20):
    if turn == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [bytearray(10_000_000) for _ in range(3)]
    del held
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


def faults(how):
    """Page faults of asking again for 30 MB that were freed before, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("this C library has no mallopt")
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_memory_that_is_kept_costs_no_page_faults_when_asked_for_again():
    assert faults("kept") < 100 < faults("given back")


def test_arithmetic_takes_no_more_threads_than_the_environment_allows(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 4)
    for given, expected in (("1", 1), ("3", 3), ("9", 4), ("0", 1), ("", 4), ("2,1", 4)):
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        assert machine.threads() == expected


def test_the_device_is_one_of_three():
    assert machine.device() in ("cpu", "cuda", "mps")
    assert machine.cpu_name()


def test_one_process_speaks_for_all(monkeypatch):
    assert machine.is_rank_zero()
    for rank, first in (("0", True), ("1", False)):
        monkeypatch.setenv("RANK", rank)
        assert machine.is_rank_zero() == first
