"""The fake over HTTP: in a thread or as a process of its own, plain or with a private CA."""

from __future__ import annotations

import base64
import json
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.fake_ews.exchange import Answer, FakeExchange

USER, PASSWORD = "calder\\scanner", "a secret of the tests"
TOKEN = "token-1"


@dataclass(frozen=True)
class Served:
    """Where a served fake is to be found."""

    url: str
    """Of the service, ending in `/EWS/Exchange.asmx`."""

    exchange: FakeExchange
    base: str
    refused: list[int] = field(default_factory=lambda: [0])
    """How many requests were not let in, those without credentials left out."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    exchange: FakeExchange
    auth = "basic"
    cost = 0.0
    turned_away: list[int]

    def setup(self) -> None:
        super().setup()
        self.known = False
        """Whether NTLM let this connection in."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Tell what was called, and forget it where asked to."""
        if self.path.startswith("/calls"):
            found = json.dumps(self.exchange.calls).encode()
            if self.path.endswith("clear"):
                self.exchange.calls.clear()
            self._send(Answer(200, found))
        else:
            self._send(Answer(404))

    def do_POST(self) -> None:
        """Answer a token request, or EWS."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path.endswith("/token"):
            token = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}
            self._send(Answer(200, json.dumps(token).encode()))
            return
        if self.path.lower() != "/ews/exchange.asmx":
            self._send(Answer(404))
            return
        refused = self._refused()
        if refused is not None:
            self.turned_away[0] += "Authorization" in self.headers
            self._send(refused)
            return
        begun = time.monotonic()
        answer = self.exchange.answer(body)
        time.sleep(max(0.0, self.cost - (time.monotonic() - begun)))
        if answer.cut:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<s:Envelope")
            self.close_connection = True
            return
        self._send(answer)

    def _refused(self) -> Answer | None:
        given = self.headers.get("Authorization", "")
        if self.auth == "none" or self.known:
            return None
        if self.auth == "basic":
            wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if given == f"Basic {wanted}":
                return None
            return Answer(401, headers={"WWW-Authenticate": 'Basic realm="ews"'})
        if self.auth == "oauth":
            if given == f"Bearer {TOKEN}":
                return None
            return Answer(401, headers={"WWW-Authenticate": "Bearer"})
        return self._ntlm(given)

    def _ntlm(self, given: str) -> Answer | None:
        raw = base64.b64decode(given.partition(" ")[2]) if given.startswith("NTLM ") else b""
        step = struct.unpack("<I", raw[8:12])[0] if raw.startswith(b"NTLMSSP\0") else 0
        if step == 1:
            challenge = base64.b64encode(_challenge()).decode()
            return Answer(401, headers={"WWW-Authenticate": f"NTLM {challenge}"})
        if step == 3:
            length, offset = struct.unpack("<H2xI", raw[36:44])
            if raw[offset : offset + length].decode("utf-16-le") == USER.partition("\\")[2]:
                self.known = True
                return None
        return Answer(401, headers={"WWW-Authenticate": "NTLM"})

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)


def _challenge() -> bytes:
    """Return an NTLM challenge, MS-NLMP 2.2.1.2."""
    name = "CALDER".encode("utf-16-le")
    info = b"".join(
        struct.pack("<HH", kind, len(value)) + value
        for kind, value in ((2, name), (1, name), (7, struct.pack("<Q", 133_000_000_000_000_000)))
    ) + struct.pack("<HH", 0, 0)
    flags = 0x628A8205
    start = 56
    return (
        b"NTLMSSP\0"
        + struct.pack("<IHHI", 2, len(name), len(name), start)
        + struct.pack("<I", flags)
        + b"\x01\x23\x45\x67\x89\xab\xcd\xef"
        + b"\0" * 8
        + struct.pack("<HHI", len(info), len(info), start + len(name))
        + b"\x0a\0\x63\x45\0\0\0\x0f"
        + name
        + info
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """Say nothing of connections that were cut."""


@contextmanager
def served(
    exchange: FakeExchange,
    *,
    auth: str = "basic",
    cost: float = 0.0,
    tls: tuple[Path, Path] | None = None,
    port: int = 0,
) -> Iterator[Served]:
    """Serve a fake on loopback; `tls` is a certificate chain and its key."""
    turned_away = [0]
    given = {"exchange": exchange, "auth": auth, "cost": cost, "turned_away": turned_away}
    handler = type("Handler", (_Handler,), given)
    server = _Server(("127.0.0.1", port), handler)
    scheme, host = "http", "127.0.0.1"
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme, host = "https", "localhost"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    base = f"{scheme}://{host}:{server.server_port}"
    try:
        yield Served(f"{base}/EWS/Exchange.asmx", exchange, base, turned_away)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
