"""The Hub, through a stand-in for its client: nothing here reaches a network."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

import ganvas
from ganvas.errors import RunFailedError, UserError
from ganvas.runs import hub
from ganvas.runs.bundle import PUBLISHED, read_bundle
from ganvas.runs.hub import download_generator, front_matter, is_hub_name, upload_export


class Hub:
    """A Hub with one repository, and what was asked of it."""

    def __init__(self):
        self.folder: Path | None = None
        self.cached: Path | None = None
        self.error: Exception | None = None
        self.sizes: dict[str, int] = {}
        self.asked: list[object] = []

    def model_info(self, name, files_metadata):
        if self.error:
            raise self.error
        assert files_metadata
        files = [SimpleNamespace(rfilename=p.name, size=p.stat().st_size) for p in self.folder.iterdir()]
        for file in files:
            file.size = self.sizes.get(file.rfilename, file.size)
        return SimpleNamespace(siblings=files)

    def snapshot_download(self, name, allow_patterns, local_files_only=False):
        if local_files_only:
            if self.cached is None:
                raise FileNotFoundError
            return str(self.cached)
        self.asked.append((name, sorted(allow_patterns)))
        return str(self.folder)

    def create_repo(self, name, **named):
        if self.error:
            raise self.error
        self.asked.append(("create", name, named))
        return f"https://hub/{name}"

    def upload_folder(self, **named):
        self.asked.append(("upload", named))


@pytest.fixture
def the_hub(monkeypatch, own_run, tmp_path):
    """The Hub with the generator of `own_run` as owner/name, its card edited by somebody since."""
    stand_in = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: stand_in)
    monkeypatch.setattr("huggingface_hub.snapshot_download", stand_in.snapshot_download)
    monkeypatch.chdir(tmp_path)
    stand_in.folder = publish(own_run.bundle, tmp_path / "of-the-hub")
    return stand_in


def publish(bundle, folder):
    """The bundle's generator as an export for the Hub has it."""
    from ganvas.runs.sealed import write_sealed

    config = (bundle / "run.json").read_bytes()
    weights = (bundle / "generator.safetensors").read_bytes()
    write_sealed(folder, {PUBLISHED[0]: config, PUBLISHED[1]: weights, "README.md": b"# a card", "index.html": b""})
    (folder / "README.md").write_text("# a card, edited")
    return folder


@pytest.mark.parametrize("name", ["owner/name", "a/b", "Some-One/digits_v1.0", "0/0"])
def test_names_of_the_hub(name):
    assert is_hub_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "name", "a/b/c", "../b", "a/..", "a/b..c", "/a/b", "a/", "a//b", ".a/b", "a/.b", "a b/c", "a/b\n", "é/b",
     "a--b/c", "C:\\a/b", "https://huggingface.co/a", "a/" + "b" * 97],
)  # fmt: skip
def test_what_is_no_name_of_the_hub(name):
    assert not is_hub_name(name)


def test_load_reads_owner_and_name_from_the_hub(the_hub, own_run):
    here = ganvas.load(own_run.path).sample(["down", "spot"], seed=3)
    there = ganvas.load("owner/name")
    assert np.array_equal(there.sample(["down", "spot"], seed=3), here)
    assert the_hub.asked == [("owner/name", ["config.json", "generator.safetensors", "manifest.json"])]


def test_a_folder_here_wins(the_hub, own_run, tmp_path):
    shutil.copytree(own_run.path, tmp_path / "owner" / "name")
    ganvas.load("owner/name")
    with pytest.raises(UserError, match="there is no run owner/nam; did you mean owner/name"):
        ganvas.load("owner/nam")
    assert the_hub.asked == []


def test_a_path_is_never_looked_for_on_the_hub(the_hub):
    for path in (Path("owner/name"), "./owner/name", "owner/name/bundle"):
        with pytest.raises(UserError, match="there is no run"):
            ganvas.load(path)
    assert the_hub.asked == []


def named(name, message="secret and long\nmessage"):
    return type(name, (Exception,), {})(message)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("GatedRepoError", "it is gated: accept its terms on its page and log in with `hf auth login`"),
        ("RepositoryNotFoundError", "there is no such public repository"),
        ("OfflineModeIsEnabled", "switched off by HF_HUB_OFFLINE"),
        ("ConnectError", "the Hub cannot be reached"),
        ("SomethingElse", "SomethingElse: secret and long message"),
    ],
)
def test_an_error_of_the_hub_is_one_sentence(the_hub, error, reason):
    the_hub.error = named(error)
    with pytest.raises(UserError, match=r"^owner/name cannot be loaded from the Hub: ") as raised:
        download_generator("owner/name")
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_a_network_what_was_downloaded_before_is_used(the_hub):
    the_hub.error, the_hub.cached = named("ConnectError"), the_hub.folder
    assert download_generator("owner/name") == the_hub.folder


@pytest.mark.parametrize("name", [*PUBLISHED, "manifest.json"])
def test_a_repository_of_something_else_is_refused_before_it_is_downloaded(the_hub, name):
    (the_hub.folder / name).unlink()
    with pytest.raises(UserError, match=f"is no generator of ganvas: it has no {name}"):
        download_generator("owner/name")
    assert the_hub.asked == []


def test_a_repository_of_endless_weights_is_refused_before_it_is_downloaded(the_hub):
    the_hub.sizes["generator.safetensors"] = 2 << 30
    with pytest.raises(UserError, match="more than 1 GB of weights"):
        download_generator("owner/name")
    assert the_hub.asked == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_flipped_byte_in_a_download_is_refused_by_name(the_hub, name):
    content = bytearray((the_hub.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (the_hub.folder / name).write_bytes(bytes(content))
    with pytest.raises(UserError, match=f"damaged: {name} does not match its sha256"):
        ganvas.load("owner/name")


def test_a_folder_for_the_hub_without_weights_is_refused(the_hub):
    (the_hub.folder / "generator.safetensors").unlink()
    with pytest.raises(UserError, match=r"generator\.safetensors"):
        read_bundle(the_hub.folder)


def test_an_upload_makes_the_repository_and_sends_the_folder(the_hub, tmp_path):
    assert upload_export(tmp_path, "me/digits", private=True) == "https://hub/me/digits"
    (create, upload) = the_hub.asked
    assert create == ("create", "me/digits", {"repo_type": "model", "private": True, "exist_ok": True})
    assert upload[1]["repo_id"] == "me/digits"
    assert upload[1]["folder_path"] == tmp_path


def test_an_upload_that_fails_says_what_to_do(the_hub, tmp_path):
    the_hub.error = named("ConnectError")
    with pytest.raises(RunFailedError, match=r"was not uploaded to me/x: the Hub cannot be reached; log in with `hf"):
        upload_export(tmp_path, "me/x", private=False)


def test_a_name_that_the_hub_cannot_have_is_refused_before_anything_is_asked(the_hub, tmp_path):
    for call in (download_generator, lambda name: upload_export(tmp_path, name, False)):
        with pytest.raises(UserError, match="is written owner/name"):
            call("../name")
    assert the_hub.asked == []


def test_the_front_matter_is_yaml_whatever_the_names_hold():
    text = front_matter("a: b\n---\n# c", "mit", "pets: 'x'", None, [("kid", 'a "name": {x}', 0.25)])
    assert "\n---" not in text
    value = yaml.safe_load(text)
    assert value["license"] == "mit"
    assert value["library_name"] == "ganvas"
    assert "unconditional-image-generation" in value["tags"]
    (entry,) = value["model-index"]
    assert entry["name"] == "a: b\n---\n# c"
    assert entry["results"][0]["metrics"][0]["value"] == 0.25
    assert entry["results"][0]["metrics"][0]["name"] == 'a "name": {x}'
    assert entry["results"][0]["dataset"]["name"] == "pets: 'x', held-out images"


def test_the_front_matter_of_what_was_not_scored_has_no_results():
    value = yaml.safe_load(front_matter("x", "unknown", "pets", "owner/pets", []))
    assert "model-index" not in value
    assert value["datasets"] == ["owner/pets"]
    assert value["pipeline_tag"] == hub.TASK
