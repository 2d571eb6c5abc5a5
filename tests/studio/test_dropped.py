import json
import shutil
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from ganvas.png import to_png
from ganvas.studio import dropped
from ganvas.studio.places import Places

FILE = {"content-type": "application/zip"}


def archive(members: dict[str, bytes]) -> bytes:
    content = BytesIO()
    with ZipFile(content, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return content.getvalue()


def pets() -> bytes:
    image = to_png(np.zeros((1, 16, 16), np.uint8))
    return archive({f"{kind}/{number}.png": image for kind in ("cat", "dog") for number in range(3)})


def drop(client, name: str, content: bytes):
    return client.post("/api/sets", params={"name": name}, headers=FILE, content=content)


@pytest.mark.parametrize("name", ["pets.zip", "my pets.ZIP", "그림.zip", "a.b-c_d.zip"])
def test_a_set_that_is_dropped_is_offered_and_found(client, home, name):
    content = pets()
    answer = drop(client, name, content)
    assert (answer.status_code, answer.json()) == (201, {"name": name})
    assert name in client.get("/api/sets").json()["below"]
    assert Path(Places(home).source(name)).read_bytes() == content
    assert [each.name for each in Places(home).dropped.iterdir()] == [name]


HOSTILE = [
    "../up.zip",
    "/etc/up.zip",
    ".hidden.zip",
    "a/b.zip",
    "up.exe",
    "up",
    "a\0.zip",
    "a\n.zip",
    "x" * 110 + ".zip",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_is_no_plain_one_is_refused_and_nothing_is_kept(client, home, name):
    before = sorted(home.rglob("*"))
    assert drop(client, name, pets()).status_code in (400, 422)
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_what_is_no_archive_is_refused_and_nothing_is_kept(client, home, content):
    answer = drop(client, "pets.zip", content)
    assert answer.status_code == 400
    assert str(home) not in answer.text
    assert not list(Places(home).dropped.iterdir())


def test_a_set_replaces_no_other(client):
    content = pets()
    assert drop(client, "pets.zip", content).status_code == 201
    assert drop(client, "pets.zip", content).status_code == 409


def test_more_than_there_is_room_for_is_refused_and_nothing_is_kept(client, home, monkeypatch):
    usage = shutil._ntuple_diskusage
    monkeypatch.setattr(dropped.shutil, "disk_usage", lambda _: usage(2**40, 0, dropped.FREE_BYTES_LEFT + 100))
    answer = drop(client, "pets.zip", pets())
    assert answer.status_code == 413
    assert not list(Places(home).dropped.iterdir())


def test_a_set_needs_a_type_that_no_form_sends(client):
    answer = client.post("/api/sets?name=pets.zip", headers={"content-type": "multipart/form-data"}, content=pets())
    assert answer.status_code == 415


def test_a_training_can_be_asked_for_on_it(client, home):
    drop(client, "pets.zip", pets())
    asked = {"source": "pets.zip", "options": {"training.minutes": "no number"}}
    answer = client.post("/api/runs", headers={"content-type": "application/json"}, content=json.dumps(asked))
    assert answer.status_code == 400  # refused for its minutes, not for its set
    assert "minutes" in answer.json()["error"]
