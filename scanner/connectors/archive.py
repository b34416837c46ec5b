"""Mail archives on disk: .eml, .mbox, Maildir, .msg, .pst and .ost, in folders and in zips."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scanner import addresses, unpack
from scanner.connectors.base import Connector, Original, Page, Survey, Unit, Wanted
from scanner.connectors.files import FilesReader
from scanner.connectors.mbox import MboxReader
from scanner.connectors.outlook import inspect_msg
from scanner.connectors.pst import StoreFile, StoreReader
from scanner.connectors.tree import (
    MAIL_SUFFIXES,
    File,
    Folder,
    Kind,
    Shelf,
    Zip,
    explain,
    file_on_disk,
    folders_on_disk,
    printable,
    read_head,
    sniff,
    stem,
    suffix,
)
from scanner.errors import LimitError, SourceError, UnreadableError
from scanner.model import Coverage, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scanner.messages import MessageBatch

SENDERS_SAMPLED = 1_000
"""Messages whose sender is looked at to work out an owner nobody names."""

_ADDRESS = re.compile(r"[^@\s/]+@[^@\s/]+\.[^@\s./]+")
_MAILDIR_NAME = re.compile(r"\d{6,}\..+|.+[:;!]2,[A-Za-z]*")
_MAILDIR_TOPS = frozenset(["maildir", ".maildir", "mail", "inbox", ""])
_DRAFTS = frozenset(
    {
        *("draft", "drafts", "entwürfe", "brouillons", "borradores", "concepten", "bozze"),
        *("rascunhos", "utkast", "kladder"),
    }
)
_SENT = frozenset(
    {
        *("sent", "sent items", "sent mail", "sent messages", "gesendete elemente", "gesendet"),
        *("éléments envoyés", "envoyés", "elementos enviados", "verzonden items", "posta inviata"),
    }
)
_PROGRAM_FILES = frozenset(["[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"])


class Reader(Protocol):
    """Reads the messages of one unit."""

    @property
    def size(self) -> int: ...  # noqa: D102
    def state(self) -> str: ...  # noqa: D102
    def senders(self) -> Iterator[str]: ...  # noqa: D102
    def continues(self, token: str) -> bool: ...  # noqa: D102
    def pages(self, new_batch: Callable[[], MessageBatch], resume: str) -> Iterator[Page]: ...  # noqa: D102
    def originals(self, fits: Callable[[str], bool]) -> Iterator[tuple[str, Original]]: ...  # noqa: D102


@dataclass(slots=True)
class _Plan:
    """A unit before its mailbox is settled."""

    key: str
    folder: str
    reader: Reader
    container: str
    """What has one owner: a file, a Maildir with its subfolders, a store, a folder of files."""

    owner: str = ""
    """The address that a folder's or file's name, or the store itself, gives; else empty."""


@dataclass(slots=True)
class _Found:
    """What a survey has gathered so far."""

    plans: list[_Plan] = field(default_factory=list)
    rows: list[Coverage] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


class ArchiveConnector(Connector):
    """Reads the mail archives at a path; what each file is, its content tells.

    The last page's token of a unit is its `Unit.state`, so equal ones mean that nothing is new.
    """

    scheme = "archive"

    def __init__(self, path: Path, *, name: str | None = None, mailbox: str | None = None) -> None:
        """Read what lies at `path`, all of it as the mail of `mailbox` where one is given."""
        self.name = name or str(path)
        self._path, self._mailbox = Path(path), mailbox
        self._shelf = Shelf()
        self._readers: dict[str, Reader] = {}
        self._found = _Found()

    def survey(self, mailboxes: Mapping[str, str]) -> Survey:
        """Return the units below the path, and a row for each file that is none."""
        self._found = _Found()
        try:
            if self._path.is_dir():
                self._survey_folders(folders_on_disk(self._path))
            else:
                info = self._path.stat()
                key = printable(self._path.name)
                if not self._path.is_file():
                    raise SourceError(f"{self._path}: neither a file nor a folder")
                self._survey_file(file_on_disk(str(self._path), key, info), loose=None)
        except FileNotFoundError as error:
            raise SourceError(f"{self._path}: no such file or folder") from error
        except PermissionError as error:
            self._note("", *explain(error))
        if not (self._found.plans or self._found.rows):
            self._note("", Outcome.EMPTY, "no file in it")
        self._found.plans.sort(key=lambda plan: plan.key)
        self._readers = {}
        owners = self._owners(mailboxes)
        units = [self._unit(plan, owners[plan.container], mailboxes) for plan in self._found.plans]
        return Survey(units, self._found.rows)

    def pages(
        self, unit: Unit, new_batch: Callable[[], MessageBatch], resume: str
    ) -> Iterator[Page]:
        """Yield the unit's pages behind `resume`."""
        try:
            yield from self._reader(unit.key, unit.mailbox).pages(new_batch, resume)
        except OSError as error:
            raise UnreadableError(f"{unit.key}: {explain(error)[1]}") from error
        except LimitError as error:
            raise UnreadableError(f"{unit.key}: {error}") from error

    def continues(self, unit: Unit, token: str) -> bool:
        """Whether what was read of the unit is still there."""
        try:
            return self._reader(unit.key, unit.mailbox).continues(token)
        except (OSError, ValueError, LookupError):
            return False

    def originals(self, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, Original]]:
        """Yield the bytes of these messages, from one way through their unit."""
        by_id: dict[str, list[Wanted]] = defaultdict(list)
        for one in wanted:
            by_id[one.internet_message_id].append(one)
        try:
            reader = self._reader(wanted[0].unit, wanted[0].mailbox)
            for identity, original in reader.originals(by_id.__contains__):
                for one in by_id[identity]:
                    yield one, original
        except (OSError, LimitError) as error:
            raise UnreadableError(explain(error)[1]) from error

    def _reader(self, key: str, mailbox: str) -> Reader:
        if key not in self._readers:
            self.survey({key: mailbox})
        try:
            return self._readers[key]
        except KeyError:
            raise UnreadableError(f"{key}: no longer there") from None

    # --- what there is ---

    def _survey_folders(self, folders: Mapping[str, Folder]) -> None:
        maildirs = {key for key in folders if _is_maildir(key, folders)}
        messages: dict[str, list[File]] = {key: [] for key in maildirs}
        for folder in folders.values():
            for key, outcome, reason in folder.notes:
                self._note(key, outcome, reason)
            parent, _, last = folder.key.rpartition("/")
            if parent in maildirs and last in {"cur", "new"} and folder.key:
                for file in folder.files:
                    if file.name.startswith("."):
                        self._note(file.key, Outcome.OUT_OF_SCOPE, "hidden file, no mail")
                    elif file.denied:  # these are not opened before they are read
                        self._note(file.key, *explain(PermissionError()))
                    else:
                        messages[parent].append(file)
                continue
            if parent in maildirs and last == "tmp" and folder.key:
                for file in folder.files:
                    self._note(file.key, Outcome.OUT_OF_SCOPE, "still being delivered")
                continue
            loose: list[File] = []
            for file in folder.files:
                self._survey_file(file, loose)
            if loose:
                key = f"{folder.key}/*" if folder.key else "*"
                name = stem(folder.name)
                self._plan(key, name, FilesReader(loose, draft=_is_drafts(name)), key)
        for key in sorted(maildirs):
            self._plan_maildir(key, maildirs, folders, messages[key])

    def _survey_file(self, file: File, loose: list[File] | None) -> None:
        """Make a unit or a row of a file; a single message joins `loose` where that is a list."""
        try:
            kind = sniff(read_head(file), file.name)
            if kind is Kind.GZIP:
                file = file.unzipped()
                kind = sniff(read_head(file), file.name)
            if kind is Kind.OLE:
                kind = self._inspect_ole(file)
            if kind is Kind.MBOX:
                name = stem(file.name)
                self._plan(file.key, name, MboxReader(file, draft=_is_drafts(name)), file.key)
            elif kind is Kind.MESSAGE and loose is not None:
                loose.append(file)
            elif kind is Kind.MESSAGE:
                self._plan(file.key, "", FilesReader([file], draft=False), file.key)
            elif kind is Kind.STORE:
                self._survey_store(file)
            elif kind is Kind.ZIP:
                self._survey_zip(file)
            elif kind is not Kind.NOTED:
                self._note(file.key, *_no_mail(file, kind))
        except (OSError, UnreadableError, LimitError) as error:
            self._note(file.key, *explain(error))

    def _inspect_ole(self, file: File) -> Kind:
        with file.seekable() as source:
            try:
                plural = inspect_msg(source)
            except UnreadableError:
                if suffix(file.name) in MAIL_SUFFIXES:
                    raise
                return Kind.OTHER
        if plural:
            self._note(file.key, Outcome.OUT_OF_SCOPE, f"Outlook {plural}, no message")
            return Kind.NOTED
        if plural is None and suffix(file.name) == ".msg":
            raise UnreadableError("no property stream: damaged, or no Outlook message")
        return Kind.OTHER if plural is None else Kind.MESSAGE

    def _survey_zip(self, file: File) -> None:
        outer = file.member[0].depth if file.member else 0
        if not outer:
            file = replace(file, budget=unpack.Budget())  # for all that is nested in it
        archive = Zip(file, self._shelf, outer + 1)
        with archive.opened() as opened:
            names = opened.namelist()
        if not _PROGRAM_FILES.isdisjoint(names):
            self._note(file.key, Outcome.OUT_OF_SCOPE, "an office document or program, no mail")
        elif any("com.microsoft.__Messages" in name for name in names):
            reason = "Outlook for Mac archive (.olm): export the mail as .mbox or .pst"
            self._note(file.key, Outcome.UNREADABLE, reason)
        elif not names:
            self._note(file.key, Outcome.EMPTY, "a zip with no file in it")
        else:
            self._survey_folders(archive.folders())

    def _survey_store(self, file: File) -> None:
        store = StoreFile(file, self._shelf)
        owner, folders, missing = store.survey()
        owner = addresses.normalise(owner) if _ADDRESS.fullmatch(owner) else ""
        if missing:
            self._note(file.key, Outcome.PARTIAL, missing, part="#store")
        for folder in folders:
            key = f"{file.key}/{folder.path}" if folder.path else file.key
            if folder.problem:
                self._note(key, Outcome.PARTIAL, folder.problem, part="#problem")
            if folder.messages:
                draft = _is_drafts(folder.path.rpartition("/")[2])
                reader = StoreReader(store, folder, key, draft=draft)
                self._plan(key, folder.path or stem(file.name), reader, file.key, owner)
            elif folder.listed and not folder.others and not folder.problem:
                self._note(key, Outcome.EMPTY, "", folder=key)
            if folder.others:
                listed = ", ".join(
                    f"{plural}: {count:,}" for plural, count in folder.others.items()
                )
                self._note(key, Outcome.OUT_OF_SCOPE, f"no messages ({listed})", part="#items")

    def _plan_maildir(
        self, key: str, maildirs: set[str], folders: Mapping[str, Folder], files: list[File]
    ) -> None:
        top = key
        while (parent := top.rpartition("/")[0]) != top and parent in maildirs:
            top = parent
        below = key[len(top) :].lstrip("/")
        if below:
            name = below.removeprefix(".").replace(".", "/") if below[0] == "." else below
        else:
            name = folders[key].name
            has_subfolders = any(m != key and _lies_in(m, key) for m in maildirs)
            if has_subfolders or name.lower() in _MAILDIR_TOPS or _ADDRESS.fullmatch(stem(name)):
                name = "INBOX"
            name = name.removeprefix(".")
        if files:
            reader = FilesReader(files, draft=_is_drafts(name.rpartition("/")[2]))
            self._plan(key or ".", name, reader, top or ".")
        else:
            self._note(key or ".", Outcome.EMPTY, "", folder=name)

    # --- whose it is ---

    def _plan(self, key: str, folder: str, reader: Reader, container: str, owner: str = "") -> None:
        while key in self._found.keys:
            key += "~"  # two names that differ in bytes but not in print
        self._found.keys.add(key)
        named = self._mailbox or self._named_owner(container) or owner
        plan = _Plan(key, folder or printable(self._path.parent.name), reader, container, named)
        self._found.plans.append(plan)

    def _named_owner(self, key: str) -> str:
        """Return the address that the nearest folder or file name in `key` is, else empty."""
        names = [printable(self._path.resolve().name), *key.split("/")]
        for name in reversed(names):
            if _ADDRESS.fullmatch(stem(name)):
                return addresses.normalise(stem(name))
        return ""

    def _owners(self, mailboxes: Mapping[str, str]) -> dict[str, str]:
        """Return the mailbox of each container."""
        owners: dict[str, str] = {}
        for plan in self._found.plans:
            known = plan.owner or mailboxes.get(plan.key, "")
            if known and not owners.get(plan.container):
                owners[plan.container] = known
        grouped: dict[str, list[_Plan]] = {}
        for plan in self._found.plans:
            grouped.setdefault(plan.container, []).append(plan)
        for container, plans in grouped.items():
            if container not in owners:
                owners[container] = _frequent_sender(plans) or stem(printable(self._path.name))
        return owners

    def _unit(self, plan: _Plan, owner: str, mailboxes: Mapping[str, str]) -> Unit:
        self._readers[plan.key] = plan.reader
        settled = self._mailbox or mailboxes.get(plan.key) or owner
        return Unit(
            plan.key,
            settled,
            plan.folder,
            plan.reader.state(),
            plan.reader.size,
            owner_known=bool(plan.owner),
        )

    def _note(
        self, key: str, outcome: Outcome, reason: str, *, folder: str | None = None, part: str = ""
    ) -> None:
        """Add a coverage row for what gives no unit."""
        if folder is None:
            folder = key.rpartition("/")[0]
        mailbox = self._mailbox or self._named_owner(key)
        row = Coverage(self.name, mailbox, folder, outcome, reason=reason, unit=(key or ".") + part)
        self._found.rows.append(row)


def _is_maildir(key: str, folders: Mapping[str, Folder]) -> bool:
    below = f"{key}/" if key else ""
    if f"{below}cur" not in folders and f"{below}new" not in folders:
        return False
    if sum(f"{below}{name}" in folders for name in ("cur", "new", "tmp")) > 1:
        return True
    # A zip keeps no empty folders; the names of the files tell.
    files = [f for n in ("cur", "new") if (d := folders.get(f"{below}{n}")) for f in d.files]
    return bool(files) and all(_MAILDIR_NAME.fullmatch(file.name) for file in files)


def _lies_in(key: str, folder: str) -> bool:
    return not folder or key.startswith(f"{folder}/")


def _is_drafts(name: str) -> bool:
    return name.lower() in _DRAFTS


def _no_mail(file: File, kind: Kind) -> tuple[Outcome, str]:
    """Return the outcome and reason for a file in which no mail was recognised."""
    by_name = suffix(file.name) in MAIL_SUFFIXES
    if kind is Kind.LOCKED:
        reason = "an archive of a kind that is not opened here; unpack it, or pack it as a zip"
        return Outcome.UNREADABLE, reason
    if file.name.startswith("."):
        return Outcome.OUT_OF_SCOPE, "hidden file, no mail"
    if kind is Kind.EMPTY:
        return (Outcome.EMPTY, "") if by_name else (Outcome.OUT_OF_SCOPE, "an empty file")
    if by_name:
        return (
            Outcome.UNREADABLE,
            f"no mail found in it, though its name ends in {suffix(file.name)}",
        )
    if suffix(file.name) == ".msf":
        return Outcome.OUT_OF_SCOPE, "an index of Thunderbird, no mail"
    return Outcome.OUT_OF_SCOPE, "no mail"


def _frequent_sender(plans: list[_Plan]) -> str:
    """Return who sent most of the messages, the first seen of equals; empty where nobody did.

    Where there are folders of sent mail, theirs count alone: in the others everyone writes.
    """
    sent = [plan for plan in plans if plan.folder.rpartition("/")[2].lower() in _SENT]
    if 0 < len(sent) < len(plans) and (found := _frequent_sender(sent)):
        return found
    counts: Counter[str] = Counter()
    for plan in plans:
        try:
            counts.update(filter(None, islice(plan.reader.senders(), SENDERS_SAMPLED)))
        except (OSError, UnreadableError, LimitError):
            continue  # reading the unit gives the reason
    return counts.most_common(1)[0][0] if counts else ""
