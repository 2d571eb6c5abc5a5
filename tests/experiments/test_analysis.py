"""Answers from trials equal those worked out by hand, and intervals cover the truth on simulated studies."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ganvas.experiments import analysis
from ganvas.experiments.analysis import Outcome, analyse, assemble
from ganvas.experiments.experiment import Comparison, Experiment, Measure, Variant
from ganvas.experiments.journal import TrialLine
from ganvas.experiments.results import Failure

FCD, SHARE = Measure("fcd", "FCD"), Measure("share", "a share", "higher", "points", 3)


def experiment(comparisons, variants="abcd", measures=(FCD, SHARE)):
    return Experiment(
        name="which",
        claim="b is better than a",
        measure=lambda trial, variant: {},
        variants=tuple(Variant(name) for name in variants),
        measures=measures,
        comparisons=tuple(comparisons),
        limits=(),
        headlines=2,
    )


def compared(measure="fcd", of="b", against="a"):
    return Comparison(measure, tuple(of), tuple(against), "the first {wins|loses}")


def results(values, failed=()):
    """values: row -> a figure a seed."""
    figures = {(row, seed): {"fcd": value} for row, each in values.items() for seed, value in enumerate(each)}
    return Outcome(figures, {}, dict.fromkeys(failed, "a loss is not a number"), 3.0)


def findings_of(experiment, outcome, seeds):
    """Everything a page says of an outcome."""
    return assemble(experiment, "a title", analyse(experiment, outcome, seeds), outcome, seeds, (), "a command")


def test_a_ratio_is_of_geometric_means_paired_by_seed():
    findings = findings_of(experiment([compared()]), results({"a": [10, 20, 40], "b": [5.0, 10.0, 20.0]}), range(3))
    result = findings.comparisons[0]
    assert (result.value, result.low, result.high) == pytest.approx((0.5, 0.5, 0.5))
    assert result.verdict == findings.verdict == "yes"
    assert findings.answer == "the first wins: FCD 0.50 times (interval 0.50 to 0.50), a clear difference."
    assert findings.variants[0].figures["fcd"].value == pytest.approx(20)
    assert findings.variants[0].figures["fcd"].low > 0
    assert findings.variants[2].figures == {}


def test_the_interval_of_a_share_ends_at_0_and_1():
    outcome = Outcome({("a", seed): {"share": value} for seed, value in enumerate([0.8, 0.99, 0.99])}, {}, {}, 1.0)
    plain, bounded = (
        findings_of(experiment([], measures=(replace(SHARE, is_share=is_share),)), outcome, range(3)).variants[0]
        for is_share in (False, True)
    )
    assert plain.figures["share"].high > 1
    assert bounded.figures["share"].high == 1


def test_answers_that_differ_are_a_verdict_in_part():
    values = {"a": [10, 20, 40], "b": [5.0, 10.0, 20.0], "c": [20.0, 40.0, 80.0]}
    both = [compared(), compared(of="c")]
    assert findings_of(experiment(both), results(values), range(3)).verdict == "partly"
    assert findings_of(experiment(both[1:]), results(values), range(3)).verdict == "no"


def test_shares_are_compared_in_points_and_more_may_be_better():
    figures = {("a", s): {"share": v} for s, v in enumerate((0.5, 0.6))}
    figures |= {("b", s): {"share": v} for s, v in enumerate((0.4, 0.5))}
    findings = findings_of(experiment([compared("share")]), Outcome(figures, {}, {}, 0.0), range(2))
    assert findings.comparisons[0].verdict == "no"
    assert findings.comparisons[0].value == pytest.approx(-0.1)
    assert findings.answer.startswith("the first loses: a share -10.0 points (interval -10.0 to -10.0), a clear")


def test_a_factors_effect_is_the_mean_over_the_variants_with_it_less_the_mean_over_the_others():
    values = {"a": [8, 8], "b": [4, 4], "c": [2, 2], "d": [1, 1]}
    effect = analysis.difference(FCD, "cd", "ab", results(values), range(2))
    assert math.exp(effect.value) == pytest.approx(0.25)
    interaction = analysis.difference(FCD, "ad", "bc", results(values), range(2))
    assert interaction.value == pytest.approx(0)


def test_seeds_of_which_a_variant_is_missing_are_left_out_and_failures_are_reported():
    partly = results({"a": [10, 12, 9], "b": [5, 6]}, failed=[("b", 2)])
    effect = analysis.difference(FCD, "b", "a", partly, range(3))
    assert effect.degrees == 1
    findings = findings_of(experiment([compared()]), partly, range(3))
    assert findings.failures == (Failure(variant="b", seed=2, why="a loss is not a number"),)
    assert findings.variants[1].figures["fcd"].by_seed[2] is None


def test_one_seed_is_no_answer():
    findings = findings_of(experiment([compared()]), results({"a": [10], "b": [1]}), range(1))
    assert findings.verdict == "unknown"
    assert findings.answer == "Inconclusive whether the first wins: too few trials gave a figure."
    figure = findings.variants[0].figures["fcd"]
    assert (figure.value, figure.low, figure.high) == (pytest.approx(10), None, None)
    assert figure.by_seed == (pytest.approx(10),)


def test_a_figure_that_is_no_number_counts_as_missing():
    assert analysis.value_of(results({"a": [math.nan]}), "a", 0, FCD) is None
    assert analysis.value_of(results({"a": [0.0]}), "a", 0, FCD) == math.log(1e-9)


def test_with_more_comparisons_it_takes_more_to_be_sure():
    chance = np.random.default_rng(1)
    values = {name: list(10 * np.exp(chance.normal(0, 0.05, 5))) for name in "abcd"}
    values["b"] = [v * f for v, f in zip(values["a"], np.exp([-0.02, -0.07, -0.03, -0.09, -0.05]), strict=True)]
    alone = findings_of(experiment([compared()]), results(values), range(5)).comparisons[0]
    among = [compared(), *(compared(of=x, against=y) for x, y in ("ac", "ad", "cd", "bc", "bd"))]
    beside = findings_of(experiment(among), results(values), range(5)).comparisons[0]
    assert alone.verdict == "yes"
    assert beside.p_holm > alone.p_holm
    assert beside.verdict == "unknown"
    assert "difference" not in beside.sentence  # no size of what one cannot tell


def test_intervals_hold_the_truth_nineteen_times_in_twenty_on_simulated_studies():
    chance, held, studies = np.random.default_rng(0), 0, 2_000
    for _ in range(studies):
        luck = chance.normal(0, 1, 5)  # what a seed does to both rows
        values = {"a": np.exp(luck + chance.normal(0, 0.2, 5)), "b": np.exp(luck - 0.3 + chance.normal(0, 0.2, 5))}
        effect = analysis.difference(FCD, "b", "a", results(values), range(5))
        held += effect.low <= -0.3 <= effect.high
    assert 0.935 < held / studies < 0.965


def test_where_nothing_differs_a_study_of_six_claims_something_one_time_in_twenty_at_most():
    chance, claimed, studies = np.random.default_rng(0), 0, 1_000
    among = experiment([compared(of=x, against=y) for x, y in ("ab", "ac", "ad", "bc", "bd", "cd")])
    for _ in range(studies):
        values = {name: np.exp(chance.normal(0, 0.2, 5)) for name in "abcd"}
        claimed += any(each.verdict != "unknown" for each in findings_of(among, results(values), range(5)).comparisons)
    assert claimed / studies < 0.065


def test_the_words_for_a_size_follow_its_size():
    def words(measure, ratio):
        values = {"a": [1.0, 1.0], "b": [ratio, ratio]}
        outcome = Outcome(
            {(row, seed): {measure.name: value} for row, each in values.items() for seed, value in enumerate(each)},
            {},
            {},
            0.0,
        )
        return analyse(experiment([compared(measure.name)]), outcome, range(2)).comparisons[0].sentence

    ends = [words(FCD, ratio).rpartition(", ")[2] for ratio in (1.05, 1 / 1.3, 2, 0.1)]
    assert ends == ["next to nothing", "a small difference", "a clear difference", "a large difference"]
    assert words(SHARE, 0.97).endswith(", a small difference")


def test_a_trial_that_was_repeated_with_success_is_no_failure_any_more():
    lines = [
        TrialLine(row="a", seed=0, failed="memory ran out", seconds=1.0),
        TrialLine(row="b", seed=0, failed="memory ran out", seconds=1.0),
        TrialLine(row="a", seed=0, figures={"fcd": 2}, seconds=2.0),
    ]
    assert analysis.read_results(lines) == Outcome({("a", 0): {"fcd": 2.0}}, {}, {("b", 0): "memory ran out"}, 4.0)


def test_a_claim_reads_the_same_whether_it_is_true_false_or_open():
    gelu = Comparison("fcd", ("a",), ("b",), "GELU draws {better|worse}")
    assert (gelu.sentence("yes"), gelu.sentence("no")) == ("GELU draws better", "GELU draws worse")
    assert gelu.sentence("unknown") == "Inconclusive whether GELU draws better"
    assert compared().sentence("unknown") == "Inconclusive whether the first wins"
    assert (
        Comparison("fcd", ("a",), ("b",), "The book {wins|loses}").sentence("unknown")
        == "Inconclusive whether the book wins"
    )
