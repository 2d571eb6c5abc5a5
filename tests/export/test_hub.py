"""The folder for the Hub: what is in it, what its card says, and that ganvas reads it."""

import re
from dataclasses import replace

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt

import ganvas
from ganvas.evaluation.scorecard import (
    CopyScores,
    Distance,
    Distances,
    LabelScores,
    Measurement,
    Origin,
    ProtocolRecord,
    Scorecard,
    TwoSample,
)
from ganvas.export import hub
from ganvas.export.folder import write_export
from ganvas.export.hub import card, hub_files
from ganvas.runs.bundle import Bundle
from ganvas.sampling import Sampler

HOSTILE = ("<script>alert(1)</script>", "a | b", "](javascript:x)", "`\n# head", "고양이")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """PyTorch's exporter takes seconds, and is tested beside."""
    monkeypatch.setattr(hub, "to_onnx", lambda run: b"onnx")


@pytest.fixture
def scored(exportable):
    """A generator with a scorecard of round figures."""
    measured = Scorecard(
        ganvas="9.9",
        name="pets",
        images=Origin(images=100),
        classes=("cat", "dog"),
        protocol=ProtocolRecord(
            features="evaluator@01", label_free="random@02", n=2000, reference="500 held-out images of pets",
            fingerprint="ab", split="the set's own", size=19, channels=3, quick=True, seed=4,
        ),
        two_sample=TwoSample(
            auc=Measurement(value=0.75, low=0.7, high=0.8), auc_blurred=Measurement(value=0.6, low=0.5, high=0.7)
        ),
        labels=LabelScores(asked=True, accuracy=0.9, low=0.88, high=0.92, real_accuracy=0.95),
        statistics={},
        distances={
            "evaluator": Distances(frechet=Distance(value=12.5, low=10, high=15, name="FCD", floor=2.5, n=2000)),
            "random": Distances(kid=Distance(value=0.25, low=0.2, high=0.3, name="KID", floor=0.125, n=2000)),
        },
        copies=CopyScores(flagged=True, verdict="Copies of training images were found."),
        per_class=(),
        disagreements=("One view praises what another condemns.",),
    )  # fmt: skip
    return replace(exportable(classes=("cat", "dog")), card=measured)


def test_the_folder_holds_weights_model_page_and_card_and_no_code_to_trust(exportable):
    contents = hub_files(exportable())
    assert {"README.md", "config.json", "generator.safetensors", "generator.onnx", "index.html"} <= contents.keys()
    assert {name.rpartition(".")[2] for name in contents} == {
        "md", "json", "safetensors", "onnx", "html", "js", "css", "txt",
    }  # fmt: skip
    assert contents == hub_files(exportable())


def test_ganvas_reads_the_folder_and_draws_the_same_images(exportable, tmp_path):
    run = exportable(classes=HOSTILE)
    write_export(tmp_path / "hub", hub_files(run), {"to": "hub"})
    (tmp_path / "hub" / "README.md").write_text("edited on the Hub")
    here = Sampler(Bundle(run.info, {"generator": run.generator})).sample([*HOSTILE], seed=2)
    read = ganvas.load(tmp_path / "hub")
    assert read.classes == HOSTILE
    assert np.array_equal(read.sample([*HOSTILE], seed=2), here)


def parts_of(text):
    """(front matter, body) of a card."""
    _, front, body = re.split(r"^---$", text, maxsplit=2, flags=re.MULTILINE)
    return yaml.safe_load(front), body


def test_a_card_has_every_figure_with_its_interval_and_protocol(scored):
    front, body = parts_of(card(scored, "mit", "me/pets"))
    metrics = {metric["type"]: metric["value"] for metric in front["model-index"][0]["results"][0]["metrics"]}
    assert metrics == {"auc": 0.75, "label_accuracy": 0.9, "frechet_distance": 12.5, "kid": 0.25}
    assert front["license"] == "mit"
    assert "| 0.75 (0.7 to 0.8) | 0.5 (it cannot tell) |" in body
    assert "| 90.0 % (88.0 to 92.0) | 95.0 % |" in body
    assert "| FCD, evaluator features | 12.5 (10 to 15) | 2.5 (real against real) |" in body
    assert "| KID, random features | 0.25 (0.2 to 0.3) | 0.125 (real against real) |" in body
    assert "2,000 generated images against 500 held-out images of pets, by ganvas 9.9" in body
    assert "a quick one, of fewer images" in body
    assert "- Copies of training images were found." in body
    assert "- One view praises what another condemns." in body
    assert "The licence of these weights: mit." in body


def test_a_card_says_what_is_not_known(exportable):
    front, body = parts_of(card(exportable(), "unknown", "OWNER/NAME"))
    assert "model-index" not in front
    assert front["license"] == "unknown"
    assert "These weights were not scored" in body
    assert "The licence of these weights was not stated." in body
    assert "Whether it reproduces training images was not tested." in body


def test_the_python_of_a_card_is_python_whatever_a_class_is_called(exportable):
    run = exportable(classes=('a "b"\n', "x"))
    (code,) = re.findall(r"^```python\n(.*?)^```", card(run, "mit", "me/pets"), re.MULTILINE | re.DOTALL)
    asked = {}

    class Stand:
        def load(self, name):
            asked["name"] = name
            return self

        def sample(self, labels, seed):
            asked["labels"] = labels

    exec(compile(code.replace("import ganvas\n", ""), "card", "exec"), {"ganvas": Stand()})
    assert asked == {"name": "me/pets", "labels": ['a "b"\n'] * 8}


def test_hostile_names_stay_text_in_a_card(exportable):
    _, body = parts_of(card(exportable(classes=HOSTILE), "mit", "me/pets"))
    html = MarkdownIt("commonmark").enable("table").render(body)  # raw HTML on, as a careless reader may have it
    assert "<script" not in html
    assert "javascript:" not in re.findall(r'href="([^"]*)"', html)
    assert "<h1>head" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "고양이" in html


def test_a_generator_without_classes_has_a_card_too(exportable):
    _, body = parts_of(card(exportable(classes=()), "mit", "me/pets"))
    assert "An image generator without classes" in body
    assert ".sample(8, seed=1)" in body
    assert "`weights`" not in body
