"""A comparison as it is done: what is kept, what resumes after a kill, what is refused, and what the page says."""

import json

import numpy as np
import pytest

from ganvas.errors import RunFailedError, UserError
from ganvas.experiments import budget, page, worth, worth_trials
from ganvas.experiments.budget import Worth
from ganvas.experiments.results import Failure
from ganvas.experiments.worth import NAMES, weigh
from ganvas.experiments.worth_trials import open_subject
from ganvas.training.engine import ComputeConfig

QUICK = Worth(quick=True, minutes=0.05)
HOSTILE = "<script>alert(1)</script>"
pytestmark = pytest.mark.usefixtures("quick_to_do")


@pytest.fixture
def subject(tiny_run):
    return open_subject(tiny_run.path, QUICK.most_tested)


@pytest.fixture
def journal(compared_once):
    """The lines that a whole comparison leaves."""
    return (compared_once[1] / worth.RESULTS).read_text().splitlines()


def without_clock(results):
    return results.model_copy(update={"method": ()})


def test_a_comparison_has_every_variant_of_every_seed_and_states_its_budgets(compared_once, journal):
    results, _ = compared_once
    names = [variant.name for variant in results.variants]
    assert names == [f"{way} (10 %)" for way in worth_trials.WAYS.values()]
    assert all(None not in variant.figures["accuracy"].by_seed for variant in results.variants)
    assert results.verdict in ("yes", "no", "unknown")
    assert (results.done, results.trials) == (21, 21)
    assert len(journal) == 1 + 18 + 3
    assert "a generator trained anew on these with 160 images shown" in results.method[0]
    assert "18 fits and 3 trainings" in " ".join(results.method)
    assert results.command == "ganvas worth tiny --quick --seeds 3 --seed 0 --minutes 0.05"


def test_finished_generators_are_not_kept(compared_once):
    assert not (compared_once[1] / worth_trials.GENERATORS).exists()


def test_asking_again_fits_nothing_and_says_the_same(compared_once, subject, monkeypatch, said):
    monkeypatch.setattr(worth_trials, "fit_classifier", None)
    assert weigh(subject, QUICK, compared_once[1]) == compared_once[0]
    assert said == ["every trial was done before"]


@pytest.mark.parametrize("killed_after", [3, 8])
def test_a_killed_comparison_resumes_where_it_stopped(compared_once, subject, tmp_path, monkeypatch, killed_after):
    fits, trainings = [], []
    fit, train = worth_trials.fit_classifier, worth_trials.train_for_images

    def dying(*given, **named):
        if len(fits) == killed_after:
            raise KeyboardInterrupt
        fits.append(1)
        return fit(*given, **named)

    monkeypatch.setattr(worth_trials, "train_for_images", lambda *given: (trainings.append(1), train(*given))[1])
    monkeypatch.setattr(worth_trials, "fit_classifier", dying)
    with pytest.raises(KeyboardInterrupt):
        weigh(subject, QUICK, tmp_path)
    monkeypatch.setattr(
        worth_trials, "fit_classifier", lambda *given, **named: (fits.append(1), fit(*given, **named))[1]
    )
    results = weigh(subject, QUICK, tmp_path)
    assert (len(fits), len(trainings)) == (18, 3)
    assert without_clock(results) == without_clock(compared_once[0])


def test_half_a_last_line_is_dropped_and_done_again(compared_once, journal, subject, tmp_path):
    path = tmp_path / worth.RESULTS
    path.write_text("\n".join(journal)[:-30])
    assert without_clock(weigh(subject, QUICK, tmp_path)) == without_clock(compared_once[0])
    assert len(path.read_text().splitlines()) == len(journal)


@pytest.mark.parametrize("line", ["{", "[]", '{"row": "a"}', '{"row": "a", "seed": 0, "seconds": 1.0}'])
def test_a_damaged_line_is_refused_by_its_number(journal, subject, tmp_path, line):
    (tmp_path / worth.RESULTS).write_text("\n".join([journal[0], line, *journal[2:]]) + "\n")
    with pytest.raises(UserError, match="line 2 is damaged"):
        weigh(subject, QUICK, tmp_path)


def test_a_result_whose_bits_are_cut_is_damage(journal, subject, tmp_path):
    line = next(json.loads(line) for line in journal[1:] if "flags" in line)
    line["flags"]["accuracy"][1] = ""
    (tmp_path / worth.RESULTS).write_text(f"{journal[0]}\n{json.dumps(line)}\n{journal[-1]}\n")
    with pytest.raises(UserError, match="line 2 is damaged"):
        weigh(subject, QUICK, tmp_path)


def test_a_journal_of_another_format_or_without_its_plan_is_refused(journal, subject, tmp_path):
    path, first = tmp_path / worth.RESULTS, json.loads(journal[0])
    path.write_text(json.dumps({**first, "format": 2}) + "\n")
    with pytest.raises(UserError, match="is not what this version of ganvas writes"):
        weigh(subject, QUICK, tmp_path)
    path.write_text(json.dumps({**first, "plan": {}}) + "\n")
    with pytest.raises(UserError, match="line 1 is damaged"):
        weigh(subject, QUICK, tmp_path)


def test_another_comparison_in_the_same_place_is_refused_with_the_difference(compared_once, subject):
    with pytest.raises(UserError, match=r"was begun with minutes 0.05, now 0.06; seeds 3, now 4\. Give the flags"):
        weigh(subject, Worth(quick=True, minutes=0.06, seeds=4), compared_once[1])


def test_a_training_that_fails_is_reported_and_real_images_stay(subject, tmp_path, monkeypatch):
    train = worth_trials.train_for_images

    def failing(run, *given):
        if run.seed == 1:
            raise RunFailedError("a loss is not a number after 10 steps; the last checkpoint is kept. Try")
        return train(run, *given)

    monkeypatch.setattr(worth_trials, "train_for_images", failing)
    results = weigh(subject, QUICK, tmp_path)
    figures = {variant.name: variant.figures for variant in results.variants}
    why = "a loss is not a number after 10 steps"
    assert all("accuracy" in figures[f"{worth_trials.WAYS[way]} (10 %)"] for way in "ab")
    for way in "cde":
        assert figures[f"{worth_trials.WAYS[way]} (10 %)"] == {}
        assert Failure(variant=f"{worth_trials.WAYS[way]} (10 %)", seed=1, why=why) in results.failures
    assert results.answer == "Inconclusive: 3 fits that it rests on could not be done."
    monkeypatch.setattr(worth_trials, "train_for_images", train)
    assert weigh(subject, QUICK, tmp_path).failures == ()  # what failed is repeated, and what did not is not


def test_a_mistake_of_ours_is_not_taken_for_a_failed_fit(subject, tmp_path, monkeypatch):
    def wrong(*_, **__):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(worth_trials, "fit_classifier", wrong)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        weigh(subject, QUICK, tmp_path)

    def greedy(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(worth_trials, "fit_classifier", greedy)
    results = weigh(subject, QUICK, tmp_path)
    assert Failure(variant="real only (10 %)", seed=0, why="memory ran out") in results.failures
    assert results.verdict == "unknown"


def test_the_whole_set_has_no_row_that_augments_generated_images_and_does_not_decide(subject, tmp_path):
    results = weigh(subject, Worth(seeds=1, minutes=0.05), tmp_path)
    names = [variant.name for variant in results.variants if variant.name.endswith("(100 %)")]
    assert names == [f"{worth_trials.WAYS[way]} (100 %)" for way in "abcd"]
    assert "54 images shown" not in results.method[0]
    assert "drawn by the run's own generator; the generator saw the whole set: no verdict." in results.method[0]
    assert not any(name.endswith("(100 %)") for gain in results.comparisons for name in gain.of)


def test_a_page_has_a_row_a_variant_and_the_verdict(compared_once, tmp_path, said):
    results, _ = compared_once
    page.write_page(results, tmp_path, NAMES)
    text, html = (tmp_path / NAMES.text).read_text(), (tmp_path / NAMES.page).read_text()
    assert text.startswith("# Are images of tiny worth learning from?\n")
    assert f"**{results.answer}**" in text
    assert "| real + generated, augmented (10 %) |" in text
    assert "lowest recall of a class" in text
    assert html.count("data:image/png;base64,") == 1
    assert said == [f"answer {tmp_path / 'worth.html'}"]


def test_names_that_are_code_are_shown_and_never_run(compared_once, subject, tmp_path):
    hostile = replace_names(subject)
    plan = budget.CostPlan(minutes=1.0, shares=())
    results = compared_once[0].model_copy(
        update={
            "title": f"Are images of {hostile.name} worth learning from?",
            "method": worth.method(hostile, plan, QUICK, 0.0),
            "failures": (Failure(variant="a", seed=0, why=HOSTILE),),
        }
    )
    page.write_page(results, tmp_path, NAMES)
    text, html = (tmp_path / NAMES.text).read_text(), (tmp_path / NAMES.page).read_text()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 4
    assert "\\<script\\>" in text


def replace_names(subject):
    """With a run, a set and a rare class of a hostile name."""
    from dataclasses import replace

    labels = np.array(subject.prepared.labels)
    train = np.asarray(subject.prepared.train)
    few = np.concatenate([train[labels[train] != 0], train[labels[train] == 0][:1]])
    prepared = replace(subject.prepared, name=HOSTILE, classes=(HOSTILE, "down", "spot"), train=few)
    return replace(subject, name=HOSTILE, prepared=prepared)


def test_the_rarest_classes_are_named_where_a_set_is_not_balanced(subject):
    sentences = worth.method(replace_names(subject), budget.CostPlan(minutes=1.0, shares=()), QUICK, 0.0)
    assert any(line.startswith("Rarest classes, with their training images: ") and "(1)" in line for line in sentences)


def test_rates_are_measured_on_one_thread(subject, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(budget, "SECONDS_FOR_A_RATE", 0.01)
    monkeypatch.setattr(budget, "STEPS_FOR_A_RATE", 4)
    import torch

    before = torch.get_num_threads()
    rates = budget.measured_rates(subject.run, subject.prepared, ComputeConfig(1, "float32", "contiguous"))
    assert min(rates) > 0
    assert torch.get_num_threads() == before


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_processes_of_their_own_give_what_one_process_gives(compared_once, subject, tmp_path, monkeypatch):
    monkeypatch.undo()
    header = json.loads((compared_once[1] / worth.RESULTS).read_text().splitlines()[0])
    plan = budget.CostPlan.model_validate(header["plan"]["budget"])
    monkeypatch.setattr(budget, "measured_rates", lambda *_: None)
    monkeypatch.setattr(budget, "plan_costs", lambda *_, **__: plan)
    apart = weigh(subject, Worth(quick=True, seeds=1), tmp_path)
    first = {variant.name: variant.figures["accuracy"].by_seed[0] for variant in compared_once[0].variants}
    assert {variant.name: variant.figures["accuracy"].value for variant in apart.variants} == first
