"""What is asked of one Exchange server, call by call. Lives in a worker process of one source.

Requests keep to what every server of the protocol has, and do with less where one lacks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exchangelib.util import create_element

from scanner.connectors import ews_answers, ews_items
from scanner.connectors.ews_answers import BUSY, code_of, refusal
from scanner.connectors.ews_items import (
    ATTENDEES,
    ESSENTIAL,
    FIELDS,
    LISTED,
    MESSAGES,
    TYPES,
    Content,
    Found,
    mark,
)
from scanner.connectors.ews_session import BrokenAnswerError, Session
from scanner.errors import (
    CheckpointLostError,
    ConnectorError,
    NotEnabledError,
    UnreadableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from scanner.connectors.ews_access import Access

    Dates = tuple[datetime | None, datetime | None]
    Levels = Sequence[Sequence[str]]
    """Fields to ask for, and those to ask for where a server does not have the ones before."""

LISTED_AT_ONCE = 1_000
CHANGES_AT_ONCE = 512
MOST_AT_ONCE = 20
FETCHED_AT_ONCE = 128
BYTES_AT_ONCE = 8 * 1024 * 1024
LARGEST_FILE = 100 * 1024 * 1024
"""So long an attachment may be; the readers of attachments have a lower bound of their own."""

_NO_SUCH_FIELD = {
    "ErrorInvalidPropertyRequest", "ErrorInvalidPropertyForOperation", "ErrorSchemaValidation",
    "ErrorInvalidRequest", "ErrorUnsupportedPathForQuery", "ErrorInvalidExtendedProperty",
}  # fmt: skip


@dataclass(slots=True)
class Place:
    """A folder: by the name that every mailbox has it under, or by its own id."""

    name: str
    key: str = ""
    shown: str = ""
    problem: ConnectorError | None = None
    """Why it cannot be read, where it cannot."""


@dataclass(slots=True)
class Sheet:
    """Some messages of a folder, and where the next ones begin."""

    at: dict[str, Any]
    last: bool
    found: list[Found] = field(default_factory=list)


@dataclass(slots=True)
class _Listed:
    """What the list of a folder said."""

    entries: list[tuple[str, Dates]]
    at: dict[str, Any]
    last: bool


class Server:
    """Answers questions about the mailboxes of one Exchange server."""

    def __init__(self, access: Access) -> None:
        self._session = Session(access)
        self._levels: Levels = ((*FIELDS, *ATTENDEES), FIELDS, ESSENTIAL)

    def endpoint(self, mailbox: str) -> str:
        """Return the address of the service that autodiscover finds for a mailbox."""
        return self._session.endpoint(mailbox)

    # --- folders ------------------------------------------------------------------------------

    def folders(self, mailbox: str, names: Sequence[str]) -> list[Place]:
        """Return the folders of these names with those below them, and which cannot be read."""
        plain = [name for name in names if name != ARCHIVE]
        found: list[Place] = []
        for name, answer in zip(plain, self._get_folders(mailbox, plain), strict=True):
            if isinstance(answer, ConnectorError):
                found.append(Place(name, problem=answer))
                continue
            place = Place(name, shown=ews_items.text(answer, "DisplayName"))
            found.append(place)
            if ews_items.text(answer, "ChildFolderCount") not in {"", "0"}:
                found += self._listed(mailbox, place)
        return found + (self._archived(mailbox, found) if ARCHIVE in names else [])

    def _get_folders(self, mailbox: str, names: Sequence[str]) -> list[Any]:
        """Return each folder as the server shows it, or the error that says why it does not."""
        payload = create_element("m:GetFolder")
        payload.append(_shape("m:FolderShape", _FOLDER))
        payload.append(_folder_ids("m:FolderIds", mailbox, [Place(name) for name in names]))
        try:
            answers = self._ask(mailbox, payload)
        except ews_answers.UnsupportedError as error:
            if len(names) < 2:
                return [error]
            # There are servers that refuse the call for one name that they do not know.
            apart = [one for name in names for one in self._get_folders(mailbox, [name])]
            if all(isinstance(one, ConnectorError) for one in apart):
                return apart
            unknown = NotEnabledError("the server knows no folder of that name")
            return [
                unknown if isinstance(one, ews_answers.UnsupportedError) else one for one in apart
            ]
        found: list[Any] = []
        for message in answers:
            key = next(message.iter(f"{TYPES}FolderId"), None)
            code = code_of(message)
            found.append(refusal(code) if key is None else key.getparent())
        unsaid = ConnectorError("the server says nothing about it")
        return (found + [unsaid] * len(names))[: len(names)]

    def _ask(self, mailbox: str, payload: Any) -> list[Any]:
        """Return the response messages to a request whose answer cannot be asked for in parts."""
        try:
            return self._session.send(mailbox, payload)
        except BrokenAnswerError as error:
            raise ews_answers.UnreachableError(ews_answers.NO_EWS) from error

    def _told(self, mailbox: str, payload: Any) -> Any:
        """Return the one response message to a request; raises what it refuses."""
        message = next(iter(self._ask(mailbox, payload)), None)
        if message is None:
            raise ConnectorError("the server says nothing about it")
        if (code := code_of(message)) != "NoError":
            raise refusal(code)
        return message

    def _listed(self, mailbox: str, parent: Place) -> list[Place]:
        """Return the mail folders below one, or the one place that says why they are not known."""
        try:
            return self._below(mailbox, parent)
        except ConnectorError as error:
            return [Place(f"{parent.name}, folders below", problem=error)]

    def _below(self, mailbox: str, parent: Place) -> list[Place]:
        found: list[Place] = []
        offset, last = 0, False
        while not last:
            payload = create_element("m:FindFolder", attrs={"Traversal": "Deep"})
            payload.append(_shape("m:FolderShape", (*_FOLDER, "folder:FolderClass")))
            view = {"MaxEntriesReturned": str(LISTED_AT_ONCE), "Offset": str(offset)}
            view["BasePoint"] = "Beginning"
            payload.append(create_element("m:IndexedPageFolderView", attrs=view))
            payload.append(_folder_ids("m:ParentFolderIds", mailbox, [parent]))
            message = self._told(mailbox, payload)
            keys = list(message.iter(f"{TYPES}FolderId"))
            root = message.find(f"{MESSAGES}RootFolder")
            last = not keys or root is None or _is_true(root.get("IncludesLastItemInRange"))
            offset += len(keys)
            for key in keys:
                kind = ews_items.text(key.getparent(), "FolderClass")
                if not kind or kind.lower().startswith("ipf.note"):
                    shown = ews_items.text(key.getparent(), "DisplayName")
                    path = f"{parent.shown}/{shown}" if parent.shown else shown
                    found.append(Place(parent.name, key.get("Id", ""), path))
        return found

    def _archived(self, mailbox: str, primary: Sequence[Place]) -> list[Place]:
        """Return the folders of the archive mailbox that are called as the one of sent items."""
        sent = next((p.shown for p in primary if p.name == "sentitems" and p.shown), "Sent Items")
        try:
            every = self._below(mailbox, Place("archivemsgfolderroot"))
        except ConnectorError as error:
            return [Place(ARCHIVE, problem=error)]
        found = [p for p in every if p.shown.lower() in {sent.lower(), "sent items"}]
        return [Place(ARCHIVE, p.key, f"Archive/{p.shown}") for p in found]

    # --- messages -----------------------------------------------------------------------------

    def page(
        self,
        mailbox: str,
        place: Place,
        at: dict[str, Any],
        window: tuple[datetime | None, datetime | None],
    ) -> Sheet:
        """Return the next messages of a folder behind `at` that lie in a window."""
        listed = self._list(mailbox, place, at)
        seen = set(at.get("seen", ()))
        keys = [
            key
            for key, dates in dict(listed.entries).items()
            if mark(key) not in seen and _within(dates, window)
        ]
        return Sheet(listed.at, listed.last, self._messages(mailbox, keys))

    def _list(self, mailbox: str, place: Place, at: dict[str, Any]) -> _Listed:
        if "made" in at:
            return self._found(mailbox, place, at)
        try:
            return self._changed(mailbox, place, at)
        except (ews_answers.UnsupportedError, CheckpointLostError):
            if at.get("sync"):
                raise
            return self._found(mailbox, place, {"made": "", "offset": 0})

    def _changed(self, mailbox: str, place: Place, at: dict[str, Any]) -> _Listed:
        """Ask what was added to a folder since, by SyncFolderItems."""
        before = at.get("sync", "")
        payload = create_element("m:SyncFolderItems")
        payload.append(_shape("m:ItemShape", LISTED))
        payload.append(_folder_ids("m:SyncFolderId", mailbox, [place]))
        if before:
            _child(payload, "m:SyncState", before)
        _child(payload, "m:MaxChangesReturned", str(CHANGES_AT_ONCE))
        message = self._told(mailbox, payload)
        state = (message.findtext(f"{MESSAGES}SyncState") or "").strip()
        last = _is_true(message.findtext(f"{MESSAGES}IncludesLastItemInRange"))
        if not last and state in {before, ""}:
            raise ConnectorError(
                "the server gives the same part of the folder again and again (its sync state "
                "does not advance); repair the mailbox, then scan again"
            )
        # What was changed, flagged or deleted since was read when it was new.
        created = message.iterfind(f"{MESSAGES}Changes/{TYPES}Create/*")
        return _Listed(
            [(ews_items.key_of(item), ews_items.dates_of(item)) for item in created],
            {"sync": state or before},
            last,
        )

    def _found(self, mailbox: str, place: Place, at: dict[str, Any]) -> _Listed:
        """Ask for a folder's items in the order they came, by FindItem: some servers cannot sync.

        The next page begins at the last item's time, not behind a count: what is deleted meanwhile
        must not move anything out of sight.
        """
        made, offset = str(at["made"]), int(at["offset"])
        payload = create_element("m:FindItem", attrs={"Traversal": "Shallow"})
        payload.append(_shape("m:ItemShape", (*LISTED, _MADE)))
        view = {"MaxEntriesReturned": str(LISTED_AT_ONCE), "Offset": str(offset)}
        payload.append(
            create_element("m:IndexedPageItemView", attrs=view | {"BasePoint": "Beginning"})
        )
        if made:
            payload.append(_at_least(_MADE, made))
        order = create_element("m:SortOrder")
        order.append(create_element("t:FieldOrder", attrs={"Order": "Ascending"}))
        order[0].append(create_element("t:FieldURI", attrs={"FieldURI": _MADE}))
        payload.append(order)
        payload.append(_folder_ids("m:ParentFolderIds", mailbox, [place]))
        message = self._told(mailbox, payload)
        root = message.find(f"{MESSAGES}RootFolder")
        items = list(message.iterfind(f"{MESSAGES}RootFolder/{TYPES}Items/*"))
        last = not items or root is None or _is_true(root.get("IncludesLastItemInRange"))
        times = [ews_items.text(item, "DateTimeCreated") for item in items]
        newest = max(times, default="") or made
        same = [ews_items.key_of(i) for i, t in zip(items, times, strict=True) if t == newest]
        stuck = newest == made
        seen = [*at.get("seen", ())] if stuck else []
        return _Listed(
            [(ews_items.key_of(item), ews_items.dates_of(item)) for item in items],
            {
                "made": newest,
                "offset": offset + len(items) if stuck and not last else 0,
                "seen": sorted({*seen, *map(mark, same)}),
            },
            last,
        )

    def _messages(self, mailbox: str, keys: Sequence[str]) -> list[Found]:
        """Return the messages with these ids, in their order."""
        found = []
        for begin in range(0, len(keys), FETCHED_AT_ONCE):
            chunk = keys[begin : begin + FETCHED_AT_ONCE]
            for key, item, problem in self._items(mailbox, chunk, self._levels):
                try:
                    one = Found(key, problem=problem) if item is None else _named(key, item)
                except (ValueError, LookupError, AttributeError, TypeError) as error:
                    one = Found(key, problem=f"could not be taken apart ({type(error).__name__})")
                found.append(one)
        return found

    def _items(
        self, mailbox: str, keys: Sequence[str], levels: Levels, *, body: bool = False
    ) -> Iterator[tuple[str, Any, str]]:
        """Yield each id with its item, or with the reason why there is none.

        A server that does not have the fields of one level is asked for those of the next. Where an
        answer cannot be read, its halves are asked for: one item that breaks it costs itself only.
        """
        payload = create_element("m:GetItem")
        payload.append(_shape("m:ItemShape", levels[0], body=body))
        payload.append(_ids("m:ItemIds", "t:ItemId", keys))
        try:
            answers = self._session.send(mailbox, payload, splittable=len(keys) > 1)
            if len(answers) != len(keys):
                raise BrokenAnswerError  # noqa: TRY301
        except BrokenAnswerError:
            if len(keys) == 1:
                yield keys[0], None, "the server's answer about it cannot be read"
                return
            middle = len(keys) // 2
            yield from self._items(mailbox, keys[:middle], levels, body=body)
            yield from self._items(mailbox, keys[middle:], levels, body=body)
            return
        except ews_answers.UnsupportedError:
            if len(levels) == 1:
                raise
            answers = []
        codes = [code_of(answer) for answer in answers]
        if len(levels) > 1 and set(codes) <= _NO_SUCH_FIELD:
            if len(keys) > 1 and not body:
                self._levels = levels[1:]  # of a single one it may be the item's own fault
            yield from self._items(mailbox, keys, levels[1:], body=body)
            return
        if set(codes) == {"ErrorAccessDenied"}:
            raise refusal("ErrorAccessDenied")
        given = next((n for n, code in enumerate(codes) if code in BUSY), len(codes))
        for code in codes[:1] if not given else set(codes[:given]) & ews_answers.PARKED.keys():
            raise refusal(code)  # not the items' fault
        for key, answer, code in zip(keys[:given], answers, codes, strict=False):
            item = next(answer.iterfind(f"{MESSAGES}Items/*"), None)
            if code == "NoError" and item is not None:
                yield key, item, ""
            else:
                yield key, None, ews_answers.item_problem(code)
        # A server that gives so many at a time, and no more.
        for begin in range(given, len(keys), given):
            yield from self._items(mailbox, keys[begin : begin + given], levels, body=body)

    # --- content ------------------------------------------------------------------------------

    def texts(self, mailbox: str, wanted: Sequence[str]) -> dict[str, Content]:
        """Return the text of the messages with these ids, and what is attached to them."""
        return self._contents(mailbox, wanted, files=False)

    def contents(self, mailbox: str, wanted: Sequence[str]) -> dict[str, Content]:
        """Return the text and the attachments of the messages with these ids."""
        return self._contents(mailbox, wanted, files=True)

    def _contents(self, mailbox: str, wanted: Sequence[str], *, files: bool) -> dict[str, Content]:
        levels = (("item:Body", "item:Attachments"), ("item:Body",))
        found = {}
        for key, item, problem in self._items(mailbox, wanted, levels, body=True):
            if item is None:
                found[key] = Content([], [], [], f"its text: {problem}")
                continue
            plain, html = ews_items.body_of(item)
            listed = ews_items.attachments(item)
            found[key] = Content(plain, html, [(one, None) for one in listed])
            if files and listed:
                self._fill(mailbox, found[key])
        return found

    def _fill(self, mailbox: str, content: Content) -> None:
        """Fetch the bytes of a message's attachments, some at a time."""
        wanted = [
            (number, one)
            for number, (one, _) in enumerate(content.files)
            if one.key and one.size <= LARGEST_FILE and not one.media_type.startswith("image/")
        ]
        missing = sum(one.size > LARGEST_FILE for one, _ in content.files)
        while wanted:
            chunk, weight = [wanted.pop(0)], 0
            weight = chunk[0][1].size
            while wanted and len(chunk) < 20 and weight + wanted[0][1].size <= BYTES_AT_ONCE:
                chunk.append(wanted.pop(0))
                weight += chunk[-1][1].size
            payload = create_element("m:GetAttachment")
            shape = create_element("m:AttachmentShape")
            _child(shape, "t:IncludeMimeContent", "true")
            payload.append(shape)
            keys = [one.key for _, one in chunk]
            payload.append(_ids("m:AttachmentIds", "t:AttachmentId", keys))
            try:
                answers = self._session.send(mailbox, payload, splittable=True)
            except (BrokenAnswerError, ConnectorError):
                answers = []
            later = [pair for pair, a in zip(chunk, answers, strict=False) if code_of(a) in BUSY]
            if len(later) < len(chunk):
                wanted[:0] = later  # it gives so many at a time, and no more
            else:
                later = []
            for (number, one), answer in zip(chunk, answers, strict=False):
                if (number, one) in later:
                    continue
                inside = next(answer.iterfind(f"{MESSAGES}Attachments/*"), None)
                data = None if inside is None else ews_items.bytes_of(inside)
                content.files[number] = one, data
                missing += data is None
            missing += len(chunk) - min(len(chunk), len(answers))
        if missing:
            content.unread = f"attachments that the server did not give: {missing}"

    # --- whole messages -----------------------------------------------------------------------

    def sent_at(self, mailbox: str, place: Place, at: datetime) -> list[str]:
        """Return the ids of the messages of a folder that were sent in that second, a few at most.

        What is too long to be given out whole is left out.
        """
        payload = create_element("m:FindItem", attrs={"Traversal": "Shallow"})
        payload.append(_shape("m:ItemShape", (*LISTED, "item:Size")))
        view = {"MaxEntriesReturned": str(MOST_AT_ONCE), "Offset": "0", "BasePoint": "Beginning"}
        payload.append(create_element("m:IndexedPageItemView", attrs=view))
        second = at.replace(microsecond=0)
        payload.append(_between("item:DateTimeSent", second, second + timedelta(seconds=1)))
        payload.append(_folder_ids("m:ParentFolderIds", mailbox, [place]))
        (message,) = self._session.send(mailbox, payload)
        if (code := code_of(message)) != "NoError":
            raise refusal(code)
        items = message.iterfind(f"{MESSAGES}RootFolder/{TYPES}Items/*")
        return [ews_items.key_of(i) for i in items if ews_items.size_of(i) <= LARGEST_FILE]

    def whole(self, mailbox: str, key: str) -> bytes:
        """Return a message as MIME, nothing where it has gone meanwhile."""
        payload = create_element("m:GetItem")
        payload.append(_shape("m:ItemShape", ("item:Size",), mime=True))
        payload.append(_ids("m:ItemIds", "t:ItemId", [key]))
        try:
            (message,) = self._session.send(mailbox, payload)
        except (BrokenAnswerError, ValueError):
            raise UnreadableError("the server's answer about it cannot be read") from None
        code = code_of(message)
        if code == "ErrorItemNotFound":
            return b""
        item = next(message.iterfind(f"{MESSAGES}Items/*"), None)
        content = None if item is None else ews_items.mime_of(item)
        if code != "NoError" or content is None:
            raise UnreadableError(ews_answers.item_problem(code))
        return content

    # --- address book -------------------------------------------------------------------------

    def resolve(self, mailbox: str, name: str) -> tuple[str, str]:
        """Return (address, kind) of an Exchange name or address, empty where none is known."""
        payload = create_element(
            "m:ResolveNames",
            attrs={"ReturnFullContactData": "false", "SearchScope": "ActiveDirectory"},
        )
        _child(payload, "m:UnresolvedEntry", name)
        for message in self._session.send(mailbox, payload):
            boxes = list(message.iter(f"{TYPES}Mailbox"))
            if len(boxes) > 1:
                boxes = [b for b in boxes if ews_items.text(b, "EmailAddress").lower() == name]
            if len(boxes) == 1:  # of several candidates none is sure to be meant
                address = ews_items.text(boxes[0], "EmailAddress")
                if "@" in address:
                    return address, ews_items.text(boxes[0], "MailboxType").lower()
        return "", ""

    def members(self, mailbox: str, group: str) -> list[tuple[str, str]] | None:
        """Return (address, kind) of a distribution list's members, one level; None if hidden."""
        payload = create_element("m:ExpandDL")
        box = create_element("m:Mailbox")
        _child(box, "t:EmailAddress", group)
        payload.append(box)
        message = next(iter(self._session.send(mailbox, payload)), None)
        allowed = {"NoError", "ErrorNameResolutionMultipleResults"}
        if message is None or code_of(message) not in allowed:
            return None
        return [
            (ews_items.text(box, "EmailAddress"), ews_items.text(box, "MailboxType").lower())
            for box in message.iter(f"{TYPES}Mailbox")
        ]


ARCHIVE = "archive"
_MADE = "item:DateTimeCreated"
_FOLDER = ("folder:DisplayName", "folder:TotalCount", "folder:ChildFolderCount")


def _child(parent: Any, name: str, text: str) -> None:
    child = create_element(name)
    child.text = text
    parent.append(child)


def _shape(tag: str, fields: Sequence[str], *, body: bool = False, mime: bool = False) -> Any:
    shape = create_element(tag)
    _child(shape, "t:BaseShape", "IdOnly")
    if mime:
        _child(shape, "t:IncludeMimeContent", "true")
    if body:
        _child(shape, "t:BodyType", "Best")
    further = create_element("t:AdditionalProperties")
    for name in fields:
        further.append(create_element("t:FieldURI", attrs={"FieldURI": name}))
    shape.append(further)
    return shape


def _ids(tag: str, each: str, keys: Sequence[str]) -> Any:
    ids = create_element(tag)
    for key in keys:
        ids.append(create_element(each, attrs={"Id": key}))
    return ids


def _folder_ids(tag: str, mailbox: str, places: Sequence[Place]) -> Any:
    ids = create_element(tag)
    for place in places:
        if place.key:
            ids.append(create_element("t:FolderId", attrs={"Id": place.key}))
            continue
        named = create_element("t:DistinguishedFolderId", attrs={"Id": place.name})
        box = create_element("t:Mailbox")
        _child(box, "t:EmailAddress", mailbox)
        named.append(box)
        ids.append(named)
    return ids


def _at_least(field_uri: str, value: str) -> Any:
    restriction = create_element("m:Restriction")
    restriction.append(_test("t:IsGreaterThanOrEqualTo", field_uri, value))
    return restriction


def _between(field_uri: str, since: datetime, until: datetime) -> Any:
    both = create_element("t:And")
    both.append(_test("t:IsGreaterThanOrEqualTo", field_uri, f"{since:%Y-%m-%dT%H:%M:%SZ}"))
    both.append(_test("t:IsLessThan", field_uri, f"{until:%Y-%m-%dT%H:%M:%SZ}"))
    restriction = create_element("m:Restriction")
    restriction.append(both)
    return restriction


def _test(tag: str, field_uri: str, value: str) -> Any:
    test = create_element(tag)
    test.append(create_element("t:FieldURI", attrs={"FieldURI": field_uri}))
    constant = create_element("t:FieldURIOrConstant")
    constant.append(create_element("t:Constant", attrs={"Value": value}))
    test.append(constant)
    return test


def _is_true(value: str | None) -> bool:
    return (value or "").strip().lower() in {"true", "1"}


def _within(dates: Dates, window: tuple[datetime | None, datetime | None]) -> bool:
    """Tell whether a window may hold an item; one whose clock was wrong is looked at closely."""
    since, until = window
    sent, received = dates
    near = [date for date in (sent, received) if date is not None]
    return not near or any(
        (since is None or date >= since) and (until is None or date < until) for date in near
    )


def _named(key: str, item: Any) -> Found:
    found = ews_items.message_of(item)
    found.key = key
    return found
