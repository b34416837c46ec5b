"""Receivers on loopback: a web server that keeps what it was told, or hangs, or refuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Receiver:
    """A web server that was told something."""

    url: str = ""
    status: int = 202
    hang: bool = False
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A web server on loopback that keeps each post; told to, it hangs or refuses."""
    kept, ended = Receiver(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if kept.hang:
                ended.wait(10)
                return
            kept.posts.append((dict(self.headers.items()), body))
            self.send_response(kept.status)
            self.send_header("Location", kept.url + "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/hook?sig=urlsentinel"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    ended.set()
    server.shutdown()
    server.server_close()
