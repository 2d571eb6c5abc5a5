"""Trials in this process; and a comparison of seconds: nothing is timed, and little is shown."""

import pytest

from ganvas.experiments import budget, trials
from ganvas.experiments.budget import Worth
from ganvas.experiments.worth import weigh
from ganvas.experiments.worth_trials import open_subject

RATES = budget.Rates(fitting=1_000.0, training=100_000.0)


def _run_here(patch):
    patch.setattr(trials, "in_processes", lambda work, tasks: map(work, tasks))


def _compare_quickly(patch):
    _run_here(patch)
    patch.setattr(budget, "measured_rates", lambda *_: RATES)
    patch.setattr(budget, "at_once", lambda fits: 1)
    patch.setattr(budget, "SECONDS_TO_START", 0.0)
    for name in ("FEWEST_SHOWN", "FEWEST_TRAINED"):
        patch.setattr(budget, name, 1)


@pytest.fixture
def in_this_process(monkeypatch):
    """Trials run here, one after another, so that what a test replaces is replaced for them too."""
    _run_here(monkeypatch)


@pytest.fixture
def quick_to_do(monkeypatch):
    """Rates are given, so that a plan is the same everywhere, and the least that may be shown is little."""
    _compare_quickly(monkeypatch)


@pytest.fixture(scope="session")
def compared_once(tmp_path_factory, tiny_run):
    """(results, folder) of one quick comparison of a run's images. Not to be changed."""
    folder, choices = tmp_path_factory.mktemp("compared"), Worth(quick=True, minutes=0.05)
    with pytest.MonkeyPatch.context() as patch:
        _compare_quickly(patch)
        return weigh(open_subject(tiny_run.path, choices.most_tested), choices, folder), folder
