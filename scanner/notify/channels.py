"""The ways to tell: SMTP, Teams Workflows, a signed webhook, files and syslog.

A channel is told a digest or raises; it waits for an answer, but not for long.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import smtplib
import socket
import ssl
from abc import ABC, abstractmethod
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scanner.errors import ScannerError

if TYPE_CHECKING:
    from pathlib import Path

    from scanner.notify.digest import Digest

TIMEOUT = 20
"""Seconds to connect, and again to wait for each answer."""

MAX_SYSLOG = 8_000
"""Bytes of one datagram that receivers take (RFC 5426 asks for 2,048 at least)."""

SIGNATURE = "X-Undisclosed-Signature"


class ChannelError(ScannerError):
    """A channel refused, or did not answer; says why without address or secret."""


class Channel(ABC):
    """One way to tell somebody."""

    @abstractmethod
    def send(self, digest: Digest) -> None:
        """Tell it; raises `ChannelError` or `OSError` where that did not work."""


@dataclass(frozen=True, slots=True)
class Smtp(Channel):
    """A text mail through an SMTP server, with STARTTLS unless that is off."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    starttls: bool = True
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    timeout: float = TIMEOUT

    def send(self, digest: Digest) -> None:
        """Send the digest as plain text."""
        message = EmailMessage()
        message["From"], message["To"] = self.sender, ", ".join(self.to)
        message["Subject"] = f"Undisclosed: {digest.headline}"[:180]
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n".join((digest.headline + ".", "", *digest.lines, "")))
        try:
            with smtplib.SMTP(self.host, self.port, timeout=self.timeout) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context(cafile=self.ca_file))
                if self.username:
                    server.login(self.username, self.password)
                server.send_message(message)
        except smtplib.SMTPServerDisconnected:
            raise ChannelError("the mail server hung up") from None
        except smtplib.SMTPException as error:
            kind, code = type(error).__name__, getattr(error, "smtp_code", "")
            raise ChannelError(f"the mail server refused ({f'{kind} {code}'.strip()})") from None


@dataclass(frozen=True, slots=True)
class Teams(Channel):
    """A card in a Teams channel, through a Workflows webhook; its URL is a secret."""

    url: str
    timeout: float = TIMEOUT

    def send(self, digest: Digest) -> None:
        """Post the digest as an adaptive card."""
        lines = [{"type": "TextBlock", "text": line, "wrap": True} for line in digest.lines]
        head = {
            "type": "TextBlock", "text": digest.headline, "weight": "Bolder", "wrap": True,
        }  # fmt: skip
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [head, *lines],
        }
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
        _post(self.url, {"type": "message", "attachments": [attachment]}, {}, self.timeout)


@dataclass(frozen=True, slots=True)
class Webhook(Channel):
    """A JSON post, signed with HMAC-SHA256 over its body where there is a secret."""

    url: str
    secret: str = ""
    timeout: float = TIMEOUT

    def send(self, digest: Digest) -> None:
        """Post the digest."""
        body = json.dumps(digest.payload()).encode()
        headers = {}
        if self.secret:
            proof = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={proof}"
        _post(self.url, body, headers, self.timeout)


@dataclass(frozen=True, slots=True)
class File(Channel):
    """Lines of JSON appended to a file that a SIEM's agent follows."""

    path: Path
    ocsf: bool = True

    def send(self, digest: Digest) -> None:
        """Append a line an incident."""
        content = "".join(line + "\n" for line in _events(digest, ocsf=self.ocsf)).encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # One write: what follows the file never sees half a line.
            if os.write(descriptor, content) != len(content):
                raise ChannelError(f"{self.path}: not all could be written")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Syslog(Channel):
    """RFC 5424 datagrams to a syslog receiver, a message an incident."""

    host: str
    port: int = 514
    ocsf: bool = True

    def send(self, digest: Digest) -> None:
        """Send them over UDP, which nobody acknowledges."""
        stamp = digest.at.isoformat(timespec="milliseconds")
        # 13 * 8 + 4: facility log audit, severity warning.
        head = f"<108>1 {stamp} {socket.gethostname()} undisclosed {os.getpid()} - - "
        with socket.socket(_family(self.host, self.port), socket.SOCK_DGRAM) as out:
            out.settimeout(TIMEOUT)
            for line in _events(digest, ocsf=self.ocsf):
                out.sendto((head + line).encode()[:MAX_SYSLOG], (self.host, self.port))


CHANNELS: dict[str, type[Channel]] = {
    "smtp": Smtp,
    "teams": Teams,
    "webhook": Webhook,
    "file": File,
    "syslog": Syslog,
}
"""Channel classes by the `type` that the configuration names."""


def _events(digest: Digest, *, ocsf: bool) -> list[str]:
    found = digest.ocsf() if ocsf else [*map(dict, digest.payload()["incidents"])]  # type: ignore[call-overload]
    return [json.dumps(event) for event in found]


def _family(host: str, port: int) -> socket.AddressFamily:
    return socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][0]


def _post(url: str, body: object, headers: dict[str, str], timeout: float) -> None:
    import httpx

    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        answer = httpx.post(
            url,
            content=content,
            headers={"Content-Type": "application/json", **headers},
            timeout=timeout,
            follow_redirects=False,
        )
    except httpx.HTTPError as error:
        raise ChannelError(
            f"{urlsplit(url).hostname} did not answer ({type(error).__name__})"
        ) from None
    if answer.status_code >= 300:
        raise ChannelError(f"{urlsplit(url).hostname} refused ({answer.status_code})")
