"""One game of a study: its budget, its labels, and what is measured of its pictures."""

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ganvas.classifying.judging import Seen, judge_of
from ganvas.data import open_source
from ganvas.images import decode
from ganvas.metrics.pictures import Pictures
from ganvas.runs.recipes import resolve
from ganvas.studies import playing
from ganvas.studies.question import Row, Task
from ganvas.training.engine import Engine
from ganvas.training.game import build


@pytest.fixture
def short_fits(monkeypatch):
    monkeypatch.setattr("ganvas.classifying.judging.images_shown", lambda count, size: 512)
    monkeypatch.setattr(playing, "COUNT", 150)
    monkeypatch.setattr(playing, "PICTURES_BETWEEN_LOOKS", 16)


def task(source, folder, seed=0, seconds=0.2):
    return Task("none", "a/row", seed, seconds, str(source), folder)


def row(small, recipe="modern", run=None, **choices):
    given = {k: v for k, v in small(recipe, **(run or {})).items() if k != "training"}
    return Row("a/row", {"recipe": recipe, "run": {**given, "training": {"batch": 8}, **(run or {})}, **choices})


def test_a_game_is_played_for_its_processor_seconds_or_for_its_pictures(short_fits, small, large_source, tmp_path):
    done = playing.played(task(large_source, tmp_path), row(small))
    assert done.seconds >= 0.2
    assert done.images >= 16
    counted = playing.played(task(large_source, tmp_path), row(small, images_a_second=400))
    assert counted.images == 80
    again = playing.played(task(large_source, tmp_path), row(small, images_a_second=400))
    pictures = [np.asarray(each.draw(6).pixels) for each in (counted, again)]
    assert np.array_equal(*pictures)


def test_shuffled_labels_keep_every_classs_size_and_touch_no_held_out_picture(tiny_prepared):
    found = playing.shuffled(tiny_prepared, seed=1)
    train, held = np.asarray(found.train), np.asarray(found.held_out)
    assert not np.array_equal(found.labels[train], tiny_prepared.labels[train])
    assert np.array_equal(np.bincount(found.labels[train]), np.bincount(tiny_prepared.labels[train]))
    assert np.array_equal(found.labels[held], tiny_prepared.labels[held])
    assert np.array_equal(found.labels, playing.shuffled(tiny_prepared, seed=1).labels)
    assert not np.array_equal(found.labels, playing.shuffled(tiny_prepared, seed=2).labels)


def test_a_plain_game_has_a_balance_and_no_label_accuracy(short_fits, small, large_source, tmp_path):
    found = playing.scored(task(large_source, tmp_path), row(small, run={"labels": "off"}))
    assert set(found) == {"fcd", "balance", "images", "seconds"}
    assert 0 <= found["balance"] <= 1


def test_a_conditional_game_has_both_and_its_first_seed_leaves_a_strip(short_fits, small, large_source, tmp_path):
    found = playing.scored(task(large_source, tmp_path), row(small))
    assert set(found) == {"fcd", "balance", "label_accuracy", "images", "seconds"}
    strips = playing.strips_of(tmp_path, ["a/row", "another"])
    assert list(strips) == ["a/row"]
    assert strips["a/row"].shape == (1, 16 + 4, playing.STRIP * (16 + 2) + 2)
    assert decode((tmp_path / "strips" / "a-row.png").read_bytes()).image.mode == "L"
    playing.scored(task(large_source, tmp_path / "other", seed=1), row(small))
    assert not (tmp_path / "other").exists()


class Told:
    """A judge that sees what it is told."""

    def __init__(self, classes):
        self.classes = iter(classes)

    def look(self, pixels):
        told = np.array([next(self.classes) for _ in pixels])
        return Seen(np.random.default_rng(0).normal(size=(len(pixels), 4)).astype(np.float32), np.eye(3)[told])


def test_balance_is_one_less_the_total_variation_and_accuracy_the_share_seen_as_asked(tiny_prepared):
    labels = np.array([0, 1, 2] * 20)
    pictures = Pictures("made", np.zeros((60, 1, 16, 16), np.uint8), labels, {})
    half_and_half = [0, 1] * 30  # a third of each was wanted
    found = playing.quality(Told([*half_and_half, *[0] * 100]), tiny_prepared, pictures)
    assert found["balance"] == pytest.approx(1 - (1 / 6 + 1 / 6 + 1 / 3) / 2)
    assert found["label_accuracy"] == pytest.approx(np.mean(labels == half_and_half))
    alone = playing.quality(Told([0] * 160), tiny_prepared, replace(pictures, labels=None))
    assert alone["balance"] == pytest.approx(1 / 3)
    assert set(alone) == {"fcd", "balance"}


def test_the_distance_is_smaller_to_real_pictures_than_to_those_of_one_class(short_fits, large_source):
    prepared = open_source(str(large_source))
    judge, rows = judge_of(prepared, lambda _: None), np.asarray(prepared.train)
    one = rows[prepared.labels[rows] == 0]
    near, far = (Pictures("real", prepared.pixels[each], None, {}) for each in (rows, one))
    assert playing.quality(judge, prepared, near)["fcd"] < playing.quality(judge, prepared, far)["fcd"]


def test_held_out_pictures_keep_their_labels(tiny_prepared, monkeypatch):
    pixels, labels = playing.held_out(tiny_prepared)
    assert np.array_equal(pixels, tiny_prepared.pixels[tiny_prepared.held_out])
    assert np.array_equal(labels, tiny_prepared.labels[tiny_prepared.held_out])
    monkeypatch.setattr(playing, "COUNT", 3)
    assert len(playing.held_out(tiny_prepared)[0]) == 3


def test_what_happens_between_two_stretches_is_not_on_the_clock(small, tiny_source, tiny_prepared, monkeypatch):
    monkeypatch.setattr(playing, "PICTURES_BETWEEN_LOOKS", 16)
    run = resolve(str(tiny_source), "modern", {**small(), "training": {"batch": 8}})
    game = build(run, tiny_prepared, Engine.for_trials(playing.SPEED))
    spent = []
    for each in playing.stretches(game, run, lambda spent: spent.images / 64):
        spent.append(each)
        time.sleep(0.2)
        if each.images >= 64:
            break
    assert [each.images for each in spent] == [0, 16, 32, 48, 64]
    assert spent[0] == playing.Spent()
    assert all(b.processor_seconds > a.processor_seconds for a, b in pairwise(spent))


def test_the_rate_follows_the_share_of_the_budget(small, tiny_source, tiny_prepared, monkeypatch):
    monkeypatch.setattr(playing, "PICTURES_BETWEEN_LOOKS", 8)
    choices = {**small(), "training": {"batch": 8}, "optimiser": {"rate": 0.01, "constant": 0.5, "last": 0.0}}
    run = resolve(str(tiny_source), "modern", choices)
    game = build(run, tiny_prepared, Engine.for_trials(playing.SPEED))
    rates = []
    for spent in playing.stretches(game, run, lambda spent: spent.images / 32):
        if spent.images:
            one, other = (each.param_groups[0]["lr"] for each in game.optimisers.values())
            assert one == other
            rates.append(one)
        if spent.images == 40:
            break
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.005, 0.0])
