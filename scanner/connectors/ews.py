"""On-premises Exchange by EWS: mailboxes read side by side, each in a worker process."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from scanner import mime
from scanner.addresses import domain_of, normalise
from scanner.connectors.base import (
    Check,
    Connector,
    Order,
    Original,
    Page,
    Survey,
    Unit,
    Wanted,
)
from scanner.connectors.ews_access import ONLINE_REFUSED, Access, online, open_server
from scanner.connectors.ews_answers import SignInError, UnreachableError, UnsupportedError
from scanner.connectors.servants import Call, Servants
from scanner.directory import Entry, Group, Listing
from scanner.errors import (
    CheckpointLostError,
    ConfigError,
    ConnectorError,
    DeniedError,
    NotEnabledError,
    ParkedError,
    UnreadableError,
)
from scanner.model import ContentLevel, Coverage, Examination, Outcome
from scanner.properties import SourceMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from scanner.connectors.ews_items import Attached, Content, Found
    from scanner.connectors.ews_server import Place, Sheet
    from scanner.messages import MessageBatch

FOLDERS = {
    "sent": ("sentitems",),
    "deleted": ("deleteditems",),
    "recoverable": ("recoverableitemsdeletions", "recoverableitemspurges"),
    "inbox": ("inbox",),
}
"""What the folders of a configuration are called by EWS."""

MOST_LOOKUPS = 5_000
"""So many names and groups are looked up in a scan; further ones stay unresolved, and counted."""

MOST_NESTED = 5
MOVED = "found in another folder of its mailbox: it was moved since"
SERVED = "as Exchange writes it out anew at every request: its bytes need not be equal twice"
CONTENT_BYTES = 8 * 1024 * 1024
CONTENT_MESSAGES = 64


class Reference(Protocol):
    """Where a secret stands."""

    def reveal(self) -> str:
        """Return the secret."""


class Listed(Protocol):
    """Mailboxes that a file names."""

    @property
    def file(self) -> Path | None:
        """One address a line."""


class EwsConnector(Connector):
    """Reads mailboxes of an Exchange server, several at a time, each by one worker process."""

    scheme = "ews"

    def __init__(
        self,
        *,
        endpoint: str = "",
        autodiscover: bool = False,
        auth: Literal["ntlm", "basic", "kerberos", "oauth"] = "ntlm",
        username: str = "",
        password: Reference | None = None,
        client_id: str = "",
        client_secret: Reference | None = None,
        tenant: str = "",
        token_url: str = "",
        scope: str = "",
        access: Literal["impersonation", "delegate"] = "impersonation",
        version: str = "Exchange2016",
        ca_file: Path | None = None,
        mailboxes: Sequence[str] | Listed = (),
        folders: Sequence[str] = ("sent",),
        archive_mailboxes: bool = False,
        directory: bool = True,
        workers: int = 4,
        max_wait: float = 600,
        first_wait: float = 10,
        timeout: float = 120,
    ) -> None:
        self._mailboxes: Sequence[str] = ()
        self._file: Path | None = None
        if isinstance(mailboxes, (tuple, list)):
            self._mailboxes = mailboxes
        else:
            self._file = cast("Listed", mailboxes).file
        self._folders = [known for name in folders for known in FOLDERS[name]]
        self._folders += ["archive"] * archive_mailboxes
        self._looks_up, self._workers = directory, workers
        self._secret = client_secret if auth == "oauth" else password
        self._autodiscover = autodiscover
        if online(endpoint):
            raise ConfigError(f"endpoint: {ONLINE_REFUSED}")
        self._access = Access(
            endpoint, auth, username, access == "impersonation", version,
            str(ca_file) if ca_file else "", max_wait, first_wait, timeout,
            client_id, tenant, token_url, scope,
        )  # fmt: skip
        self._places: dict[str, Place] = {}
        self._book = _AddressBook()
        self._pool: Servants | None = None

    # --- what there is ------------------------------------------------------------------------

    def survey(self, mailboxes: Mapping[str, str]) -> Survey:
        """Return the folders to be read; one call for each mailbox.

        One mailbox is asked before the others: where the sign-in is refused, it is not tried again
        for each of them, which would lock the account.
        """
        found = Survey()
        wanted = self._wanted()
        servants = self._servants()
        try:
            first = servants.first().call("folders", wanted[0], self._folders)
        except ConnectorError as error:
            if _is_source_wide(error):
                found.unreadable.append(_row("", "", error))
                return found
            first = error
        self._take(found, wanted[0], first)
        asked = (_folders(mailbox, self._folders) for mailbox in wanted[1:])
        for mailbox, answer in servants.run(asked):
            self._take(found, mailbox, answer)
        found.units.sort(key=lambda unit: unit.key)
        return found

    def _take(self, survey: Survey, mailbox: str, answer: list[Place] | ConnectorError) -> None:
        if isinstance(answer, ConnectorError):
            survey.unreadable.append(_row(mailbox, "", answer))
            return
        for place in answer:
            if place.problem is not None:
                survey.unreadable.append(_row(mailbox, place.name, place.problem))
                continue
            key = f"{mailbox}/{place.name}" + (f"/{place.key}" if place.key else "")
            self._places[key] = place
            shown = place.shown or place.name
            survey.units.append(Unit(key, mailbox, shown, "", owner_known=True))

    def _wanted(self) -> list[str]:
        """Return the mailboxes to be read; raises `ConfigError` where none are named."""
        listed = list(self._mailboxes)
        if self._file is not None:
            try:
                text = self._file.read_text("utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "no text"
                raise ConfigError(f"{self._file}: cannot be read: {reason}") from error
            lines = (line.partition("#")[0].strip() for line in text.splitlines())
            listed += [line for line in lines if line]
        found = sorted({normalise(address) for address in listed})
        if not found:
            raise ConfigError("mailboxes: none are named; name them, or a file of them")
        wrong = next((address for address in found if "@" not in address), None)
        if wrong is not None:
            raise ConfigError(f"mailboxes: {wrong!r} is no address; one address a line")
        return found

    def _servants(self) -> Servants:
        """Return the workers, the same until they are closed; finds the endpoint first."""
        if self._pool is not None and not self._pool.closed:
            return self._pool
        access = self._access
        if not access.password and self._secret is not None:
            access = replace(access, password=self._secret.reveal())
        if self._autodiscover and not access.endpoint:
            with Servants(open_server, access, 1) as one:
                access = replace(access, endpoint=one.first().call("endpoint", self._wanted()[0]))
            if online(access.endpoint):
                raise ConfigError(f"autodiscover leads to {access.endpoint}: {ONLINE_REFUSED}")
        self._access = access
        self._pool = Servants(open_server, access, self._workers)
        return self._pool

    # --- reading ------------------------------------------------------------------------------

    def carry_out(self, orders: Iterator[Order]) -> Iterator[tuple[Order, Page | Exception | None]]:
        """Carry out the orders of several mailboxes at a time."""
        by_mailbox = groupby(orders, key=lambda order: order.unit.mailbox)
        dialogues = (self._mailbox(list(group)) for _, group in by_mailbox)
        with self._servants() as servants:
            yield from servants.run(dialogues)

    def _mailbox(self, orders: Sequence[Order]) -> Generator[Any, Any, None]:
        for order in orders:
            window = order.examination.since, order.examination.until
            files = order.examination.content is ContentLevel.ATTACHMENTS
            ended: Exception | None = None
            try:
                yield from self._steps(order, partial(_of, order), window, files=files)
            except Exception as error:  # noqa: BLE001 - whatever it is costs one unit
                ended = error
            yield order, ended

    def pages(
        self, unit: Unit, new_batch: Callable[[], MessageBatch], resume: str
    ) -> Iterator[Page]:
        """Yield the unit's pages behind `resume`, read by one worker."""
        order = Order(
            unit, Examination(None, None, ContentLevel.NONE, frozenset()), resume, new_batch
        )
        for _, found in self.carry_out(iter([order])):
            if isinstance(found, Exception):
                raise found
            if found is not None:
                yield found

    def continues(self, unit: Unit, token: str) -> bool:
        """True: whether the server still knows the token shows when it is asked to go on."""
        return bool(token)

    def _steps(
        self,
        order: Order,
        emit: Callable[[Page], tuple[Order, Page]],
        window: tuple[datetime | None, datetime | None],
        *,
        files: bool,
    ) -> Generator[Any, Any, None]:
        """Read a folder to its end: yields calls, to be sent their answers, and pages."""
        unit, batch = order.unit, order.new_batch()
        at: dict[str, Any] = json.loads(order.resume) if order.resume else {}
        mailbox, place, first = unit.mailbox, self._places[unit.key], True
        while True:
            try:
                sheet: Sheet = yield Call("page", mailbox, place, at, window)
            except UnsupportedError as error:
                if not first or not order.resume:
                    raise
                # Some servers say nothing else of a place that they no longer know.
                raise CheckpointLostError("the server does not go on from where it was") from error
            first = False
            done = list(at.get("seen", ()))
            for chunk in _chunks(sheet.found):
                yield from self._book.explain(mailbox, chunk, look_up=self._looks_up)
                yield from self._add(batch, mailbox, chunk, files=files)
                done += [one.mark for one in chunk]
                if batch.full and chunk[-1] is not sheet.found[-1]:
                    yield emit(Page(batch.take(), _token(at | {"seen": sorted(done)})))
            at = sheet.at
            if batch.full or sheet.last:
                yield emit(Page(batch.take(), _token(at)))
            if sheet.last:
                return

    @staticmethod
    def _add(
        batch: MessageBatch, mailbox: str, found: Sequence[Found], *, files: bool
    ) -> Generator[Any, Any, None]:
        """Add messages, and the content of those whose content is wanted."""
        wanted: dict[str, str] = {}
        for one in found:
            where = f"item {one.key}"
            if one.message is None:
                batch.skip(where, one.problem)
                continue
            key = batch.add(_message(one), where)
            if key is not None:
                wanted[one.key] = key
        if not wanted:
            return
        method = "contents" if files else "texts"
        contents: dict[str, Content] = yield Call(method, mailbox, list(wanted))
        for item, key in wanted.items():
            content = contents[item]
            files_of = [_part(attached, data) for attached, data in content.files]
            batch.add_content(key, content.plain, content.html, files_of, content.unread)

    def originals(self, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, Original]]:
        """Yield these messages as MIME: from their folder, else from another that is configured."""
        with self._servants():
            if wanted[0].unit not in self._places:
                self.survey({})
            mailbox = wanted[0].mailbox
            own = self._places.get(wanted[0].unit)
            others = [
                p for k, p in self._places.items() if k.startswith(f"{mailbox}/") and p != own
            ]
            server = self._servants().first()
            for one in wanted:
                if one.sent_at is None:
                    continue  # a server finds nothing by a date that is not there
                for place in (*([own] if own else []), *others):
                    keys = server.call("sent_at", mailbox, place, one.sent_at)
                    note = SERVED if place is own else f"{MOVED}; {SERVED}"
                    for content in (server.call("whole", mailbox, key) for key in keys):
                        if content:
                            yield one, Original(content, ".eml", note=note)
                    if keys:
                        break

    # --- address book -------------------------------------------------------------------------

    def learned(self, groups: frozenset[str]) -> Listing | None:
        """Return what was looked up while reading: groups with their reach, contacts, names."""
        del groups
        return self._book.listing()

    def check(self, content: ContentLevel) -> Iterator[Check]:
        """Yield what a scan of this depth needs, one by one, and whether it holds."""
        try:
            mailbox = self._wanted()[0]
            with self._servants() as servants:
                yield Check("endpoint", ok=True, detail=self._access.endpoint)
                yield from self._checks(servants, mailbox, content)
        except (ConnectorError, ConfigError) as error:
            yield Check("source", ok=False, detail=str(error), remedy="see docs/exchange.md")

    def _checks(self, servants: Servants, mailbox: str, content: ContentLevel) -> Iterator[Check]:
        server = servants.first()
        places: list[Place] = server.call("folders", mailbox, self._folders)
        how = "impersonation" if self._access.impersonate else "delegate access"
        yield Check("sign-in", ok=True, detail=f"{self._access.auth}, {how}: accepted")
        for place in places:
            if place.problem is not None:
                detail = f"{place.name}: {place.problem}"
                yield Check("folder", ok=False, detail=detail, remedy="see docs/exchange.md")
        readable = [place for place in places if place.problem is None]
        yield Check("folders", bool(readable), f"of {mailbox}, to be read: {len(readable)}")
        for place in readable[:1]:
            sheet: Sheet = server.call("page", mailbox, place, {}, (None, None))
            unread = sum(one.message is None for one in sheet.found)
            by = "SyncFolderItems" if "sync" in sheet.at else "FindItem, as it cannot sync folders"
            detail = f"one page by {by}: {len(sheet.found)} messages, {unread} of them unreadable"
            yield Check("messages", not unread, detail, "a scan names each in `coverage`")
            sample = [one.key for one in sheet.found if one.message is not None][:1]
            if content is not ContentLevel.NONE and sample:
                server.call("texts", mailbox, sample)
                yield Check("content", ok=True, detail="the text of a message can be read")
        if self._looks_up:
            yield self._checks_book(servants, mailbox)

    @staticmethod
    def _checks_book(servants: Servants, mailbox: str) -> Check:
        remedy = "names of Exchange's own form stay unresolved; set directory = false to not ask"
        try:
            address, _ = servants.first().call("resolve", mailbox, mailbox)
        except ConnectorError as error:
            return Check("address book", ok=False, detail=str(error), remedy=remedy)
        return Check("address book", bool(address), "ResolveNames answers", remedy)


def _message(found: Found) -> SourceMessage:
    """Return an item as a message."""
    values = dict(found.message or {})
    listed = values.pop("files")
    files = None if listed is None else [_part(attached, None) for attached in listed]
    return SourceMessage(**values, files=files)


def _part(attached: Attached, data: bytes | None) -> mime.Part:
    def load() -> bytes:
        if data is None:
            raise UnreadableError("the server did not give it")
        return data

    return mime.Part(attached.media_type, attached.name, attached.size, attached.inline, load)


def _of(order: Order, page: Page) -> tuple[Order, Page]:
    return order, page


def _folders(mailbox: str, names: Sequence[str]) -> Generator[Any, Any, None]:
    try:
        answer = yield Call("folders", mailbox, names)
    except ConnectorError as error:
        answer = error
    yield mailbox, answer


def _is_source_wide(error: ConnectorError) -> bool:
    """Tell whether an error on the first mailbox is one of the source: nothing more is tried."""
    return isinstance(error, (SignInError, UnreachableError))


def _row(mailbox: str, folder: str, error: ConnectorError) -> Coverage:
    kinds = {
        DeniedError: Outcome.DENIED,
        NotEnabledError: Outcome.NOT_ENABLED,
        ParkedError: Outcome.PARKED,
        ConnectorError: Outcome.PARTIAL,
    }
    outcome = next(found for kind, found in kinds.items() if isinstance(error, kind))
    if folder in _OPTIONAL and isinstance(error, NotEnabledError):
        outcome = Outcome.EMPTY
    unit = f"{mailbox}/{folder}" if folder else mailbox
    return Coverage("", mailbox, folder, outcome, reason=str(error), unit=unit)


_OPTIONAL = {"archive", "recoverableitemsdeletions", "recoverableitemspurges"}
"""What a mailbox may lack without anything missing."""


def _token(at: Mapping[str, Any]) -> str:
    return json.dumps(at, separators=(",", ":"))


def _chunks(found: Sequence[Found]) -> Iterator[Sequence[Found]]:
    """Yield messages in groups whose contents can be held together."""
    chunk: list[Found] = []
    weight = 0
    for one in found:
        if chunk and (len(chunk) >= CONTENT_MESSAGES or weight + one.size > CONTENT_BYTES):
            yield chunk
            chunk, weight = [], 0
        chunk.append(one)
        weight += one.size
    if chunk:
        yield chunk


class _AddressBook:
    """What ResolveNames and ExpandDL said, each asked once in a scan, up to a limit."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, str]] = {}
        self._groups: dict[str, list[tuple[str, str]] | None] = {}
        self._contacts: set[str] = set()
        self._own: set[str] = set()
        self._refused: set[str] = set()
        self._left = MOST_LOOKUPS

    def explain(
        self, mailbox: str, found: Sequence[Found], *, look_up: bool
    ) -> Generator[Any, Any, None]:
        """Learn whose Exchange names are, whom groups reach, which addresses are contacts."""
        self._own.add(domain_of(mailbox))
        for one in found if look_up else ():
            if one.message is None:
                continue
            for name in _exchange_names(one.message):
                yield from self._resolve(mailbox, name)
            for contact in map(str.lower, one.contacts):
                if domain_of(contact) in self._own:
                    yield from self._resolve(mailbox, contact)
            for group in map(str.lower, one.groups):
                group = self._names.get(group, (group, ""))[0] if group[:1] == "/" else group
                yield from self._expand(mailbox, group, MOST_NESTED)

    def _ask(self, method: str, mailbox: str, name: str) -> Generator[Any, Any, Any]:
        """Ask once, as long as the server answers such questions and the limit is not reached."""
        if self._left <= 0 or method in self._refused:
            return None
        self._left -= 1
        try:
            return (yield Call(method, mailbox, name))
        except UnsupportedError:
            self._refused.add(method)
        except ConnectorError:
            pass  # one name that is not explained stays as it is, and is counted
        return None

    def _resolve(self, mailbox: str, name: str) -> Generator[Any, Any, None]:
        name = name.lower()
        if name in self._names:
            return
        self._names[name] = "", ""  # no other mailbox asks for it meanwhile
        address, kind = (yield from self._ask("resolve", mailbox, name)) or ("", "")
        self._names[name] = address.lower(), kind
        if kind == "contact" and address:
            self._contacts.add(address.lower())

    def _expand(self, mailbox: str, group: str, depth: int) -> Generator[Any, Any, None]:
        if group in self._groups or "@" not in group:
            return
        self._groups[group] = None
        members = yield from self._ask("members", mailbox, group)
        self._groups[group] = members
        for address, kind in members or ():
            if kind == "contact" and address:
                self._contacts.add(address.lower())
            if kind == "publicdl" and depth:
                yield from self._expand(mailbox, address.lower(), depth - 1)

    def listing(self) -> Listing | None:
        """Return it as an address book; None where nothing was looked up."""
        if not (self._names or self._groups):
            return None
        entries = [
            Entry("outsider" if kind == "contact" else "person", address, (name,))
            for name, (address, kind) in self._names.items()
            if address and kind != "publicdl"
        ]
        entries += [Entry("outsider", address) for address in self._contacts]
        entries += [Entry("group", group, (), self._reach(group)) for group in self._groups]
        return Listing.of((), entries)

    def _reach(self, group: str) -> Group:
        """Return whom a group reaches, nested groups with it, each person once."""
        people: set[str] = set()
        waiting, known, hidden = [group], set(), False
        while waiting:
            one = waiting.pop()
            if one in known:
                continue
            known.add(one)
            members = self._groups.get(one)
            hidden |= members is None
            for address, kind in members or ():
                (waiting.append if kind == "publicdl" else people.add)(address.lower())
        outside = {a for a in people if a in self._contacts or domain_of(a) not in self._own}
        if hidden and not people:
            return Group(None, hidden=True)
        return Group(len(people), len(outside), hidden)


def _exchange_names(message: Mapping[str, Any]) -> list[str]:
    listed = (address for _, _, address in message["recipients"])
    every = [message["sender"], message["sent_by"], *listed]
    return [address for address in dict.fromkeys(every) if address.startswith("/")]
