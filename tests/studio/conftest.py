"""What the studio's tests share: a folder with a run, a client of its application, and a real server."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import uvicorn
from starlette.testclient import TestClient

from ganvas.runs.folder import RunFolder
from ganvas.studio.app import make_app
from ganvas.studio.config import StudioConfig
from ganvas.studio.server import StudioServer

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def home(tiny_run, tmp_path) -> Path:
    """A folder with `runs/tiny`, a finished run."""
    shutil.copytree(tiny_run.path, tmp_path / "home" / "runs" / "tiny")
    return tmp_path / "home"


@pytest.fixture
def tiny(home) -> RunFolder:
    """The run in it."""
    return RunFolder(home / "runs" / "tiny")


@pytest.fixture
def client_of() -> Iterator[Callable[..., TestClient]]:
    """client_of(folder, token=...) -> a client of a studio, in memory."""
    clients = []

    def make(folder: Path, **options: str) -> TestClient:
        client = TestClient(make_app(folder, StudioConfig(**options)), base_url=HERE, follow_redirects=False)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(client_of, home) -> TestClient:
    """A client of the studio of `home`."""
    return client_of(home)


@pytest.fixture
def digest(client) -> str:
    """Of the weights of the run."""
    return client.get("/api/runs/tiny/weights").json()["digest"]


class LiveServer:
    """A server on a port of its own, in a thread."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.listening = socket.create_server(("127.0.0.1", port))
        self.port = self.listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        app = make_app(folder, StudioConfig())
        config = uvicorn.Config(app, log_level="error", limit_concurrency=100, timeout_graceful_shutdown=1)
        self.server = StudioServer(config, app.ending)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]}, daemon=True)
        self.thread.start()
        end = time.monotonic() + 30
        while not self.server.started and time.monotonic() < end:
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.listening.close()


@pytest.fixture
def live_server() -> Iterator[Callable[..., LiveServer]]:
    """live_server(folder) -> a running server."""
    servers = []

    def start(folder: Path, port: int = 0) -> LiveServer:
        servers.append(LiveServer(folder, port))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
