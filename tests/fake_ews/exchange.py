"""What the server holds, and its answer to one request."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from tests.fake_ews import items
from tests.fake_ews.items import File, Item, Person
from tests.fake_ews.requests import DATES, Refused, Request, condition, fields_of, read

LARGEST_PAGE = 1_000
SYNC_AT_ONCE = 512
_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
    ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">'
    '<s:Header><t:ServerVersionInfo MajorVersion="15" MinorVersion="1" MajorBuildNumber="2507"'
    ' MinorBuildNumber="6" Version="V2017_07_11"/></s:Header><s:Body>{}</s:Body></s:Envelope>'
)


@dataclass
class Folder:
    """A folder: its items, and every change to it since it was made."""

    key: str
    name: str
    items: dict[str, Item] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    children: list[Folder] = field(default_factory=list)
    added: int = 0

    def put(self, new: Iterable[Item]) -> list[Item]:
        """Add items, oldest first; return them with the ids they got."""
        stored = []
        for item in new:
            key = base64.urlsafe_b64encode(f"{self.key}/{self.added}".encode()).decode()
            self.added += 1
            stored.append(replace(item, key=key))
            self.items[key] = stored[-1]
            self.log.append(("Create", key))
        return stored

    def remove(self, key: str) -> None:
        """Delete an item."""
        del self.items[key]
        self.log.append(("Delete", key))

    def all(self) -> list[Folder]:
        """Return the folder and all below it."""
        return [self, *(one for child in self.children for one in child.all())]


@dataclass
class Box:
    """A mailbox with its folders by distinguished id."""

    address: str
    name: str = ""
    folders: dict[str, Folder] = field(default_factory=dict)

    def folder(self, name: str, shown: str = "") -> Folder:
        """Return a folder, made at its first use."""
        if name not in self.folders:
            shown = shown or {"sentitems": "Sent Items"}.get(name, name)
            self.folders[name] = Folder(f"{self.address}/{name}", shown)
        return self.folders[name]

    @property
    def sent(self) -> Folder:
        """The folder of sent items."""
        return self.folder("sentitems")


@dataclass
class Fault:
    """What goes wrong, where and how often."""

    kind: str
    """`busy` `unauthorised` `unavailable` `cut` `page` `unsupported` or an EWS code."""

    operation: str = ""
    mailbox: str = ""
    times: int = 1_000_000
    after: int = 0
    """How many calls it would meet pass unharmed before."""

    back_off: float = 0.02
    """Seconds that `busy` names; `unavailable` names whole seconds, none for 0."""

    items: Sequence[str] = ()
    """The ids that an error is answered for; for a whole call where there are none."""


@dataclass(frozen=True)
class Dialect:
    """How a server speaks that is not the one that requests were written with."""

    most_items: int = 1_000
    """Items beyond so many in one GetItem are answered `ErrorServerBusy`."""

    folders: frozenset[str] | None = None
    """Distinguished folders it knows; one unknown makes the whole call fail."""

    fields: frozenset[str] | None = None
    """Fields of items it knows; one unknown makes the whole call fail."""

    bare_faults: bool = False
    """Errors of a call are SOAP faults that hold the code and nothing else."""

    prefixes: tuple[str, str, str] = ("s", "m", "t")
    """Of the envelope, of messages, of types."""

    header: str | None = None
    """Of the answer; None for Microsoft's."""

    without: tuple[str, ...] = ()
    """Elements that it leaves out wherever they are optional."""

    def speak(self, envelope: str) -> bytes:
        """Return an answer as this server writes it."""
        if self.header is not None:
            envelope = re.sub("<s:Header>.*?</s:Header>", self.header, envelope, flags=re.DOTALL)
        for name in self.without:
            envelope = re.sub(rf"<t:{name}( [^>]*)?(/>|>[^<]*</t:{name}>)", "", envelope)
        for ours, theirs in zip("smt", self.prefixes, strict=True):
            envelope = re.sub(rf"(</?|xmlns:){ours}(?=[:=])", rf"\g<1>{theirs}", envelope)
        return envelope.encode("utf-8", "surrogatepass")

    def unknown(self, request: Request) -> str:
        """Return what of a request this server does not know, empty where it knows all."""
        names = set(request.ids) if request.operation == "GetFolder" else set()
        fields = {name for name in fields_of(request) if not name.startswith("folder:")}
        strange = (names - self.folders if self.folders is not None else set()) | (
            fields - self.fields if self.fields is not None else set()
        )
        return min(strange, default="")


@dataclass
class Answer:
    """What goes over the wire."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


class FakeExchange:
    """An Exchange server of invented mailboxes, groups and address book entries."""

    def __init__(
        self,
        boxes: Iterable[Box] = (),
        *,
        book: Mapping[str, Person | Sequence[Person]] | None = None,
        groups: dict[str, Sequence[Person]] | None = None,
        faults: Iterable[Fault] = (),
        unsupported: Iterable[str] = (),
        version: str = "Exchange2016",
        without_fields: Iterable[str] = (),
        cost: Mapping[str, float] | None = None,
        dialect: Dialect | None = None,
    ) -> None:
        self.boxes = {box.address.lower(): box for box in boxes}
        self.book = {key.lower(): found for key, found in (book or {}).items()}
        self.groups = {key.lower(): found for key, found in (groups or {}).items()}
        self.faults = list(faults)
        self.unsupported = set(unsupported)
        self.version = version
        self.without_fields = set(without_fields)
        self.dialect = dialect or Dialect()
        self.cost = dict(cost or {})
        """Seconds that a call of an operation takes, beside what every call does."""
        self.calls: list[tuple[str, str]] = []
        """Each call: operation and mailbox."""
        self.violations: list[str] = []
        """What was sent that the protocol does not allow."""
        self.impersonated: set[str] = set()
        self.not_advancing = False
        self._rendered: dict[tuple[str, frozenset[str]], str] = {}
        self._lock = threading.Lock()

    def count(self, operation: str = "") -> int:
        """Return how many calls were made, of this operation or at all."""
        return sum(not operation or name == operation for name, _ in self.calls)

    def per_operation(self) -> Counter[str]:
        """Return the calls made by operation."""
        return Counter(name for name, _ in self.calls)

    def answer(self, body: bytes) -> Answer:
        """Return the answer to a SOAP request."""
        try:
            request = read(body)
        except Refused as error:
            self.violations.append(str(error))
            return _fault("ErrorSchemaValidation", str(error))
        mailbox = request.mailbox.lower()
        with self._lock:
            self.calls.append((request.operation, mailbox))
            self.impersonated |= {request.impersonated} - {""}
            fault = self._struck(request, mailbox)
        time.sleep(self.cost.get(request.operation, 0.0))
        if unknown := self.dialect.unknown(request):
            return _plain_fault(f"Unknown name '{unknown}'.")
        if request.operation in self.unsupported:
            return _plain_fault(f"Unknown request '{request.operation}'.")
        if request.version > self.version:
            return _fault("ErrorInvalidServerVersion", "The specified server version is invalid.")
        if fault is not None and not fault.items:
            broken = _broken(fault)
            if broken is not None:
                return broken
        try:
            done = getattr(self, f"_{request.operation.lower()}")(request, mailbox, fault)
        except Refused as error:
            self.violations.append(str(error))
            return _fault("ErrorInvalidRequest", str(error))
        failed = re.search(r"<m:ResponseCode>(Error\w+)<", done)
        if self.dialect.bare_faults and failed and request.operation != "GetItem":
            return _plain_fault("It failed.", failed[1])
        answer = f"<m:{request.operation}Response>{done}</m:{request.operation}Response>"
        return Answer(200, self.dialect.speak(_ENVELOPE.format(answer)))

    def _struck(self, request: Request, mailbox: str) -> Fault | None:
        for fault in self.faults:
            if fault.operation not in {"", request.operation} or fault.times <= 0:
                continue
            if fault.mailbox and fault.mailbox.lower() != mailbox:
                continue
            if fault.items and not set(fault.items) & set(request.ids):
                continue
            if fault.after:
                fault.after -= 1
                continue
            fault.times -= 1
            return fault
        return None

    # --- operations ---------------------------------------------------------------------------

    def _messages(self, operation: str, inside: Iterable[str]) -> str:
        return f"<m:ResponseMessages>{''.join(inside)}</m:ResponseMessages>"

    def _find(self, request: Request, key: str, mailbox: str) -> Folder | str:
        """Return a folder by distinguished or own id, else the code of an error."""
        box = self.boxes.get(mailbox)
        if box is None:
            return "ErrorNonExistentMailbox"
        named = box.folders.get(key)
        if named is not None:
            return named
        every = [one for folder in box.folders.values() for one in folder.all()]
        return next((f for f in every if f.key == key), "ErrorFolderNotFound")

    def _getfolder(self, request: Request, mailbox: str, fault: Fault | None) -> str:
        found = []
        for key in request.ids:
            folder = fault.kind if fault else self._find(request, key, mailbox)
            if isinstance(folder, str):
                found.append(_error(request.operation, folder, "<m:Folders/>"))
            else:
                inside = f"<m:Folders>{_folder(folder, request)}</m:Folders>"
                found.append(_success(request.operation, inside))
        return self._messages(request.operation, found)

    def _findfolder(self, request: Request, mailbox: str, fault: Fault | None) -> str:
        folder = fault.kind if fault else self._find(request, request.ids[0], mailbox)
        if isinstance(folder, str):
            return self._messages("", [_error(request.operation, folder)])
        deep = request.body.get("Traversal") == "Deep"
        below = folder.all()[1:] if deep else folder.children
        inside = "".join(_folder(one, request) for one in below)
        page = (
            f'<m:RootFolder IndexedPagingOffset="{len(below)}" TotalItemsInView="{len(below)}"'
            f' IncludesLastItemInRange="true"><t:Folders>{inside}</t:Folders></m:RootFolder>'
        )
        return self._messages("", [_success(request.operation, page)])

    def _finditem(self, request: Request, mailbox: str, fault: Fault | None) -> str:
        folder = fault.kind if fault else self._find(request, request.ids[0], mailbox)
        if isinstance(folder, str):
            return self._messages("", [_error(request.operation, folder)])
        wanted = fields_of(request)
        if wanted & items.NOT_IN_LISTS:
            return self._messages("", [_error(request.operation, "ErrorInvalidPropertyRequest")])
        keep = condition(request)
        order = request.find("m:SortOrder")
        chosen = [item for item in folder.items.values() if keep(item)]
        if order is not None:
            down = order[0].get("Order") == "Descending"
            by = DATES[order[0][0].get("FieldURI")]
            chosen.sort(key=lambda item: str(getattr(item, by)), reverse=down)
        else:
            chosen.reverse()
        view = request.find("m:IndexedPageItemView")
        if view is None:
            raise Refused("FindItem without IndexedPageItemView")
        start = int(view.get("Offset", "0"))
        size = min(int(view.get("MaxEntriesReturned", "1000")), LARGEST_PAGE)
        end = min(start + size, len(chosen))
        inside = "".join(self._item(item, wanted) for item in chosen[start:end])
        last = str(end >= len(chosen)).lower()
        page = (
            f'<m:RootFolder IndexedPagingOffset="{end}" TotalItemsInView="{len(chosen)}"'
            f' IncludesLastItemInRange="{last}"><t:Items>{inside}</t:Items></m:RootFolder>'
        )
        return self._messages("", [_success(request.operation, page)])

    def _item(self, item: Item, wanted: frozenset[str]) -> str:
        if item.broken and wanted & items.NOT_IN_LISTS:
            return items.render(item, wanted)
        found = self._rendered.get((item.key, wanted))
        if found is None:
            found = items.render(replace(item, broken=False), wanted)
            self._rendered[item.key, wanted] = found
        return found

    def _getitem(self, request: Request, mailbox: str, fault: Fault | None) -> str:
        wanted = fields_of(request)
        box = self.boxes.get(mailbox)
        folders = [one for f in box.folders.values() for one in f.all()] if box else []
        found = []
        for place, key in enumerate(request.ids):
            item = next((f.items[key] for f in folders if key in f.items), None)
            if place >= self.dialect.most_items:
                found.append(_error(request.operation, "ErrorServerBusy", "<m:Items/>"))
            elif wanted & self.without_fields:
                code = "ErrorInvalidPropertyRequest"
                found.append(_error(request.operation, code, "<m:Items/>"))
            elif fault and (not fault.items or key in fault.items):
                found.append(_error(request.operation, fault.kind, "<m:Items/>"))
            elif item is None:
                found.append(_error(request.operation, "ErrorItemNotFound", "<m:Items/>"))
            else:
                inside = f"<m:Items>{self._item(item, wanted)}</m:Items>"
                found.append(_success(request.operation, inside))
        return self._messages(request.operation, found)

    def _syncfolderitems(self, request: Request, mailbox: str, fault: Fault | None) -> str:
        folder = fault.kind if fault else self._find(request, request.ids[0], mailbox)
        after = "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"
        if isinstance(folder, str):
            return self._messages("", [_error(request.operation, folder, after)])
        wanted = fields_of(request)
        if wanted & items.NOT_IN_LISTS:
            code = "ErrorInvalidPropertyRequest"
            return self._messages("", [_error(request.operation, code, after)])
        given = request.text("m:SyncState")
        try:
            state = json.loads(base64.b64decode(given)) if given else None
            at, back = (len(folder.log), len(folder.log)) if state is None else state
        except ValueError:
            code = "ErrorInvalidSyncStateData"
            return self._messages("", [_error(request.operation, code, after)])
        most = min(int(request.text("m:MaxChangesReturned") or 0), SYNC_AT_ONCE)
        # The newest first until all that was there is told, then what happened since.
        told = folder.log[max(0, back - most) : back][::-1]
        back -= len(told)
        since = folder.log[at : at + most - len(told)] if not back else []
        at += len(since)
        changes = "".join(self._change(folder, *change, wanted) for change in [*told, *since])
        state = base64.b64encode(json.dumps([at, back]).encode()).decode()
        last = str(not back and at == len(folder.log)).lower()
        if self.not_advancing and given:
            state, last = given, "false"
        inside = (
            f"<m:SyncState>{state}</m:SyncState>"
            f"<m:IncludesLastItemInRange>{last}</m:IncludesLastItemInRange>"
            f"<m:Changes>{changes}</m:Changes>"
        )
        return self._messages("", [_success(request.operation, inside)])

    def _change(self, folder: Folder, kind: str, key: str, wanted: frozenset[str]) -> str:
        if kind == "Delete":
            inside = f'<t:ItemId Id={quoteattr(key)} ChangeKey="CQAAAA=="/>'
        elif key in folder.items:
            inside = self._item(folder.items[key], wanted)
        else:
            return ""
        return f"<t:{kind}>{inside}</t:{kind}>"

    def _resolvenames(self, request: Request, mailbox: str, fault: Fault | None) -> str:
        found = []
        for entry in request.body.findall("m:UnresolvedEntry", request.names):
            person = None if fault else self.book.get((entry.text or "").lower())
            if person is None:
                code = fault.kind if fault else "ErrorNameResolutionNoResults"
                found.append(_error(request.operation, code))
                continue
            several = [person] if isinstance(person, Person) else person
            inside = "".join(f"<t:Resolution>{items.person(one)}</t:Resolution>" for one in several)
            inside = (
                f'<m:ResolutionSet TotalItemsInView="{len(several)}" '
                f'IncludesLastItemInRange="true">{inside}</m:ResolutionSet>'
            )
            found.append(_success(request.operation, inside))
        return self._messages("", found)

    def _expanddl(self, request: Request, mailbox: str, fault: Fault | None) -> str:
        address = request.text("m:Mailbox/t:EmailAddress").lower()
        members = None if fault else self.groups.get(address)
        if members is None:
            code = fault.kind if fault else "ErrorNameResolutionNoResults"
            return self._messages("", [_error(request.operation, code)])
        inside = "".join(map(items.person, members))
        expansion = (
            f'<m:DLExpansion TotalItemsInView="{len(members)}" IncludesLastItemInRange="true">'
            f"{inside}</m:DLExpansion>"
        )
        return self._messages("", [_success(request.operation, expansion)])

    def _getattachment(self, request: Request, mailbox: str, fault: Fault | None) -> str:
        box = self.boxes.get(mailbox)
        found = []
        for place, key in enumerate(request.ids):
            parent, _, number = key.rpartition("/a")
            folders = [one for f in box.folders.values() for one in f.all()] if box else []
            item = next((f.items[parent] for f in folders if parent in f.items), None)
            if place >= self.dialect.most_items:
                found.append(_error(request.operation, "ErrorServerBusy"))
                continue
            if fault or item is None:
                code = fault.kind if fault else "ErrorItemNotFound"
                found.append(_error(request.operation, code))
                continue
            file: File = item.files[int(number)]
            inside = items.attachment(file, key, content=True)
            found.append(_success(request.operation, f"<m:Attachments>{inside}</m:Attachments>"))
        return self._messages("", found)

    def _convertid(self, request: Request, mailbox: str, fault: Fault | None) -> str:
        return self._messages("", [_error(request.operation, "ErrorInvalidIdMalformed")])

    def _getservertimezones(self, request: Request, mailbox: str, fault: Fault | None) -> str:
        zone = '<t:TimeZoneDefinition Id="UTC" Name="(UTC) Coordinated Universal Time"/>'
        inside = f"<m:TimeZoneDefinitions>{zone}</m:TimeZoneDefinitions>"
        return self._messages("", [_success(request.operation, inside)])


def _folder(folder: Folder, request: Request) -> str:
    wanted = fields_of(request)
    inside = f'<t:FolderId Id={quoteattr(folder.key)} ChangeKey="AQAAAA=="/>'
    values = {
        "FolderClass": "IPF.Note",
        "DisplayName": escape(folder.name),
        "TotalCount": str(len(folder.items)),
        "ChildFolderCount": str(len(folder.children)),
    }
    base = request.text(".//t:BaseShape")
    for name, value in values.items():
        if f"folder:{name}" in wanted or base == "Default":
            inside += f"<t:{name}>{value}</t:{name}>"
    return f"<t:Folder>{inside}</t:Folder>"


def _success(operation: str, inside: str) -> str:
    tag = f"m:{operation}ResponseMessage"
    code = "<m:ResponseCode>NoError</m:ResponseCode>"
    return f'<{tag} ResponseClass="Success">{code}{inside}</{tag}>'


def _error(operation: str, code: str, after: str = "") -> str:
    tag = f"m:{operation}ResponseMessage"
    return (
        f'<{tag} ResponseClass="Error"><m:MessageText>It failed.</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"
        f"{after}</{tag}>"
    )


def _broken(fault: Fault) -> Answer | None:
    """Return the answer to a call that fails as a whole; None for an error within the answer."""
    if fault.kind == "cut":
        return Answer(200, cut=True)
    if fault.kind == "page":
        return Answer(200, b"<!DOCTYPE html><html><body>Please log in<br></body></html>")
    if fault.kind == "unauthorised":
        return Answer(401, headers={"WWW-Authenticate": 'Basic realm="ews"'})
    if fault.kind == "unavailable":
        seconds = int(fault.back_off)
        return Answer(503, headers={"Retry-After": str(seconds)} if seconds else {})
    if fault.kind == "busy":
        value = f'<t:Value Name="BackOffMilliseconds">{int(fault.back_off * 1000)}</t:Value>'
        return _fault("ErrorServerBusy", "The server cannot service this request.", value)
    if fault.kind.startswith("ErrorImpersonat"):
        return _fault(fault.kind, "The account does not have permission to impersonate.")
    return None


def _fault(code: str, text: str, value: str = "") -> Answer:
    errors = "http://schemas.microsoft.com/exchange/services/2006/errors"
    xml = f"<t:MessageXml>{value}</t:MessageXml>" if value else ""
    inside = (
        '<s:Fault><faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">'
        f"a:{code}</faultcode><faultstring>{escape(text)}</faultstring><detail>"
        f'<e:ResponseCode xmlns:e="{errors}">{code}</e:ResponseCode>'
        f'<e:Message xmlns:e="{errors}">{escape(text)}</e:Message>{xml}</detail></s:Fault>'
    )
    return Answer(500, _ENVELOPE.format(inside).encode())


def _plain_fault(text: str, code: str = "Client") -> Answer:
    """Return a fault as servers other than Microsoft's answer it, without detail."""
    inside = (
        f"<s:Fault><faultcode>{code}</faultcode><faultstring>{escape(text)}</faultstring></s:Fault>"
    )
    return Answer(200, _ENVELOPE.format(inside).encode())


def parsed(body: bytes) -> Any:
    """Return an answer as XML, for tests of the fake itself."""
    return etree.fromstring(body)
