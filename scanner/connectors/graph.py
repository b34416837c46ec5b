"""Microsoft 365 through Graph: mailboxes of one tenant, read-only, with the least permission."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from scanner.addresses import normalise
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
from scanner.connectors.graph_auth import CLOUDS, SignIn
from scanner.connectors.graph_check import Preflight
from scanner.connectors.graph_directory import Account, AddressBook
from scanner.connectors.graph_mail import MailReader
from scanner.connectors.graph_originals import originals
from scanner.connectors.graph_session import Lane, Session
from scanner.directory import Entry, Group, Listing
from scanner.errors import ConfigError, ConnectorError, DeniedError, SourceError
from scanner.model import LEFT_OUT, ContentLevel, Coverage, Examination, Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    import httpx

    from scanner.connectors.graph_auth import Credential, Token
    from scanner.messages import MessageBatch

FOLDERS = {
    "sent": ("sentitems", "Sent Items"),
    "deleted": ("deleteditems", "Deleted Items"),
    "recoverable": ("recoverableitemsdeletions", "Recoverable Items"),
    "inbox": ("inbox", "Inbox"),
}
"""Folders by the name the configuration has for them: Graph's name, and the one in reports."""

ARCHIVE = "archive"
"""Stands before the folder in the key of a unit of an archive mailbox."""

MAILBOXES = "mailboxes"


class GraphConnector(Connector):
    """Reads a tenant's mail folders. Writes nothing: every request is a GET."""

    scheme = "graph"

    def __init__(
        self,
        *,
        tenant: str,
        client_id: str = "",
        credential: Credential | None = None,
        cloud: str = "global",
        authority: str = "",
        graph_url: str = "",
        ca_file: Path | None = None,
        mailboxes: Any = "all",
        exclude: Any = (),
        folders: Sequence[str] = ("sent",),
        archive_mailboxes: bool = False,
        directory: bool = True,
        concurrency: int = 32,
        token: Token | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        timeout: float = 120,
    ) -> None:
        """Read the mailboxes of a tenant.

        `mailboxes` is "all", "me", a list of addresses, or something with `group` or `file` set;
        `exclude` one of the last three. `token`, `transport`, `sleep` and `timeout` are there for
        tests.
        """
        known = CLOUDS[cloud]
        self._graph = (graph_url or known.graph).rstrip("/")
        self._mailboxes, self._exclude, self._folders = mailboxes, exclude, tuple(folders)
        self._archives, self._wants_directory = archive_mailboxes, directory
        self._concurrency, self._credential, self._client_id = concurrency, credential, client_id
        if token is None:
            if credential is None:
                raise ConfigError("credential: say how the app signs in")
            host = self._graph.partition("//")[2].partition("/")[0]
            token = SignIn(
                client_id,
                credential,
                authority=(authority or f"{known.authority}/{tenant}").rstrip("/"),
                scope=f"https://{host}/.default",
                instance_discovery=not authority,
                ca_file=ca_file,
            )
        self._open = partial(
            Session,
            self._graph,
            token,
            concurrency=concurrency,
            ca_file=ca_file,
            transport=transport,
            sleep=sleep,
            timeout=timeout,
        )
        self._token = token
        self._users: dict[str, str] = {}
        """The id or address by which Graph knows the owner of a mailbox, by unit key."""

        self._archive_ids: dict[str, str] = {}
        self._accounts: list[Account] | None = None

    # -- survey ------------------------------------------------------------------------------

    def survey(self, mailboxes: Mapping[str, str]) -> Survey:
        """Return a unit for each folder of each mailbox that is asked for, without opening any."""
        survey = Survey()
        try:
            found, left_out = self._owners(survey), self._left_out()
        except ConnectorError as error:
            outcome = Outcome.DENIED if isinstance(error, DeniedError) else Outcome.PARTIAL
            reason = f"the mailboxes could not be listed: {error}"
            survey.unreadable.append(Coverage("", "", "", outcome, reason=reason, unit=MAILBOXES))
            return survey
        met: set[str] = set()
        for account in found:
            excluded = account.others & left_out
            met |= excluded
            for place, folder in self._places():
                key = f"{account.id}/{place}"
                mailbox = mailboxes.get(key, account.address)
                if excluded:
                    survey.unreadable.append(
                        Coverage(
                            "", mailbox, folder, Outcome.OUT_OF_SCOPE, reason=LEFT_OUT, unit=key
                        )
                    )
                    continue
                self._users[key] = account.id
                survey.units.append(Unit(key, mailbox, folder, state="", size=1, owner_known=True))
        survey.unreadable = [
            replace(row, outcome=Outcome.OUT_OF_SCOPE, reason=LEFT_OUT)
            if row.unit in left_out
            else row
            for row in survey.unreadable
        ]
        met |= {row.unit for row in survey.unreadable}
        if not getattr(self._exclude, "group", "") and (unmet := len(left_out - met)):
            reason = f"addresses in `exclude` that are none of the mailboxes asked for: {unmet}"
            survey.unreadable.append(
                Coverage("", "", "", Outcome.OUT_OF_SCOPE, reason=reason, unit="exclude")
            )
        return survey

    def _places(self) -> Iterator[tuple[str, str]]:
        """Yield each folder to be read of a mailbox: its place in the key, its name in reports."""
        for name in self._folders:
            well_known, shown = FOLDERS[name]
            yield well_known, shown
            if self._archives and name != "inbox":
                yield f"{ARCHIVE}/{well_known}", f"Archive mailbox: {shown}"

    def _owners(self, survey: Survey) -> list[Account]:
        """Return the account of each mailbox that is asked for."""
        wanted = self._mailboxes
        group = getattr(wanted, "group", "")
        if wanted == "me":
            return [self._run(AddressBook.me)]
        if wanted == "all" or group:
            accounts = self._members(group) if group else self._all_accounts()
            guests = sum(account.guest for account in accounts)
            if guests:
                reason = f"guest accounts, whose mailboxes are elsewhere: {guests}"
                survey.unreadable.append(
                    Coverage("", "", "", Outcome.OUT_OF_SCOPE, reason=reason, unit="guests")
                )
            return sorted((a for a in accounts if not a.guest), key=lambda account: account.id)
        addresses = _addresses(wanted)
        try:
            known = {other: a for a in self._all_accounts() for other in a.others}
        except DeniedError:
            # Without a directory Graph takes principal names, which mostly are the addresses.
            return [Account.unlisted(address) for address in dict.fromkeys(addresses)]
        found = {}
        for address in addresses:
            account = known.get(address)
            if account is None:
                reason = "the tenant has no account of that address"
                survey.unreadable.append(
                    Coverage("", address, "", Outcome.NOT_ENABLED, reason=reason, unit=address)
                )
            else:
                found[account.id] = account
        return sorted(found.values(), key=lambda account: account.id)

    def _left_out(self) -> frozenset[str]:
        """Return the addresses of the mailboxes that are not to be read."""
        group = getattr(self._exclude, "group", "")
        if group:
            return frozenset().union(*(account.others for account in self._members(group)))
        return frozenset(_addresses(self._exclude))

    def _all_accounts(self) -> list[Account]:
        if self._accounts is None:
            self._accounts = self._run(AddressBook.accounts)
        return self._accounts

    def _members(self, group: str) -> list[Account]:
        found: list[Account] = self._run(partial(_members, group))
        return found

    def _run(self, ask: Callable[[AddressBook], Awaitable[Any]]) -> Any:
        """Return what the address book answers, from an event loop of its own."""

        async def main() -> Any:
            async with self._open() as session:
                return await ask(AddressBook(session, Lane()))

        return asyncio.run(main())

    # -- reading -----------------------------------------------------------------------------

    def carry_out(
        self, orders: Iterator[Order]
    ) -> Generator[tuple[Order, Page | Exception | None], None, None]:
        """Read many mailboxes at a time; each one's folders one after the other."""
        reader = MailReader(self._open, self._folder_url, self._concurrency)
        return reader.carry_out(orders)

    def pages(
        self, unit: Unit, new_batch: Callable[[], MessageBatch], resume: str
    ) -> Iterator[Page]:
        """Yield the pages of one whole folder, without content."""
        everything = Examination(None, None, ContentLevel.NONE, frozenset())
        for _, found in self.carry_out(iter([Order(unit, everything, resume, new_batch)])):
            if isinstance(found, Exception):
                raise found
            if found is not None:
                yield found

    def continues(self, unit: Unit, token: str) -> bool:
        """Whether reading may go on: always, for a token holds dates and no state of the server."""
        del unit
        return bool(token)

    def originals(self, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, Original]]:
        """Yield these messages as MIME, where the mailbox still has them; needs `Mail.Read`."""
        unit = wanted[0].unit
        user, _, place = unit.partition("/")

        async def folder(session: Session, lane: Lane) -> str:
            return await self._place_url(session, lane, self._users.get(unit, user), place)

        yield from originals(self._open, folder, wanted)

    async def _folder_url(self, session: Session, lane: Lane, order: Order) -> str:
        user = self._users[order.unit.key]
        return await self._place_url(session, lane, user, order.unit.key[len(user) + 1 :])

    async def _place_url(self, session: Session, lane: Lane, user: str, place: str) -> str:
        """Return the address of a unit's folder, empty for an archive mailbox that is not there."""
        kind, _, folder = place.rpartition("/")
        if kind == ARCHIVE:
            if user not in self._archive_ids:
                settings = f"/users/{quote(user, safe='')}/settings/exchange"
                found = await session.get(session.url(settings, beta=True), lane=lane)
                self._archive_ids[user] = str(found.get("inPlaceArchiveMailboxId") or "")
            user = self._archive_ids[user]
            if not user:
                return ""
        return session.url(f"/users/{quote(user, safe='@:')}/mailFolders/{folder}")

    # -- directory and check -----------------------------------------------------------------

    def directory(self) -> Listing | None:
        """Return the tenant's address book, unless the configuration does without."""
        if not self._wants_directory:
            return None
        found: Listing
        found, self._accounts = self._run(AddressBook.listing)
        return found

    def learned(self, groups: frozenset[str]) -> Listing | None:
        """Return how many people these groups reach, and how many of them are outsiders."""
        if not (groups and self._wants_directory):
            return None
        try:
            found = self._run(partial(_counted, groups))
        except ConnectorError:
            return None  # what could not be counted is asked for again at the next scan
        entries = [Entry("group", address, (), group) for address, group in found.items()]
        return Listing.of((), entries)

    def check(self, content: ContentLevel) -> Iterator[Check]:
        """Sign in, read one page of one mailbox, the directory and, if asked, a body."""
        preflight = Preflight(
            self._open, self._token, self._credential, self._client_id,
            partial(self.survey, {}), self._wants_directory, content,
        )  # fmt: skip
        return preflight.run()


async def _counted(groups: frozenset[str], book: AddressBook) -> dict[str, Group]:
    return await book.counted(groups)


async def _members(group: str, book: AddressBook) -> list[Account]:
    return await book.members(group)


def _addresses(choice: Any) -> list[str]:
    """Return the addresses of a list or a file, one a line; what follows a `#` is a remark."""
    file: Path | None = getattr(choice, "file", None)
    if file is None:
        return [normalise(address) for address in choice]
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}: the list of mailboxes cannot be read") from error
    found = [line.partition("#")[0].strip() for line in lines]
    return [normalise(line) for line in found if line]
