"""`ganvas train` as it is typed: flags over a file over the recipe, and a sentence for each mistake."""

import json
import os
import re
import stat

import numpy as np
import pytest
from PIL import Image

from ganvas.api.train import tracker_names
from ganvas.errors import UserError
from ganvas.training import artifacts

QUICK = (
    *("--images", 16, "--batch", 8, "--threads", 1, "--precision", "float32", "--memory-format", "contiguous"),
    *("--pair.width", 4, "--pair.noise", 4, "--pair.embedding", 4, "--pair.features", 4),
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in, without charts, which take longest."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(artifacts, "draw_charts", lambda *_: None)
    return tmp_path


def record(folder):
    return json.loads((folder / "run.json").read_text())


def test_without_out_a_run_lies_under_its_source_recipe_and_seed(tiny_source, lines, here):
    output = lines("train", tiny_source, *QUICK, "--seed", 3)
    assert "run runs/patterns-modern-s3" in output
    assert (here / "runs" / "patterns-modern-s3" / "bundle" / "manifest.json").is_file()


def test_the_end_prints_the_folders_and_what_to_type_next(tiny_source, lines, here):
    output = lines("train", tiny_source, *QUICK, "--out", "my run")
    assert "bundle my run/bundle" in output
    assert output[-1] == "next: ganvas sample 'my run' -n 100"
    assert lines("sample", "my run", "-n", 100)[-1] == "images my run/samples.png"


def test_the_same_command_again_reports_that_it_is_finished(tiny_source, lines, here):
    lines("train", tiny_source, *QUICK, "--out", "run")
    before = (here / "run" / "run.json").read_bytes()
    assert "run is finished: 16 images; train it further with --more-minutes M or --more-images N" in lines(
        "train", tiny_source, *QUICK, "--out", "run"
    )
    assert (here / "run" / "run.json").read_bytes() == before


@pytest.mark.parametrize("more", [("--more-images", 8), ("--more-minutes", "0.01")])
def test_a_finished_run_is_trained_further_by_so_much(tiny_source, lines, refused, here, monkeypatch, more):
    monkeypatch.setattr("ganvas.training.autotune.images_per_second", lambda *_: 13.0)
    assert "run is not a run" in refused("train", tiny_source, "--out", "run", *more)
    (here / "mine.toml").write_text("[training]\nimages = 16\n")
    quick = ("--config", "mine.toml", *QUICK[2:])
    lines("train", tiny_source, *quick, "--out", "run")
    lines("train", tiny_source, "--out", "run", *more)
    assert record(here / "run")["step"] == 3
    lines("train", tiny_source, *quick, "--out", "run", *more)  # the file's budget is the run's own, and no second one
    assert record(here / "run")["step"] == 4


def test_another_flag_on_the_same_folder_is_refused_with_the_difference(tiny_source, lines, refused):
    lines("train", tiny_source, *QUICK, "--out", "run")
    output = refused("train", tiny_source, *QUICK, "--out", "run", "--optimiser.lr", "0.001")
    assert "holds a run begun with --optimiser.lr not given, now 0.001" in output


def test_flags_win_over_the_file_and_the_file_over_the_recipe(tiny_source, lines, here):
    (here / "mine.toml").write_text(
        'recipe = "book-conditional"\nseed = 5\n[training]\nbatch = 4\nimages = 8\nthreads = 1\n'
        'memory_format = "contiguous"\n[pair]\nhidden = 7\n'
    )
    lines("train", tiny_source, "--config", "mine.toml", "--pair.hidden", 6, "--out", "run")
    run = record(here / "run")["run"]
    assert (run["recipe"], run["seed"], run["training"]["batch"], run["pair"]["hidden"]) == (
        "book-conditional",
        5,
        4,
        6,
    )
    assert run["optimiser"]["lr"] == 1e-4  # the recipe's


def test_a_budget_on_the_command_line_replaces_the_files(tiny_source, lines, here):
    (here / "mine.toml").write_text("[training]\nminutes = 300.0\n")
    lines("train", tiny_source, "--config", "mine.toml", *QUICK, "--out", "run")
    assert record(here / "run")["run"]["training"]["images"] == 16


def test_minutes_become_images_before_the_first_step(tiny_source, lines, here, monkeypatch):
    monkeypatch.setattr("ganvas.training.autotune.images_per_second", lambda *_: 100.0)
    quick = QUICK[2:]
    output = lines("train", tiny_source, *quick, "--minutes", "0.01", "--out", "run")
    assert "budget 0.01 minutes at 100 images/s: 64 images" in output
    assert record(here / "run")["run"]["training"]["images"] == 64  # whole batches
    assert record(here / "run")["asked"]["choices"]["training"]["minutes"] == "0.01"


def test_dry_run_prints_everything_and_writes_nothing(tiny_source, lines, here):
    output = lines("train", tiny_source, *QUICK, "--dry-run")
    assert "pair.width 4" in output
    assert "discriminator layer stem: 4 x 8 x 8, receptive field 6 px" in output
    assert any(re.fullmatch(r"generator [1-9][0-9]+ parameters", line) for line in output)
    assert any(line.startswith("time about ") and line.endswith(" for 16 images") for line in output)
    assert any(line.startswith("memory about ") for line in output)
    assert list(here.iterdir()) == []


def test_it_begins_with_another_runs_weights(tiny_source, tiny_run, lines, refused, here):
    small = ("--batch", 8, "--threads", 1, "--precision", "float32", "--memory-format", "contiguous")
    widths = [f"--pair.{name}={value}" for name, value in (("width", 4), ("noise", 4), ("embedding", 4))]
    lines("train", tiny_source, *small, *widths, "--pair.features", 4, "--images", 8, "--from", tiny_run.path)
    output = refused("train", tiny_source, *small, "--images", 8, "--from", tiny_run.path, "--out", "run")
    assert "does not fit this run's modern" in output
    assert not (here / "run").exists()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--recipe", "modrn"), "there is no recipe 'modrn'; did you mean modern?"),
        (
            ("--size", "7"),
            "--size: a size is pixels of a side from 16 to 128, or HEIGHTxWIDTH such as 64x48 (it was '7')",
        ),
        (("--size", "64x200"), "--size: a size is pixels of a side from 16 to 128, or HEIGHTxWIDTH such as 64x48"),
        (("--size", "64x48", "--crop", "100"), "--size 64x48 is not square, and --crop 100 cuts squares"),
        (("--size", "20x16", "--recipe", "book-gan"), "the book's recipes take squares alone): give --size 16"),
        (("--size", "20x16", "--pair.kind", "book-mlp"), "the pair book-mlp is for squares alone: give --size 16"),
        (("--channels", "2"), "--channels: channels are 1 (grey), 3 (RGB) or 4 (RGB and transparency)"),
        (("--crop", "9"), "--crop: a crop is square or a number of pixels from 16 up"),
        (("--images", "0"), "--images: input should be greater than or equal to 1"),
        (("--images", "8", "--minutes", "1"), "one budget, please, not images and minutes"),
        (("--minutes", "nan"), "--minutes: input should be a finite number"),
        (("--seed", "-1"), "--seed: input should be greater than or equal to 0"),
        (("--threads", "0"), "--threads: threads must be at least 1"),
        (("--precision", "float16"), "--precision: input should be 'auto', 'float32' or 'bfloat16'"),
        (("--labels", "maybe"), "--labels: input should be 'on' or 'off'"),
        (("--pair.widht", "8"), "there is no --pair.widht; did you mean --pair.width?"),
        (("--widht", "8"), "there is no --widht"),
        (("--pair", "8"), "--pair is a part of a run; its options are --pair.kind"),
        (("--optimiser.rate", "1"), "there is no --optimiser.rate; it is --optimiser.lr now"),
        (("--more-images", "8", "--more-minutes", "1"), "--more-images is the budget of a finished run's further"),
        (("--more-minutes", "1", "--images", "8"), "training: leave out --images"),
        (("--more-minutes", "1", "--training.epochs", "8"), "training: leave out --training.epochs"),
        (("--more-images", "0"), "--more-images: input should be greater than or equal to 1"),
        (("--more-minutes", "soon"), "--more-minutes: input should be a valid number"),
        (("--more-image", "8"), "there is no --more-image; did you mean --more-images?"),
        (("--track", "tensorbord"), "there is no tracker 'tensorbord'; did you mean tensorboard?"),
        (("--track", ""), "--track needs the name of a tracker"),
        (("--from", "nowhere"), "nowhere is not a run"),
        (("--config", "none.toml"), "--config none.toml cannot be read: No such file or directory"),
        (("--more-images", "8", "--dry-run"), "--dry-run describes a new run: leave out --more-images"),
        (("--recipe", "book-classifier", "--score-every", "8"), "--score-every scores generated images"),
        (("--recipe", "book-classifier", "--labels", "off"), "--labels off leaves a classifier nothing to learn"),
    ],
)
def test_a_mistake_gets_one_sentence_and_leaves_nothing(tiny_source, tiny_prepared, refused, here, flags, sentence):
    assert sentence in refused("train", tiny_source, *flags)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("digit", "did you mean digits?"),
        ("./digits", "digits"),
        ("nowhere/at/all", "nowhere/at/all"),
        ("empty", "empty"),
        ("hf:", "hf:"),
    ],
)
def test_no_such_source_gets_one_sentence_and_no_run(refused, here, source, sentence):
    (here / "empty").mkdir()
    assert sentence in refused("train", source)
    assert not (here / "runs").exists()


def test_a_folder_that_is_no_run_is_left_alone(tiny_source, refused, here):
    (here / "thesis").mkdir()
    (here / "thesis" / "text").write_text("three years")
    assert "thesis is there already and is not a run" in refused("train", tiny_source, *QUICK, "--out", "thesis")
    assert (here / "thesis" / "text").read_text() == "three years"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tiny_source, refused, here):
    here.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert "cannot be written" in refused("train", tiny_source, *QUICK, "--out", "run")
    finally:
        here.chmod(stat.S_IRWXU)


def test_a_set_without_labels_is_trained_without_them_and_that_is_reported(unlabelled_source, lines):
    output = lines("train", unlabelled_source, *QUICK, "--out", "run")
    assert "unlabelled has no labels: trained without, and no class can be asked for" in output


def test_trackers_are_split_at_commas():
    assert tracker_names("tensorboard, wandb") == ("tensorboard", "wandb")
    assert tracker_names(None) == ()
    with pytest.raises(UserError, match="needs the name of a tracker"):
        tracker_names(" ")


def test_tensorboard_gets_what_the_log_gets(tiny_source, lines, here):
    lines("train", tiny_source, *QUICK, "--out", "run", "--track", "tensorboard")
    assert list((here / "run").rglob("events.out.tfevents.*"))


def test_it_says_what_was_taken_and_what_was_left(tmp_path, lines, here):
    for number in range(44):
        folder = tmp_path / "pets" / ("cat" if number % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(number).integers(0, 256, (16, 16), np.uint8)
        Image.fromarray(image).save(folder / f"{number}.png")
    for name, content in (("bird/0.HEIC", b"\0\0\0\x18ftypheic" + bytes(99)), ("@eaDir/0.jpg", b""), ("a.txt", b"a")):
        (tmp_path / "pets" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(content)
    said = lines("train", tmp_path / "pets", *QUICK)
    begin = said.index("data: pets, a folder per class: 44 images of 16x16 px, grey")
    assert said[begin + 1] == "classes: cat (22), dog (22)"
    assert said[begin + 2].startswith("class bird left out: none of its 1 images can be used: ")
    assert said[begin + 3].startswith("held out: 4 images")
    assert said[begin + 4].startswith("refused: 1 of 45 images: 1 such as bird/0.HEIC: ")
    assert said[begin + 5] == "not read: 1 files that are no images: a.txt"
    assert said[begin + 6].endswith(": @eaDir/")
