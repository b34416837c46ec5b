"""Outlook stores, .pst and .ost, through libpff: folders as units, messages by their properties.

A store's password only makes Outlook ask for it; such a store opens here like any other.
"""

from __future__ import annotations

import base64
import io
import json
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pypff

from scanner import mime
from scanner.addresses import normalise, one_line
from scanner.connectors.base import Original, Page
from scanner.connectors.outlook import (
    AUTHOR,
    BROKEN,
    CLASS,
    CODEPAGE,
    EMBEDDED,
    HEADERS,
    MAX_RECIPIENTS,
    METHOD,
    NAME,
    SENDER,
    STRING_CODEPAGE,
    WANTED,
    build,
    codec_of,
    decode,
    not_mail,
    number_of,
    part_of,
    text_of,
)
from scanner.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import ExitStack

    from scanner.connectors.tree import File, Shelf
    from scanner.messages import MessageBatch
    from scanner.properties import SourceMessage


@dataclass(frozen=True, slots=True)
class StoreFolder:
    """What a survey says of one folder of a store."""

    path: str
    identifier: int
    messages: int
    others: Mapping[str, int]
    """Items that are no messages: what they are, and how many."""

    listed: bool
    """Whether a person sees it: one below the top of the store, no search or settings folder."""

    problem: str = ""


_ORPHANS = -1

PROPERTIES = (
    "an Outlook store holds properties and no message text: these are all that it gives, as base64"
)


class StoreFile:
    """A .pst or .ost file; what is damaged in it costs the damaged part only."""

    def __init__(self, file: File, shelf: Shelf) -> None:
        self.file, self._shelf = file, shelf

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Give the opened store; raises `UnreadableError` where it cannot be opened."""
        with self._shelf.take(f"{self.file.key}\x00store", self._open) as store:
            yield store

    def _open(self, stack: ExitStack) -> Any:
        source = stack.enter_context(self.file.seekable())
        store = pypff.file()
        try:
            store.open_file_object(source)
        except BROKEN as error:
            missing = shortfall(source)
            raise UnreadableError(missing or "damaged: the store cannot be opened") from error
        stack.callback(store.close)
        return store

    def survey(self) -> tuple[str, list[StoreFolder], str]:
        """Return the owner's address if the store names one, its folders, and what is missing."""
        with self.file.seekable() as source:
            missing = shortfall(source)
        with self.opened() as store:
            try:
                values = _values(store.get_message_store(), store, frozenset([NAME, 0x35E0]))
            except BROKEN:
                values = {}
            entry_id = values.get(0x35E0)
            top = entry_id[-4:] if isinstance(entry_id, bytes) else b""
            folders = list(_folders(store, int.from_bytes(top, "little")))
        owner = text_of(values, NAME).strip()
        return owner, folders, missing


def shortfall(source: Any) -> str:
    """Return what a store lacks of the length its header gives, empty when nothing."""
    source.seek(0)
    head = source.read(200)
    size = source.seek(0, io.SEEK_END)
    if len(head) < 200:
        return "cut short within its header"
    wide = int.from_bytes(head[10:12], "little") >= 20
    full = (
        struct.unpack_from("<Q", head, 184)[0] if wide else struct.unpack_from("<L", head, 168)[0]
    )
    if size >= full:
        return ""
    return f"cut short: {size:,} of {full:,} bytes are there"


def _root(store: Any) -> Any:
    try:
        root = store.get_root_folder()
    except BROKEN as error:
        raise UnreadableError("damaged: its folders cannot be listed") from error
    if root is None:
        raise UnreadableError("damaged: it has no folders")
    return root


def _folders(store: Any, top: int) -> Iterator[StoreFolder]:
    """Yield the folders of a store, those below its top with paths from there."""
    taken: set[str] = set()
    seen: set[int] = set()  # a damaged store may lead in circles
    todo = [(_root(store), "", False)]
    while todo:
        folder, parent, listed = todo.pop()
        path, listed, found = _folder(store, folder, parent, top=top, listed=listed)
        if found is not None:
            unique, count = path, 1
            while unique in taken:
                unique, count = f"{path} ({count + 1})", count + 1
            taken.add(unique)
            yield StoreFolder(unique, *found)
        children = []
        for index in range(_count(folder, "number_of_sub_folders")):
            try:
                child = folder.get_sub_folder(index)
            except BROKEN:
                yield StoreFolder(path, 0, 0, {}, listed, "a folder below it cannot be opened")
                continue
            # Search folders (type 3) show messages that lie elsewhere.
            if child is not None and child.identifier not in seen:
                seen.add(child.identifier)
                if child.identifier & 0x1F != 3:
                    children.append((child, path, listed))
        todo.extend(reversed(children))
    orphans = _count(store, "number_of_orphan_items")
    if orphans:
        yield StoreFolder("(orphaned)", _ORPHANS, orphans, {}, listed=True)


def _folder(
    store: Any, folder: Any, parent: str, *, top: int, listed: bool
) -> tuple[str, bool, tuple[int, int, dict[str, int], bool, str] | None]:
    """Return a folder's path, whether a person sees it, and its counts unless it is the top."""
    identifier = folder.identifier
    if identifier == top:
        path, listed = "", True
    else:
        try:
            name = (folder.name or "").replace("/", "\u2215")
        except BROKEN:
            name = f"(folder {identifier})"
        path = f"{parent}/{name}" if parent and name else parent or name
    messages, others, problem = 0, dict[str, int](), ""
    for item in _items(store, folder):
        if item is None:
            messages += 1  # reading it gives the reason
            continue
        plural = _not_mail(item, store)
        messages += not plural
        if plural:
            others[plural] = others.get(plural, 0) + 1
    if _count(folder, "number_of_sub_messages", -1) < 0:
        problem = "damaged: its items cannot be listed"
    if not path and not messages and not problem:
        return path, listed, None
    return path, listed, (identifier, messages, others, listed, problem)


def _not_mail(item: Any, store: Any) -> str:
    try:
        values = _values(item, store, frozenset([CLASS]))
        people = getattr(item, "recipients", None) is not None
    except BROKEN:
        return ""
    return not_mail(text_of(values, CLASS), recipients=people)


def _items(store: Any, folder: Any) -> Iterator[Any]:
    """Yield the items of a folder in order, None for one that cannot be opened."""
    orphaned = folder is None
    owner = store if orphaned else folder
    name = "number_of_orphan_items" if orphaned else "number_of_sub_messages"
    get = store.get_orphan_item if orphaned else folder.get_sub_message
    for index in range(_count(owner, name)):
        try:
            yield get(index)
        except BROKEN:
            yield None


def _count(thing: Any, name: str, broken: int = 0) -> int:
    try:
        return int(getattr(thing, name) or 0)
    except BROKEN:
        return broken


def _values(item: Any, store: Any, wanted: frozenset[int] = WANTED) -> dict[int, object]:
    """Return the wanted properties of an item's first record set."""
    if item is None or not item.number_of_record_sets:
        return {}
    return _record(item.get_record_set(0), store, wanted)


def _record(record: Any, store: Any, wanted: frozenset[int] = WANTED) -> dict[int, object]:
    raw: dict[int, tuple[int, bytes]] = {}
    for entry in record.entries:
        if entry.entry_type in wanted:
            try:
                raw[entry.entry_type] = entry.value_type, entry.data or b""
            except BROKEN:
                continue
    page = raw.get(STRING_CODEPAGE) or raw.get(CODEPAGE)
    codec = store.ascii_codepage or b"cp1252"
    codec = codec.decode("ascii", "replace") if isinstance(codec, bytes) else codec
    codec = codec_of(int.from_bytes(page[1][:4], "little"), codec) if page else codec
    return {pid: decode(kind, data, codec) for pid, (kind, data) in raw.items()}


def _read_item(item: Any, store: Any) -> SourceMessage:
    values = _values(item, store)
    table = getattr(item, "recipients", None)
    people = []
    if table is not None:
        total = min(table.number_of_record_sets, MAX_RECIPIENTS)
        people = [_record(table.get_record_set(i), store) for i in range(total)]
    files = [_pst_part(item, i, store) for i in range(_count(item, "number_of_attachments"))]
    return build(values, people, files)


def _pst_part(item: Any, index: int, store: Any) -> mime.Part:
    def load() -> bytes:
        try:
            attachment = item.get_attachment(index)
            size = attachment.size
            if number_of(_values(attachment, store), METHOD) == EMBEDDED:
                raise UnreadableError(
                    "an attached message, which is not opened in a .pst: export it as .eml or .msg"
                )
            if size > mime.MAX_MESSAGE_BYTES:
                raise UnreadableError("an attachment longer than can be held")
            return bytes(attachment.read_buffer(size)) if size else b""
        except BROKEN as error:
            raise UnreadableError("damaged: the attachment cannot be read") from error

    try:
        return part_of(_values(item.get_attachment(index), store), load)
    except BROKEN:
        return part_of({}, load)


class StoreReader:
    """Reads one folder of a store; all of it again when the file changed."""

    def __init__(self, store: StoreFile, folder: StoreFolder, key: str, *, draft: bool) -> None:
        self._store, self._folder, self._key, self._draft = store, folder, key, draft

    @property
    def size(self) -> int:
        """Bytes to read: unknown, a store does not say it by folder."""
        return 0

    def state(self) -> str:
        """Return the token of the folder read to its end."""
        return self._token(-1)

    def _token(self, at: int) -> str:
        return json.dumps({"stamp": self._store.file.stamp, "item": at})

    def continues(self, token: str) -> bool:
        """Whether the file is still the one that was read."""
        return bool(json.loads(token).get("stamp") == self._store.file.stamp)

    def senders(self) -> Iterator[str]:
        """Yield the sender of each message."""
        wanted = frozenset([*AUTHOR, *SENDER, CLASS, HEADERS])
        with self._store.opened() as store:
            for item in self._items(store):
                try:
                    found = build(_values(item, store, wanted), [], []).sender
                    yield normalise(found) if "@" in found else ""
                except BROKEN:
                    continue

    def _items(self, store: Any) -> Iterator[Any]:
        if self._folder.identifier == _ORPHANS:
            return _items(store, None)
        return _items(store, _find(store, self._folder.identifier))

    def originals(self, fits: Callable[[str], bool]) -> Iterator[tuple[str, Original]]:
        """Yield each item whose Message-ID fits, with that: its properties, as JSON."""
        with self._store.opened() as store:
            for item in self._items(store):
                try:
                    if item is None or _not_mail(item, store):
                        continue
                    found = build(_values(item, store), [], []).internet_message_id
                    identity = one_line(found).strip(" <>")
                    if fits(identity):
                        message, content = _read_item(item, store), _whole(item)
                        yield identity, Original(content, ".json", message, PROPERTIES)
                except UnreadableError:
                    continue  # what cannot be read is not found
                except BROKEN:
                    continue

    def pages(self, new_batch: Callable[[], MessageBatch], resume: str) -> Iterator[Page]:
        """Yield the messages behind `resume`, page by page."""
        batch = new_batch()
        begin = json.loads(resume)["item"] if resume else 0
        if begin < 0:
            return
        with self._store.opened() as store:
            for index, item in enumerate(self._items(store)):
                if index < begin or (item is not None and _not_mail(item, store)):
                    continue
                try:
                    if item is None:
                        raise UnreadableError("damaged: the message cannot be opened")  # noqa: TRY301
                    message = _read_item(item, store)
                    message.is_draft = message.is_draft or self._draft
                    batch.add(message, f"{self._key}, item {index + 1}")
                except UnreadableError as error:
                    batch.skip(f"{self._key}, item {index + 1}", str(error))
                except BROKEN:
                    batch.skip(f"{self._key}, item {index + 1}", "damaged: it cannot be read")
                if batch.full:
                    yield Page(batch.take(), self._token(index + 1))
        yield Page(batch.take(), self._token(-1))


def _whole(item: Any) -> bytes:
    """Return all properties of an item, of its recipients and its attachments, as JSON."""
    table = getattr(item, "recipients", None)
    files = []
    for index in range(_count(item, "number_of_attachments")):
        attachment = item.get_attachment(index)
        size = attachment.size if attachment.size and attachment.size > 0 else 0
        if size > mime.MAX_MESSAGE_BYTES:
            raise UnreadableError("an attachment longer than can be held")
        data = attachment.read_buffer(size) if size else b""
        files.append({"properties": _raw(attachment), "data": base64.b64encode(data).decode()})
    return json.dumps(
        {
            "properties": _raw(item),
            "recipients": [] if table is None else _raw(table),
            "attachments": files,
        },
        indent=1,
    ).encode()


def _raw(thing: Any) -> list[list[dict[str, str]]]:
    """Return each set of properties: id and type of MAPI in hexadecimal, and the bytes."""
    return [
        [
            {
                "id": f"{entry.entry_type or 0:04x}",
                "type": f"{entry.value_type or 0:04x}",
                "data": base64.b64encode(entry.data or b"").decode(),
            }
            for entry in thing.get_record_set(number).entries
        ]
        for number in range(min(thing.number_of_record_sets, MAX_RECIPIENTS))
    ]


def _find(store: Any, identifier: int) -> Any:
    """Return a folder by its number, which is the same each time a store is opened."""
    seen: set[int] = set()
    todo = [_root(store)]
    while todo:
        folder = todo.pop()
        if folder.identifier == identifier:
            return folder
        for index in range(_count(folder, "number_of_sub_folders")):
            try:
                child = folder.get_sub_folder(index)
            except BROKEN:
                continue
            if child is not None and child.identifier not in seen:
                seen.add(child.identifier)
                todo.append(child)
    raise UnreadableError("the folder is no longer there")
