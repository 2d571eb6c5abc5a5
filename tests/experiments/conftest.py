"""A comparison of seconds: nothing is measured, little is shown, threads stay as they are."""

from contextlib import nullcontext

import pytest

from ganvas import machine
from ganvas.experiments import budget, worth

RATES = budget.Rates(fitting=1_000.0, training=100_000.0, drawing=100_000.0)
MINUTES = 0.05


@pytest.fixture
def quick_to_do(monkeypatch):
    """Rates are given, so that a plan is the same everywhere, and the least that may be shown is little."""
    monkeypatch.setattr(worth, "measured", lambda *_: RATES)
    monkeypatch.setattr(machine, "fastest_threads", lambda *_: nullcontext())
    for name in ("FEWEST_SHOWN", "FEWEST_TRAINED"):
        monkeypatch.setattr(budget, name, 1)
    monkeypatch.setattr(budget, "SECONDS_TO_BEGIN", 0.0)
