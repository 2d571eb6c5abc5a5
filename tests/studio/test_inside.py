import base64
import json

import numpy as np
import pytest
import torch

from ganvas.data import open_source
from ganvas.errors import UserError
from ganvas.images import from_uint8
from ganvas.runs.bundle import open_run
from ganvas.sampling import load
from ganvas.studio.inside import drawn_image
from ganvas.studio.inside_views import DrawnImage

JSON = {"content-type": "application/json"}


@pytest.fixture
def ask(client, digest):
    def send(image, rest="", **values):
        asked = {"digest": digest, "image": image, **values}
        return client.post(f"/api/inside{rest}", headers=JSON, content=json.dumps(asked))

    return send


def pixels_of(view):
    return np.frombuffer(base64.b64decode(view["pixels"]), np.uint8).reshape(16, 16)


def test_a_generated_image_is_the_one_of_its_address_and_d_says_what_it_says(ask, tiny):
    view = ask({"kind": "generated", "label": 2, "seed": 5, "index": 3}).json()
    image = load(tiny.path).sample(["spot"] * 4, seed=5)[3]
    assert np.array_equal(pixels_of(view), image[0])
    network = open_run(tiny.path).networks["discriminator"]
    said = network(from_uint8(torch.from_numpy(image[None])), torch.tensor([[2]]))
    assert view["verdict"]["score"] == pytest.approx(float(said.logits), abs=1e-5)
    shares = {each["name"]: each["share"] for each in view["verdict"]["classes"]}
    assert list(shares) == ["across", "down", "spot"]
    assert list(shares.values()) == pytest.approx(said.class_logits.softmax(1)[0].tolist(), abs=1e-5)
    assert (view["label"], view["whole"]) == (2, view["verdict"])


def test_d_may_be_asked_whether_it_is_another_class(ask):
    image = {"kind": "generated", "label": 2}
    own, other = ask(image).json(), ask(image, label=0).json()
    assert (own["label"], other["label"]) == (2, 0)
    assert own["pixels"] == other["pixels"]
    assert own["verdict"]["score"] != other["verdict"]["score"]


def test_a_held_out_image_is_shown_with_its_own_label(ask, tiny_source):
    prepared = open_source(str(tiny_source))
    view = ask({"kind": "held-out", "index": 1}).json()
    row = prepared.held_out[1]
    assert np.array_equal(pixels_of(view), prepared.pixels[row, 0])
    assert view["label"] == prepared.labels[row]
    assert view["held_out"] == len(prepared.held_out)
    refused = ask({"kind": "held-out", "index": len(prepared.held_out)})
    assert (refused.status_code, "held-out images" in refused.json()["error"]) == (404, True)


def test_a_set_that_is_not_at_hand_is_said_and_never_prepared(ask, monkeypatch, tmp_path):
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "empty"))
    assert ask({"kind": "generated", "label": 0}).json()["held_out"] == 0
    refused = ask({"kind": "held-out"})
    assert (refused.status_code, "not prepared on this machine" in refused.json()["error"]) == (404, True)
    assert not (tmp_path / "empty").exists()


def test_quadrants_that_are_swapped_change_what_d_says_and_not_what_it_says_of_the_whole(ask):
    image = {"kind": "generated", "label": 1}
    whole, swapped = ask(image).json(), ask(image, quadrants=[3, 1, 2, 0]).json()
    assert swapped["whole"] == whole["verdict"]
    assert swapped["verdict"] != whole["verdict"]
    assert np.array_equal(pixels_of(swapped)[:8, :8], pixels_of(whole)[8:, 8:])
    assert np.array_equal(pixels_of(swapped)[:8, 8:], pixels_of(whole)[:8, 8:])


def test_an_image_that_is_drawn_is_taken_as_it_is(ask):
    drawn = np.random.default_rng(0).integers(0, 256, (16, 16)).astype(np.uint8)
    levels = base64.b64encode(drawn.tobytes()).decode()
    view = ask({"kind": "drawn", "levels": levels}).json()
    assert np.array_equal(pixels_of(view), drawn)
    assert view["label"] == 0
    assert "takes 16 x 16 x 1" in ask({"kind": "drawn", "levels": levels[:-4]}).json()["error"]
    assert "base64" in ask({"kind": "drawn", "levels": "?" * 12}).json()["error"]
    assert ask({"kind": "drawn", "levels": "A" * 130_000}).status_code == 422


def test_a_value_of_a_map_is_its_bias_and_its_terms(ask):
    image = {"kind": "generated", "label": 1}
    maps = ask(image).json()["layers"][0]["maps"]
    levels = np.frombuffer(base64.b64decode(maps["levels"]), np.uint8)
    levels = levels.reshape(maps["shown"], maps["height"], maps["width"])
    unit = ask(image, "/unit", layer="low", unit=2, row=1, column=3).json()
    total = unit["bias"] + unit["rest"] + sum(term["total"] for term in unit["terms"])
    assert unit["value"] == pytest.approx(total, abs=1e-4)
    assert (levels[2, 1, 3] - 128.0) / 127 * maps["most"] == pytest.approx(unit["value"], abs=maps["most"] / 100)
    products = np.array(unit["terms"][0]["inputs"]) * np.array(unit["terms"][0]["kernel"])
    assert products.sum() == pytest.approx(unit["terms"][0]["total"], abs=1e-3)
    assert unit["seen"] == [0, 4, 6, 10]  # three patches of 2 px a side; above, one lies beyond the edge


WRONG = [
    {"layer": "lowest"},
    {"layer": "middle"},
    {"unit": 63},
    {"unit": -1},
    {"row": 8},
    {"column": 10**9},
    {"quadrants": [0, 0, 1, 2]},
    {"quadrants": [0, 1]},
    {"label": 3},
    {"image": {"kind": "generated", "label": 3}},
    {"image": {"kind": "generated"}},
    {"image": {"kind": "file", "path": "x"}},
    {"image": {"kind": "generated", "label": 0, "seed": -1}},
    {"digest": "0" * 32},
    {"digest": "../x"},
]


@pytest.mark.parametrize("values", WRONG, ids=str)
def test_what_is_not_there_is_refused_in_a_sentence(client, digest, values):
    image = {"kind": "generated", "label": 0}
    asked = {"digest": digest, "image": image, "layer": "low", "unit": 0, "row": 0, "column": 0, **values}
    answer = client.post("/api/inside/unit", headers=JSON, content=json.dumps(asked))
    assert answer.status_code in (404, 422)
    assert list(answer.json()) == ["error"]


def test_a_discriminator_without_convolutions_and_labels_has_kernels_and_no_maps(client, home, train_small):
    train_small(home / "runs" / "linear", "book-gan")
    digest = client.get("/api/runs/linear/weights").json()["digest"]
    asked = {"digest": digest, "image": {"kind": "generated"}}
    view = client.post("/api/inside", headers=JSON, content=json.dumps(asked)).json()
    assert view["layers"] == []
    assert (view["label"], view["verdict"]["classes"]) == (None, [])
    assert (view["kernels"]["height"], view["kernels"]["width"]) == (16, 16)
    place = {"layer": "low", "unit": 0, "row": 0, "column": 0}
    refused = client.post("/api/inside/unit", headers=JSON, content=json.dumps({**asked, **place}))
    assert (refused.status_code, "no layer low" in refused.json()["error"]) == (404, True)
    refused = client.post("/api/inside", headers=JSON, content=json.dumps({**asked, "label": 1}))
    assert (refused.status_code, "without labels" in refused.json()["error"]) == (404, True)


def test_what_is_drawn_in_colours_is_opaque_where_images_have_alpha():
    levels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    image = DrawnImage(kind="drawn", levels=base64.b64encode(levels.tobytes()).decode())
    assert np.array_equal(drawn_image(image, (3, 2, 4)), levels.transpose(2, 0, 1))
    assert np.array_equal(drawn_image(image, (4, 2, 4))[:3], levels.transpose(2, 0, 1))
    assert (drawn_image(image, (4, 2, 4))[3] == 255).all()
    with pytest.raises(UserError, match="takes 4 x 4 x 3"):
        drawn_image(image, (3, 4, 4))
