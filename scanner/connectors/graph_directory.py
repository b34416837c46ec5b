"""The tenant's address book: whose mailboxes there are, who is a guest, what a group holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scanner.addresses import normalise
from scanner.directory import Entry, Group, Listing
from scanner.errors import ConnectorError, DeniedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from scanner.connectors.graph_session import Lane, Session

USER = "id,userPrincipalName,mail,proxyAddresses,userType"
GROUP = "id,mail,proxyAddresses,visibility"
CONTACT = "id,mail,proxyAddresses"
PAGE = "999"
HIDDEN = "HiddenMembership"

READS = {
    "/domains": "Domain.Read.All",
    "/users": "User.Read.All",
    "/groups": "GroupMember.Read.All",
    "/contacts": "OrgContact.Read.All",
}
"""Parts of the address book, and the application permission that each needs."""

OPTIONAL = {
    "/contacts": "mail contacts were not read (OrgContact.Read.All): one at an own domain counts "
    "as internal"
}

MAX_EXPANDED = 500
"""Groups whose members are counted in one run."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account that may have a mailbox."""

    id: str
    address: str
    """Its primary address, in normal form."""

    others: frozenset[str]
    """All its addresses and its principal name, in normal form."""

    guest: bool

    @classmethod
    def unlisted(cls, address: str) -> Account:
        """Return the account of an address that no directory was asked about."""
        return cls(address, address, frozenset({address}), guest=False)


class AddressBook:
    """Reads the address book of one tenant; each part once."""

    def __init__(self, session: Session, lane: Lane) -> None:
        self._session, self._lane = session, lane

    async def accounts(self) -> list[Account]:
        """Return all accounts with an address; raises `DeniedError`."""
        rows = [row async for row in self._rows("/users", {"$select": USER, "$top": PAGE})]
        return accounts_of(rows)

    async def me(self) -> Account:
        """Return the account of the person who signed in."""
        row = await self._session.get(self._session.url("/me"), {"$select": USER}, lane=self._lane)
        found = accounts_of([row])
        if not found:
            raise ConnectorError("the account that signed in has no address, and so no mailbox")
        return found[0]

    async def members(self, group: str) -> list[Account]:
        """Return the accounts in a group that is named by its address, its name or its id."""
        identity, _ = await self._group(group)
        path = f"/groups/{identity}/transitiveMembers/microsoft.graph.user"
        return accounts_of([row async for row in self._rows(path, {"$select": USER, "$top": PAGE})])

    async def listing(self) -> tuple[Listing, list[Account] | None]:
        """Return all that may be read, and the accounts in it, None where they may not be.

        What may not be read is named in `Listing.missing`.
        """
        rows: dict[str, list[dict[str, Any]]] = {}
        missing, remarks = [], []
        selects = {"/domains": "", "/users": USER, "/groups": GROUP, "/contacts": CONTACT}
        for path, select in selects.items():
            asked = {"$select": select, "$top": PAGE} if select else {}
            try:
                rows[path] = [row async for row in self._rows(path, asked)]
            except DeniedError:
                rows[path] = []
                if path in OPTIONAL:
                    remarks.append(OPTIONAL[path])
                else:
                    missing.append(f"{path} may not be read: grant {READS[path]}")
        domains = [
            str(row.get("id"))
            for row in rows["/domains"]
            if row.get("isVerified") and "Email" in (row.get("supportedServices") or ["Email"])
        ]
        entries = [
            *(_user(row) for row in rows["/users"]),
            *(_entry("outsider", row) for row in rows["/contacts"]),
            *(
                _entry("group", row, Group(hidden=row.get("visibility") == HIDDEN))
                for row in rows["/groups"]
            ),
        ]
        denied = any(text.startswith("/users") for text in missing)
        accounts = None if denied else accounts_of(rows["/users"])
        return Listing.of(domains, entries, missing, remarks), accounts

    async def counted(self, addresses: Iterable[str]) -> dict[str, Group]:
        """Return how many people each of these groups reaches, as far as that may be known."""
        found: dict[str, Group] = {}
        for address in sorted(addresses)[:MAX_EXPANDED]:
            try:
                identity, hidden = await self._group(address)
                path = f"/groups/{identity}/transitiveMembers"
                asked = {"$select": "id,mail,proxyAddresses,userType", "$top": PAGE}
                members = [row async for row in self._rows(path, asked)]
            except DeniedError:
                found[address] = Group(hidden=True)
                continue
            except ConnectorError:
                continue
            people = [row for row in members if not _kind(row).endswith("group")]
            if hidden and not people:
                found[address] = Group(hidden=True)
                continue
            outside = sum(
                _kind(row).endswith("orgcontact") or row.get("userType") == "Guest"
                for row in people
            )
            found[address] = Group(len(people), outside)
        return found

    async def _group(self, group: str) -> tuple[str, bool]:
        """Return the id of a group, and whether its membership is hidden."""
        if "@" not in group and group.count("-") == 4 and len(group) == 36:
            return group, False
        key = "mail" if "@" in group else "displayName"
        quoted = group.replace("'", "''")
        asked = {"$select": GROUP, "$filter": f"{key} eq '{quoted}'"}
        rows = [row async for row in self._rows("/groups", asked)]
        if not rows:
            raise ConnectorError("the tenant has no group of that address, name or id")
        if len(rows) > 1:
            raise ConnectorError("several groups have that name: name its address or its id")
        return str(rows[0].get("id")), rows[0].get("visibility") == HIDDEN

    async def _rows(
        self, path: str, parameters: Mapping[str, str]
    ) -> AsyncIterator[dict[str, Any]]:
        url, asked = self._session.url(path), dict(parameters)
        followed: set[str] = set()
        while url:
            page = await self._session.get(url, asked, lane=self._lane)
            for row in page.get("value") or ():
                if isinstance(row, dict):
                    yield row
            url, asked = self._session.checked(page.get("@odata.nextLink")), {}
            if url in followed:
                raise ConnectorError("the listing leads in a circle")
            followed.add(url)


def accounts_of(rows: Iterable[Mapping[str, Any]]) -> list[Account]:
    """Return the accounts of rows, without those that have no address."""
    found = []
    for row in rows:
        entry = _user(row)
        if "@" in entry.primary:
            address = normalise(entry.primary)
            principal = str(row.get("userPrincipalName") or "")
            others = (o.removeprefix("smtp:") for o in map(str.lower, entry.others))
            found.append(
                Account(
                    str(row.get("id") or principal),
                    address,
                    frozenset({address, normalise(principal), *map(normalise, others)}),
                    entry.kind == "outsider",
                )
            )
    return found


def _user(row: Mapping[str, Any]) -> Entry:
    principal = str(row.get("userPrincipalName") or "")
    guest = row.get("userType") == "Guest" or "#ext#" in principal.lower()
    return _entry("outsider" if guest else "person", row, others=(principal,))


def _entry(
    kind: str, row: Mapping[str, Any], group: Group | None = None, others: tuple[str, ...] = ()
) -> Entry:
    proxies = [str(p) for p in row.get("proxyAddresses") or ()]
    primary = next((p[5:] for p in proxies if p.startswith("SMTP:")), "")
    mail = row.get("mail")
    address = primary or (mail if isinstance(mail, str) else "")
    return Entry(kind, address, [*proxies, *others], group or Group())


def _kind(row: Mapping[str, Any]) -> str:
    return str(row.get("@odata.type") or "").lower()
