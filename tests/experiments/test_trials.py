"""Trials in processes of their own: each once, kept when it ends, and what fails is told."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ganvas.errors import RunFailedError, UserError
from ganvas.experiments import trials
from ganvas.experiments.experiment import Comparison, Experiment, Measure, Trial, Variant
from ganvas.experiments.journal import Journal
from ganvas.experiments.questions import EXPERIMENTS

done: list[tuple[str, int]] = []


def measure(task, row):
    """Counts, and fails where its row says so."""
    done.append((task.row, task.seed))
    if row.choices.get("fails"):
        raise RunFailedError("a loss is not a number; lower the rate")
    return {"fcd": 10.0 * (1 + task.seed) * row.choices.get("times", 1), "seconds": task.seconds}


QUESTION = Experiment(
    name="small",
    claim="half is better",
    place="Summary",
    measure=measure,
    rows=(Variant("whole"), Variant("half", {"times": 0.5})),
    measures=(Measure("fcd", "FCD"),),
    comparisons=(Comparison("fcd", ("half",), ("whole",), "half is better", "half is worse", "one cannot tell"),),
    limits=("nothing was trained",),
    seeds=3,
    seconds=6.0,
    needs_evaluator=False,
)


@pytest.fixture
def here(monkeypatch):
    """Trials in this process, of the small question."""
    done.clear()

    def do(tasks, journal, title):
        for task in tasks:
            journal.add(trials.perform(task))

    monkeypatch.setattr(trials, "_do", do)
    monkeypatch.setitem(EXPERIMENTS, "small", QUESTION)
    return monkeypatch


def ask(source, folder, question=QUESTION, **effort):
    return trials.run_experiment(question, str(source), trials.Effort(**effort), folder)


def test_every_row_is_tried_once_a_seed_and_the_card_says_all_of_it(here, tiny_source, tmp_path):
    card = ask(tiny_source, tmp_path)
    assert sorted(done) == [(row, seed) for row in ("half", "whole") for seed in range(3)]
    assert card["verdict"] == "yes"
    assert card["answer"].startswith("half is better: FCD 0.50 times")
    assert (card["done"], card["trials"]) == (6, 6)
    assert card["asked"] == {
        "study": "small",
        "seeds": 3,
        "seconds": 6.0,
        "set": "patterns",
        "fingerprint": card["asked"]["fingerprint"],
    }
    assert str(tmp_path) not in (tmp_path / trials.RESULTS).read_text()


def test_what_is_done_is_not_done_again_and_the_card_is_made_from_the_journal_alone(here, tiny_source, tmp_path, said):
    first = ask(tiny_source, tmp_path)
    done.clear()
    said.clear()
    assert ask(tiny_source, tmp_path) == first
    assert done == []
    assert said == ["every trial was done before"]
    assert trials.card(QUESTION, Journal(tmp_path / trials.RESULTS)) == first


def test_a_study_that_was_broken_off_goes_on(here, tiny_source, tmp_path):
    whole = ask(tiny_source, tmp_path)
    path = tmp_path / trials.RESULTS
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][: len(lines[3]) // 2])
    done.clear()
    again = ask(tiny_source, tmp_path)
    assert len(done) == 4
    assert {**again, "processor_seconds": 0} == {**whole, "processor_seconds": 0}


def test_another_study_in_the_same_folder_is_refused(here, tiny_source, tmp_path):
    ask(tiny_source, tmp_path, seeds=2)
    with pytest.raises(UserError, match=r"was begun with seeds 2, now 3"):
        ask(tiny_source, tmp_path)


def test_a_failed_trial_is_told_and_tried_again_the_next_time(here, tiny_source, tmp_path):
    failing = replace(QUESTION, rows=(QUESTION.rows[0], Variant("half", {"fails": True})))
    here.setitem(EXPERIMENTS, "small", failing)
    card = ask(tiny_source, tmp_path, failing)
    assert card["failed"][0] == {"row": "half", "seed": 0, "why": "a loss is not a number"}
    assert card["verdict"] == "unknown"
    here.setitem(EXPERIMENTS, "small", QUESTION)
    assert ask(tiny_source, tmp_path)["failed"] == []


def test_what_is_to_come_is_said_before_the_first_trial_has_ended(monkeypatch, tmp_path):
    monkeypatch.setattr(trials.machine, "cores", lambda: 2)
    tasks = [Trial("activation", "row", seed, 300.0, "digits", tmp_path) for seed in range(5)]
    said = "5 trials, 2 at once: their budgets come to 15 min 00 s, scoring on top"
    assert trials.planned(tasks) == said
    assert trials.planned(tasks[:1]).startswith("1 trials, 1 at once: their budgets come to 5 min")


def test_a_quick_study_has_two_seeds_and_a_sixth_of_the_time():
    assert trials.Effort(quick=True).of(QUESTION) == (range(2), 1.0)
    assert trials.Effort(quick=True, seeds=4, budget=9).of(QUESTION) == (range(4), 9)
    assert trials.Effort().of(QUESTION) == (range(3), 6.0)


def test_an_unknown_question_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=r"there is no study 'activatoin'; .*activation"):
        trials.find_experiment("activatoin")


def test_a_question_about_labels_needs_a_set_with_labels(unlabelled_source, tmp_path):
    with pytest.raises(UserError, match=r"unlabelled has no labels, and the study activation asks about them"):
        ask(unlabelled_source, tmp_path / "out", EXPERIMENTS["activation"])
    assert not (tmp_path / "out").exists()


def test_a_set_too_small_for_the_distance_is_refused(tiny_source, tmp_path):
    with pytest.raises(UserError, match=r"patterns gives 6 held-out images, .* needs 129: take a larger set"):
        ask(tiny_source, tmp_path / "out", EXPERIMENTS["activation"])


def test_the_judge_is_fitted_once_for_every_size_before_any_trial(here, large_source, tmp_path):
    sizes = []
    here.setattr(trials, "evaluator_for", lambda prepared: sizes.append(prepared.size))
    rows = (Variant("whole", {"size": 20}), Variant("half", {"size": 20, "times": 0.5}), Variant("own"))
    judged = replace(QUESTION, rows=rows, needs_evaluator=True)
    here.setitem(EXPERIMENTS, "small", judged)
    ask(large_source, tmp_path, judged)
    assert sorted(sizes) == [16, 20]


def test_damaged_results_are_refused_with_what_to_do(here, tiny_source, tmp_path):
    ask(tiny_source, tmp_path)
    path = tmp_path / trials.RESULTS
    path.write_text(path.read_text().replace('"figures"', '"figure"', 1))
    with pytest.raises(UserError, match=r"results\.jsonl is damaged; remove the file to begin anew"):
        ask(tiny_source, tmp_path)


def test_memory_that_runs_out_is_a_failure_and_another_error_is_ours(here):
    def short_of_memory(task, row):
        raise MemoryError

    def wrong(task, row):
        raise RuntimeError("a mistake")

    task = Trial("small", "whole", 0, 1.0, "digits", Path())
    here.setitem(EXPERIMENTS, "small", replace(QUESTION, measure=short_of_memory))
    assert trials.perform(task)["failed"] == "memory ran out"
    here.setitem(EXPERIMENTS, "small", replace(QUESTION, measure=wrong))
    with pytest.raises(RuntimeError, match="a mistake"):
        trials.perform(task)


def test_processes_started_inside_have_one_thread_and_the_environment_is_as_before(monkeypatch):
    for before in (None, "2"):
        if before is None:
            monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        else:
            monkeypatch.setenv("OMP_NUM_THREADS", before)
        with trials.one_thread():
            assert os.environ["OMP_NUM_THREADS"] == "1"
        assert os.environ.get("OMP_NUM_THREADS") == before


@pytest.mark.slow
def test_a_real_study_runs_in_processes_and_ends_with_an_answer(large_source, tmp_path, said):
    card = trials.run_experiment(
        EXPERIMENTS["activation"], str(large_source), trials.Effort(seeds=2, budget=0.5), tmp_path, said.append
    )
    assert card["done"] == card["trials"] == 2 * len(EXPERIMENTS["activation"].rows)
    assert all(row["figures"]["fcd"]["value"] > 0 for row in card["rows"])
    assert len(list((tmp_path / "strips").iterdir())) == len(card["rows"])


@pytest.mark.slow
def test_ctrl_c_ends_a_study_at_once_without_a_traceback_and_the_same_command_goes_on(large_source, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "ganvas", "study", "activation", str(large_source), "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--budget=600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests in the background of a shell ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        while not (out / trials.RESULTS).exists():
            time.sleep(0.2)
        time.sleep(5)  # trials are under way
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process
        _, said = process.communicate(timeout=60)  # a trial would take ten minutes
        assert process.returncode == 130
        assert said == "ganvas: interrupted\n"
        left = True
        while left:  # Python's own watcher of processes goes a moment later; the test's time limit bounds this
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                left = False
            time.sleep(0.1)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert Journal(out / trials.RESULTS).finished == []
