"""Requests to Graph: how many at a time, how often again, how long to wait, and what they mean."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
from msgspec.json import decode

from scanner.connectors.graph_auth import AuthorityError
from scanner.errors import (
    ConfigError,
    ConnectorError,
    DeniedError,
    NotEnabledError,
    ParkedError,
    UnreadableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from scanner.connectors.graph_auth import Token

PER_MAILBOX = 3
"""Graph allows four at a time; one that was given up still holds its place for a while."""

TRIES = 7
LONGEST_WAIT = 60.0
LONGEST_OBEYED = 600.0
"""A server that asks for a longer wait has its mailbox put off to the next scan."""

GIVE_UP_AFTER = 25
"""Requests that failed for good, one after the other, after which the service counts as gone."""

MAX_PAGE_BYTES = 64 * 1024 * 1024
PREFER = 'IdType="ImmutableId"'

AGAIN = {429, 500, 502, 503, 504, 509}
NO_MAILBOX = {
    "MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI", "ResourceNotFound",
    "ErrorInvalidUser", "Request_ResourceNotFound", "ErrorNonExistentMailbox",
}  # fmt: skip


class SlowError(ConnectorError):
    """A page is too large for the server to give in time; a smaller one may do."""


class GoneError(ConnectorError):
    """What was asked for is not there, or no longer."""


@dataclass(slots=True)
class Lane:
    """The way to one mailbox or to the directory: narrow, and closed for a while when throttled."""

    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PER_MAILBOX))
    opens: float = 0.0
    took: float = 0.0
    """Seconds that the last answer took."""


def segment(identity: str) -> str:
    """Return an id as a segment of a path: ids may hold `/`, `+` and `=`, and half a character."""
    return quote(identity, safe="", errors="surrogatepass")


def object_of(body: bytes) -> dict[str, Any]:
    """Return the object that JSON says; raises `ValueError` for anything else."""
    try:
        found = decode(body)
    except (ValueError, RecursionError):
        try:
            found = json.loads(body)  # takes lone surrogates
        except RecursionError:
            raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("no object")  # noqa: TRY004 - tried again like other answers that are none
    return found


class Session:
    """Gets what Graph gives, within its limits. Belongs to one event loop."""

    def __init__(
        self,
        base: str,
        token: Token,
        *,
        concurrency: int,
        ca_file: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        timeout: float = 120,
    ) -> None:
        """Talk to `base` only, with at most `concurrency` requests in flight."""
        self._base, self._token, self._sleep = httpx.URL(base), token, sleep
        self._renewing = asyncio.Lock()
        self._places = asyncio.Semaphore(concurrency)
        self._failed = 0
        self._client = httpx.AsyncClient(
            transport=transport,
            verify=_trust(ca_file),
            timeout=httpx.Timeout(timeout, connect=min(timeout, 30), pool=None),
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            headers={"Accept": "application/json", "Prefer": PREFER},
        )

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    def url(self, path: str, *, beta: bool = False) -> str:
        """Return the address of a path below the version; `beta` names that version."""
        base = str(self._base).rstrip("/")
        return f"{base.rpartition('/')[0]}/beta{path}" if beta else f"{base}{path}"

    async def get(
        self,
        url: str,
        parameters: Mapping[str, str] | None = None,
        *,
        lane: Lane,
        hurry: bool = False,
        read: Callable[[bytes], Any] = object_of,
    ) -> Any:
        """Return what a GET answers, as `read` makes it of its bytes; else an object.

        With `hurry` a timeout is a `SlowError` at once. Raises a `ConnectorError` that tells what
        the refusal means, `ParkedError` after the last try.
        """
        return await self._answer(
            url, parameters, lane, hurry=hurry, limit=MAX_PAGE_BYTES, read=read
        )

    async def content(self, url: str, *, lane: Lane, limit: int) -> bytes:
        """Return the bytes that a GET answers, at most `limit` of them."""
        found: bytes = await self._answer(url, None, lane, limit=limit, read=bytes)
        return found

    async def _answer(
        self,
        url: str,
        parameters: Mapping[str, str] | None,
        lane: Lane,
        *,
        limit: int,
        read: Callable[[bytes], Any],
        hurry: bool = False,
    ) -> Any:
        there = self._ours(url)
        reason, renewed = "", False
        for tried in range(TRIES):
            if self._failed >= GIVE_UP_AFTER:
                raise ParkedError("Graph cannot be reached; put off to the next scan")
            status, headers = 0, httpx.Headers()
            try:
                async with self._sent(there, parameters, lane) as (response, begun):
                    status, headers = response.status_code, response.headers
                    body = await _read(response, limit if status == 200 else 1024 * 1024)
                if status == 200:
                    lane.took = time.monotonic() - begun
                    found = read(body)
                    self._failed = 0
                    return found
                code = _code(body)
                reason = f"{status} {code}".strip()
                if status == 504 and hurry:
                    raise SlowError("the server gave up (504)")
                if status == 401 and not renewed:
                    renewed = True
                    await self._renew(response)
                    continue
                if status not in AGAIN:
                    raise refusal(status, code)
            except httpx.TimeoutException:
                if hurry:
                    raise SlowError("the answer took too long") from None
                reason = "the answer took too long"
            except (httpx.TransportError, httpx.DecodingError) as error:
                reason = _network(error)
            except AuthorityError as error:
                reason = str(error)
            except ValueError:
                reason = "the answer is not what Graph promises; a proxy may have answered"
            await self._wait(lane, tried, headers, reason)
        self._failed += 1
        raise ParkedError(f"kept failing ({reason}); put off to the next scan")

    def checked(self, link: object) -> str:
        """Return the link to a next page, if it stays where the tokens belong."""
        if not isinstance(link, str):
            return ""
        self._ours(link)
        return link

    def _ours(self, url: str) -> httpx.URL:
        """Return an address taken apart; raises `UnreadableError` where it leads elsewhere."""
        try:
            there = httpx.URL(url)
        except httpx.InvalidURL:
            there = httpx.URL("")
        if (there.scheme, there.host, there.port) != (
            self._base.scheme, self._base.host, self._base.port,
        ):  # fmt: skip
            raise UnreadableError("an answer leads to another server, which gets no token of ours")
        return there

    @asynccontextmanager
    async def _sent(
        self, url: httpx.URL, parameters: Mapping[str, str] | None, lane: Lane
    ) -> AsyncIterator[tuple[httpx.Response, float]]:
        async with lane.places:
            wait = lane.opens - time.monotonic()
            if wait > 0:
                await self._sleep(wait)
            async with self._places:
                token = await asyncio.to_thread(self._token.get)
                headers = {"Authorization": f"Bearer {token}"}
                request = self._client.build_request(
                    "GET", url, params=parameters or None, headers=headers
                )
                begun = time.monotonic()
                response = await self._client.send(request, stream=True)
                try:
                    yield response, begun
                finally:
                    await response.aclose()

    async def _renew(self, response: httpx.Response) -> None:
        """Get another token, once for all who were refused with the same."""
        used = response.request.headers["Authorization"].removeprefix("Bearer ")
        async with self._renewing:
            if await asyncio.to_thread(self._token.get) == used:
                await asyncio.to_thread(self._token.renew)

    async def _wait(self, lane: Lane, tried: int, headers: httpx.Headers, reason: str) -> None:
        """Wait as long as the server says, else longer each time, never two alike."""
        if tried + 1 == TRIES:
            return
        asked = _seconds(headers.get("retry-after", ""))
        if asked is None:
            wait = random.uniform(0, min(LONGEST_WAIT, 2.0**tried))  # noqa: S311 - no secret
        elif asked > LONGEST_OBEYED:
            raise ParkedError(f"the server asks for a longer pause ({reason}); put off")
        else:
            wait = asked + random.uniform(0, min(1.0, asked / 4))  # noqa: S311 - no secret
            lane.opens = max(lane.opens, time.monotonic() + wait)
        await self._sleep(wait)
        if asked is not None:
            lane.opens = min(lane.opens, time.monotonic())


def refusal(status: int, code: str) -> ConnectorError:
    """Return the error that an answer means."""
    told = f"{status} {code}".strip()
    if status in {401, 403}:
        return DeniedError(f"no permission, or outside the app's scope ({told})")
    if status == 404 and code in NO_MAILBOX:
        return NotEnabledError(
            f"no mailbox in Exchange Online: unlicensed, inactive, on-premises or deleted ({told})"
        )
    if status in {404, 410}:
        return GoneError(f"not there ({told})")
    if 300 <= status < 400:
        return UnreadableError(f"a redirect, which is not followed ({status})")
    return ConnectorError(f"the request was not accepted ({told})")


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca_file}: no file of certificates to trust") from error


def _network(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not trusted; name the authority's file with ca_file"
    return f"network: {type(error).__name__}"


async def _read(response: httpx.Response, limit: int) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > limit:
            raise UnreadableError(f"the answer is longer than {limit // 1024**2} MB")
        chunks.append(chunk)
    return b"".join(chunks)


def _code(body: bytes) -> str:
    """Return the error code of an answer: a word, never its message, which may name people."""
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return code[:60] if isinstance(code, str) and code.isidentifier() else ""


def _seconds(text: str) -> float | None:
    """Return the seconds of a Retry-After; a date, which Graph does not send, counts as none."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 <= found < float("inf") else None
