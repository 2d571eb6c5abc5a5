"""The server: an application on a socket of this machine, until it is asked to end. The only door to uvicorn."""

import os
import socket
import sys
import threading
import webbrowser
from pathlib import Path

import uvicorn

from ganvas import console
from ganvas.errors import UserError
from ganvas.studio.app import make_app
from ganvas.studio.config import StudioConfig

MOST_CONNECTIONS = 300  # more are answered with 503
SECONDS_TO_END = 2


class StudioServer(uvicorn.Server):
    """A server that says that it ends before it waits for its last answers."""

    def __init__(self, config: uvicorn.Config, ending: threading.Event) -> None:
        super().__init__(config)
        self.ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the streams of events, and then what else is answered."""
        self.ending.set()
        await super().shutdown(sockets)


def serve(root: Path, config: StudioConfig, opens_page: bool) -> None:
    """Serves a folder until Ctrl-C or SIGTERM. UserError if the address cannot be listened at."""
    listening = listen(config)
    address = address_of(listening, config)
    app = make_app(root, config)
    server = StudioServer(
        uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=SECONDS_TO_END,
        ),
        app.ending,
    )
    console.info(f"studio {address}")
    console.info("Ctrl-C ends the studio; trainings go on")
    if opens_page and has_screen():
        threading.Timer(0.3, webbrowser.open, [address]).start()
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        console.info("the studio has ended")


def listen(config: StudioConfig) -> socket.socket:
    """A listening socket. UserError where the port is taken, or the address is not this machine's."""
    host = config.host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, config.port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(512)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise UserError(
            f"the studio cannot listen at {config.host}, port {config.port}: {(error.strerror or str(error)).lower()}. "
            "Choose another --port; 0 takes a free one"
        ) from None
    return listening


def address_of(listening: socket.socket, config: StudioConfig) -> str:
    """What to open in a browser, the token included."""
    host = config.host.strip("[]")
    host = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    host = f"[{host}]" if ":" in host else host
    token = f"?token={config.token}" if config.token else ""
    return f"http://{host}:{listening.getsockname()[1]}/{token}"


def has_screen() -> bool:
    """Whether a browser of this machine has a screen: in a terminal alone it would be one of text."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
