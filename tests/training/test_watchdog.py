"""The watchdog: silent over a healthy training, a warning before a stop, and a function of the log alone."""

import numpy as np
import pytest

from ganvas.training.health import COLLAPSED_PREVIEWS_TO_STOP, COLLAPSED_PREVIEWS_TO_WARN, MIN_RECORDS, Watchdog

TOTAL = 10_000


def records(real, fake, every=100):
    """One record every so many images to the end; real and fake are numbers or functions of the share done."""

    def at(value, share):
        return value(share) if callable(value) else value

    return [
        {"images": images, "score_real": at(real, images / TOTAL), "score_fake": at(fake, images / TOTAL)}
        for images in range(every, TOTAL + 1, every)
    ]


def troubles(watchdog, given):
    return [(record["images"], trouble.kind) for record in given if (trouble := watchdog.check(record))]


@pytest.mark.parametrize(("real", "fake"), [(0.6, 0.4), (0.95, 0.05), (0.99, 0.02), (0.999, 0.02), (0.98, 0.001)])
def test_a_healthy_training_is_left_alone(real, fake):
    assert troubles(Watchdog(TOTAL), records(real, fake)) == []


def test_a_discriminator_that_wins_outright_gets_one_warning_at_a_quarter_and_a_stop_at_a_half():
    result = troubles(Watchdog(TOTAL), records(1.0, 0.0))
    assert result[0] == (2500, "warning")
    assert result[1] == (5000, "stop")
    assert [kind for _, kind in result].count("warning") == 1


def kids(*values):
    return [{"images": 500 * (index + 1), "kid": value} for index, value in enumerate(values)]


def test_images_that_become_worse_again_get_a_warning_after_three_scores_and_a_stop_after_six():
    result = troubles(Watchdog(TOTAL), kids(1.0, 0.4, 0.1, 0.6, 0.6, 0.7, 0.8, 0.9, 0.9))
    assert result == [(3000, "warning"), (4500, "stop")]


@pytest.mark.parametrize(
    "values",
    [
        (1.0, 0.5, 0.2, 0.1, 0.05, 0.05, 0.06, 0.05, 0.07, 0.08),  # as good as before, with noise
        (1.0, 0.1, 0.7, 0.7, 0.1, 0.7, 0.7, 0.1),  # never three in a row
        (0.1, 0.0, -0.001, 0.002, 0.001, 0.004, 0.003, 0.002),  # at its floor
    ],
)
def test_images_that_stay_about_as_good_are_left_alone(values):
    assert troubles(Watchdog(TOTAL), kids(*values)) == []


def test_a_training_that_recovers_is_not_stopped():
    def lost_at_first(before):
        return lambda share: before if share < 0.4 else 0.5

    result = troubles(Watchdog(TOTAL), records(lost_at_first(1.0), lost_at_first(0.0)))
    assert [kind for _, kind in result] == ["warning"]


def test_a_few_records_are_not_enough():
    every = TOTAL // (2 * MIN_RECORDS - 4)
    assert troubles(Watchdog(TOTAL), records(1.0, 0.0, every)) == []


def test_under_a_loss_that_only_compares_scores_mean_nothing():
    assert troubles(Watchdog(TOTAL, scores_are_probabilities=False), records(1.0, 0.0)) == []


def previews(*spreads, first=0.1):
    places = np.linspace(first, 1, len(spreads))
    return [{"images": int(place * TOTAL), "spread": spread} for place, spread in zip(places, spreads, strict=True)]


def test_images_that_become_alike_are_warned_of_and_then_stopped():
    warned, stopped = COLLAPSED_PREVIEWS_TO_WARN, COLLAPSED_PREVIEWS_TO_STOP
    result = troubles(Watchdog(TOTAL), previews(60, 62, 10, 10, 10, 10))
    kinds = [kind for _, kind in result]
    assert kinds == ["warning", "stop"]
    assert result[0][0] == previews(60, 62, 10, 10, 10, 10)[1 + warned]["images"]
    assert result[1][0] == previews(60, 62, 10, 10, 10, 10)[1 + stopped]["images"]


@pytest.mark.parametrize("spreads", [(60, 50, 40, 30, 30, 30), (60, 10, 60, 10, 60, 10), (5, 20, 60, 60, 60, 60)])
def test_a_spread_that_shrinks_a_little_or_for_a_moment_or_grows_is_left_alone(spreads):
    assert troubles(Watchdog(TOTAL), previews(*spreads)) == []


def test_previews_of_an_untrained_generator_do_not_count():
    assert troubles(Watchdog(TOTAL), previews(500, 20, 20, 20, 20, 20, first=0.01)) == []


def test_a_resumed_run_is_watched_as_one_that_was_never_stopped():
    given = sorted([*records(1.0, 0.0), *previews(60, 62, 10, 10, 10, 10)], key=lambda record: record["images"])
    whole, before = Watchdog(TOTAL), Watchdog(TOTAL)
    expected = troubles(whole, given)
    half = len(given) // 2
    troubles(before, given[:half])
    resumed = Watchdog(TOTAL)
    for record in given[:half]:
        resumed.check(record)
    assert troubles(resumed, given[half:]) == [entry for entry in expected if entry[0] > given[half - 1]["images"]]


def test_a_warning_names_figures_and_what_to_try():
    dog = Watchdog(TOTAL)
    (first, *_) = [trouble for record in records(1.0, 0.0) if (trouble := dog.check(record))]
    assert first.sentence.startswith("D has won outright for 25% of the budget (real 1.000, fake 0.000)")
    assert "--objective.r1" in first.sentence
