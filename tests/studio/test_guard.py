import asyncio
import json

import pytest

from ganvas.errors import UserError
from ganvas.settings import parse
from ganvas.studio import guard
from ganvas.studio.app import make_app
from ganvas.studio.config import StudioConfig
from ganvas.studio.guard import Guard

TOKEN = "open-sesame"
JSON = {"content-type": "application/json"}


def every_route(app: Guard) -> list[tuple[str, str]]:
    """(method, address) of every route of the application, so that a new one cannot be forgotten."""
    routes = []
    for route in app.inner.routes:
        address = route.path.replace("{path:path}", "app.js")
        for name, value in (("name", "tiny"), ("images", "80"), ("chart", "losses"), ("digest", "0" * 32)):
            address = address.replace(f"{{{name}}}", value)
        routes += [(method, address) for method in sorted(route.methods)]
    assert len(routes) > 20
    return routes


def test_every_route_is_401_without_the_token_and_never_with_it(client_of, home):
    client = client_of(home, token=TOKEN)
    for method, address in every_route(client.app):
        if address.endswith("/events"):
            continue  # a stream has no end; it passes the same guard
        headers = JSON if method in ("POST", "DELETE") else {}
        answer = client.request(method, address, headers=headers)
        assert answer.status_code == 401, (method, address)
        assert method == "HEAD" or list(answer.json()) == ["error"]
        wrong = client.request(method, address, headers={**headers, "authorization": "Bearer open-sesamf"})
        assert wrong.status_code == 401, (method, address)
        right = client.request(method, address, headers={**headers, "authorization": f"Bearer {TOKEN}"})
        assert right.status_code != 401, (method, address)


def test_the_address_with_the_token_gives_a_cookie_that_scripts_cannot_read(client_of, home):
    client = client_of(home, token=TOKEN)
    assert client.get("/?token=open-sesamf").status_code == 401
    answer = client.get(f"/?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert client.get("/").status_code == 200
    assert client.get("/api/runs").json()[0]["name"] == "tiny"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.7:8000", "", "localhost.evil.example"]
)
def test_a_foreign_host_is_403_since_a_name_may_be_pointed_at_this_machine(client, host):
    assert client.get("/api/runs", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost:8000", "[::1]:8000", "LOCALHOST"])
def test_the_names_of_this_machine_are_answered(client, host):
    assert client.get("/api/runs", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site_is_403_whatever_it_asks(client, headers):
    assert client.get("/api/runs", headers=headers).status_code == 403
    assert client.post("/api/runs/tiny/stop", headers={**headers, **JSON}, content="{}").status_code == 403


def test_a_link_of_another_site_to_the_page_may_be_followed_but_nothing_else(client):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=headers).status_code == 200
    assert client.get("/api/runs", headers=headers).status_code == 403
    assert client.post("/", headers={**headers, **JSON}, content="{}").status_code == 403


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_change_of_a_type_that_a_form_can_send_is_415(client, kind):
    headers = {"content-type": kind} if kind else {}
    assert client.post("/api/runs/tiny/stop", headers=headers, content=b"{}").status_code == 415


def test_every_answer_has_a_policy_that_allows_no_script_from_elsewhere(client):
    for address in ("/", "/api/runs", "/nowhere", "/page/app.js"):
        policy = client.get(address).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert client.get(address).headers["x-content-type-options"] == "nosniff"
    assert client.get("/", headers={"host": "evil.example"}).headers["x-content-type-options"] == "nosniff"


def test_a_body_of_10_mb_is_413_before_it_is_read(client):
    assert client.post("/api/runs", headers=JSON, content=b" " * 10_000_000).status_code == 413


def test_a_body_that_says_no_length_ends_at_the_limit():
    taken = []

    async def inner(scope, receive, send):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            taken.append(len(message["body"]))

    async def receive():
        return {"type": "http.request", "body": b"x" * 10_000, "more_body": True}

    async def send(message):
        raise AssertionError(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    asyncio.run(Guard(inner, StudioConfig())(scope, receive, send))
    assert sum(taken) <= guard.MOST_JSON_BYTES


def test_a_body_that_does_not_come_is_given_up(monkeypatch):
    monkeypatch.setattr(guard, "SECONDS_FOR_JSON", 0.01)

    async def receive():
        await asyncio.sleep(3600)

    assert asyncio.run(guard.limited(receive, 100, False)())["type"] == "http.disconnect"


@pytest.mark.parametrize("body", ["[" * 50_000, '{"a":' * 20_000, "{", "\x00", "[]", "1", '"a"', "null", ""])
def test_json_that_is_deep_or_broken_is_one_sentence(client, body):
    answer = client.post("/api/runs", headers=JSON, content=body)
    assert 400 <= answer.status_code < 500
    assert list(answer.json()) == ["error"]
    assert client.get("/api/runs").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.2", "::", "example.com"])
def test_to_listen_to_other_machines_needs_a_token(host):
    with pytest.raises(UserError, match="give --token"):
        parse(StudioConfig, {"host": host})
    assert parse(StudioConfig, {"host": host, "token": TOKEN}).host == host


def test_the_default_is_this_machine_alone():
    assert StudioConfig().host == "127.0.0.1"


@pytest.mark.parametrize("token", ["short", "with a space", "mit\nzeile", "ä" * 8])
def test_a_token_that_fits_no_header_is_refused(token):
    with pytest.raises(UserError):
        parse(StudioConfig, {"token": token})


def test_with_a_token_an_address_is_a_name_of_this_machine_and_a_foreign_name_is_not(home):
    app = make_app(home, StudioConfig(host="0.0.0.0", token=TOKEN))
    app.check_host({"host": "192.168.0.2:8000"})
    with pytest.raises(guard.RefusedError):
        app.check_host({"host": "evil.example"})


def test_a_refusal_is_json(client):
    answer = client.get("/api/runs", headers={"host": "evil.example"})
    assert json.loads(answer.content)["error"] == "this studio is not at that address"
