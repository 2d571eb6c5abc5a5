"""Each trial runs once in a process of its own, is kept when it ends, and its failure is reported."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganvas.errors import RunFailedError, UserError
from ganvas.experiments import analysis, trials
from ganvas.experiments.experiment import Comparison, Experiment, Measure, Trial, Variant
from ganvas.experiments.journal import Journal
from ganvas.experiments.questions import EXPERIMENTS
from ganvas.experiments.results import Failure

done: list[tuple[str, int]] = []


def measure(trial, variant):
    """Counts, and fails where its variant says so."""
    done.append((trial.variant, trial.seed))
    if variant.choices.get("fails"):
        raise RunFailedError("a loss is not a number; lower the rate")
    return {"fcd": 10.0 * (1 + trial.seed) * variant.choices.get("times", 1), "seconds": trial.seconds}


def measure_by_image(trial, variant):
    """Whether each of 101 images is right: 81 of them, or 50."""
    return {"right": np.arange(101) < (50 if "times" in variant.choices else 81)}


EXPERIMENT = Experiment(
    name="small",
    claim="half is better",
    measure=measure,
    variants=(Variant("whole"), Variant("half", {"times": 0.5})),
    measures=(Measure("fcd", "FCD"),),
    comparisons=(Comparison("fcd", ("half",), ("whole",), "half is {better|worse}"),),
    limits=("nothing was trained",),
    seeds=3,
    seconds=6.0,
    needs_evaluator=False,
)


@pytest.fixture(autouse=True)
def forget():
    done.clear()


def ask(source, folder, experiment=EXPERIMENT, **effort):
    return trials.run_experiment(experiment, str(source), trials.Effort(**effort), folder)


def test_every_variant_is_tried_once_a_seed_and_the_results_hold_all_of_it(in_this_process, tiny_source, tmp_path):
    results = ask(tiny_source, tmp_path)
    assert sorted(done) == [(variant, seed) for variant in ("half", "whole") for seed in range(3)]
    assert results.verdict == "yes"
    assert results.answer.startswith("half is better: FCD 0.50 times")
    assert (results.done, results.trials) == (6, 6)
    asked = Journal(tmp_path / trials.RESULTS).header.asked
    assert asked["fingerprint"]
    assert asked | {"fingerprint": ""} == {
        "study": "small",
        "seeds": 3,
        "seconds": 6.0,
        "set": "patterns",
        "fingerprint": "",
    }
    assert results.command == "ganvas study small ./patterns --seeds 3 --budget 6"
    assert str(tmp_path) not in (tmp_path / trials.RESULTS).read_text()


def test_what_is_done_is_not_done_again_and_the_results_are_made_from_the_journal_alone(
    in_this_process, tiny_source, tmp_path, said
):
    first = ask(tiny_source, tmp_path)
    done.clear()
    said.clear()
    assert ask(tiny_source, tmp_path) == first
    assert done == []
    assert said == ["every trial was done before"]
    assert trials.results_of(EXPERIMENT, Journal(tmp_path / trials.RESULTS)) == first


def test_a_second_process_in_the_same_folder_is_refused_and_a_line_added_meanwhile_is_kept(
    in_this_process, tiny_source, tmp_path
):
    ask(tiny_source, tmp_path, seeds=2)
    journal, late = Journal(tmp_path / trials.RESULTS), Journal(tmp_path / trials.RESULTS)
    with journal.begun({}, {}), pytest.raises(UserError, match=rf"process {os.getpid()} is at work in"):
        ask(tiny_source, tmp_path, seeds=2)
    journal.add(journal.finished[0])
    with late.begun({}, {}):
        assert late.finished == journal.finished


def test_an_interrupted_study_resumes(in_this_process, tiny_source, tmp_path):
    whole = ask(tiny_source, tmp_path)
    path = tmp_path / trials.RESULTS
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][: len(lines[3]) // 2])
    done.clear()
    again = ask(tiny_source, tmp_path)
    assert len(done) == 4
    assert (again.variants, again.comparisons) == (whole.variants, whole.comparisons)


def test_another_study_in_the_same_folder_is_refused(in_this_process, tiny_source, tmp_path):
    ask(tiny_source, tmp_path, seeds=2)
    with pytest.raises(UserError, match=r"was begun with seeds 2, now 3"):
        ask(tiny_source, tmp_path)


def test_a_failed_trial_is_reported_and_repeated_the_next_time(in_this_process, tiny_source, tmp_path):
    failing = replace(EXPERIMENT, variants=(EXPERIMENT.variants[0], Variant("half", {"fails": True})))
    results = ask(tiny_source, tmp_path, failing)
    assert results.failures[0] == Failure(variant="half", seed=0, why="a loss is not a number")
    assert results.verdict == "unknown"
    assert ask(tiny_source, tmp_path).failures == ()


def test_a_variant_that_waits_for_another_is_tried_after_it_and_fails_with_it(in_this_process, tiny_source, tmp_path):
    waiting = (Variant("half", {"times": 0.5}, after="first"), Variant("whole"), Variant("first", {"fails": True}))
    failing = replace(EXPERIMENT, variants=waiting)
    results = ask(tiny_source, tmp_path, failing)
    assert {variant for variant, _ in done} == {"whole", "first"}
    assert {(failed.variant, failed.why) for failed in results.failures} == {
        ("first", "a loss is not a number"),
        ("half", "a loss is not a number"),
    }
    done.clear()
    results = ask(tiny_source, tmp_path, replace(failing, variants=(*waiting[:2], Variant("first"))))
    assert [variant for variant, _ in done] == ["first"] * 3 + ["half"] * 3
    assert (results.done, results.failures, results.verdict) == (9, (), "yes")
    assert [variant.name for variant in results.variants] == ["half", "whole"]  # the first only prepares


def test_what_is_measured_image_by_image_is_kept_bit_for_bit_and_its_figure_is_the_share(
    in_this_process, tiny_source, tmp_path
):
    by_image = replace(EXPERIMENT, measure=measure_by_image, measures=(Measure("right", "right", "higher", "percent"),))
    by_image = replace(by_image, comparisons=(Comparison("right", ("half",), ("whole",), "half is {better|worse}"),))
    results = ask(tiny_source, tmp_path, by_image)
    kept = analysis.read_results(Journal(tmp_path / trials.RESULTS).finished).flags
    assert np.array_equal(kept["whole", 1]["right"], np.arange(101) < 81)
    assert results.variants[0].figures["right"].value == pytest.approx(81 / 101, abs=1e-5)
    assert results.comparisons[0].value == pytest.approx(-31 / 101, abs=1e-5)


def test_the_budgets_of_all_trials_are_printed_before_the_first_one_ends(
    in_this_process, monkeypatch, tiny_source, tmp_path, said
):
    monkeypatch.setattr(trials.machine, "cores", lambda: 4)
    ask(tiny_source, tmp_path, budget=300)
    assert said[0] == "6 trials, 4 at once: their budgets come to 10 min 00 s, scoring on top"


def test_a_quick_study_has_two_seeds_and_a_sixth_of_the_time():
    assert trials.Effort(quick=True).of(EXPERIMENT) == (range(2), 1.0)
    assert trials.Effort(quick=True, seeds=4, budget=9).of(EXPERIMENT) == (range(4), 9)
    assert trials.Effort().of(EXPERIMENT) == (range(3), 6.0)


def test_a_question_about_labels_needs_a_set_with_labels(unlabelled_source, tmp_path):
    with pytest.raises(UserError, match=r"unlabelled has no labels, and the study activation asks about them"):
        ask(unlabelled_source, tmp_path / "out", EXPERIMENTS["activation"])
    assert not (tmp_path / "out").exists()


def test_a_set_too_small_for_the_distance_is_refused(tiny_source, tmp_path):
    with pytest.raises(UserError, match=r"patterns gives 6 held-out images, .* needs 129: take a larger set"):
        ask(tiny_source, tmp_path / "out", EXPERIMENTS["activation"])


def test_the_evaluator_is_fitted_once_for_every_size_before_any_trial(
    in_this_process, monkeypatch, large_source, tmp_path
):
    sizes = []
    monkeypatch.setattr(trials, "evaluator_for", lambda prepared: sizes.append(prepared.size))
    variants = (Variant("whole", {"size": 20}), Variant("half", {"size": 20, "times": 0.5}), Variant("own"))
    with_evaluator = replace(EXPERIMENT, variants=variants, needs_evaluator=True)
    ask(large_source, tmp_path, with_evaluator)
    assert sorted(sizes) == [(16, 16), (20, 20)]


def test_damaged_results_are_refused_with_what_to_do(in_this_process, tiny_source, tmp_path):
    ask(tiny_source, tmp_path)
    path = tmp_path / trials.RESULTS
    path.write_text(path.read_text().replace('"figures"', '"figure"', 1))
    with pytest.raises(UserError, match=r"results\.jsonl: line 2 is damaged; remove the file to begin anew"):
        ask(tiny_source, tmp_path)


def test_memory_that_runs_out_is_a_failure_and_another_error_is_ours():
    def short_of_memory(trial, variant):
        raise MemoryError

    def wrong(trial, variant):
        raise RuntimeError("a mistake")

    task = Variant("whole"), Trial("whole", 0, 1.0, "digits", Path())
    assert trials.perform(replace(EXPERIMENT, measure=short_of_memory), task).failed == "memory ran out"
    with pytest.raises(RuntimeError, match="a mistake"):
        trials.perform(replace(EXPERIMENT, measure=wrong), task)


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
@pytest.mark.timeout(600)
def test_a_real_study_runs_in_processes_and_ends_with_an_answer(large_source, tmp_path):
    results = ask(large_source, tmp_path, EXPERIMENTS["activation"], seeds=2, budget=0.5)
    assert results.done == results.trials == 2 * len(EXPERIMENTS["activation"].variants)
    assert all(variant.figures["fcd"].value > 0 for variant in results.variants)
    assert len(list((tmp_path / "strips").iterdir())) == len(results.variants)


@pytest.mark.slow
def test_ctrl_c_ends_a_study_at_once_without_a_traceback_and_the_same_command_resumes(large_source, tmp_path):
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
        _, message = process.communicate(timeout=60)  # a trial would take ten minutes
        assert process.returncode == 130
        assert message == "ganvas: interrupted\n"
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
