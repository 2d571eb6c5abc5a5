"""A judge of a moment, small fits, and a run to score."""

import pytest


@pytest.fixture(autouse=True)
def moment(monkeypatch):
    """Judges and other classifiers are fitted for a moment, on one thread."""
    monkeypatch.setattr("ganvas.machine.cores", lambda: 1)
    for room in ("classifying.judging", "metrics.use"):
        monkeypatch.setattr(f"ganvas.{room}.images_shown", lambda count, size: 1024)
