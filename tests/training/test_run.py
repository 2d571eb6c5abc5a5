"""A run from what was asked to its folder: resuming, refusing, beginning from another, and what is written when."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ganvas import files
from ganvas.config.recipes import configure
from ganvas.errors import UserError
from ganvas.runs import bundle
from ganvas.runs.folder import RunFolder
from ganvas.training import autotune, checkpoint, run, trainer
from ganvas.training.run import default_folder


class Killed(BaseException):
    """What nothing catches, as nothing catches SIGKILL."""


def break_off(train_small, out, step, **above):
    """Trains until the process "dies" as that step begins."""
    original = trainer.gan_step

    def dying(*given):
        if given[-1] == step:
            raise Killed
        return original(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "gan_step", dying)
        with pytest.raises(Killed):
            train_small(out, **above)


@pytest.mark.parametrize("steps", [(3,), (5,), (12, 13, 19), (1, 7)])
def test_resuming_equals_never_having_stopped(tiny_run, train_small, tmp_path, contents, figures_of, capsys, steps):
    out = tmp_path / "run"
    for step in steps:
        break_off(train_small, out, step)
        with RunFolder(out).log.open("ab") as log:
            log.write(b'{"step": 20, "imag')  # the line that was being written
    run = train_small(out)
    assert contents(run.bundle) == contents(tiny_run.bundle)
    assert contents(run.previews) == contents(tiny_run.previews)
    assert figures_of(run) == figures_of(tiny_run)
    assert [record["step"] for record in figures_of(run)] == list(range(1, 21))
    output = capsys.readouterr().out
    assert ("resuming after step" in output) == (max(steps) >= 5)


@pytest.mark.parametrize(
    ("recipe", "training"),
    [
        ("modern", {"precision": "bfloat16", "memory_format": "channels-last"}),
        ("book-conv", {"memory_format": "channels-last"}),
        ("book-conditional", {"batch": 1, "images": 20, "save_every": 5}),
    ],
)
def test_resuming_is_exact_in_every_layout_and_precision(
    train_small, tmp_path, contents, figures_of, monkeypatch, recipe, training
):
    whole = train_small(tmp_path / "whole", recipe, training=training)
    original = checkpoint.save_checkpoint

    def die_after(run, state, record):
        original(run, state, record)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_checkpoint", die_after)
        for _ in range(4):
            with pytest.raises(Killed):
                train_small(tmp_path / "broken", recipe, training=training)
    broken = train_small(tmp_path / "broken", recipe, training=training)
    assert contents(broken.bundle) == contents(whole.bundle)
    assert figures_of(broken) == figures_of(whole)


@pytest.mark.parametrize("step", [7, 16])
def test_resuming_is_exact_before_and_after_a_run_grows_to_full_resolution(train_small, tmp_path, contents, step):
    choices = {"pair": {"stem": "strided", "half_resolution": 0.5}, "data": {"size": 32}}
    whole = train_small(tmp_path / "whole", **choices)
    break_off(train_small, tmp_path / "broken", step, **choices)
    broken = train_small(tmp_path / "broken", **choices)
    assert contents(broken.bundle) == contents(whole.bundle)
    assert contents(broken.previews) == contents(whole.previews)
    generator = bundle.open_run(whole.path).networks["generator"]
    assert not generator.half_layer.in_use


def test_two_runs_of_the_same_choices_end_equal_and_of_another_seed_do_not(tiny_run, train_small, tmp_path, contents):
    assert contents(train_small(tmp_path / "same").bundle) == contents(tiny_run.bundle)
    other = contents(train_small(tmp_path / "other", seed=1).bundle)
    assert other["generator.safetensors"] != contents(tiny_run.bundle)["generator.safetensors"]


def test_a_finished_run_is_reported_and_left_alone(own_run, train_small, contents, capsys):
    before = contents(own_run.path)
    train_small(own_run.path)
    assert (
        f"{own_run.path} is finished: 160 images; train it further with --more-minutes M or --more-images N\n"
        in capsys.readouterr().out
    )
    assert contents(own_run.path) == before


def test_the_same_command_makes_a_damaged_bundle_again(tiny_run, own_run, train_small, contents, capsys):
    with (own_run.bundle / "generator.safetensors").open("r+b") as file:
        file.truncate(100)
    train_small(own_run.path)
    assert "generator.safetensors does not match its sha256; it is written again" in capsys.readouterr().out
    assert contents(own_run.bundle) == contents(tiny_run.bundle)


def test_killed_between_the_last_checkpoint_and_the_bundle_only_the_end_is_repeated(
    tiny_run, unfinished_run, train_small, contents, figures_of, monkeypatch
):
    monkeypatch.setattr(trainer, "gan_step", lambda *_: pytest.fail("a step was played"))
    train_small(unfinished_run.path)
    assert contents(unfinished_run.bundle) == contents(tiny_run.bundle)
    assert figures_of(unfinished_run) == figures_of(tiny_run)
    assert unfinished_run.read().status == "finished"


def test_a_damaged_checkpoint_is_reported_and_the_run_still_ends_the_same(
    tiny_run, unfinished_run, train_small, contents, figures_of, capsys
):
    with (unfinished_run.checkpoints()[-1] / "state.safetensors").open("r+b") as file:
        file.truncate(100)
    train_small(unfinished_run.path)
    output = capsys.readouterr().out
    assert "checkpoint step-0000000020 is damaged (state.safetensors does not match its sha256) and not used" in output
    assert "resuming after step 15" in output
    assert contents(unfinished_run.bundle) == contents(tiny_run.bundle)
    assert figures_of(unfinished_run) == figures_of(tiny_run)


def test_other_flags_are_refused_with_the_difference(own_run, train_small, contents):
    before = contents(own_run.path)
    with pytest.raises(UserError, match=r"begun with --pair.width 4, now 8; --seed not given, now 5\. Give the flags"):
        train_small(own_run.path, seed=5, pair={"width": 8})
    with pytest.raises(UserError, match="--recipe modern, now book-gan"):
        train_small(own_run.path, "book-gan")
    assert contents(own_run.path) == before


def test_another_format_is_refused(own_run, train_small):
    own_run.record.write_text(json.dumps({**json.loads(own_run.record.read_text()), "format": 1}))
    with pytest.raises(UserError, match="format 1; this version of ganvas reads format 2"):
        train_small(own_run.path)


def test_other_classes_are_refused_with_both(unfinished_run, train_small, tiny_source, tmp_path):
    arrays = dict(np.load(tiny_source))
    moved = tmp_path / "patterns.npz"
    arrays["labels"][::7] = 3
    np.savez(moved, **{**arrays, "classes": np.array(["across", "down", "spot", "more"])})
    record = unfinished_run.read()
    changes = {name: getattr(record, name).model_copy(update={"source": str(moved)}) for name in ("asked", "run")}
    unfinished_run.write(record.model_copy(update=changes))
    with pytest.raises(UserError, match=r"begun on other data: classes \['across', 'down', 'spot'\], now .*'more'"):
        train_small(unfinished_run.path, source=moved)


def test_another_number_of_processes_is_reported(unfinished_run, train_small, capsys):
    shutil.rmtree(unfinished_run.checkpoints()[-1])
    place = unfinished_run.checkpoints()[-1]
    contents = {p.name: p.read_bytes() for p in place.iterdir() if p.name != "manifest.json"}
    record = {**json.loads(contents["record.json"]), "world": 4}
    checkpoint.sealed.write_sealed(place, {**contents, "record.json": files.to_json(record)})
    train_small(unfinished_run.path)
    assert "resuming on 1 processes, saved by 4" in capsys.readouterr().out


def test_what_is_left_open_is_chosen_and_written_before_the_first_step(train_small, tmp_path, monkeypatch):
    monkeypatch.setattr(autotune, "SECONDS_PER_CANDIDATE", {"cpu": 0.01})
    monkeypatch.setattr(autotune, "SECONDS_FOR_A_RATE", 0.01)

    def stop_here(*given):
        raise Killed

    monkeypatch.setattr(run, "run_loop", stop_here)
    with pytest.raises(Killed):
        train_small(tmp_path / "run", training={"minutes": 0.01, "precision": "auto", "memory_format": "auto"})
    record = RunFolder(tmp_path / "run").read()
    assert record.status == "begun"
    assert record.run.compute.threads == 1
    assert record.run.compute.precision in ("float32", "bfloat16")
    assert record.run.images == record.run.steps * 8
    assert record.asked.choices["training"]["minutes"] == 0.01


def test_minutes_are_measured_once_and_the_images_then_stand(train_small, tmp_path, monkeypatch, figures_of):
    rates = iter([2.0])
    monkeypatch.setattr(autotune, "images_per_second", lambda *_: next(rates))
    run = train_small(tmp_path / "run", training={"minutes": 0.5, "batch": 8})
    assert run.read().run.images == 64  # 60, in whole batches
    assert figures_of(run)[-1]["images"] == 64
    shutil.rmtree(run.bundle)
    train_small(tmp_path / "run", training={"minutes": 0.5, "batch": 8})  # measures no more


def test_minutes_that_come_to_too_many_images_are_refused_and_no_folder_is_created(train_small, tmp_path, monkeypatch):
    monkeypatch.setattr(autotune, "images_per_second", lambda *_: 1e9)
    with pytest.raises(
        UserError, match=r"^the budget comes to 60,000,000,000,000,000 images; a run has at most 1,000,"
    ):
        train_small(tmp_path / "run", training={"minutes": 1e6})
    assert not (tmp_path / "run").exists()


def test_epochs_count_the_training_images(train_small, tmp_path, tiny_prepared):
    run = train_small(tmp_path / "run", training={"epochs": 2})
    assert run.read().run.images == -(-2 * len(tiny_prepared.train) // 8) * 8


def test_a_run_may_begin_with_anothers_weights(tiny_run, train_small, tmp_path, monkeypatch):
    given = bundle.read_bundle(tiny_run.bundle).networks
    initial = {}

    def stop_here(played, *_):
        initial.update({name: network.state_dict() for name, network in played.networks.items()})
        initial["average"] = played.ema.network.state_dict()
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(run, "run_loop", stop_here)
        with pytest.raises(Killed):
            train_small(tmp_path / "run", start_from=str(tiny_run.path), seed=9)
    for name, source in (("generator", "generator"), ("discriminator", "discriminator"), ("average", "generator")):
        for key, tensor in given[source].state_dict().items():
            assert torch.equal(initial[name][key], tensor)
    assert train_small(tmp_path / "run", start_from=str(tiny_run.path), seed=9).read().status == "finished"


@pytest.mark.parametrize(
    ("above", "message"),
    [({"pair": {"width": 8}}, "does not fit this run's modern"), ({"labels": "off"}, "does not fit")],
)
def test_weights_that_do_not_fit_are_refused_and_no_folder_is_created(tiny_run, train_small, tmp_path, above, message):
    with pytest.raises(UserError, match=message):
        train_small(tmp_path / "run", start_from=str(tiny_run.path), **above)
    with pytest.raises(UserError, match="is not a run"):
        train_small(tmp_path / "run", start_from=str(tmp_path / "nothing"))
    assert not (tmp_path / "run").exists()


def test_a_mistake_leaves_no_folder(train_small, tmp_path, unlabelled_source):
    for recipe, above in (("book-classifier", {}), ("modern", {"training": {"sampler": "balanced"}})):
        with pytest.raises(UserError, match="unlabelled has none"):
            train_small(tmp_path / "run", recipe, source=unlabelled_source, **above)
    with pytest.raises(UserError):
        train_small(tmp_path / "run", source=tmp_path / "nowhere.npz")
    assert not (tmp_path / "run").exists()


def test_a_set_without_labels_is_trained_without_them_and_that_is_reported(
    train_small, tmp_path, unlabelled_source, capsys
):
    run = train_small(tmp_path / "run", source=unlabelled_source)
    assert "unlabelled has no labels: trained without, and no class can be asked for" in capsys.readouterr().out
    assert bundle.read_bundle(run.bundle).info.classes == ()


def test_a_folder_of_something_else_is_left_as_it_was(train_small, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text").write_text("three years")
    with pytest.raises(UserError, match="is not a run"):
        train_small(tmp_path / "thesis")
    assert [p.name for p in (tmp_path / "thesis").iterdir()] == ["text"]


def test_a_run_killed_while_it_wrote_its_first_record_can_be_begun(train_small, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".run.json.part").write_text("{")
    (tmp_path / "run" / ".lock").write_text("99999999")
    assert train_small(tmp_path / "run").read().status == "finished"


def test_a_folder_that_another_process_trains_in_is_refused(train_small, unfinished_run):
    with unfinished_run.locked(), pytest.raises(UserError, match=f"trained by process {os.getpid()} already"):
        train_small(unfinished_run.path)


def test_without_out_the_folder_names_source_recipe_and_seed():
    def named(source, **choices):
        return default_folder(configure(source, "modern", choices)).as_posix()

    assert named("digits", seed=3) == "runs/digits-modern-s3"
    assert named("some/where/pets/") == "runs/pets-modern-s0"
    assert named("hf:owner/name") == "runs/name-modern-s0"
    assert Path(named("..")).parent == Path("runs")
    assert ":" not in named("hf:owner/name")
