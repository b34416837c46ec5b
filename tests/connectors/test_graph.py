"""Reading a tenant through Graph: what is asked for, stored, left out and said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scanner import collect
from scanner.attachments import Limits
from scanner.collect import Interest, Source, Tally
from scanner.connectors.graph import GraphConnector
from scanner.connectors.graph_mail import ATTACHED, CUT, SIZES
from scanner.detectors import DETECTORS, compose
from scanner.directory import Directory
from scanner.model import LEFT_OUT, ContentLevel, Coverage, Outcome
from scanner.store import Workspace
from tests.fake_graph import (
    BASIC,
    FULL,
    FakeGraph,
    Fault,
    Tokens,
    Transport,
    bulk_tenant,
    small_tenant,
)
from tests.fake_graph.mail import Attachment, Message
from tests.fake_graph.tenant import JO, MONDAY, SAM, TENANT_ID, Mailbox, Tenant, User, outsiders

HOUR = timedelta(hours=1)
NONE, TEXT, ATTACHMENTS = ContentLevel.NONE, ContentLevel.TEXT, ContentLevel.ATTACHMENTS


@dataclass
class Site:
    """A fake tenant, and the workspace that scans it."""

    graph: FakeGraph
    workspace: Workspace
    waits: list[float] = field(default_factory=list)

    def connector(self, **options: Any) -> GraphConnector:
        """Return a connector for the tenant that waits without waiting."""

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        fixed: dict[str, Any] = {"tenant": TENANT_ID, "token": Tokens(), "sleep": sleep}
        return GraphConnector(transport=Transport(self.graph), **fixed | options)

    def scan(self, content: ContentLevel = NONE, **options: Any) -> Tally:
        """Scan all that the connector surveys."""
        connector = self.connector(**options)
        listing = connector.directory() or Directory(frozenset()).listing
        domains = frozenset(self.graph.tenant.domains)
        interest = Interest(Directory(domains, listing=listing))
        request = collect.examination(None, None, content, interest, compose(), Limits())
        fixed = {k: c.mailbox for k, c in self.workspace.checkpoints("m365").items()}
        units = connector.survey(fixed).units
        return collect.collect(
            self.workspace, "run", Source("m365", connector), units, request, interest, DETECTORS,
            Limits(), lambda _size: None,
        )  # fmt: skip

    def row(self, mailbox: str, folder: str = "Sent Items") -> Coverage:
        """Return the row that speaks of a folder as a whole."""
        (found,) = (
            c for c in self.workspace.coverage()
            if c.mailbox == mailbox and c.folder == folder and not c.entry
        )  # fmt: skip
        return found

    def messages(self, mailbox: str = JO[1]) -> dict[str, dict[str, Any]]:
        """Return the rows of a mailbox by subject."""
        return {row["subject"]: row for row in self.workspace.messages([mailbox]).to_pylist()}

    def mail_calls(self) -> int:
        """Return how many requests for mail there were, and forget them."""
        count = sum(bool(seen.mailbox) for seen in self.graph.requests)
        self.graph.requests.clear()
        return count


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Return a new workspace, locked for writing."""
    with Workspace(tmp_path / "ws", create=True) as opened:
        opened.lock()
        yield opened


@pytest.fixture
def small(workspace: Workspace) -> Site:
    """Return the small tenant, with the least permissions."""
    return Site(FakeGraph(small_tenant(BASIC)), workspace)


@pytest.fixture
def full(workspace: Workspace) -> Site:
    """Return the small tenant, with all that reading needs."""
    return Site(FakeGraph(small_tenant(FULL)), workspace)


def tenant_of(*messages: Message, permissions: frozenset[str] = FULL) -> Tenant:
    """Return a tenant with one mailbox that sent these."""
    box = Mailbox(JO[1]).put("sentitems", messages)
    return Tenant([User(JO[1], JO[0], box)], permissions=permissions)


# --- rows ---


def test_least_permission_reads_all_that_headers_tell(small: Site) -> None:
    """With Mail.ReadBasic every shape of message is a row, within the contract of Microsoft."""
    assert small.scan() == Tally(39, 0, frozenset({"residents@calder.example"}))
    found = small.messages()
    assert len(found) == 14
    boiler = found["Boiler visit"]
    assert (boiler["sender"], boiler["sent_by"]) == ("repairs@calder.example", JO[1])
    assert [r["role"] for r in found["Our apology"]["recipients"]] == ["to"] + ["bcc"] * 40
    assert found["Viewing day"]["message_class"] == "meeting"
    assert found["Recall: Your views on our pets policy"]["message_class"] == "recall"
    assert {r["kind"] for r in found["Old names"]["recipients"]} == {"ex"}
    nameless = found["Names only"]["recipients"][0]
    assert (nameless["kind"], nameless["name"]) == ("none", "Someone without address")
    assert found["With a letter"]["attachments"] is None
    assert found["With a picture"]["attachments"] == []
    assert small.graph.violations == []


def test_each_mailbox_that_could_not_be_read_is_told(small: Site) -> None:
    """A mailbox without Exchange Online, or outside the scope, is a row with its reason."""
    small.graph.tenant.scope = frozenset({JO[1], "ole@calder.example", "lost@calder.example"})
    small.scan()
    outcomes = {c.mailbox: c.outcome for c in small.workspace.coverage() if not c.entry}
    assert outcomes[JO[1]] is Outcome.READ
    assert outcomes[SAM[1]] is Outcome.DENIED
    assert outcomes["ole@calder.example"] is Outcome.NOT_ENABLED
    assert outcomes["lost@calder.example"] is Outcome.NOT_ENABLED
    small.graph.tenant.scope = None
    small.scan()
    assert small.row(SAM[1]).outcome is Outcome.READ


def test_lists_that_may_be_cut_short_are_counted(workspace: Workspace) -> None:
    """A list exactly as long as known caps is told, and the scan is complete all the same."""
    sizes = (99, 100, 500)
    mail = [Message(n, MONDAY, JO, outsiders(n), subject=str(n)) for n in sizes]
    site = Site(FakeGraph(tenant_of(*mail)), workspace)
    site.scan()
    (row,) = [c for c in workspace.coverage() if c.entry == CUT]
    assert (row.outcome, row.reason) == (Outcome.OUT_OF_SCOPE, f"{CUT}: 2")


# --- content ---


def test_content_comes_in_a_second_stage(full: Site) -> None:
    """Only what reached outside is fetched; text, a table and what could not be opened are told."""
    full.scan(ATTACHMENTS)
    found = {(row.finding.kind, row.finding.part) for row in full.workspace.findings()}
    assert {("iban", "body"), ("iban", "attachment:people.csv")} <= found
    listed = full.messages()["With a letter"]["attachments"]
    assert [a["name"] for a in listed] == ["letter.pdf", "people.csv", "forwarded", "plan"]
    fetched = {s.request.steps[4] for s in full.graph.calls(r"messages/[^/]+\?")}
    inside = full.graph.tenant.box(JO[1]).sent[0].id  # to a colleague only
    assert fetched
    assert inside not in fetched
    assert full.graph.violations == []


def test_metadata_first_then_text(full: Site) -> None:
    """A deeper scan reads again, keeps every key, and adds just the findings."""
    full.scan(NONE)
    keys = {s: row["message_key"] for s, row in full.messages().items()}
    (row,) = [c for c in full.workspace.coverage() if c.entry == ATTACHED]
    assert row.reason.endswith(": 1")
    assert full.workspace.findings() == []
    full.scan(TEXT)
    assert {s: row["message_key"] for s, row in full.messages().items()} == keys
    assert [row.finding.part for row in full.workspace.findings() if row.finding.kind == "iban"]


def test_content_without_permission_is_denied(small: Site) -> None:
    """With Mail.ReadBasic alone a scan of text is denied for each mailbox, and says so."""
    small.scan(TEXT)
    assert small.row(JO[1]).outcome is Outcome.DENIED
    assert small.workspace.parts.rows() == 0


@pytest.mark.parametrize("fault", ["not-found", "html"])
def test_one_body_that_cannot_be_had_costs_itself(workspace: Workspace, fault: str) -> None:
    """A message that is gone, or answered by a proxy, is told; the others are examined."""
    text = "IBAN GB82 WEST 1234 5698 7654 32"
    mail = [Message(n, MONDAY + n * HOUR, JO, outsiders(1), text=text) for n in range(3)]
    fault_ = Fault(fault, path=rf"messages/{mail[1].id}", times=None)
    site = Site(FakeGraph(tenant_of(*mail), [fault_]), workspace)
    assert site.scan(TEXT).read == 3
    partial = [c for c in workspace.coverage() if c.entry and c.outcome is Outcome.PARTIAL]
    assert len(partial) == 1
    assert len({row.finding.message_key for row in workspace.findings()}) == 2


def test_an_attachment_too_large_is_not_fetched(workspace: Workspace) -> None:
    """What is longer than the bound is told by its size, without being asked for."""
    huge = Attachment("huge.csv", b"x" * (51 * 1024 * 1024), "text/csv")
    mail = Message(1, MONDAY, JO, outsiders(1), attachments=[huge])
    site = Site(FakeGraph(tenant_of(mail)), workspace)
    site.scan(ATTACHMENTS)
    assert site.graph.calls(r"\$value") == []
    assert any("longer than 50 MB" in c.reason for c in workspace.coverage())


# --- again and again ---


def test_a_quiet_night_is_one_request_a_mailbox(small: Site) -> None:
    """A second scan asks once for each mailbox, stores nothing, and changes no checkpoint."""
    small.scan()
    before = small.workspace.checkpoints("m365")
    small.mail_calls()
    assert small.scan().read == 0
    assert small.mail_calls() == 8
    assert small.workspace.checkpoints("m365") == before


def test_late_and_new_mail_is_read_once(small: Site) -> None:
    """Mail that was uploaded late, within two days, is found the next night with the new."""
    small.scan()
    sent = small.graph.tenant.box(JO[1]).sent
    late = Message("late0001", sent[-1].sent_at - 30 * HOUR, JO, outsiders(1), subject="Late")
    new = Message("new00001", sent[-1].sent_at + 30 * HOUR, JO, outsiders(1), subject="New")
    sent.extend([late, new])
    assert small.scan().read == 2
    assert {"Late", "New"} <= set(small.messages())
    assert small.scan().read == 0
    assert small.row(JO[1]).messages_read == 16


def test_a_wrong_clock_hides_nothing(small: Site) -> None:
    """A message dated years ahead does not keep later mail from being read."""
    sent = small.graph.tenant.box(JO[1]).sent
    sent.append(Message("future01", MONDAY.replace(year=2040), JO, [SAM], subject="From 2040"))
    small.scan()
    sent.append(Message("later001", datetime.now(UTC), JO, [SAM], subject="Later"))
    assert small.scan().read == 1
    assert "Later" in small.messages()


def test_a_window_is_asked_of_the_server(small: Site) -> None:
    """What lies outside of a window is not even listed."""
    connector = small.connector()
    interest = Interest(Directory(frozenset({"calder.example"})))
    since, until = MONDAY + 2 * HOUR, MONDAY + 5 * HOUR
    request = collect.examination(since, until, NONE, interest, compose(), Limits())
    tally = collect.collect(
        small.workspace, "run", Source("m365", connector), connector.survey({}).units, request,
        interest, DETECTORS, Limits(), lambda _: None,
    )  # fmt: skip
    assert tally.read == 3
    assert max(seen.messages for seen in small.graph.requests if seen.mailbox) == 3


def test_what_is_removed_between_pages_hides_nothing(workspace: Workspace) -> None:
    """A message removed while its folder is listed shifts the pages, and none is lost for it."""
    mail = [Message(n, MONDAY + n * HOUR, JO, [SAM], subject=str(n)) for n in range(2_500)]
    tenant = tenant_of(*mail)
    graph = FakeGraph(tenant, contract=None)
    graph.faults.append(Fault("change", change=lambda: tenant.box(JO[1]).sent.pop(0)))
    site = Site(graph, workspace)
    assert site.scan().read == 2_500
    assert set(site.messages()) == {str(n) for n in range(2_500)}


# --- faults ---

READS_ALL = [
    pytest.param(Fault("throttle", times=3, options={"retry_after": "7"}), id="throttled"),
    pytest.param(Fault("throttle", times=3), id="throttled-without-a-time"),
    pytest.param(Fault("unavailable", times=5), id="unavailable"),
    pytest.param(Fault("gateway-timeout", times=4), id="timeouts"),
    pytest.param(Fault("gateway-timeout", times=None, options={"above": 100}), id="too-large"),
    pytest.param(Fault("expire"), id="token-expired"),
    pytest.param(Fault("cut", times=2), id="cut"),
    pytest.param(Fault("broken"), id="half-an-answer"),
    pytest.param(Fault("html"), id="a-proxy-answers"),
    pytest.param(Fault("duplicate", times=2), id="twice"),
    pytest.param(Fault("reorder", times=2), id="backwards"),
    pytest.param(Fault("empty", times=2), id="empty-pages"),
]


@pytest.mark.parametrize("fault", READS_ALL)
def test_faults_that_pass_cost_nothing(workspace: Workspace, fault: Fault) -> None:
    """What goes wrong for a while is tried again: everything is read, and nothing twice."""
    fault = Fault(fault.name, times=fault.times, options=fault.options)
    site = Site(FakeGraph(bulk_tenant(2, 1_500), [fault], contract=None), workspace)
    assert site.scan().read == 3_000
    assert fault.hits
    ids = workspace.messages(columns=["internet_message_id"])["internet_message_id"].to_pylist()
    assert (len(ids), len(set(ids))) == (3_000, 3_000)
    assert {c.outcome for c in workspace.coverage()} == {Outcome.READ}
    if "retry_after" in fault.options:
        assert min(site.waits) >= 7


ENDS = [
    pytest.param("foreign-link", {}, Outcome.PARTIAL, 1_000, id="link-elsewhere"),
    pytest.param("same-link", {}, Outcome.PARTIAL, 1_000, id="in-a-circle"),
    pytest.param("redirect", {}, Outcome.UNREADABLE, 0, id="redirect"),
    pytest.param("other", {}, Outcome.PARKED, 0, id="another-form"),
    pytest.param("html", {}, Outcome.PARKED, 0, id="a-proxy-answers-always"),
    pytest.param("unavailable", {}, Outcome.PARKED, 0, id="never-there"),
    pytest.param("throttle", {"retry_after": "9999"}, Outcome.PARKED, 0, id="hours-to-wait"),
    pytest.param("deny", {}, Outcome.DENIED, 0, id="denied"),
]


@pytest.mark.parametrize(("name", "options", "outcome", "read"), ENDS)
def test_faults_that_stay_cost_one_mailbox(
    workspace: Workspace, name: str, options: dict[str, Any], outcome: Outcome, read: int
) -> None:
    """A mailbox that keeps failing is told and the others are read; the next scan goes on."""
    bad = "user0000@calder.example"
    fault = Fault(name, mailbox=bad, times=None, options=options)
    site = Site(FakeGraph(bulk_tenant(2, 1_500), [fault], contract=None), workspace)
    assert site.scan().read == 1_500 + read
    row = site.row(bad)
    assert (row.outcome, row.messages_read) == (outcome, read)
    assert {s.request.base for s in site.graph.requests} == {"https://graph.microsoft.com"}
    site.graph.faults.clear()
    assert site.scan().read == 1_500 - read
    assert site.row(bad).outcome is Outcome.READ


def test_large_mailboxes_are_read_in_stretches(workspace: Workspace) -> None:
    """A mailbox of very many pages is read three pages at a time, each message once."""
    graph = FakeGraph(bulk_tenant(1, 40_000), cost=(0.02, 0), contract=None)
    site = Site(graph, workspace)
    assert site.scan().read == 40_000
    assert max(graph.peak.values()) == 3
    assert site.mail_calls() <= 40 * 1.05 + 1
    assert site.scan().read == 0
    ids = workspace.messages(columns=["internet_message_id"])["internet_message_id"].to_pylist()
    assert len(set(ids)) == 40_000


def test_smaller_pages_where_the_server_is_slow(workspace: Workspace) -> None:
    """Pages get smaller for a mailbox whose pages time out, down to one that does."""
    fault = Fault("gateway-timeout", times=None, options={"above": 250})
    graph = FakeGraph(bulk_tenant(1, 1_000), [fault], contract=None)
    Site(graph, workspace).scan()
    tops = [int(seen.request.parameters["$top"]) for seen in graph.requests if seen.mailbox]
    assert tops == [*SIZES[:2], *[250] * (len(tops) - 2)]


# --- which mailboxes ---


def units(connector: GraphConnector) -> tuple[list[tuple[str, str]], Sequence[Coverage]]:
    """Return mailbox and folder of each unit, sorted, and what the survey could not read."""
    survey = connector.survey({})
    return sorted((u.mailbox, u.folder) for u in survey.units), survey.unreadable


@dataclass
class Choice:
    """Mailboxes by group or file."""

    group: str = ""
    file: Path | None = None


@pytest.mark.parametrize("group", ["Scanned mailboxes", "team@calder.example"])
def test_mailboxes_of_a_group(full: Site, group: str) -> None:
    """A group is named by its address or its name; guests and contacts in it have no mailbox."""
    found, unread = units(full.connector(mailboxes=Choice(group=group)))
    assert len(found) == 2
    assert (SAM[1], "Sent Items") in found
    assert unread == []


def test_mailboxes_of_a_list(full: Site, tmp_path: Path) -> None:
    """A list or a file names mailboxes by any of their addresses; who is not there is told."""
    file = tmp_path / "list"
    file.write_text("JO.Marsh@calder.example  # Jo\n\nnobody@calder.example\n")
    found, unread = units(full.connector(mailboxes=Choice(file=file)))
    assert found == [(JO[1], "Sent Items")]
    assert [(c.mailbox, c.outcome) for c in unread] == [
        ("nobody@calder.example", Outcome.NOT_ENABLED)
    ]


def test_a_list_needs_no_directory(workspace: Workspace) -> None:
    """With Mail.ReadBasic alone named mailboxes are read; all of them could not be listed."""
    graph = FakeGraph(small_tenant(frozenset({"Mail.ReadBasic.All"})))
    site = Site(graph, workspace)
    assert site.scan(mailboxes=(JO[1],), directory=False).read == 14
    found, unread = units(site.connector())
    assert found == []
    assert [c.outcome for c in unread] == [Outcome.DENIED]
    assert "could not be listed" in unread[0].reason


@pytest.mark.parametrize(
    ("exclude", "left", "unmet"),
    [
        (("ole@calder.example", "JO.Marsh@calder.example"), {"ole@calder.example", JO[1]}, 0),
        (Choice(group="Scanned mailboxes"), {JO[1], SAM[1]}, 0),
        (("ole@calder.example", "typo@calder.example"), {"ole@calder.example"}, 1),
    ],
    ids=["by-any-address", "by-group", "one-that-is-not-there"],
)
def test_mailboxes_left_out(full: Site, exclude: Any, left: set[str], unmet: int) -> None:
    """What `exclude` names is not asked for, and stays a row that says so; a wrong name is told."""
    survey = full.connector(exclude=exclude).survey({})
    rows = [row for row in survey.unreadable if row.reason == LEFT_OUT]
    assert {row.mailbox for row in rows} == left
    assert {row.outcome for row in rows} == {Outcome.OUT_OF_SCOPE}
    assert not left & {unit.mailbox for unit in survey.units}
    assert len(survey.units) + len(rows) == 8
    told = [row.reason for row in survey.unreadable if row.unit == "exclude"]
    assert [reason.rpartition(" ")[2] for reason in told] == ["1"] * unmet


def test_a_list_leaves_out_who_has_no_account(full: Site) -> None:
    """A name that the tenant does not have is no gap where the configuration leaves it out."""
    gone = "nobody@calder.example"
    survey = full.connector(mailboxes=(JO[1], gone), exclude=(gone,)).survey({})
    assert [(row.unit, row.outcome) for row in survey.unreadable] == [(gone, Outcome.OUT_OF_SCOPE)]


def test_accounts_are_read_once_a_night(full: Site) -> None:
    """The address book and the list of mailboxes come from the same pages."""
    connector = full.connector()
    connector.directory()
    assert len(connector.survey({}).units) == 8
    assert len(full.graph.calls(r"/users\?")) == 1


def test_further_folders(full: Site) -> None:
    """Recoverable items and archive mailboxes are read where asked, and told where not there."""
    read = full.scan(
        mailboxes=(JO[1], SAM[1]), folders=("sent", "recoverable"), archive_mailboxes=True
    ).read
    assert read == 14 + 25 + 2
    assert full.row(JO[1], "Recoverable Items").messages_read == 1
    assert full.row(JO[1], "Archive mailbox: Sent Items").messages_read == 1
    assert full.row(SAM[1], "Archive mailbox: Sent Items").outcome is Outcome.EMPTY
    assert len(full.graph.calls("settings/exchange")) == 2


def test_a_mailbox_keeps_its_name(small: Site) -> None:
    """Who gets another address keeps the mailbox that the first scan named."""
    key = f"{small.graph.tenant.users[0].id}/sentitems"
    survey = small.connector().survey({key: "old.name@calder.example"})
    assert {u.key: u.mailbox for u in survey.units}[key] == "old.name@calder.example"


# --- the address book ---


def test_the_address_book(full: Site) -> None:
    """Domains, aliases, guests, contacts, groups and Exchange names are known from the tenant."""
    listing = full.connector().directory()
    assert listing is not None
    directory = Directory(frozenset(), listing=listing)
    assert listing.domains == {"calder.example", "old-calder.example"}
    assert directory.primary("jo@old-calder.example") == JO[1]
    assert directory.primary("/o=calderhomes/ou=old/cn=recipients/cn=sam") == SAM[1]
    assert directory.is_external("visitor@firm.example")
    assert directory.is_external("/o=calderhomes/cn=chair")
    assert (listing.missing, listing.remarks) == ((), ())
    learned = full.connector().learned(
        frozenset({"residents@calder.example", "club@calder.example"})
    )
    assert learned is not None
    assert learned.groups["residents@calder.example"].outsiders == 1
    assert learned.groups["club@calder.example"].members == 1


def test_what_of_the_address_book_is_missing(workspace: Workspace) -> None:
    """Each part that may not be read is named with its permission; contacts are a remark."""
    graph = FakeGraph(small_tenant(frozenset({"Mail.ReadBasic.All", "User.Read.All"})))
    listing = Site(graph, workspace).connector().directory()
    assert listing is not None
    assert [text.rpartition(" ")[2] for text in listing.missing] == [
        "Domain.Read.All", "GroupMember.Read.All",
    ]  # fmt: skip
    assert len(listing.remarks) == 1


def test_hidden_members_stay_hidden(small: Site) -> None:
    """A group whose membership may not be seen is known as such."""
    learned = small.connector().learned(frozenset({"club@calder.example"}))
    assert learned is not None
    group = learned.groups["club@calder.example"]
    assert (group.hidden, group.members) == (True, None)


# --- check ---


def checked(
    site: Site, content: ContentLevel = TEXT, **options: Any
) -> dict[str, tuple[bool, str]]:
    """Return what `check` says of each thing, the last word counting."""
    found = site.connector(**options).check(content)
    return {check.what: (check.ok, check.remedy) for check in found}


def test_check_says_what_is_missing(small: Site, full: Site) -> None:
    """A preflight names the permission that a scan of text needs, and none where all is there."""
    assert all(ok for ok, _ in checked(full).values())
    assert all(ok for ok, _ in checked(small, NONE).values())
    ok, remedy = checked(small)["content"]
    assert not ok
    assert "--content none" in remedy
    assert "Application Mail.Read" in remedy


def test_check_tells_scope_from_sign_in(small: Site) -> None:
    """Mailboxes outside the scope are told with the command that mends it; a bad token is not."""
    small.graph.tenant.scope = frozenset()
    ok, remedy = checked(small)["mail"]
    assert not ok
    assert "New-ManagementRoleAssignment" in remedy
    small.graph.tenant.permissions = frozenset({"Mail.ReadBasic.All"})
    found = checked(small)
    assert "User.Read.All" in found["address book: users"][1]
    assert not found["mailboxes"][0]
