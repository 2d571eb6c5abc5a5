import hashlib
import json
import shutil

import pytest
import torch

from ganvas import files
from ganvas.config.recipes import configure
from ganvas.errors import UserError
from ganvas.networks.modern import Modern
from ganvas.runs import bundle, sealed, weights
from ganvas.runs.bundle import BundleInfo
from ganvas.sizes import Size

INFO = BundleInfo(
    recipe="modern",
    source="patterns",
    fingerprint="ab",
    seed=3,
    images=100,
    channels=1,
    size=16,
    classes=("a", "b"),
    pair=Modern(width=4, noise=4, embedding=4, features=4),
)


@pytest.fixture
def written(tmp_path):
    folder = tmp_path / "bundle"
    bundle.write_bundle(folder, INFO, INFO.networks())
    return folder


def sealed_again(folder, **changed):
    """The folder with some files changed and the manifest made to fit, as one who means harm would."""
    contents = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != sealed.MANIFEST}
    contents.update({name.replace("_", "."): content for name, content in changed.items()})
    sealed.write_sealed(folder, {name: content for name, content in contents.items() if content is not None})


def test_what_was_written_is_read_in_eval_mode_and_without_gradients(written):
    networks = INFO.networks()
    bundle.write_bundle(written, INFO, networks)
    result = bundle.read_bundle(written)
    assert result.info == INFO
    assert set(result.networks) == {"generator", "discriminator"}
    for name, network in networks.items():
        assert not result.networks[name].training
        for key, tensor in network.state_dict().items():
            assert torch.equal(result.networks[name].state_dict()[key], tensor)
        assert not any(p.requires_grad for p in result.networks[name].parameters())


def test_equal_networks_are_equal_bytes(tmp_path, contents):
    networks = INFO.networks()
    for name in ("one", "two"):
        bundle.write_bundle(tmp_path / name, INFO, networks)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_bundle_depends_on_neither_time_nor_path(tiny_run, tiny_source, contents):
    everything = b"".join(contents(tiny_run.bundle).values())
    for told in (str(tiny_run.path), str(tiny_source), str(tiny_source.parent), "/home", "seconds", "machine"):
        assert told.encode() not in everything
    info = json.loads((tiny_run.bundle / "run.json").read_bytes())
    assert info["source"] == "patterns"
    assert info["classes"] == ["across", "down", "spot"]


@pytest.mark.parametrize("name", ["generator.safetensors", "discriminator.safetensors", "run.json", sealed.MANIFEST])
@pytest.mark.parametrize("harm", ["flipped", "cut", "gone"])
def test_harm_to_any_file_is_refused_in_one_sentence_that_names_it(written, name, harm):
    path = written / name
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        at = len(content) // 2
        path.write_bytes(content[:at] + (b"" if harm == "cut" else bytes([content[at] ^ 1]) + content[at + 1 :]))
    with pytest.raises(UserError) as caught:
        bundle.read_bundle(written)
    assert "is damaged" in str(caught.value)
    assert name == sealed.MANIFEST or name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["generator.safetensors", "run.json"])
def test_a_manifest_that_leaves_a_file_out_is_refused(written, name):
    manifest = json.loads((written / sealed.MANIFEST).read_bytes())
    del manifest["sha256"][name]
    (written / sealed.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=f"manifest.json does not name {name}"):
        bundle.read_bundle(written)


@pytest.mark.parametrize(
    "change",
    [
        {"pair": {"kind": "modern", "width": 512, "noise": 4096, "embedding": 4096, "features": 4096}, "size": 128},
        {"pair": {"kind": "book-conv", "width": 1024, "normalisation": "spectral"}, "size": 128},
        {"pair": {"kind": "book-mlp", "hidden": 4096}},
        {"classes": [str(i) for i in range(100_000)]},
    ],
)
def test_a_card_that_lies_about_sizes_is_refused_without_taking_their_memory(written, change):
    resource = pytest.importorskip("resource")
    values = {**INFO.model_dump(mode="json"), **change}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sealed_again(written, run_json=files.to_json(values))
    with pytest.raises(UserError, match=r"is damaged: generator.safetensors"):
        bundle.read_bundle(written)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024  # kB; the first asks for gigabytes


@pytest.mark.parametrize(
    "change",
    [
        {"pair": {"kind": "modern", "width": 10**9}},
        {"pair": {"kind": "os.system"}},
        {"pair": None},
        {"size": 4096},
        {"size": -1},
        {"channels": 2},
        {"classes": 7},
        {"classes": [1, 2]},
        {"extra": "x"},
        {"source": None},
    ],
)
def test_a_card_that_is_none_of_ours_is_refused(written, change):
    sealed_again(written, run_json=files.to_json({**INFO.model_dump(mode="json"), **change}))
    with pytest.raises(UserError, match=r"run.json does not describe a network of ours"):
        bundle.read_bundle(written)


def test_sealed_weights_of_another_shape_are_refused(written):
    state = INFO.networks()["generator"].state_dict()
    state["first.bias"] = torch.zeros(3)
    content = weights.to_bytes(state)
    shutil.copytree(written, written.with_name("other"))
    sealed_again(written, generator_safetensors=content)
    assert hashlib.sha256(content).hexdigest() in (written / sealed.MANIFEST).read_text()
    with pytest.raises(UserError, match=r"first.bias has shape \(3,\)"):
        bundle.read_bundle(written)


def test_a_classifiers_bundle_holds_the_classifier():
    info = BundleInfo.model_validate(
        {**INFO.model_dump(), "recipe": "book-classifier", "pair": {"kind": "book-classifier"}}
    )
    assert info.is_classifier
    assert set(info.networks("meta")) == {"classifier"}


def test_a_run_or_its_bundle_opens_and_nothing_else_does(tiny_run, tmp_path):
    assert bundle.open_run(tiny_run.path).info == bundle.open_run(tiny_run.bundle).info
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "nothing", tiny_run.record):
        with pytest.raises(UserError, match="is not a run"):
            bundle.open_run(place)
    beside = tiny_run.path.with_name("tini")
    with pytest.raises(UserError, match="did you mean tiny"):
        bundle.open_run(beside)


def test_a_checkpoint_is_no_bundle(tiny_run):
    with pytest.raises(UserError, match=r"run.json"):
        bundle.open_run(tiny_run.checkpoints()[-1])


def test_an_unfinished_run_gives_its_newest_checkpoint_with_a_message(tiny_run, unfinished_run, said):
    result = bundle.open_run(unfinished_run.path)
    assert said == [f"{unfinished_run.path} is unfinished: from its checkpoint after 160 images"]
    finished = bundle.read_bundle(tiny_run.bundle)
    assert result.info == finished.info
    for key, tensor in finished.networks["generator"].state_dict().items():
        assert torch.equal(result.networks["generator"].state_dict()[key], tensor)  # the averaged one


def test_of_an_unfinished_run_a_damaged_checkpoint_is_reported_and_the_one_before_it_used(unfinished_run, said):
    state = unfinished_run.checkpoints()[-1] / "state.safetensors"
    content = bytearray(state.read_bytes())
    content[-1] ^= 1
    state.write_bytes(content)
    assert bundle.open_run(unfinished_run.path).info.images == 120
    assert "step-0000000020 is damaged (state.safetensors does not match its sha256) and not used" in said[0]


def test_a_run_without_any_whole_checkpoint_is_refused_with_advice(unfinished_run):
    shutil.rmtree(unfinished_run.checkpoint_folder)
    with pytest.raises(UserError, match="neither a bundle nor a whole checkpoint yet"):
        bundle.open_run(unfinished_run.path)


def test_a_bundle_of_another_format_is_refused_with_both_numbers(written):
    values = json.loads((written / "run.json").read_bytes())
    sealed_again(written, run_json=files.to_json(values | {"format": 1}))
    with pytest.raises(UserError, match=r"run\.json has format 1; this version of ganvas reads format 2"):
        bundle.read_bundle(written)


def test_what_a_run_leaves_open_of_its_pair_is_taken_from_the_pair_whose_weights_it_starts_from():
    settled = INFO.settle(configure("x", "modern"))
    assert (settled.pair.width, settled.pair.stem) == (4, "patches")
    assert settled.pair.noise == 64, "what was not left open stays, and weights that do not fit are refused"
    assert INFO.settle(configure("x", "modern", {"pair": {"width": 8}})).pair.width == 8
    other = configure("x", "yardstick")
    assert INFO.settle(other) == other


def test_a_bundle_of_an_earlier_version_holds_squares(written):
    values = json.loads((written / "run.json").read_text())
    assert values["size"] == 16, "as it has always been written"
    assert bundle.read_bundle(written).info.shape.image == (1, 16, 16)


def test_the_size_of_a_rectangle_is_kept(tmp_path):
    info = INFO.model_copy(update={"size": Size(20, 17), "channels": 4})
    bundle.write_bundle(tmp_path / "wide", info, info.networks())
    assert json.loads((tmp_path / "wide" / "run.json").read_text())["size"] == "20x17"
    assert bundle.read_bundle(tmp_path / "wide").info.shape.image == (4, 20, 17)


@pytest.mark.parametrize(("name", "value"), [("size", "20x17x3"), ("size", "20x400"), ("size", 8), ("channels", 2)])
def test_an_impossible_shape_is_damage(written, name, value):
    values = {**json.loads((written / "run.json").read_text()), name: value}
    sealed_again(written, run_json=json.dumps(values).encode())
    with pytest.raises(UserError, match=f"does not describe a network of ours: {name}"):
        bundle.read_bundle(written)
