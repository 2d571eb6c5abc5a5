import hashlib
import json
import shutil
from io import BytesIO
from urllib.parse import quote
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganvas import files
from ganvas.images import decode
from ganvas.sampling import load
from ganvas.studio.page_files import page_files

JSON = {"content-type": "application/json"}
OUTSIDE = [
    "..",
    "../secret",
    "%2e%2e",
    "%2e%2e%2fsecret",
    "..%2f..%2fsecret",
    "%2fetc%2fpasswd",
    "/etc/passwd",
    "tiny%00",
    "%00",
    ".studio",
    "tiny%2f..%2ftiny",
    "tiny/../../secret",
    "....",
    "%5c..%5c",
]
OUTSIDE += ["a" * 5000]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize(
    "rest", ["", "/log", "/weights", "/scorecard", "/previews/80.png", "/film.gif", "/presets", "/evaluation"]
)
def test_no_name_leads_out_of_the_folder(client, home, name, rest):
    (home / "secret").mkdir()
    (home / "secret" / "run.json").write_text("{}")
    answer = client.get(f"/api/runs/{name}{rest}")
    assert answer.status_code in (404, 422)
    assert list(answer.json()) == ["error"]
    assert str(home) not in answer.text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=60))
def test_any_name_but_the_runs_is_404_and_shows_no_path(client, home, name):
    answer = client.get(f"/api/runs/{quote(name, safe='')}/log")
    if name != "tiny":
        assert answer.status_code in (404, 400)
    assert str(home) not in answer.text


def test_a_link_to_a_run_elsewhere_is_no_run(client, home, tiny, tmp_path):
    shutil.copytree(tiny.path, tmp_path / "elsewhere")
    (home / "runs" / "linked").symlink_to(tmp_path / "elsewhere")
    (home / "runs" / "half").mkdir()
    (home / "runs" / "half" / "run.json").symlink_to(tmp_path / "elsewhere" / "run.json")
    assert [run["name"] for run in client.get("/api/runs").json()] == ["tiny"]
    assert client.get("/api/runs/linked").status_code == 404
    assert client.get("/api/runs/half").status_code == 404


@pytest.mark.parametrize(
    ("file", "address"),
    [
        ("previews/0000000080.png", "previews/80.png"),
        ("scorecard.html", "scorecard"),
        ("charts/losses.png", "charts/losses.png"),
    ],
)
def test_a_file_of_a_run_that_is_a_link_out_of_it_is_404(client, tiny, tmp_path, file, address):
    (tmp_path / "secret").write_text("secret")
    (tiny.path / file).unlink(missing_ok=True)
    (tiny.path / file).symlink_to(tmp_path / "secret")
    answer = client.get(f"/api/runs/tiny/{address}")
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_a_run_is_shown_with_its_state_recipe_set_and_cost(client):
    (run,) = client.get("/api/runs").json()
    assert (run["name"], run["state"], run["recipe"], run["source"]) == ("tiny", "finished", "modern", "patterns")
    assert (run["images"], run["total"], run["size"], run["preview"]) == (160, 160, 16, 160)
    assert run["classes"] == ["across", "down", "spot"]
    assert run["can_sample"]


def test_a_record_is_shown_without_the_places_of_this_machine(client, tiny_source):
    details = client.get("/api/runs/tiny")
    assert details.json()["record"]["data"]["classes"] == ["across", "down", "spot"]
    assert str(tiny_source.parent) not in details.text


def test_a_damaged_record_is_named_without_its_place(client, home, tiny):
    tiny.record.write_text("{")
    (run,) = client.get("/api/runs").json()
    assert (run["state"], "not JSON" in run["reason"]) == ("unreadable", True)
    answer = client.get("/api/runs/tiny")
    assert answer.status_code == 400
    assert str(home) not in answer.text + run["reason"]


def test_previews_are_kept_for_ever_under_the_address_of_their_version(client, tiny):
    assert client.get("/api/runs/tiny/previews").json() == [80, 160]
    answer = client.get("/api/runs/tiny/previews/80.png?v=17")
    assert answer.content == (tiny.previews / "0000000080.png").read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/api/runs/tiny/previews/80.png").headers["cache-control"] == "no-cache"
    assert client.get("/api/runs/tiny/previews/81.png").status_code == 404
    assert client.get("/api/runs/tiny/previews/99999999999999999999999.png").status_code in (404, 422)


def test_a_scorecard_runs_no_script_whatever_it_holds(client, tiny):
    (tiny.path / "scorecard.html").write_text("<script>alert(1)</script>")
    answer = client.get("/api/runs/tiny/scorecard")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox;")
    assert "script-src" not in policy
    assert answer.headers.get_list("content-security-policy") == [policy]


def test_the_film_has_a_frame_a_preview(client):
    answer = client.get("/api/runs/tiny/film.gif")
    assert answer.headers["content-type"] == "image/gif"
    with Image.open(BytesIO(answer.content)) as film:
        assert film.n_frames == 2


def test_an_unknown_address_is_one_sentence(client):
    for address in ("/nowhere", "/page/nowhere.js", "/page/../app.py", "/page/%2e%2e/app.py", "/page//etc/x", "/docs"):
        answer = client.get(address)
        assert (answer.status_code, answer.json()) == (404, {"error": "there is nothing at this address"})


def test_the_page_is_sent_whole_and_not_twice(client):
    for path, file in page_files().items():
        answer = client.get(f"/page/{path}")
        assert answer.content == file.content
        assert answer.headers["content-type"] == file.media_type
        assert client.get(f"/page/{path}", headers={"if-none-match": file.etag}).status_code == 304


def test_openapi_names_every_route_of_the_api(client):
    paths = client.get("/api/openapi.json").json()["paths"]
    routes = {route.path for route in client.app.inner.routes if route.path.startswith("/api/")}
    assert set(paths) == routes - {"/api/openapi.json"}


WRONG = [
    "count=1000000000",
    "count=-1",
    "count=nan",
    "seed=-1",
    "seed=1e3",
    "seed=9223372036854775808",
    "truncation=nan",
    "truncation=inf",
    "truncation=0",
    "truncation=-1",
    "label=-1",
    "label=99",
    "label=cat",
    "label=",
    "first=-1",
]


@pytest.mark.parametrize("values", [dict([text.split("=")]) for text in WRONG])
def test_a_number_out_of_its_range_is_a_client_error(client, digest, values):
    answer = client.get(f"/api/weights/{digest}/row.png", params={"label": "0", **values})
    assert answer.status_code in (404, 422)
    assert list(answer.json()) == ["error"]


def test_an_image_is_a_function_of_its_address_and_kept_for_ever(client, digest):
    address = f"/api/weights/{digest}/row.png?label=1&seed=5&first=62&count=4"
    answer = client.get(address)
    assert "immutable" in answer.headers["cache-control"]
    assert client.get(address).content == answer.content


def test_weights_that_no_run_has_are_404(client):
    assert client.get(f"/api/weights/{'0' * 32}/row.png?label=0").status_code == 404
    assert client.get("/api/weights/../row.png?label=0").status_code == 404
    assert client.get("/api/weights/XYZ/row.png?label=0").status_code == 422


def test_a_damaged_bundle_is_never_drawn_from(client, tiny):
    weights = tiny.bundle / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    answer = client.get("/api/runs/tiny/weights")
    assert answer.status_code == 400
    assert "damaged" in answer.json()["error"]


def test_files_that_are_sampled_hold_what_was_asked_for(client, digest, tmp_path):
    def ask(**values):
        return client.post("/api/sample", headers=JSON, content=json.dumps({"digest": digest, **values}))

    sheet = ask(labels=["spot"], count=3, format="png")
    assert decode(sheet.content).size == (3 * 18 + 2, 20)
    with np.load(BytesIO(ask(labels=["spot", "down"], count=70, format="npz").content), allow_pickle=False) as arrays:
        assert arrays["images"].shape == (140, 16, 16)
        assert arrays["labels"].tolist() == [2] * 70 + [1] * 70
    with ZipFile(BytesIO(ask(count=2, format="zip").content)) as archive:
        assert sorted(archive.namelist()) == [
            f"{name}/seed0-00000{k}.png" for name in ("across", "down", "spot") for k in (0, 1)
        ]
    assert ask(labels=["cat"]).status_code == 400
    assert "did you mean" in ask(labels=["spott"]).json()["error"]
    assert ask(count=10**9).status_code == 422
    assert ask(count=9_000).status_code == 413
    assert ask(format="exe").status_code == 422
    assert ask(extra=1).status_code == 422


def test_a_class_named_as_a_path_or_a_tag_leaves_no_folder_of_its_own(client, tiny):
    names = ["<script>", "../../up", "down"]
    for record in (tiny.record, tiny.bundle / "run.json"):
        text = record.read_text().replace('"across"', json.dumps(names[0])).replace('"spot"', json.dumps(names[1]))
        record.write_text(text)
    manifest = files.read_json(tiny.bundle / "manifest.json")
    manifest["sha256"]["run.json"] = hashlib.sha256((tiny.bundle / "run.json").read_bytes()).hexdigest()
    (tiny.bundle / "manifest.json").write_bytes(files.to_json(manifest))
    facts = client.get("/api/runs/tiny/weights").json()
    assert set(facts["classes"]) == set(names)
    asked = {"digest": facts["digest"], "count": 1, "format": "zip"}
    with ZipFile(BytesIO(client.post("/api/sample", headers=JSON, content=json.dumps(asked)).content)) as archive:
        assert not [name for name in archive.namelist() if name.startswith(("/", ".")) or ".." in name.split("/")]
        assert len(archive.namelist()) == 3


def test_a_mixture_at_its_ends_is_the_walk_of_the_command(client, digest, tiny):
    walk = load(tiny.path).between("across", "spot", steps=3, seed=4)
    for share, image in zip((0, 0.5, 1), walk, strict=True):
        answer = client.get(f"/api/weights/{digest}/mixture.png?start=0&end=2&share={share}&seed=4&end_seed=4")
        assert np.array_equal(np.asarray(decode(answer.content).image), image[0])


def test_rows_are_byte_for_byte_what_the_sampler_generates(client, digest, tiny):
    answer = client.get(f"/api/weights/{digest}/row.png?label=1&seed=5&first=62&count=4")
    row = np.asarray(decode(answer.content).image)
    expected = load(tiny.path).sample(["down"] * 66, seed=5)[62:66, 0]
    assert np.array_equal(row.reshape(16, 4, 16).transpose(1, 0, 2), expected)
