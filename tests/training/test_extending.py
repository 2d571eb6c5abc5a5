"""A finished run that is trained further: as if it had been asked for so much, from where it stood, and recorded."""

import pytest

from ganvas import files
from ganvas.errors import UserError
from ganvas.runs import bundle
from ganvas.training import autotune, trainer
from ganvas.training.run import TrainRequest, train


class Killed(BaseException):
    """What nothing catches, as nothing catches SIGKILL."""


@pytest.fixture
def extend(tiny_source, monkeypatch):
    """extend(run, images=80) trains further, naming the run by its folder alone."""
    from ganvas.training import artifacts

    monkeypatch.setattr(artifacts, "draw_charts", lambda *_: None)

    def more(run, images=None, minutes=None, source=tiny_source, recipe=None, **choices):
        request = TrainRequest(str(source), recipe, choices, more_images=images, more_minutes=minutes)
        return train(request, run.path)

    return more


def test_a_finished_run_is_extended_from_its_last_state_and_that_is_recorded(
    own_run, extend, figures_of, contents, said
):
    before = figures_of(own_run)
    run = extend(own_run, images=75)
    record = run.read()
    assert (record.status, record.run.images, record.images_seen) == ("finished", 240, 240)  # whole batches of 8
    assert [(part.images_before, part.images) for part in record.extensions] == [(160, 240)]
    assert figures_of(run)[: len(before)] == before
    assert [line["step"] for line in figures_of(run)] == list(range(1, 31))
    assert bundle.read_bundle(run.bundle).info.images == 240
    assert "training further, from 160 to 240 images, the learning rate planned anew over all" in said
    assert record.asked == own_run.read().asked


def test_the_learning_rate_is_planned_over_all_images(own_run, extend, monkeypatch):
    rates = []
    original = trainer.Trainer.advance

    def advance(self, number, progress):
        rates.append(self.lr_at(progress))
        return original(self, number, progress)

    monkeypatch.setattr(trainer.Trainer, "advance", advance)
    extend(own_run, images=160)
    assert rates[0] == pytest.approx(0.002)  # half of the whole: the rate has not begun to fall
    assert rates[-1] < 0.0003


def test_an_extension_that_is_killed_resumes_to_the_same_bytes_and_adds_nothing(
    tiny_run, own_run, extend, tmp_path, contents, figures_of, monkeypatch, train_small
):
    import shutil

    from ganvas.runs.folder import RunFolder

    whole = extend(RunFolder(shutil.copytree(tiny_run.path, tmp_path / "whole")), images=80)
    original = trainer.gan_step

    def dying(*given):
        if given[-1] == 26:
            raise Killed
        return original(*given)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "gan_step", dying)
        with pytest.raises(Killed):
            extend(own_run, images=80)
    resumed = extend(own_run, images=80)
    assert resumed.read().run.images == 240
    assert contents(resumed.bundle) == contents(whole.bundle)
    assert figures_of(resumed) == figures_of(whole)


def test_minutes_are_planned_with_the_rate_of_the_run(own_run, extend, monkeypatch):
    monkeypatch.setattr(autotune, "images_per_second", lambda *_: 2.0)
    assert extend(own_run, minutes=0.5).read().run.images == 160 + 64


def test_a_run_may_be_extended_again(own_run, extend):
    extend(own_run, images=8)
    record = extend(own_run, images=8).read()
    assert [(part.images_before, part.images) for part in record.extensions] == [(160, 168), (168, 176)]


def test_choices_that_are_given_must_be_those_of_the_run(own_run, extend, tiny_source):
    extend(own_run, images=8, pair={"width": 4})
    with pytest.raises(UserError, match=r"begun with --pair\.width 4, now 8\."):
        extend(own_run, images=8, pair={"width": 8})
    with pytest.raises(UserError, match=r"--recipe modern, now book-gan"):
        extend(own_run, images=8, recipe="book-gan")


def test_the_default_recipe_is_not_taken_for_granted_when_it_is_named(train_small, extend, tmp_path):
    run = train_small(tmp_path / "book", "book-gan")
    extend(run, images=8)
    with pytest.raises(UserError, match=r"--recipe book-gan, now modern"):
        extend(run, images=8, recipe="modern")


def test_what_cannot_be_extended_is_refused_with_advice(own_run, unfinished_run, extend, tmp_path):
    from ganvas.runs.folder import RunFolder

    with pytest.raises(
        UserError, match="is not finished: give the command it was begun with, and then train it further"
    ):
        extend(unfinished_run, images=8)
    with pytest.raises(UserError, match="nothing is not a run, and --more-minutes, --more-images and"):
        extend(RunFolder(tmp_path / "nothing"), images=8)


def test_an_extension_beyond_all_bounds_is_refused_and_changes_nothing(own_run, extend):
    before = own_run.record.read_bytes()
    with pytest.raises(UserError, match="the budget comes to 1,000,000,000,160 images; a run has at most 1,000,"):
        extend(own_run, images=10**12)
    assert own_run.record.read_bytes() == before


def test_without_its_checkpoints_a_run_is_not_silently_begun_anew(own_run, extend):
    import shutil

    shutil.rmtree(own_run.checkpoint_folder)
    with pytest.raises(UserError, match="has no whole checkpoint left to resume from: begin a new run with --from"):
        extend(own_run, images=8)


def test_with_nothing_but_damaged_checkpoints_nothing_is_trained_or_changed(own_run, extend, contents):
    for path in own_run.checkpoints():
        with (path / "state.safetensors").open("ab") as file:
            file.write(b"x")
    before, record = contents(own_run.bundle), own_run.read()
    with pytest.raises(UserError, match="has no whole checkpoint left to resume from"):
        extend(own_run, images=80)
    assert contents(own_run.bundle) == before
    assert own_run.read() == record


def test_an_extension_counts_from_the_checkpoint_that_it_resumes_from(own_run, extend):
    files.remove(own_run.checkpoints()[-1])
    earlier = 8 * int(own_run.checkpoints()[-1].name.removeprefix("step-"))
    record = extend(own_run, images=80).read()
    assert earlier < 160
    assert [(part.images_before, part.images) for part in record.extensions] == [(earlier, earlier + 80)]
