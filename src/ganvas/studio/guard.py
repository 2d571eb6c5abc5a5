"""What every request has to pass before a route sees it: host, origin, token, type and size of its body.

A page of another site can send requests to this server from the visitor's own browser. It cannot choose the Host and
Origin headers, and cannot send JSON without asking first, which is refused here. A name that is made to point at this
machine (DNS rebinding) arrives as a foreign Host.
"""

import asyncio
import hmac
import json
import socket
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ganvas.studio.config import StudioConfig

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_JSON_BYTES = 256 << 10
MOST_UPLOAD_BYTES = 4 << 30
SECONDS_FOR_JSON = 20.0
SECONDS_BETWEEN_PARTS = 30.0
UPLOAD_TYPES = ("application/zip", "application/octet-stream")
CHANGES = ("POST", "PUT", "PATCH", "DELETE")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "SAMEORIGIN",
}


class RefusedError(Exception):
    """A request is refused."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Guard:
    """An ASGI application around another one."""

    def __init__(self, inner: Asgi, config: StudioConfig, ending: threading.Event | None = None) -> None:
        """ending: what the server sets when it ends, for streams that have no end of their own."""
        self.inner, self.token, self.ending = inner, config.token, ending or threading.Event()
        self.names = {"localhost", config.host.lower().strip("[]")}
        if config.token is not None:
            self.names.add(socket.gethostname().lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers it with the reason why not."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self.check_host(headers)
            self.check_origin(scope, headers)
            if await self.is_greeted(scope, headers, send):
                return
            most = self.most_bytes(scope, headers)
        except RefusedError as refusal:
            await answer(send, refusal.status, str(refusal))
            return
        await self.inner(scope, limited(receive, *most), with_headers(send))

    def check_host(self, headers: dict[str, str]) -> None:
        """RefusedError for a Host that is not this machine's. An address is no name, so none can be pointed here."""
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if host in self.names or (is_address(host) and (self.token is not None or ip_address(host).is_loopback)):
            return
        raise RefusedError(403, "this studio is not at that address")

    def check_origin(self, scope: Scope, headers: dict[str, str]) -> None:
        """RefusedError for a request that another site's page sends. A link to the page itself may be followed."""
        if (scope["method"], scope["path"], headers.get("sec-fetch-mode")) == ("GET", "/", "navigate"):
            return
        origin = headers.get("origin")
        is_ours = origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
        if not is_ours or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise RefusedError(403, "another site's page may not ask the studio")

    async def is_greeted(self, scope: Scope, headers: dict[str, str], send: Send) -> bool:
        """Whether the request brought the token in its address, and was answered with a cookie that holds it.

        RefusedError where there is a token and the request has none.
        """
        if self.token is None:
            return False
        name = f"ganvas-{scope['server'][1]}" if scope.get("server") else "ganvas"
        if scope["path"] == "/" and "token" in (query := parse_qs(scope["query_string"].decode("latin-1"))):
            if not self.matches(query["token"][0]):
                raise RefusedError(401, "that is not the token")
            cookie = f"{name}={self.token}; HttpOnly; SameSite=Strict; Path=/"
            start = {"type": "http.response.start", "status": 303}
            await send({**start, "headers": [(b"location", b"/"), (b"set-cookie", cookie.encode("latin-1"))]})
            await send({"type": "http.response.body", "body": b""})
            return True
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        try:
            jar: SimpleCookie = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            jar = SimpleCookie()
        if not (self.matches(bearer) or (name in jar and self.matches(jar[name].value))):
            raise RefusedError(401, "a token is needed: open the address that `ganvas studio` printed")
        return False

    def matches(self, given: str) -> bool:
        """Whether this is the token, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), (self.token or "").encode())

    def most_bytes(self, scope: Scope, headers: dict[str, str]) -> tuple[int, bool]:
        """(how long a body may be, whether it is a file). RefusedError for a type that a form of another site sends."""
        if scope["method"] not in CHANGES:
            return 0, False
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        is_file = kind in UPLOAD_TYPES
        if not is_file and kind != "application/json" and scope["method"] != "DELETE":
            raise RefusedError(415, "the body has to be application/json")
        most = MOST_UPLOAD_BYTES if is_file else MOST_JSON_BYTES
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:20]) > most:
            raise RefusedError(413, f"the body has more than {most:,} bytes")
        return most, is_file


def is_address(host: str) -> bool:
    """Whether a host is an IP address, and not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def limited(receive: Receive, most: int, is_file: bool) -> Receive:
    """`receive` with an end: a body that is too long or too slow looks as if the client had left."""
    taken, patience = 0, SECONDS_BETWEEN_PARTS if is_file else SECONDS_FOR_JSON
    is_whole = most == 0

    async def receive_limited() -> Message:
        nonlocal taken, is_whole
        if is_whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), patience)
        except TimeoutError:
            return {"type": "http.disconnect"}
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if taken > most:
                return {"type": "http.disconnect"}
        return message

    return receive_limited


def with_headers(send: Send) -> Send:
    """`send` that adds the policy of the page to every answer, unless it brings a stricter one."""

    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            has = {name.decode("latin-1").lower() for name, _ in message.get("headers", ())}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name not in has]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return send_with


async def answer(send: Send, status: int, sentence: str) -> None:
    """Answers with one sentence as JSON."""
    body = json.dumps({"error": sentence}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close", **HEADERS}
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
