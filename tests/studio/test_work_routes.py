import pytest


def test_the_changes_of_a_run_are_listed(client):
    assert "no-labels" in client.get("/api/runs/tiny/presets").json()


@pytest.mark.parametrize(
    ("preset", "body", "status", "says"),
    [
        ("no-label", {}, 400, "did you mean no-labels"),
        ("no-labels", {"minutes": 0}, 422, "greater than 0"),
        ("no-labels", {"minutes": 61}, 422, "less than or equal to 60"),
        ("no-labels", {"minuts": 1}, 422, "minuts"),
    ],
)
def test_a_wrong_change_is_one_sentence_and_starts_nothing(client, home, preset, body, status, says):
    before = sorted(home.rglob("*"))
    answer = client.post(f"/api/runs/tiny/presets/{preset}", json=body)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert says in answer.json()["error"]
    assert sorted(home.rglob("*")) == before


def test_a_change_is_refused_where_the_set_is_gone(client, tiny, tmp_path):
    record = tiny.read()
    gone = str(tmp_path / "gone.npz")
    run = record.run.model_copy(update={"source": gone})
    asked = record.asked.model_copy(update={"source": gone})
    tiny.write(record.model_copy(update={"run": run, "asked": asked}))
    answer = client.post("/api/runs/tiny/presets/two-seeds", json={})
    assert answer.status_code == 409
    assert answer.json()["error"] == "the set of tiny is no longer where it was"


def test_no_evaluation_runs_at_first_and_none_can_be_stopped(client):
    assert client.get("/api/runs/tiny/evaluation").json() == {"state": "none", "printed": []}
    assert client.delete("/api/runs/tiny/evaluation").status_code == 409


def test_the_page_is_sent_packed_to_who_takes_it_and_plain_to_others(client):
    packed = client.get("/page/app.js", headers={"accept-encoding": "gzip"})
    plain = client.get("/page/app.js", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
