import os
import signal
import subprocess
import sys
import threading

import pytest

from ganvas.training.signals import StopSignal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_is_noted_and_nothing_dies(number):
    with StopSignal() as stop:
        assert not stop.asked
        os.kill(os.getpid(), number)
        assert stop.asked
        assert stop.signal_number == number


def test_what_signals_did_before_they_do_again():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopSignal():
        os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM"])
def test_a_second_ctrl_c_ends_at_once(first):
    program = f"""
import os, signal
from ganvas.training.signals import StopSignal
with StopSignal() as stop:
    os.kill(os.getpid(), signal.{first})
    print("noted", stop.asked, flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("still here", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "noted True\n"
    assert done.returncode == -signal.SIGINT  # a shell says 130


def test_in_another_thread_it_leaves_signals_alone():
    found = []

    def enter():
        with StopSignal() as stop:
            found.append(stop.asked)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [False]
