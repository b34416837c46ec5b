"""Ways to reach the fake: inside the process through httpx, or over real sockets on loopback."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.fake_graph.faults import HOUR, Answer
from tests.fake_graph.graph import FakeGraph, Request
from tests.fake_graph.tenant import CLIENT_ID, SECRET, TENANT_ID

ROOT = Path(__file__).parents[2]
CHUNK = 1 << 16


@dataclass
class Tokens:
    """Gives tokens as the sign-in does; each renewal another."""

    number: int = 1

    def get(self) -> str:
        """Return the token of now."""
        return f"token-{self.number}"

    def renew(self) -> str:
        """Return the next."""
        self.number += 1
        return self.get()


class Transport(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """Answers httpx clients of either kind within the process."""

    def __init__(self, graph: FakeGraph) -> None:
        self._graph = graph

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a blocking client."""
        with self._graph.exchange(_request(request, request.read())) as answer:
            self._refuse_hanging(request, answer)
            time.sleep(self._graph.seconds(answer))
            return _response(request, answer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer an asynchronous client."""
        with self._graph.exchange(_request(request, await request.aread())) as answer:
            self._refuse_hanging(request, answer)
            # Even without a cost others get their turn, so that what is concurrent shows.
            await asyncio.sleep(self._graph.seconds(answer))
            return _response(request, answer)

    @staticmethod
    def _refuse_hanging(request: httpx.Request, answer: Answer) -> None:
        if answer.delay >= HOUR:
            raise httpx.ReadTimeout("the fake never answers", request=request)


def _request(request: httpx.Request, body: bytes) -> Request:
    url = request.url
    base = f"{url.scheme}://{url.netloc.decode()}"
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(request.method, base, url.raw_path.decode(), headers, body)


class _Body(httpx.AsyncByteStream, httpx.SyncByteStream):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        if self._answer.cut is not None:
            yield self._answer.body[: self._answer.cut]
            raise httpx.RemoteProtocolError("peer closed connection in the middle of the body")
        for _ in range(self._answer.repeat):
            # No more at once than a socket gives: what is packed unpacks piece by piece.
            for begin in range(0, len(self._answer.body), CHUNK):
                yield self._answer.body[begin : begin + CHUNK]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def _response(request: httpx.Request, answer: Answer) -> httpx.Response:
    headers = {"Content-Length": str(answer.length)} | answer.headers
    return httpx.Response(answer.status, headers=headers, stream=_Body(answer), request=request)


@dataclass(frozen=True, slots=True)
class PrivateCA:
    """A certificate authority of our own, and a certificate for loopback that it signed."""

    file: Path
    """The authority's certificate: what a client must trust."""

    certificate: Path
    key: Path

    @classmethod
    def create(cls, folder: Path) -> PrivateCA:
        """Make both anew below a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root_name = _name("Invented CA")
        root = _signed(root_name, root_name, root_key.public_key(), root_key, ca=True)
        leaf = _signed(_name("localhost"), root_name, leaf_key.public_key(), root_key, ca=False)
        made = cls(folder / "ca.pem", folder / "leaf.pem", folder / "leaf.key")
        pem = serialization.Encoding.PEM
        made.file.write_bytes(root.public_bytes(pem))
        made.certificate.write_bytes(leaf.public_bytes(pem))
        made.key.write_bytes(
            leaf_key.private_bytes(
                pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return made

    def context(self) -> ssl.SSLContext:
        """Return what a server speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def self_signed(name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> x509.Certificate:
    """Return a certificate that vouches for itself, as apps are registered with."""
    return _signed(_name(name), _name(name), key.public_key(), key, ca=False)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    signer: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    *,
    ca: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if ca:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    else:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())


class Server:
    """HTTP/1.1 on loopback, by hand: few lines, and full power over when a connection breaks."""

    def __init__(self, graph: FakeGraph, tls: PrivateCA | None = None) -> None:
        self._graph, self._tls = graph, tls
        self.url = ""
        self._stop = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()

    async def run(self, ready: threading.Event | None = None, port: int = 0) -> None:
        """Serve until `stop`."""
        context = self._tls.context() if self._tls else None
        server = await asyncio.start_server(
            self._connected, "127.0.0.1", port, ssl=context, limit=1 << 20
        )
        host, number = server.sockets[0].getsockname()[:2]
        self.url = f"{'https' if self._tls else 'http'}://{host}:{number}"
        if ready is not None:
            ready.set()
        await self._stop.wait()
        server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        await asyncio.sleep(0.05)  # transports end a turn of the loop later

    def stop(self) -> None:
        """End `run`; to be called within its loop."""
        self._stop.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._turn(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the server stops
        finally:
            self._open.discard(writer)
            writer.close()

    async def _turn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, path, _ = first.split(" ", 2)
        pairs = [line.partition(":") for line in lines if line]
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if path == "/fake/state":
            return await self._send(writer, self._state(), 0.0)
        due = time.monotonic()
        with self._graph.exchange(Request(method, self._base, path, headers, body)) as answer:
            # What it took to make the answer is part of what an answer costs.
            due += self._graph.seconds(answer)
            return await self._send(writer, answer, due - time.monotonic())

    @property
    def _base(self) -> str:
        return self.url

    async def _send(self, writer: asyncio.StreamWriter, answer: Answer, wait: float) -> bool:
        await asyncio.sleep(max(0.0, wait))
        headers = {"Content-Length": str(answer.length)} | answer.headers
        head = f"HTTP/1.1 {answer.status} Fake\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"{head}\r\n".encode("latin-1"))
        if answer.cut is not None:
            writer.write(answer.body[: answer.cut])
            await writer.drain()
            return False
        for _ in range(answer.repeat):
            writer.write(answer.body)
            await writer.drain()
        return True

    def _state(self) -> Answer:
        graph = self._graph
        mail = [seen for seen in graph.requests if seen.mailbox]
        ended = [seen.ended for seen in mail if seen.ended is not None]
        state = {
            "requests": len(graph.requests),
            "mail_requests": len(mail),
            "seconds": max(ended) - min(seen.begun for seen in mail) if ended else 0.0,
            "peak": dict(graph.peak),
            "peak_overall": graph.peak_overall,
            "messages": sum(seen.messages for seen in graph.requests),
            "statuses": _counted(str(seen.status) for seen in graph.requests),
            "violations": graph.violations,
            "lines": [f"{seen.status} {seen.request.line}" for seen in graph.requests[-50:]],
        }
        return Answer(200, json.dumps(state).encode(), {"Content-Type": "application/json"})


def _counted(values: Iterator[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def source_file(
    folder: Path, url: str, tls: PrivateCA, credential: str = "", **more: object
) -> Path:
    """Write a configuration file whose source `m365` is the tenant served at `url`.

    `credential` is TOML; by default the app signs in by its secret.
    """
    secret = folder / "secret.txt"
    secret.write_text(SECRET)
    settings = {
        "tenant": TENANT_ID,
        "client_id": CLIENT_ID,
        "authority": f"{url}/{TENANT_ID}",
        "graph_url": f"{url}/v1.0",
        "ca_file": str(tls.file),
    } | more
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    file = folder / "undisclosed.toml"
    by_secret = f'{{ secret = {{ file = "{secret}" }} }}'
    shown = f"credential = {credential or by_secret}"
    file.write_text("\n".join(["[sources.m365]", 'type = "graph"', *lines, shown]) + "\n")
    return file


@contextmanager
def served(graph: FakeGraph, tls: PrivateCA | None = None) -> Iterator[str]:
    """Serve within a thread; the block gets the address, without `/v1.0`."""
    started = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, Server]] = []

    async def main() -> None:
        server = Server(graph, tls)
        loops.append((asyncio.get_running_loop(), server))
        await server.run(started)

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    assert started.wait(10)
    loop, server = loops[0]
    try:
        yield server.url
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join(10)


@dataclass(frozen=True, slots=True)
class Remote:
    """A fake in a process of its own."""

    url: str
    tls: PrivateCA | None

    def state(self) -> dict[str, Any]:
        """Return what it has recorded."""
        trust = ssl.create_default_context(cafile=self.tls.file) if self.tls else None
        with closing(urlopen(f"{self.url}/fake/state", context=trust)) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def own_process(arguments: Sequence[str], tls: PrivateCA | None = None) -> Iterator[Remote]:
    """Serve in a process of its own, with the arguments of `python -m tests.fake_graph`."""
    command = [sys.executable, "-m", "tests.fake_graph", *arguments]
    command += ["--tls", str(tls.file.parent)] if tls else []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Remote(process.stdout.readline().strip(), tls)
        finally:
            process.terminate()
