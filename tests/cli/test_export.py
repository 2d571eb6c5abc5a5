"""`ganvas export`: what it writes, and what it refuses."""

import json

import numpy as np
import onnxruntime
import pytest

from ganvas import cli, files
from ganvas.config.run import merge
from ganvas.export import hub, onnx, web
from ganvas.runs import hub as client


@pytest.fixture
def quick(monkeypatch):
    """PyTorch's exporter takes seconds, and the commands' tests are about what is around it."""
    for module in (onnx, web, hub):
        monkeypatch.setattr(module, "to_onnx", lambda run: b"onnx of " + run.digest().encode())
    monkeypatch.setattr(onnx, "to_fidelity", lambda run: b"fidelity")


def test_a_run_becomes_onnx_files_that_run(own_run, lines):
    folder = own_run.path / "onnx"
    *notes, last = lines("export", own_run.path, "--to", "onnx")
    assert notes == [
        f"{own_run.path} has no scorecard, so no measurements are exported: ganvas evaluate {own_run.path} makes one"
    ]
    assert last == f"export {folder / 'generator.onnx'}"
    names = {path.name for path in folder.iterdir()}
    assert names == {"generator.onnx", "generator-fidelity.onnx", "export.json", "manifest.json"}
    session = onnxruntime.InferenceSession((folder / "generator.onnx").read_bytes())
    z = session.get_inputs()[0].shape[1]
    (images,) = session.run(None, {"noise": np.zeros((2, z), np.float32), "weights": np.eye(3, dtype=np.float32)[:2]})
    assert images.shape == (2, 1, 16, 16)
    about = json.loads((folder / "export.json").read_text())
    assert about["classes"] == ["across", "down", "spot"]
    assert about["to"] == "onnx"


def test_the_digest_is_the_one_that_the_bundle_names(own_run, quick, lines):
    lines("export", own_run.path, "--to", "onnx")
    about = json.loads((own_run.path / "onnx" / "export.json").read_text())
    sums = json.loads((own_run.bundle / "manifest.json").read_text())["sha256"]
    assert about["digest"] == sums["generator.safetensors"]


def test_an_export_of_a_bundle_lies_beside_it_and_leaves_it_as_it_was(own_run, quick, lines, contents):
    before = contents(own_run.bundle)
    (last,) = [line for line in lines("export", own_run.bundle, "--to", "onnx") if line.startswith("export ")]
    assert last == f"export {own_run.path / 'onnx' / 'generator.onnx'}"
    assert contents(own_run.bundle) == before


def test_the_same_command_replaces_its_own_export(own_run, quick, lines, contents):
    folder = own_run.path / "onnx"
    lines("export", own_run.path, "--to", "onnx")
    before = contents(folder)
    lines("export", own_run.path, "--to", "onnx")
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: (folder / "notes.txt").write_text("mine"), "holds what is no part of the export, such as note"),
        (lambda folder: (folder / "generator.onnx").write_text("mine"), "was changed since it was exported (generator"),
        (lambda folder: (folder / "generator.onnx").unlink(), "was changed since it was exported (generator.onnx"),
        (lambda folder: (folder / "export.json").unlink(), "is there already and holds other things"),
    ],
)
def test_a_folder_that_holds_other_things_is_refused(own_run, quick, lines, refused, contents, change, sentence):
    lines("export", own_run.path, "--to", "onnx")
    change(own_run.path / "onnx")
    before = contents(own_run.path)
    assert sentence in refused("export", own_run.path, "--to", "onnx")
    assert contents(own_run.path) == before


def test_a_place_where_nothing_may_be_written_is_refused(own_run, refused, tmp_path):
    (tmp_path / "file").write_text("")
    assert "holds other things: choose another --out" in refused(
        "export", own_run.path, "--to", "onnx", "--out", own_run.path
    )
    assert "is a file; give a folder" in refused("export", own_run.path, "--to", "onnx", "--out", tmp_path / "file")
    inside = own_run.bundle / "onnx"
    assert "to which nothing is added" in refused("export", own_run.path, "--to", "onnx", "--out", inside)


def test_a_classifier_is_refused(tmp_path, train_small, refused):
    run = train_small(tmp_path / "run", "book-classifier", training={"images": 8})
    assert "trained a classifier, which generates no images" in refused("export", run.path, "--to", "onnx")
    assert not (run.path / "onnx").exists()


@pytest.mark.parametrize("name", ["generator.safetensors", "run.json", "manifest.json"])
def test_a_damaged_bundle_is_refused_by_the_name_of_its_file(own_run, refused, name):
    content = bytearray((own_run.bundle / name).read_bytes())
    content[len(content) // 2] ^= 255
    (own_run.bundle / name).write_bytes(bytes(content))
    assert name in refused("export", own_run.path, "--to", "onnx")
    assert not (own_run.path / "onnx").exists()


def test_what_is_no_run_and_no_target_is_refused(own_run, refused, tmp_path):
    assert "there is no run" in refused("export", tmp_path / "nothing", "--to", "onnx")
    assert "is not a run" in refused("export", tmp_path, "--to", "onnx", "--out", tmp_path / "out")
    assert refused("export", own_run.path).startswith("ganvas export needs --to onnx, --to web or --to hub")
    assert "(it was 'onyx')" in refused("export", own_run.path, "--to", "onyx")


def test_a_scorecard_of_other_weights_is_left_out_and_said(own_run, quick, lines):
    card = {
        "format": 3,
        "ganvas": "0",
        "name": "x",
        "images": {"images": 1},
        "classes": [],
        "protocol": {
            **dict.fromkeys(("features", "label_free", "reference", "fingerprint", "split"), "x"),
            **dict.fromkeys(("n", "size", "channels", "seed"), 1),
            "quick": False,
        },
        "statistics": {},
        "distances": {},
        "per_class": [],
    }
    (own_run.path / "scorecard.json").write_bytes(files.to_json(card))
    assert "is of 1 images of training, and not of 160" in lines("export", own_run.path, "--to", "onnx")[0]
    (own_run.path / "scorecard.json").write_bytes(files.to_json(merge(card, {"images": {"images": 160}})))
    assert len(lines("export", own_run.path, "--to", "onnx")) == 1


def test_a_damaged_scorecard_is_refused(own_run, quick, refused):
    (own_run.path / "scorecard.json").write_text("{")
    assert "is not a scorecard" in refused("export", own_run.path, "--to", "onnx")


def test_an_export_that_ends_half_way_leaves_nothing_half(own_run, quick, lines, monkeypatch, contents):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(files, "sync_contents", die)
        with pytest.raises(Killed):
            cli.run(["export", str(own_run.path), "--to", "onnx"])
    assert not (own_run.path / "onnx").exists()
    lines("export", own_run.path, "--to", "onnx")
    before = contents(own_run.path / "onnx")
    with monkeypatch.context() as patch:
        patch.setattr(files, "sync_contents", die)
        with pytest.raises(Killed):
            cli.run(["export", str(own_run.path), "--to", "onnx"])
    assert contents(own_run.path / "onnx") == before
    lines("export", own_run.path, "--to", "onnx")
    assert not list(own_run.path.glob(".onnx.*"))


def test_a_full_disk_leaves_the_old_export(own_run, quick, lines, monkeypatch, contents, capsys):
    lines("export", own_run.path, "--to", "onnx")
    before = contents(own_run.path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "sync_contents", full)
    assert cli.run(["export", str(own_run.path), "--to", "onnx"]) == 1
    assert "cannot be written: No space left on device; nothing was changed" in capsys.readouterr().err
    assert contents(own_run.path) == before


def test_the_missing_extra_is_named_before_anything_is_done(own_run, refused, monkeypatch):
    monkeypatch.setattr(onnx, "find_spec", lambda name: None)
    assert "pip install 'ganvas[onnx]'" in refused("export", own_run.path, "--to", "onnx")


@pytest.mark.parametrize(("to", "first"), [("web", "index.html"), ("hub", "README.md")])
def test_a_page_and_a_folder_for_the_hub_name_the_file_to_open(own_run, quick, lines, to, first):
    assert lines("export", own_run.path, "--to", to)[-1] == f"export {own_run.path / to / first}"
    assert (own_run.path / to / first).is_file()


def test_an_export_for_the_hub_can_be_sampled_as_a_bundle(own_run, quick, lines, tmp_path):
    lines("export", own_run.path, "--to", "hub", "--out", tmp_path / "for-the-hub")
    for place, name in ((tmp_path / "for-the-hub", "a.npz"), (own_run.path, "b.npz")):
        assert cli.run(["sample", str(place), "-n", "6", "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_what_is_uploaded_is_what_was_written(own_run, quick, lines, monkeypatch):
    uploaded = []
    monkeypatch.setattr(client, "upload_export", lambda *given: uploaded.append(given) or "https://hub/me/x")
    said = lines("export", own_run.path, "--to", "hub", "--licence", "mit", "--push", "me/x", "--private")
    assert said[-1] == "uploaded https://hub/me/x"
    assert uploaded == [(own_run.path / "hub", "me/x", True)]
    text = (own_run.path / "hub" / "README.md").read_text("utf-8")
    assert "license: mit" in text
    assert 'ganvas.load("me/x")' in text


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--to", "onnx", "--push", "me/x"], "are of a folder for the Hub: add --to hub"),
        (["--to", "web", "--licence", "mit"], "are of a folder for the Hub: add --to hub"),
        (["--to", "hub", "--private"], "--private is of what --push OWNER/NAME uploads"),
        (["--to", "hub", "--push", "x"], "is written owner/name"),
        (["--to", "hub", "--push", "../x"], "is written owner/name"),
        (["--to", "hub", "--licence", "MIT: x"], "--licence"),
    ],
)
def test_flags_of_the_hub_are_checked_before_anything_is_done(own_run, refused, flags, sentence):
    assert sentence in refused("export", own_run.path, *flags)
    assert not (own_run.path / "hub").exists()
