"""What goes wrong on request: each fault is a name, a match, and how often."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

HOUR = 3_600.0


@dataclass(slots=True)
class Answer:
    """What goes back over the wire, and how."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    messages: int = 0
    """How many messages it holds: what the cost is reckoned by."""

    delay: float = 0.0
    """Seconds to wait beyond the usual cost."""

    cut: int | None = None
    """After so many bytes of the body the connection is dropped."""

    repeat: int = 1
    """How often the body is sent, for answers too large to keep."""

    honest: bool = True
    """Whether it is what Graph would say; the contract is not asked about broken answers."""

    @property
    def length(self) -> int:
        """Bytes of the whole body."""
        return len(self.body) * self.repeat


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, for requests that match, so many times.

    `path` is a regular expression searched in `METHOD path?query`, decoded; `mailbox` an address.
    """

    name: str
    path: str = r"/messages(\?|$)"
    mailbox: str = ""
    times: int | None = 1
    after: int = 0
    """So many matching requests pass before the first."""

    every: int = 1
    """Then each so-many-th request is hit."""

    options: dict[str, Any] = field(default_factory=dict)
    change: Callable[[], object] | None = None
    """Of `change`: what to do to the tenant, once the answer is made."""

    hits: int = 0
    _seen: int = 0

    def applies(self, line: str, mailbox: str) -> bool:
        """Whether this request is hit; counts it."""
        if (self.mailbox and self.mailbox != mailbox) or not re.search(self.path, line):
            return False
        top = re.search(r"\$top=(\d+)", line)
        if "above" in self.options and (top is None or int(top[1]) <= self.options["above"]):
            return False
        self._seen += 1
        place = self._seen - self.after - 1
        if place < 0 or place % self.every or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True

    def spoil(self, answer: Answer, line: str) -> Answer:
        """Return what goes back instead of `answer`."""
        return EFFECTS[self.name](self, answer, line)


def error(status: int, code: str, message: str, **headers: str) -> Answer:
    """Return an answer of Graph's error form."""
    body = {"error": {"code": code, "message": message, "innerError": {"request-id": "fake"}}}
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"} | headers)


def _refusal(
    status: int, code: str, message: str, **headers: str
) -> Callable[[Fault, Answer, str], Answer]:
    def refuse(fault: Fault, _answer: Answer, _line: str) -> Answer:
        found = error(status, str(fault.options.get("code", code)), message, **headers)
        if "retry_after" in fault.options:
            found.headers["Retry-After"] = str(fault.options["retry_after"])
        return found

    return refuse


def _hang(fault: Fault, answer: Answer, _line: str) -> Answer:
    answer.delay = float(fault.options.get("seconds", HOUR))
    return answer


def _cut(fault: Fault, answer: Answer, _line: str) -> Answer:
    answer.cut = int(fault.options.get("bytes", answer.length // 2))
    answer.honest = False
    return answer


def _page(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.body)
    return found


def _with(answer: Answer, page: Mapping[str, Any]) -> Answer:
    answer.body = json.dumps(page).encode()
    answer.messages = len(page.get("value", []))
    return answer


def _duplicate(_fault: Fault, answer: Answer, _line: str) -> Answer:
    page = _page(answer)
    return _with(answer, page | {"value": page["value"] + page["value"]})


def _reorder(_fault: Fault, answer: Answer, _line: str) -> Answer:
    page = _page(answer)
    return _with(answer, page | {"value": page["value"][::-1]})


def _empty(_fault: Fault, answer: Answer, line: str) -> Answer:
    """An empty page whose link leads to what was asked for."""
    page = _page(answer)
    path = line.partition(" ")[2]
    link = f"{answer.headers['X-Base']}{path}"
    return _with(answer, page | {"value": [], "@odata.nextLink": link})


def _foreign(fault: Fault, answer: Answer, _line: str) -> Answer:
    host = fault.options.get("host", "https://elsewhere.example")
    return _with(answer, _page(answer) | {"@odata.nextLink": f"{host}/v1.0/users/x/messages"})


def _same_link(_fault: Fault, answer: Answer, line: str) -> Answer:
    link = f"{answer.headers['X-Base']}{line.partition(' ')[2]}"
    return _with(answer, _page(answer) | {"@odata.nextLink": link})


def _broken(_fault: Fault, answer: Answer, _line: str) -> Answer:
    answer.body = answer.body[: len(answer.body) * 2 // 3]
    answer.honest = False
    return answer


def _other(fault: Fault, answer: Answer, _line: str) -> Answer:
    """JSON of another shape than promised."""
    answer.body = json.dumps(fault.options.get("body", [1, 2])).encode()
    answer.honest = False
    return answer


def _half(fault: Fault, answer: Answer, _line: str) -> Answer:
    """A message's id with half of a surrogate pair in it."""
    answer.body = answer.body.replace(fault.options["id"].encode(), b"A\\ud800B=")
    answer.honest = False
    return answer


def _html(_fault: Fault, _answer: Answer, _line: str) -> Answer:
    page = b"<html><body>A proxy answers.</body></html>"
    return Answer(200, page, {"Content-Type": "text/html"}, honest=False)


def _huge(fault: Fault, answer: Answer, _line: str) -> Answer:
    size = int(fault.options.get("bytes", 1 << 30))
    chunk = b" " * (1 << 20)
    answer.body, answer.repeat, answer.honest = chunk, max(1, size >> 20), False
    return answer


def _bomb(fault: Fault, answer: Answer, _line: str) -> Answer:
    """A small answer that unpacks to a huge one."""
    packer = zlib.compressobj(1, wbits=31)
    spaces = b" " * (1 << 20)
    parts = [packer.compress(spaces) for _ in range(int(fault.options.get("bytes", 1 << 29)) >> 20)]
    answer.body, answer.honest = b"".join([*parts, packer.flush()]), False
    answer.headers["Content-Encoding"] = "gzip"
    return answer


def _redirect(fault: Fault, _answer: Answer, _line: str) -> Answer:
    host = fault.options.get("host", "https://elsewhere.example")
    return Answer(307, b"", {"Location": f"{host}/v1.0/me"}, honest=False)


def _change(fault: Fault, answer: Answer, _line: str) -> Answer:
    assert fault.change is not None
    fault.change()
    return answer


EFFECTS: dict[str, Callable[[Fault, Answer, str], Answer]] = {
    "throttle": _refusal(
        429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit."
    ),
    "unavailable": _refusal(503, "ServiceUnavailable", "The service is unavailable."),
    "gateway-timeout": _refusal(504, "UnknownError", "Gateway timeout."),
    "server-error": _refusal(500, "ErrorInternalServerError", "An internal server error occurred."),
    "expire": _refusal(401, "InvalidAuthenticationToken", "Lifetime validation failed."),
    "deny": _refusal(
        403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."
    ),
    "not-enabled": _refusal(
        404,
        "MailboxNotEnabledForRESTAPI",
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    ),
    "not-found": _refusal(404, "ResourceNotFound", "Resource could not be discovered."),
    "hang": _hang,
    "cut": _cut,
    "duplicate": _duplicate,
    "reorder": _reorder,
    "empty": _empty,
    "foreign-link": _foreign,
    "same-link": _same_link,
    "broken": _broken,
    "other": _other,
    "half": _half,
    "html": _html,
    "huge": _huge,
    "bomb": _bomb,
    "redirect": _redirect,
    "change": _change,
}
