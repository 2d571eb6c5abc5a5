"""A comparison as it is done: what is shown, what is kept, what goes on after a kill, and what is refused."""

import json
import shutil

import numpy as np
import pytest
import torch

from ganvas.errors import RunFailedError, UserError
from ganvas.evaluation.samples import Samples
from ganvas.evaluation.scorecard import Origin
from ganvas.experiments import generators, work
from ganvas.experiments.subject import subject
from ganvas.experiments.work import dealt, shown
from ganvas.experiments.worth import Worth, weigh
from ganvas.runs import sealed
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer

QUICK = Worth(quick=True, minutes=0.05)
pytestmark = pytest.mark.usefixtures("quick_to_do")


def silent(line):
    pass


@pytest.fixture
def about(tiny_run):
    return subject(tiny_run.path)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Where one whole comparison is kept, made by the first test that asks for it."""
    return tmp_path_factory.mktemp("done")


@pytest.fixture
def whole(about, done):
    """(card, journal) of a comparison that was done once."""
    card = weigh(about, QUICK, done)
    return card, (done / "worth.jsonl").read_text().splitlines()


def without_clock(card):
    return {**card, "cost": {name: value for name, value in card["cost"].items() if name != "seconds"}}


def test_a_comparison_has_every_row_of_every_seed_and_states_its_budgets(whole):
    card, journal = whole
    (size,) = card["sizes"]
    assert [row["row"] for row in size["rows"]] == list("abcde")
    assert all(len(row["by_seed"]) == 3 and None not in row["by_seed"] for row in size["rows"])
    assert card["cost"]["fits"] == 15
    assert card["cost"]["images_shown_to_classifiers"] == 15 * size["shown"]
    assert card["cost"]["images_shown_to_generators"] == 3 * size["trained"] == 3 * 160
    assert card["verdict"]["answer"] in ("yes", "no", "unknown")
    assert card["format"] == 1
    assert len(journal) == 1 + 15 + 3
    assert json.dumps(card)


def test_finished_generators_are_not_kept(whole, done):
    assert whole
    assert not (done / "worth-generators").exists()


def test_asking_again_fits_nothing_and_says_the_same(whole, about, done, monkeypatch):
    monkeypatch.setattr(work, "fit_classifier", None)
    monkeypatch.setattr(work, "trained", None)
    assert weigh(about, QUICK, done) == whole[0]


@pytest.mark.parametrize("killed_after", [3, 5])
def test_a_killed_comparison_goes_on_where_it_stopped(whole, about, tmp_path, monkeypatch, killed_after):
    fitted, fit = [], work.fit_classifier

    def dying(*given, **named):
        if len(fitted) == killed_after:
            raise KeyboardInterrupt
        fitted.append(1)
        return fit(*given, **named)

    monkeypatch.setattr(work, "fit_classifier", dying)
    with pytest.raises(KeyboardInterrupt):
        weigh(about, QUICK, tmp_path)
    monkeypatch.setattr(work, "fit_classifier", lambda *given, **named: (fitted.append(1), fit(*given, **named))[1])
    trainings, train = [], work.trained
    monkeypatch.setattr(work, "trained", lambda *given: (trainings.append(1), train(*given))[1])
    card = weigh(about, QUICK, tmp_path)
    assert len(fitted) == 15
    # The first seed's generator was there: at the kill after three fits it had been trained, after five it was done.
    assert len(trainings) == 2
    assert without_clock(card) == without_clock(whole[0])


def test_half_a_last_line_is_dropped_and_done_again(whole, about, tmp_path):
    path = tmp_path / "worth.jsonl"
    path.write_text("\n".join(whole[1])[:-30])
    assert without_clock(weigh(about, QUICK, tmp_path)) == without_clock(whole[0])
    assert [json.loads(line)["row"] for line in path.read_text().splitlines()[1:]].count("e") == 3


@pytest.mark.parametrize(
    ("line", "sentence"),
    [("{", "line 2 is damaged"), ("[]", "line 2 is damaged"), ('{"row": "a"}', "line 2 is damaged")],
)
def test_a_damaged_line_is_refused_by_its_number(whole, about, tmp_path, line, sentence):
    (tmp_path / "worth.jsonl").write_text("\n".join([whole[1][0], line, *whole[1][2:]]) + "\n")
    with pytest.raises(UserError, match=sentence):
        weigh(about, QUICK, tmp_path)


def test_a_result_of_other_images_is_damage(whole, about, tmp_path):
    line = {**json.loads(whole[1][1]), "right": ""}
    (tmp_path / "worth.jsonl").write_text(f"{whole[1][0]}\n{json.dumps(line)}\n")
    with pytest.raises(UserError, match="line 2 is damaged"):
        weigh(about, QUICK, tmp_path)


def test_a_journal_of_another_format_or_without_its_plan_is_refused(whole, about, tmp_path):
    path, first = tmp_path / "worth.jsonl", json.loads(whole[1][0])
    path.write_text(json.dumps({**first, "format": 2}) + "\n")
    with pytest.raises(UserError, match="is not what this version of ganvas writes"):
        weigh(about, QUICK, tmp_path)
    path.write_text(json.dumps({**first, "plan": {}}) + "\n")
    with pytest.raises(UserError, match="line 1 is damaged"):
        weigh(about, QUICK, tmp_path)


def test_another_comparison_in_the_same_place_is_refused_with_the_difference(whole, about, done):
    assert whole
    with pytest.raises(UserError, match=r"was begun with minutes 0.05, now 0.06; seeds 3, now 4\. Give the flags"):
        weigh(about, Worth(quick=True, minutes=0.06, seeds=4), done)


def test_a_training_that_fails_is_told_and_the_rows_of_real_images_stay(about, tmp_path, monkeypatch):
    trained = work.trained

    def failing(run, *given):
        if run.seed == 1:
            raise RunFailedError("a loss is not a number after 10 steps; the last checkpoint is kept. Try")
        return trained(run, *given)

    monkeypatch.setattr(work, "trained", failing)
    (size,) = weigh(about, QUICK, tmp_path)["sizes"]
    found = {row["row"]: row for row in size["rows"]}
    assert all(found[name]["accuracy"]["value"] is not None for name in "ab")
    for name in "cde":
        assert found[name]["accuracy"]["value"] is None
        assert found[name]["failed"] == [{"seed": 1, "why": "a loss is not a number after 10 steps"}]
    monkeypatch.setattr(work, "trained", trained)
    card = weigh(about, QUICK, tmp_path)  # what failed is tried again, and what did not is not
    assert not any(row["failed"] for row in card["sizes"][0]["rows"])


def test_a_mistake_of_ours_is_not_taken_for_a_failed_fit(about, tmp_path, monkeypatch):
    def wrong(*_, **__):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(work, "fit_classifier", wrong)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        weigh(about, QUICK, tmp_path)

    def greedy(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(work, "fit_classifier", greedy)
    card = weigh(about, QUICK, tmp_path)
    assert card["sizes"][0]["rows"][0]["failed"][0] == {"seed": 0, "why": "memory ran out"}
    assert card["verdict"]["answer"] == "unknown"


def test_the_generator_of_a_part_sees_that_part_alone_and_its_own_seed(about, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(work, "trained", lambda run, part, *_: seen.append((run.seed, len(part.train))) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        weigh(about, QUICK, tmp_path)
    assert seen == [(0, 6)]


def test_a_generator_trained_anew_is_the_one_that_the_run_trained(about, tiny_run):
    """Same seed, same images, same budget: the loop here and the run's own do the same to the averaged weights."""
    game = generators.trained(about.run, about.prepared, 160, about.speed)
    mine, theirs = game.bundle_networks()["generator"].state_dict(), about.sampler.generator.state_dict()
    assert all(np.allclose(mine[name], theirs[name], atol=1e-5) for name in theirs)
    fresh = (
        build_trainer(about.run, about.prepared, Engine.for_trials(about.speed))
        .bundle_networks()["generator"]
        .state_dict()
    )
    assert not all(np.allclose(fresh[name], theirs[name], atol=1e-5) for name in theirs)


def test_speeds_are_measured_and_threads_left_as_they_were(about, monkeypatch):
    monkeypatch.setattr(generators, "SECONDS_FOR_A_RATE", 0.01)
    monkeypatch.setattr(generators, "STEPS_OF_A_TRIAL", 4)
    before = torch.get_num_threads()
    rates = generators.measured(about.run, about.prepared, about.speed, about.sampler)
    assert min(rates) > 0
    assert torch.get_num_threads() == before


@pytest.fixture
def drawn(about):
    return Samples("drawn", np.full((9, 1, 16, 16), 255, np.uint8), np.arange(9) % 3, Origin())


@pytest.mark.parametrize("row", list("abcde"))
def test_every_row_shows_as_many_images_and_half_of_a_mixed_one_are_real(about, drawn, row):
    prepared = about.prepared
    labels = np.asarray(prepared.labels)
    pixels, told, rows = shown(prepared, labels, row, drawn, 256, 0)
    assert len(rows) == 256
    made = (pixels[rows] == 255).all(axis=(1, 2, 3))
    assert made.sum() == {"a": 0, "b": 0, "c": 128, "d": 256, "e": 128}[row]
    if row in "ce":
        known = {prepared.pixels[k].tobytes(): labels[k] for k in prepared.train}
        assert all(known[pixels[k].tobytes()] == told[k] for k in rows[~made])


def test_images_are_dealt_evenly_and_never_of_the_held_out_ones(about):
    rows = dealt(np.array([4, 7, 9]), 10, 0, "real")
    assert sorted(np.unique(rows, return_counts=True)[1].tolist()) == [3, 3, 4]
    assert set(rows) == {4, 7, 9}
    labels = np.asarray(about.prepared.labels)
    _, _, real = shown(about.prepared, labels, "a", None, 512, 0)
    assert not set(real) & set(about.prepared.held_out)


def test_a_bundle_alone_is_refused(tiny_run):
    with pytest.raises(UserError, match="is a bundle, which does not say where its images lie: give the run's own"):
        subject(tiny_run.bundle)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a run"):
        subject(tmp_path)


def test_runs_that_draw_no_classes_are_refused(train_small, tmp_path):
    train_small(tmp_path / "plain", "book-gan", training={"images": 16})
    with pytest.raises(UserError, match="plain was trained without labels, and a classifier learns labels"):
        subject(tmp_path / "plain")
    train_small(tmp_path / "evaluator", "book-classifier", training={"images": 16})
    with pytest.raises(UserError, match="evaluator trained a classifier, which tells classes apart and draws nothing"):
        subject(tmp_path / "evaluator")


def saved(path, images, labels, classes):
    np.savez(path, images=images, labels=labels, classes=np.array(classes))
    return path


def some(count):
    return np.random.default_rng(count).integers(0, 255, (count, 16, 16)).astype(np.uint8)


def test_one_class_and_no_held_out_images_are_refused(train_small, tmp_path):
    one = saved(tmp_path / "one.npz", some(20), np.zeros(20, np.int64), ["only"])
    train_small(tmp_path / "one", source=one, training={"images": 16})
    with pytest.raises(UserError, match="one knows one class, and a classifier tells classes apart"):
        subject(tmp_path / "one")
    few = saved(tmp_path / "few.npz", some(8), np.arange(8) % 2, ["left", "right"])
    train_small(tmp_path / "few", source=few, training={"images": 16})
    with pytest.raises(UserError, match="gives no held-out images, without which no classifier can be tested"):
        subject(tmp_path / "few")


def test_a_source_that_changed_is_refused(train_small, tiny_source, tmp_path):
    source = tmp_path / "own.npz"
    shutil.copy(tiny_source, source)
    run = train_small(tmp_path / "run", source=source, training={"images": 16})
    saved(source, some(60), np.arange(60) % 3, ["across", "down", "spot"])
    with pytest.raises(UserError, match=r"is no longer what .*run was trained on: its images have changed"):
        subject(run.path)


def test_a_damaged_bundle_is_refused_by_the_files_name(own_run):
    path = own_run.bundle / "generator.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"generator.safetensors does not match|{sealed.MANIFEST}"):
        subject(own_run.path)


def test_a_quick_comparison_tests_on_fewer_held_out_images_evenly_over_the_classes(tiny_run):
    assert Worth(quick=True).most_tested < Worth().most_tested
    few = subject(tiny_run.path, 3)
    assert len(few.tested) == 3
    assert set(few.tested) < set(few.prepared.held_out)
    assert sorted(few.prepared.labels[few.tested]) == [0, 1, 2]
