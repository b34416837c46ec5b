"""Invented tenants: who is in the directory, whose mailbox holds what, what the app may do."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fake_graph.mail import Attachment, Bulk, Folder, Message, Messages, Stored, Who

CLIENT_ID, SECRET = "11111111-2222-4333-8444-555555555555", "invented-secret"
TENANT_ID = "7d1c3f6e-0000-4000-8000-00000000c0de"
BASIC = frozenset(
    {"Mail.ReadBasic.All", "User.Read.All", "GroupMember.Read.All", "Domain.Read.All"}
)
"""The least permissions: metadata of mail, and the directory."""

FULL = BASIC | {"Mail.Read", "MailboxSettings.Read", "Member.Read.Hidden", "OrgContact.Read.All"}

WELL_KNOWN = {
    "Inbox": "inbox",
    "Drafts": "drafts",
    "Sent Items": "sentitems",
    "Deleted Items": "deleteditems",
    "Archive": "archive",
}
RECOVERABLE = {
    "Recoverable Items": "recoverableitemsroot",
    "Deletions": "recoverableitemsdeletions",
    "Purges": "recoverableitemspurges",
    "Versions": "recoverableitemsversions",
}


@dataclass(slots=True)
class Mailbox:
    """One mailbox, primary or archive: counted on its own for throttling."""

    owner: str
    folders: list[Folder] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the folders that every mailbox has."""
        if self.folders:
            return
        self.folders = [Folder(self.owner, name, known) for name, known in WELL_KNOWN.items()]
        for name, known in RECOVERABLE.items():
            parent = "" if name == "Recoverable Items" else "Recoverable Items"
            self.folders.append(Folder(self.owner, name, known, parent, hidden=True))

    def folder(self, name: str) -> Folder | None:
        """Return the folder of this id or well-known name."""
        return next(
            (f for f in self.folders if f.id == name or f.well_known == name.lower() != ""), None
        )

    def put(self, well_known: str, messages: Messages | Iterable[Message]) -> Mailbox:
        """Fill a folder."""
        folder = self.folder(well_known)
        assert folder is not None, well_known
        folder.messages = messages if isinstance(messages, Bulk) else Stored([*messages])  # type: ignore[misc]
        return self

    @property
    def sent(self) -> list[Message]:
        """The messages in Sent Items, to be changed by tests."""
        folder = self.folder("sentitems")
        assert folder is not None
        assert isinstance(folder.messages, Stored)
        return folder.messages.items


@dataclass(slots=True)
class User:
    """An account of the directory, with or without a mailbox."""

    address: str
    name: str
    mailbox: Mailbox | None = None
    archive: Mailbox | None = None
    kind: str = "Member"
    purpose: str = "user"
    enabled: bool = True
    proxies: Sequence[str] = ()
    no_mailbox: str = "MailboxNotEnabledForRESTAPI"
    """Code of the 404 that a request for mail of an account without mailbox gets."""

    upn: str = ""

    @property
    def id(self) -> str:
        """The object id."""
        return guid(self.address)

    @property
    def principal(self) -> str:
        """The user principal name."""
        return self.upn or self.address

    @property
    def archive_id(self) -> str:
        """What the archive mailbox is called in the undocumented way."""
        return f"MBX:{guid('archive of ' + self.address)}@{TENANT_ID}"

    def properties(self) -> dict[str, Any]:
        """Return the user as Graph shows one."""
        proxies = [f"SMTP:{self.address}", *self.proxies] if self.mailbox else [*self.proxies]
        return {
            "id": self.id,
            "displayName": self.name,
            "userPrincipalName": self.principal,
            "mail": self.address,
            "otherMails": [],
            "proxyAddresses": proxies,
            "userType": self.kind,
            "accountEnabled": self.enabled,
            "assignedPlans": [],
            "onPremisesExtensionAttributes": None,
            "onPremisesSyncEnabled": None,
            "externalUserState": "Accepted" if self.kind == "Guest" else None,
            "givenName": self.name.split()[0],
            "surname": self.name.split()[-1],
            "mailNickname": self.address.partition("@")[0],
        }


@dataclass(slots=True)
class Group:
    """A distribution list, security group or Microsoft 365 group."""

    address: str
    name: str
    members: Sequence[User | Group | Contact] = ()
    unified: bool = False
    security: bool = False
    hidden: str = ""
    """What a request for hidden members gets without the permission: `denied` or `empty`."""

    proxies: Sequence[str] = ()

    @property
    def id(self) -> str:
        """The object id."""
        return guid(self.address or self.name)

    def properties(self) -> dict[str, Any]:
        """Return the group as Graph shows one."""
        return {
            "id": self.id,
            "displayName": self.name,
            "description": None,
            "mail": self.address or None,
            "mailNickname": self.address.partition("@")[0],
            "proxyAddresses": [f"SMTP:{self.address}", *self.proxies] if self.address else [],
            "groupTypes": ["Unified"] if self.unified else [],
            "mailEnabled": bool(self.address),
            "securityEnabled": self.security,
            "visibility": "HiddenMembership" if self.hidden else None,
            "membershipRule": None,
        }

    def everyone(self) -> list[User | Group | Contact]:
        """Return all members, those of member groups too, each once."""
        found: dict[str, User | Group | Contact] = {}
        for member in self.members:
            found[member.id] = member
            if isinstance(member, Group):
                found |= {inner.id: inner for inner in member.everyone()}
        return [*found.values()]


@dataclass(slots=True)
class Contact:
    """A mail contact: an outsider in the address book."""

    address: str
    name: str
    proxies: Sequence[str] = ()

    @property
    def id(self) -> str:
        """The object id."""
        return guid(self.address)

    def properties(self) -> dict[str, Any]:
        """Return the contact as Graph shows one."""
        return {
            "id": self.id,
            "displayName": self.name,
            "mail": self.address,
            "mailNickname": self.address.partition("@")[0],
            "proxyAddresses": [f"SMTP:{self.address}", *self.proxies],
            "companyName": None,
        }


@dataclass(slots=True)
class Tenant:
    """All that the fake knows; tests may change it between two requests."""

    users: list[User]
    groups: list[Group] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    domains: Sequence[str] = ("calder.example",)
    unverified: Sequence[str] = ()
    permissions: frozenset[str] = BASIC
    scope: frozenset[str] | None = None
    """Mailboxes within the app's management scope; None where there is none."""

    client_id: str = CLIENT_ID
    secret: str = SECRET
    tenant_id: str = TENANT_ID

    def user(self, name: str) -> User | None:
        """Return the user of this id or principal name."""
        wanted = name.lower()
        return next((u for u in self.users if wanted in {u.id, u.principal.lower()}), None)

    def box(self, address: str) -> Mailbox:
        """Return somebody's mailbox."""
        found = next(u.mailbox for u in self.users if u.address == address)
        assert found is not None
        return found


def guid(value: str) -> str:
    """Return an invented object id."""
    text = hashlib.sha256(value.encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"


JO, SAM, DEE = ("Jo Marsh", "jo@calder.example"), ("Sam Hall", "sam@calder.example"), (
    "Dee Okafor", "dee@calder.example")  # fmt: skip
REPAIRS, OLD = ("Repairs", "repairs@calder.example"), ("Ole Dahl", "ole@calder.example")
EX = "/o=CalderHomes/ou=Exchange Administrative Group/cn=Recipients/cn="
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def outsiders(count: int, domain: str = "webmail.example") -> list[Who]:
    """Return so many invented residents."""
    return [(f"Resident {n:03}", f"resident{n:03}@{domain}") for n in range(count)]


def story_messages() -> list[Message]:
    """Return Jo's sent items: each shape of recipients that the connector must cope with."""
    hour = timedelta(hours=1)
    letter = b"%PDF-1.4 invented"
    return [
        Message(1, MONDAY, JO, [SAM], subject="Keys", text="Dear Sam,\n\nat the desk.\n"),
        Message(2, MONDAY + hour, JO, outsiders(40), subject="Your views on our pets policy",
                text="Dear all,\n\nplease tell us what you think.\n"),
        Message(3, MONDAY + 2 * hour, JO, [JO], bcc=outsiders(40), subject="Our apology",
                text="Dear residents,\n\nwe are sorry that your address was shown.\n"),
        Message(4, MONDAY + 3 * hour, JO, [("Tenant", "tenant@webmail.example")], subject="Arrears",
                html="<p>IBAN GB82 WEST 1234 5698 7654 32</p><p>Regards</p>"),
        Message(5, MONDAY + 4 * hour, REPAIRS, [("Tenant", "tenant@webmail.example")], sent_by=JO,
                subject="Boiler visit", text="The engineer comes on Friday.\n"),
        Message(6, MONDAY + 5 * hour, JO, [SAM, *outsiders(12)], subject="Viewing day",
                kind="eventMessageRequest", message_class="IPM.Schedule.Meeting.Request"),
        Message(7, MONDAY + 6 * hour, JO, [("Ole Dahl", EX + "0a1b-ole"), ("Left", EX + "gone")],
                subject="Old names"),
        Message(8, MONDAY + 7 * hour, JO, [("Someone without address", None), SAM],
                subject="Names only"),
        Message(9, MONDAY + 8 * hour, JO, [("Residents", "residents@calder.example")],
                subject="To a list"),
        Message(10, MONDAY + 9 * hour, JO, outsiders(1), subject="With a picture", text="Hello\n",
                attachments=[Attachment("logo.png", b"\x89PNG", "image/png", inline=True)]),
        Message(11, MONDAY + 10 * hour, JO, outsiders(2), cc=[SAM], subject="With a letter",
                text="See attached.\n", attachments=[
                    Attachment("letter.pdf", letter, "application/pdf"),
                    Attachment("people.csv", b"name,iban\nA Tenant,GB82WEST12345698765432\n",
                               "text/csv"),
                    Attachment("forwarded", b"Subject: inner\n\nhello\n", "message/rfc822",
                               kind="itemAttachment"),
                    Attachment("plan", b"", "application/octet-stream",
                               kind="referenceAttachment")]),
        Message(12, MONDAY + 11 * hour, JO, outsiders(40), subject="Recall: Your views on our pets "
                "policy", message_class="IPM.Outlook.Recall"),
        Message(13, MONDAY + 12 * hour, JO, [], subject="To nobody"),
        Message(14, MONDAY + 13 * hour, JO, [("Guest", "visitor@firm.example")], subject="Hello"),
    ]  # fmt: skip


def small_tenant(permissions: frozenset[str] = BASIC) -> Tenant:
    """Return a tenant with one of each: mailboxes, shared, room, guest, on-premises, disabled."""
    jo = User(JO[1], JO[0], Mailbox(JO[1]).put("sentitems", story_messages()))
    assert jo.mailbox is not None
    jo.proxies = ["smtp:jo.marsh@calder.example", "smtp:jo@old-calder.example"]
    jo.archive = Mailbox("archive of " + JO[1])
    jo.archive.put(
        "sentitems", [Message("arch0001", MONDAY - timedelta(days=900), JO, [SAM], subject="Old")]
    )
    jo.mailbox.put(
        "recoverableitemsdeletions",
        [Message("gone0001", MONDAY + timedelta(days=1), JO, outsiders(15), subject="Deleted")],
    )
    sam = User(SAM[1], SAM[0], Mailbox(SAM[1]))
    sam.mailbox and sam.mailbox.put(
        "sentitems",
        [Message(100 + n, MONDAY + timedelta(days=n), SAM, outsiders(1)) for n in range(25)],
    )
    sam.proxies = ["X500:/o=CalderHomes/ou=Old/cn=Recipients/cn=sam"]
    dee = User(DEE[1], DEE[0], Mailbox(DEE[1]))
    ole = User(OLD[1], OLD[0], no_mailbox="MailboxNotEnabledForRESTAPI")
    ole.proxies = [f"SMTP:{OLD[1]}", f"X500:{EX}0a1b-ole"]
    lost = User("lost@calder.example", "Lou Stone", no_mailbox="ResourceNotFound")
    guest = User(
        "visitor@firm.example", "Vic Itor", kind="Guest",
        upn="visitor_firm.example#EXT#@calder.example",
    )  # fmt: skip
    left = User("left@calder.example", "Lee Left", Mailbox("left@calder.example"), enabled=False)
    repairs = User(REPAIRS[1], REPAIRS[0], Mailbox(REPAIRS[1]), purpose="shared", enabled=False)
    room = User("room1@calder.example", "Room One", Mailbox("room1@calder.example"), purpose="room")
    board = Contact("chair@board.example", "Chair", ["X500:/o=CalderHomes/cn=chair"])
    inner = Group("team@calder.example", "Team", [sam, dee], security=True)
    return Tenant(
        [jo, sam, dee, ole, lost, guest, left, repairs, room],
        [
            Group("residents@calder.example", "Residents", [inner, jo, board]),
            inner,
            Group("club@calder.example", "Club", [jo], unified=True, hidden="denied"),
            Group("", "Scanned mailboxes", [jo, sam], security=True),
        ],
        [board],
        domains=("calder.example", "old-calder.example"),
        unverified=("calder-new.example",),
        permissions=permissions,
    )


def bulk_tenant(
    mailboxes: int, messages: int, permissions: frozenset[str] = BASIC, every: int = 100
) -> Tenant:
    """Return a tenant with so many mailboxes of so many messages each, rendered when asked for.

    One message in `every` shows a list.
    """
    users = []
    for number in range(mailboxes):
        address = f"user{number:04}@calder.example"
        box = Mailbox(address).put("sentitems", Bulk(address, messages, every=every))
        users.append(User(address, f"User {number:04}", box))
    return Tenant(users, permissions=permissions)


SAMPLE = Path(__file__).parents[2] / "sample_data"
FOLDERS = {"Sent": "sentitems", "Sent Items": "sentitems", "Inbox": "inbox"}


def sample_tenant(permissions: frozenset[str] = FULL) -> Tenant:
    """Return Calderbrook Homes, the mail of `sample_data`, as a tenant: stories and all."""
    sys.path.insert(0, str(SAMPLE))
    try:
        names = ("office", "stories", "routine", "everyday", "mime", "people")
        office, stories, routine, everyday, mime, people = map(importlib.import_module, names)
    finally:
        sys.path.remove(str(SAMPLE))
    written = office.Office()
    for write in (stories.write_stories, routine.write_routine, everyday.write_everyday):
        write(written)
    boxes = {person.address: Mailbox(person.address) for person in people.MAILBOXES}
    kept: dict[tuple[str, str], list[Message]] = {}
    for mail in sorted(written.mails, key=lambda mail: (mail.at, mail.message_id)):
        for owner, folder in mail.stored_in:
            known = FOLDERS.get(folder, "deleteditems")
            kept.setdefault((owner, known), []).append(_copy(mime, mail, owner, folder))
    for (owner, known), messages in kept.items():
        boxes[owner].put(known, messages)
    users = [User(p.address, p.name or p.address, boxes[p.address]) for p in people.MAILBOXES]
    return Tenant(users, domains=(people.DOMAIN,), permissions=permissions)


def _copy(mime: Any, mail: Any, owner: str, folder: str) -> Message:
    """Return the copy of a sample message that lies in one folder of one mailbox."""

    def shown(people: Iterable[Any]) -> list[Who]:
        pairs = [person.header if mail.named else ("", person.address) for person in people]
        return [(name or address, address) for name, address in pairs]

    return Message(
        f"{owner} {folder} {mail.message_id}",
        mail.at,
        mail.sender.header,
        shown(mail.to),
        shown(mail.cc),
        () if folder == "Inbox" else shown(mail.bcc),
        subject=mail.subject,
        text=mail.text,
        html=mime._as_html(mail.text) if mail.rich else "",
        attachments=[Attachment(f.name, f.data, f.media_type) for f in mail.attachments],
        kind="eventMessageRequest" if mail.meeting else "",
        message_class="IPM.Schedule.Meeting.Request" if mail.meeting else "IPM.Note",
        internet_message_id=mail.message_id,
        conversation=(mail.references or [mail.message_id])[0],
        in_reply_to=mail.parent.message_id if mail.parent else "",
        references=" ".join(mail.references) if mail.parent else "",
        mime=mime.render(mail, folder),
    )
