"""The fake Microsoft Graph: one stateful tenant that answers requests as the real service would."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from tests.fake_graph import mail, odata
from tests.fake_graph.contract import Contract
from tests.fake_graph.faults import Answer, Fault, error
from tests.fake_graph.login import Login
from tests.fake_graph.mail import Folder, Message
from tests.fake_graph.odata import Query, Refused, message_query
from tests.fake_graph.tenant import TENANT_ID, Contact, Group, Mailbox, Tenant, User

MAILBOX_LIMIT = 4
"""Requests that one app may have in flight for one mailbox."""

USER = [*User("a@b.example", "A B").properties(), "mailboxSettings"]
GROUP = [*Group("a@b.example", "A").properties()]
CONTACT = [*Contact("a@b.example", "A").properties()]
FOLDER = [*Folder("a", "b").properties(0)]
ATTACHMENT = [*mail.attachment_properties(mail.Attachment("a", b""))]
DOMAIN = ["id", "isVerified", "isDefault", "isInitial", "supportedServices", "authenticationType"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came over the wire."""

    method: str
    base: str
    """Scheme, host and port it was sent to."""

    path: str
    """Path and query as sent."""

    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def steps(self) -> list[str]:
        """The path's segments; `users('a')` counts as `users/a`."""
        steps: list[str] = []
        for segment in urlsplit(self.path).path.strip("/").split("/"):
            name, _, key = segment.partition("(")
            steps.append(unquote(name))
            if key:
                steps.append(unquote(key).removesuffix(")").strip("'"))
        return steps

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters."""
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return {name: values[-1] for name, values in query.items()}

    @property
    def line(self) -> str:
        """Method, path and query, decoded: what faults are matched with."""
        query = urlencode(self.parameters, safe="$=,:' ()/@", quote_via=quote)
        return f"{self.method} /{'/'.join(self.steps)}" + (f"?{unquote(query)}" if query else "")


@dataclass(slots=True)
class Seen:
    """What is kept of one request."""

    request: Request
    mailbox: str
    """The mailbox it is about, empty for the directory."""

    status: int = 0
    messages: int = 0
    in_flight: int = 0
    """How many requests for that mailbox were under way with it, itself included."""

    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None


@dataclass
class FakeGraph:
    """A tenant behind Graph's HTTP interface, with its rules, faults, and a record of all calls."""

    tenant: Tenant
    faults: list[Fault] = field(default_factory=list)
    cost: tuple[float, float] = (0.0, 0.0)
    """Seconds a request, and seconds a message, that each answer takes."""

    contract: Contract | None = field(default_factory=Contract)
    """Judges each exchange; None where that would take too long."""

    requests: list[Seen] = field(default_factory=list)
    peak: Counter[str] = field(default_factory=Counter)
    """Most requests in flight at once, by mailbox."""

    peak_overall: int = 0
    expired: set[str] = field(default_factory=set)
    """Tokens that count no longer."""

    login: Login = field(default_factory=Login)
    _flying: Counter[str] = field(default_factory=Counter)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def violations(self) -> list[str]:
        """What broke the contract, on either side."""
        return self.contract.violations if self.contract else []

    def calls(self, pattern: str = "") -> list[Seen]:
        """Return the requests whose line holds this regular expression."""
        return [seen for seen in self.requests if re.search(pattern, seen.request.line)]

    @contextmanager
    def exchange(self, request: Request) -> Iterator[Answer]:
        """Answer a request; it counts as in flight until the block is left."""
        with self._lock:
            seen = Seen(request, self._mailbox_of(request))
            self.requests.append(seen)
            self._flying[seen.mailbox] += 1
            seen.in_flight = self._flying[seen.mailbox]
            self.peak[seen.mailbox] = max(self.peak[seen.mailbox], seen.in_flight)
            self.peak_overall = max(self.peak_overall, sum(self._flying.values()))
            answer = self._answer(request, seen)
            seen.status, seen.messages = answer.status, answer.messages
        try:
            yield answer
        finally:
            with self._lock:
                self._flying[seen.mailbox] -= 1
                seen.ended = time.monotonic()

    def seconds(self, answer: Answer) -> float:
        """Return how long an answer takes."""
        return self.cost[0] + self.cost[1] * answer.messages + answer.delay

    def _answer(self, request: Request, seen: Seen) -> Answer:
        signing_in = self.login.answer(request, self.tenant)
        if signing_in is not None:
            return signing_in
        line = request.line
        try:
            self._admit(request, seen)
            answer = self._route(request)
        except Refused as no:
            retry = {"Retry-After": "1"} if no.status == 429 else {}
            answer = error(no.status, no.code, no.message, **retry)
        answer.headers["X-Base"] = request.base
        fault = next((f for f in self.faults if f.applies(line, seen.mailbox)), None)
        if fault is not None:
            if fault.name == "expire":
                self.expired.add(token_of(request))
            answer = fault.spoil(answer, line)
        answer.headers.pop("X-Base", None)
        if self.contract is not None:
            self.contract.judge(request, answer)
        return answer

    def _admit(self, request: Request, seen: Seen) -> None:
        token = token_of(request)
        if not token.startswith("token") or token in self.expired or self.login.over(token):
            raise Refused(401, "InvalidAuthenticationToken", "Access token is empty or expired.")
        person = self.login.person_of(token)
        if person and seen.mailbox not in {"", person}:
            raise Refused(403, "ErrorAccessDenied", "Access is denied. Check credentials.")
        if seen.mailbox and seen.in_flight > MAILBOX_LIMIT:
            message = "Application is over its MailboxConcurrency limit."
            raise Refused(429, "ApplicationThrottled", message)

    def _mailbox_of(self, request: Request) -> str:
        steps = request.steps
        if len(steps) < 4 or steps[1] != "users" or steps[3] not in {"mailFolders", "messages"}:
            return ""
        user = self.tenant.user(steps[2])
        return user.address if user else steps[2]

    # Routing -------------------------------------------------------------------------------------

    def _route(self, request: Request) -> Answer:
        version, *steps = request.steps
        if version not in {"v1.0", "beta"}:
            raise Refused(400, "BadRequest", "Invalid version.")
        if request.method == "POST" and steps == ["$batch"]:
            return self._batch(request)
        if request.method != "GET":
            raise Refused(403, "ErrorAccessDenied", "Access is denied.")
        for pattern, handler in ROUTES:
            match = re.fullmatch(pattern, "\x00".join(steps))
            if match:
                return handler(self, request, *match.groups())
        raise Refused(400, "BadRequest", "Resource not found for the segment.")

    def _batch(self, request: Request) -> Answer:
        wanted = json.loads(request.body)["requests"]
        if len(wanted) > 20:
            raise Refused(400, "BadRequest", "A batch holds 20 requests at most.")
        answers, messages = [], 0
        for part in wanted:
            # Inside a batch each request is admitted and throttled on its own.
            inner = Request(
                part["method"], request.base, f"/v1.0{part['url']}",
                dict(request.headers) | {k.lower(): v for k, v in part.get("headers", {}).items()},
            )  # fmt: skip
            with self.exchange(inner) as answer:
                body = json.loads(answer.body or b"null")
                messages += answer.messages
                answers.append(
                    {"id": part["id"], "status": answer.status, "headers": answer.headers}
                    | {"body": body}
                )
        return shown({"responses": answers}, messages=messages)

    # Directory -----------------------------------------------------------------------------------

    def _needs(self, *permissions: str) -> None:
        if not self.tenant.permissions & {*permissions, "Directory.Read.All"}:
            message = "Insufficient privileges to complete the operation."
            raise Refused(403, "Authorization_RequestDenied", message)

    def _listed(
        self, request: Request, rows: Sequence[Mapping[str, Any]], known: Sequence[str]
    ) -> Answer:
        """A directory listing: 100 a page unless asked otherwise, with an opaque link."""
        parameters = request.parameters
        top = odata.number(parameters, "$top", 100)
        if not 1 <= top <= 999:
            raise Refused(400, "Request_UnsupportedQuery", "Invalid page size specified.")
        found = odata.select_rows(rows, parameters, known)
        skip = int(base64.b64decode(parameters.get("$skiptoken", "MA=="), validate=True))
        page: dict[str, Any] = {"@odata.context": f"{request.base}/v1.0/$metadata#x"}
        if skip + top < len(found):
            token = base64.b64encode(str(skip + top).encode()).decode()
            page["@odata.nextLink"] = next_link(request, {"$skiptoken": token})
        return shown(page | {"value": found[skip : skip + top]})

    def _users(self, request: Request) -> Answer:
        self._needs("User.Read.All")
        return self._listed(request, [u.properties() for u in self.tenant.users], USER)

    def _me(self, request: Request) -> Answer:
        person = self.login.person_of(token_of(request))
        if not person:
            raise Refused(400, "BadRequest", "/me request is only valid with delegated flow.")
        row = self._known_user(person).properties()
        return shown(odata.select_rows([row], request.parameters, USER)[0])

    def _known_user(self, name: str) -> User:
        user = self.tenant.user(name)
        if user is None:
            raise Refused(404, "Request_ResourceNotFound", "The resource does not exist.")
        return user

    def _user(self, request: Request, name: str) -> Answer:
        self._needs("User.Read.All")
        user = self._known_user(name)
        return shown(odata.select_rows([user.properties()], request.parameters, USER)[0])

    def _settings(self, _request: Request, name: str) -> Answer:
        self._needs("MailboxSettings.Read")
        user = self._known_user(name)
        if user.mailbox is None:
            raise _no_mailbox(user)
        return shown({"userPurpose": user.purpose, "timeZone": "GMT Standard Time"})

    def _exchange_settings(self, request: Request, name: str) -> Answer:
        self._needs("User.Read.All")
        user = self._known_user(name)
        found: dict[str, Any] = {"primaryMailboxId": f"MBX:{user.id}@{TENANT_ID}"}
        if request.steps[0] == "beta":
            found["inPlaceArchiveMailboxId"] = user.archive_id if user.archive else None
        return shown(found)

    def _groups(self, request: Request) -> Answer:
        self._needs("GroupMember.Read.All", "Group.Read.All")
        return self._listed(request, [g.properties() for g in self.tenant.groups], GROUP)

    def _known_group(self, identity: str) -> Group:
        self._needs("GroupMember.Read.All", "Group.Read.All")
        found = next((g for g in self.tenant.groups if g.id == identity), None)
        if found is None:
            raise Refused(404, "Request_ResourceNotFound", "The resource does not exist.")
        return found

    def _group(self, request: Request, identity: str) -> Answer:
        group = self._known_group(identity)
        return shown(odata.select_rows([group.properties()], request.parameters, GROUP)[0])

    def _members(self, request: Request, identity: str, how: str, cast: str | None) -> Answer:
        group = self._known_group(identity)
        if group.hidden and "Member.Read.Hidden" not in self.tenant.permissions:
            if group.hidden == "empty":
                return self._listed(request, [], USER)
            raise Refused(403, "Authorization_RequestDenied", "Insufficient privileges.")
        found = group.everyone() if how == "transitiveMembers" else group.members
        rows = []
        for member in found:
            kind = {User: "user", Group: "group", Contact: "orgContact"}[type(member)]
            row = {"@odata.type": f"#microsoft.graph.{kind}"} | member.properties()
            if kind == "user" and "User.Read.All" not in self.tenant.permissions:
                # What may not be read is there as nothing.
                row = {k: v if k in {"@odata.type", "id"} else None for k, v in row.items()}
            if cast in {None, f"microsoft.graph.{kind}"}:
                rows.append(row)
        return self._listed(request, rows, [*USER, *GROUP, *CONTACT, "@odata.type"])

    def _domains(self, request: Request) -> Answer:
        self._needs("Domain.Read.All")
        names = [*self.tenant.domains, *self.tenant.unverified]
        rows = [
            {
                "id": name,
                "isVerified": name in self.tenant.domains,
                "isDefault": name == self.tenant.domains[0],
                "isInitial": False,
                "supportedServices": ["Email"],
                "authenticationType": "Managed",
            }
            for name in names
        ]
        return self._listed(request, rows, DOMAIN)

    def _contacts(self, request: Request) -> Answer:
        self._needs("OrgContact.Read.All")
        return self._listed(request, [c.properties() for c in self.tenant.contacts], CONTACT)

    # Mail ----------------------------------------------------------------------------------------

    def _mailbox(self, name: str) -> Mailbox:
        granted = {"Mail.Read", "Mail.ReadBasic.All"} & self.tenant.permissions
        denied = Refused(
            403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."
        )
        if not granted:
            raise denied
        archived = next((u for u in self.tenant.users if u.archive and u.archive_id == name), None)
        user = archived or self.tenant.user(name)
        if user is None:
            raise Refused(404, "ErrorInvalidUser", "The requested user is invalid.")
        if self.tenant.scope is not None and user.address not in self.tenant.scope:
            raise denied
        box = user.archive if archived else user.mailbox
        if box is None:
            raise _no_mailbox(user)
        return box

    @property
    def _basic(self) -> bool:
        return "Mail.Read" not in self.tenant.permissions

    def _needs_read(self, wanted: bool = True) -> None:
        if wanted and self._basic:
            raise Refused(
                403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."
            )

    def _known_folder(self, user: str, name: str) -> Folder:
        folder = self._mailbox(user).folder(name)
        if folder is None:
            raise Refused(404, "ErrorItemNotFound", "The specified folder was not found.")
        return folder

    def _query(self, request: Request) -> Query:
        query = message_query(request.parameters, request.headers.get("prefer", ""))
        self._needs_read(query.needs_read)
        return query

    def _folders(self, request: Request, user: str, parent: str | None = None) -> Answer:
        box = self._mailbox(user)
        under = "msgfolderroot" if parent is None else self._known_folder(user, parent).name
        hidden = request.parameters.get("includeHiddenFolders") == "true"
        rows = [
            folder.properties(self._children(box, folder))
            for folder in box.folders
            if folder.parent == under and (hidden or parent or not folder.hidden)
        ]
        return self._listed(request, rows, FOLDER)

    def _folder(self, request: Request, user: str, name: str) -> Answer:
        folder = self._known_folder(user, name)
        row = folder.properties(self._children(self._mailbox(user), folder))
        return shown(odata.select_rows([row], request.parameters, FOLDER)[0])

    @staticmethod
    def _children(box: Mailbox, folder: Folder) -> int:
        return sum(other.parent == folder.name for other in box.folders)

    def _messages(self, request: Request, user: str, name: str) -> Answer:
        folder = self._known_folder(user, name)
        query = self._query(request)
        rows, total = folder.messages.page(folder, query, basic=self._basic)
        head: dict[str, Any] = {"@odata.context": f"{request.base}/v1.0/$metadata#messages"}
        if query.count:
            head["@odata.count"] = total
        if query.skip + len(rows) < total:
            after = {"$skip": str(query.skip + len(rows))}
            head["@odata.nextLink"] = next_link(request, after)
        text = json.dumps(head)[:-1].encode() + b', "value": [' + b",".join(rows) + b"]}"
        answer = Answer(200, text, {"Content-Type": JSON}, len(rows))
        applied = [p for p in ('IdType="ImmutableId"',) if query.immutable]
        if applied:
            answer.headers["Preference-Applied"] = ", ".join(applied)
        return answer

    def _everything(self, request: Request, user: str) -> Answer:
        box = self._mailbox(user)
        every = [
            m for f in box.folders if isinstance(f.messages, mail.Stored) for m in f.messages.items
        ]
        folder = Folder(user, "all", messages=mail.Stored(every))
        rows, total = folder.messages.page(folder, self._query(request), basic=self._basic)
        values = [json.loads(row) for row in rows]
        return shown({"value": values, "@odata.count": total}, messages=len(rows))

    def _found(self, user: str, identity: str, name: str | None) -> tuple[Message, Folder]:
        box = self._mailbox(user)
        folders = box.folders if name is None else [self._known_folder(user, name)]
        wanted = "AAkALg" + identity[6:]
        for folder in folders:
            message = folder.messages.find(wanted)
            if message is not None:
                return message, folder
        raise Refused(404, "ErrorItemNotFound", "The specified object was not found in the store.")

    def _message(self, request: Request, user: str, name: str | None, identity: str) -> Answer:
        message, folder = self._found(user, identity, name)
        query = self._query(request)
        return shown(mail.single(message, folder, query, basic=self._basic), messages=1)

    def _mime(self, _request: Request, user: str, name: str | None, identity: str) -> Answer:
        message, _ = self._found(user, identity, name)
        self._needs_read()
        raw = (
            message.mime
            or (
                f"Subject: {message.subject}\r\nMessage-ID: {message.internet_message_id}\r\n\r\n"
                f"{message.text}"
            ).encode()
        )
        return Answer(200, raw, {"Content-Type": "text/plain"}, 1)

    def _attachments(self, request: Request, user: str, name: str | None, identity: str) -> Answer:
        message, _ = self._found(user, identity, name)
        self._needs_read()
        rows = [self._attachment_row(a) for a in message.attachments]
        return self._listed(request, rows, [*ATTACHMENT, "contentBytes", "sourceUrl"])

    @staticmethod
    def _attachment_row(attachment: mail.Attachment) -> dict[str, Any]:
        row = mail.attachment_properties(attachment)
        if attachment.kind == "fileAttachment":
            row["contentBytes"] = base64.b64encode(attachment.data).decode()
        return row

    def _attachment(
        self, request: Request, user: str, name: str | None, identity: str, which: str
    ) -> Answer:
        message, _ = self._found(user, identity, name)
        self._needs_read()
        row = self._attachment_row(_attached(message, which))
        known = [*ATTACHMENT, "contentBytes", "sourceUrl"]
        return shown(odata.select_rows([row], request.parameters, known)[0])

    def _content(
        self, _request: Request, user: str, name: str | None, identity: str, which: str
    ) -> Answer:
        message, _ = self._found(user, identity, name)
        self._needs_read()
        attachment = _attached(message, which)
        if attachment.kind == "referenceAttachment":
            raise Refused(405, "ErrorInvalidRequest", "A reference has no content.")
        return Answer(200, attachment.data, {"Content-Type": attachment.content_type}, 1)


JSON = "application/json;odata.metadata=minimal;charset=utf-8"

Handler = Callable[..., Answer]
_A = "([^\x00]+)"
_CAST = r"(?:/(microsoft\.graph\.\w+))?"
_IN = f"users/{_A}(?:/mailFolders/{_A})?/messages/{_A}"
_PATHS: list[tuple[str, Handler]] = [
    ("me", FakeGraph._me),
    ("users", FakeGraph._users),
    (f"users/{_A}", FakeGraph._user),
    (f"users/{_A}/mailboxSettings", FakeGraph._settings),
    (f"users/{_A}/settings/exchange", FakeGraph._exchange_settings),
    (f"users/{_A}/mailFolders", FakeGraph._folders),
    (f"users/{_A}/mailFolders/{_A}", FakeGraph._folder),
    (f"users/{_A}/mailFolders/{_A}/childFolders", FakeGraph._folders),
    (f"users/{_A}/mailFolders/{_A}/messages", FakeGraph._messages),
    (f"users/{_A}/messages", FakeGraph._everything),
    (_IN, FakeGraph._message),
    (rf"{_IN}/\$value", FakeGraph._mime),
    (f"{_IN}/attachments", FakeGraph._attachments),
    (f"{_IN}/attachments/{_A}", FakeGraph._attachment),
    (rf"{_IN}/attachments/{_A}/\$value", FakeGraph._content),
    ("groups", FakeGraph._groups),
    (f"groups/{_A}", FakeGraph._group),
    (f"groups/{_A}/(members|transitiveMembers){_CAST}", FakeGraph._members),
    ("domains", FakeGraph._domains),
    ("contacts", FakeGraph._contacts),
]  # fmt: skip
ROUTES = [(pattern.replace("/", "\x00"), handler) for pattern, handler in _PATHS]


def shown(body: Mapping[str, Any], messages: int = 0) -> Answer:
    """Return an answer that holds this."""
    return Answer(200, json.dumps(body).encode(), {"Content-Type": JSON}, messages)


def token_of(request: Request) -> str:
    """Return the bearer token of a request."""
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def next_link(request: Request, after: Mapping[str, str]) -> str:
    """Return the link to the next page, written otherwise than clients write it."""
    version, *steps = request.steps
    path, rest = "", iter(steps)
    for step in rest:
        key = next(rest, None)
        path += f"/{step}" if key is None else f"/{step}('{quote(key, safe='')}')"
    return f"{request.base}/{version}{path}?{urlencode({**request.parameters, **after})}"


def _attached(message: Message, identity: str) -> mail.Attachment:
    found = next((a for a in message.attachments if a.id == identity), None)
    if found is None:
        raise Refused(404, "ErrorItemNotFound", "The specified object was not found in the store.")
    return found


def _no_mailbox(user: User) -> Refused:
    return Refused(404, user.no_mailbox, "The mailbox is inactive or hosted on-premise.")
