import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ganvas.errors import UserError
from ganvas.studio.config import StudioConfig
from ganvas.studio.server import address_of, listen


def get(server, path: str, headers: dict[str, str] | None = None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Stream:
    """The events of a run, as a browser reads them."""

    def __init__(self, server, path: str, last: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.connection.request("GET", path, headers={"Last-Event-ID": last} if last else {})
        self.answer = self.connection.getresponse()

    def next(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if not line:
                if "event" in fields:
                    return fields
                fields = {}
                continue
            name, _, value = line.partition(": ")
            fields[name] = value

    def until(self, kind: str) -> dict[str, str]:
        while (event := self.next())["event"] != kind:
            pass
        return event

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


def test_a_line_of_the_log_is_an_event_within_a_second(live_server, home, tiny):
    stream = Stream(live_server(home), "/api/runs/tiny/events")
    stream.until("state")
    began = time.monotonic()
    with tiny.log.open("ab") as file:
        file.write(b'{"step": 99, "images": 999}\n')
    assert json.loads(stream.until("lines")["data"]) == [{"step": 99, "images": 999}]
    # A look every quarter of a second; the rest is what a busy machine adds.
    assert time.monotonic() - began < 5
    stream.close()


def test_a_reader_that_comes_back_after_the_server_was_restarted_misses_nothing(live_server, home, tiny):
    server = live_server(home)
    stream = Stream(server, f"/api/runs/tiny/events?after={tiny.log.stat().st_ino}-0")
    first = stream.until("lines")
    seen = len(json.loads(first["data"]))
    stream.close()
    server.stop()
    with tiny.log.open("ab") as file:
        file.write(b'{"step": 99, "images": 999}\n')
    again = Stream(live_server(home, server.port), "/api/runs/tiny/events?after=1-2", last=first["id"])
    assert json.loads(again.until("lines")["data"]) == [{"step": 99, "images": 999}]
    assert seen == len(tiny.log.read_bytes().splitlines()) - 1
    again.close()


def test_many_clients_at_once_are_answered_or_told_to_wait_and_it_is_healthy_afterwards(live_server, home):
    server = live_server(home)

    def ask(number: int) -> int:
        try:
            return get(server, f"/api/runs/tiny/log?{number}")[0]
        except (ConnectionError, TimeoutError, http.client.HTTPException):
            return 0

    with ThreadPoolExecutor(150) as clients:
        answers = list(clients.map(ask, range(500)))
    assert set(answers) <= {200, 503}
    assert answers.count(200) > 100
    assert get(server, "/api/runs")[0] == 200


def test_a_client_that_leaves_cancels_its_work(live_server, home, monkeypatch):
    from ganvas.sampling import Sampler

    server = live_server(home)
    digest = json.loads(get(server, "/api/runs/tiny/weights")[1])["digest"]
    block, go, computed = Sampler.block, threading.Event(), []

    def held(self, *wanted):
        go.wait(30)
        computed.append(wanted[1])
        return block(self, *wanted)

    monkeypatch.setattr(Sampler, "block", held)
    clients = []
    for seed in (1, 2):  # the second one waits for the first
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(
            f"GET /api/weights/{digest}/row.png?label=0&seed={seed} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        )
        time.sleep(0.3)
        clients.append(client)
    clients[1].close()
    time.sleep(1.5)
    go.set()
    assert get(server, f"/api/weights/{digest}/row.png?label=0&seed=3")[0] == 200
    clients[0].close()
    assert 2 not in computed


def test_an_address_that_is_taken_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UserError, match="another --port"):
        listen(StudioConfig(port=taken.getsockname()[1]))


def test_an_address_of_another_machine_is_one_sentence():
    with pytest.raises(UserError, match=r"cannot listen at 192\.0\.2\.1"):
        listen(StudioConfig(host="192.0.2.1", token="open-sesame"))


def test_the_address_that_is_printed_can_be_opened():
    with listen(StudioConfig(port=0)) as listening:
        port = listening.getsockname()[1]
        assert address_of(listening, StudioConfig()) == f"http://127.0.0.1:{port}/"
        assert address_of(listening, StudioConfig(token="open-sesame")).endswith(f":{port}/?token=open-sesame")


def test_the_command_serves_until_it_is_interrupted(home):
    command = [sys.executable, "-m", "ganvas", "studio", str(home), "--port", "0", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        address = process.stdout.readline()
        assert address.startswith("studio http://127.0.0.1:")
        port = int(address.rstrip("/\n").rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/runs")
        assert json.loads(connection.getresponse().read())[0]["name"] == "tiny"
        connection.close()
        process.send_signal(2)
        rest = process.stdout.read()
        assert process.wait(30) == 0, rest
        assert "Traceback" not in rest


def test_a_first_look_at_200_runs_is_quick(home, client_of, tiny):
    import shutil

    for number in range(199):
        folder = tiny.path.with_name(f"run{number}")
        folder.mkdir()
        for name in ("run.json", "log.jsonl"):
            os.link(tiny.path / name, folder / name)
    shutil.rmtree(tiny.path)
    client = client_of(home)
    began = time.process_time()
    assert len(client.get("/api/runs").json()) == 199
    first = time.process_time() - began
    began = time.process_time()
    client.get("/api/runs")
    again = time.process_time() - began
    assert first < 3
    assert again < first / 2
