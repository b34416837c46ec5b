"""What goes wrong on the way to Graph: what is read all the same, and what coverage says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from scanner import collect
from scanner.attachments import Limits
from scanner.collect import Interest, Source
from scanner.connectors.graph import GraphConnector
from scanner.detectors import DETECTORS, compose
from scanner.directory import Directory
from scanner.model import ContentLevel, Coverage
from scanner.store import Workspace
from tests.fake_graph import FULL, FakeGraph, Fault, Tokens, Transport, bulk_tenant, small_tenant
from tests.fake_graph.mail import Message
from tests.fake_graph.tenant import JO, MONDAY, SAM, Mailbox, User

HOST = "https://graph.test"
INTERNAL = Interest(Directory(frozenset({"calder.example"})))
JOS, SAMS = 14, 25
FOREVER = None
LIMITS = Limits()


@dataclass
class Bench:
    """A connector to a fake tenant, and a workspace to read into."""

    graph: FakeGraph
    workspace: Workspace
    tokens: Tokens = field(default_factory=Tokens)
    waited: list[float] = field(default_factory=list)

    def read(self, content: ContentLevel = ContentLevel.NONE, **options: object) -> None:
        """Collect everything, as a scan does."""

        async def sleep(seconds: float) -> None:
            self.waited.append(seconds)
            await asyncio.sleep(0)

        connector = GraphConnector(
            tenant=self.graph.tenant.tenant_id,
            graph_url=f"{HOST}/v1.0",
            transport=Transport(self.graph),
            token=self.tokens,
            sleep=sleep,
            **options,  # type: ignore[arg-type]
        )
        source = Source("m365", connector)
        survey = connector.survey({})
        self.workspace.put_survey("run", "m365", survey.unreadable)
        request = collect.examination(None, None, content, INTERNAL, compose(), LIMITS)
        collect.collect(
            self.workspace, "run", source, survey.units, request, INTERNAL, DETECTORS,
            LIMITS, lambda _size: None,
        )  # fmt: skip

    def told(self, mailbox: str) -> Coverage:
        """Return the row that speaks of a mailbox's sent items."""
        (row,) = (c for c in self.workspace.coverage() if c.mailbox == mailbox and not c.entry)
        return row

    def count(self, mailbox: str) -> int:
        """Return how many messages of a mailbox are stored."""
        table = self.workspace.messages(columns=["mailbox", "message_key"])
        found = [
            key
            for box, key in zip(
                *(table[name].to_pylist() for name in table.column_names), strict=True
            )
            if box == mailbox
        ]
        assert len(set(found)) == len(found)
        return len(found)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a tenant without faults and an empty workspace."""
    with Workspace(tmp_path / "ws", create=True) as workspace:
        workspace.lock()
        yield Bench(FakeGraph(small_tenant()), workspace)


def fault(name: str, times: int | None = 1, **options: object) -> Fault:
    """Return a fault of the listing of Jo's sent items."""
    return Fault(name, mailbox=JO[1], times=times, options=options)


PASSING = [
    pytest.param(fault("throttle", 2, retry_after=7), id="throttled"),
    pytest.param(fault("throttle", 3), id="throttled without Retry-After"),
    pytest.param(fault("unavailable", 3), id="503"),
    pytest.param(fault("server-error", 2), id="500"),
    pytest.param(fault("gateway-timeout", FOREVER, above=250), id="504 on large pages"),
    pytest.param(fault("hang"), id="no answer"),
    pytest.param(fault("cut", 2), id="torn in the middle"),
    pytest.param(fault("broken"), id="torn JSON"),
    pytest.param(fault("html"), id="a proxy's page"),
    pytest.param(fault("expire"), id="token expired"),
    pytest.param(fault("duplicate", FOREVER), id="rows twice"),
    pytest.param(fault("reorder", FOREVER), id="rows backwards"),
    pytest.param(fault("empty"), id="empty page with a link"),
]


@pytest.mark.parametrize("passing", PASSING)
def test_what_passes_costs_nothing(bench: Bench, passing: Fault) -> None:
    """A fault that passes leaves no trace: everything is read, and read once."""
    bench.graph.faults = [passing]
    bench.read()
    assert passing.hits
    assert bench.told(JO[1]).outcome.value == "read"
    assert (bench.count(JO[1]), bench.count(SAM[1])) == (JOS, SAMS)
    assert bench.graph.violations == []


LASTING = [
    # What lasts, the outcome it has, how many of Jo's messages are read.
    pytest.param(fault("throttle", FOREVER, retry_after=1), "parked", 0, id="throttled"),
    pytest.param(fault("unavailable", FOREVER), "parked", 0, id="503"),
    pytest.param(fault("server-error", FOREVER), "parked", 0, id="500"),
    pytest.param(fault("gateway-timeout", FOREVER), "parked", 0, id="504"),
    pytest.param(fault("hang", FOREVER), "parked", 0, id="no answer"),
    pytest.param(fault("cut", FOREVER), "parked", 0, id="torn in the middle"),
    pytest.param(fault("deny", FOREVER), "denied", 0, id="out of scope"),
    pytest.param(fault("not-enabled", FOREVER), "not_enabled", 0, id="on premises"),
    pytest.param(fault("not-found", FOREVER), "not_enabled", 0, id="unlicensed"),
    pytest.param(
        fault("not-enabled", FOREVER, code="MailboxNotHostedInExchangeOnline"),
        "not_enabled",
        0,
        id="hosted elsewhere",
    ),
    pytest.param(fault("broken", FOREVER), "parked", 0, id="torn JSON"),
    pytest.param(fault("html", FOREVER), "parked", 0, id="a proxy's page"),
    pytest.param(fault("other", FOREVER), "parked", 0, id="JSON of another kind"),
    pytest.param(fault("huge", FOREVER), "unreadable", 0, id="endless"),
    pytest.param(fault("bomb", FOREVER), "unreadable", 0, id="unpacks to too much"),
    pytest.param(fault("redirect", FOREVER), "unreadable", 0, id="redirected"),
    pytest.param(fault("foreign-link", FOREVER), "partial", JOS, id="link to another host"),
    pytest.param(fault("same-link", FOREVER), "partial", JOS, id="link to itself"),
]


@pytest.mark.parametrize(("lasting", "outcome", "read"), LASTING)
def test_what_lasts_costs_one_mailbox(
    bench: Bench, lasting: Fault, outcome: str, read: int
) -> None:
    """A fault that stays is one mailbox's row of coverage with a reason; the others are read."""
    bench.graph.faults = [lasting]
    bench.read()
    told = bench.told(JO[1])
    assert (told.outcome.value, bench.count(JO[1])) == (outcome, read)
    assert told.reason
    assert not told.outcome.complete
    assert (bench.told(SAM[1]).outcome.value, bench.count(SAM[1])) == ("read", SAMS)


def test_a_token_goes_to_graph_and_nowhere_else(bench: Bench) -> None:
    """No request is made to another host, wherever a link or a redirect leads."""
    bench.graph.faults = [fault("foreign-link"), Fault("redirect", mailbox=SAM[1])]
    bench.read()
    assert {seen.request.base for seen in bench.graph.requests} == {HOST}


def test_waiting_is_what_the_server_asks_for(bench: Bench) -> None:
    """Retry-After is obeyed: nothing is asked of that mailbox any sooner."""
    bench.graph.faults = [fault("throttle", 2, retry_after=7)]
    bench.read()
    assert len(bench.waited) >= 2
    assert min(bench.waited) >= 7


def test_never_more_at_a_time_than_allowed(bench: Bench) -> None:
    """At most three requests are under way for a mailbox, and so many in all as configured."""
    bench.graph.cost = (0.01, 0.0)
    bench.graph.tenant.permissions = FULL
    bench.read(ContentLevel.ATTACHMENTS, concurrency=5)
    assert max(peak for name, peak in bench.graph.peak.items() if name) <= 3
    assert bench.graph.peak_overall <= 5
    assert bench.graph.violations == []


def test_nothing_slips_when_messages_go_between_pages(bench: Bench) -> None:
    """Messages removed while a folder is listed move the others up; none of those is missed."""
    tenant = bulk_tenant(0, 0)
    sent = [Message(n, MONDAY + timedelta(minutes=n), JO, [SAM]) for n in range(3_000)]
    tenant.users.append(User(JO[1], JO[0], Mailbox(JO[1]).put("sentitems", sent)))
    kept = tenant.box(JO[1]).sent

    def remove() -> None:
        del kept[:5]

    bench.graph = FakeGraph(tenant, [Fault("change", change=remove)], contract=None)
    bench.read()
    assert bench.count(JO[1]) == 3_000


def test_a_mailbox_that_fails_midway_goes_on_where_it_stopped(bench: Bench) -> None:
    """What was read before a mailbox began to fail is kept; the next scan reads the rest only."""
    bench.graph = FakeGraph(bulk_tenant(2, 2_500), contract=None)
    first, second = (user.address for user in bench.graph.tenant.users)
    bench.graph.faults = [Fault("unavailable", mailbox=first, times=FOREVER, after=1)]
    bench.read()
    told = bench.told(first)
    assert (told.outcome.value, bench.count(first)) == ("parked", 1_000)
    assert (bench.told(second).outcome.value, bench.count(second)) == ("read", 2_500)
    bench.graph.faults.clear()
    bench.graph.requests.clear()
    bench.read()
    assert (bench.told(first).outcome.value, bench.count(first)) == ("read", 2_500)
    assert sum(seen.messages for seen in bench.graph.requests if seen.mailbox == first) <= 1_501


def test_a_service_that_is_gone_is_not_asked_for_ever(bench: Bench) -> None:
    """Where nothing answers any more, the mailboxes that are left are put off without asking."""
    bench.graph = FakeGraph(bulk_tenant(60, 10), contract=None)
    bench.graph.faults = [Fault("unavailable", times=FOREVER)]
    bench.read()
    outcomes = {row.outcome.value for row in bench.workspace.coverage()}
    assert outcomes == {"parked"}
    assert len(bench.workspace.coverage()) == 60
    assert len(bench.graph.calls("/messages")) < 60 * 7


CONTENT = [
    # What happens to the text of one message, what coverage says of it, whether it is read.
    pytest.param("not-found", FOREVER, "moved or deleted", id="deleted meanwhile"),
    pytest.param("broken", FOREVER, "not what Graph promises", id="torn"),
    pytest.param("huge", FOREVER, "longer than", id="endless"),
    pytest.param("throttle", 2, "", id="throttled"),
    pytest.param("unavailable", 2, "", id="503"),
    pytest.param("cut", 1, "", id="torn once"),
]


@pytest.mark.parametrize(("name", "times", "says"), CONTENT)
def test_text_that_cannot_be_had(bench: Bench, name: str, times: int | None, says: str) -> None:
    """A message whose text cannot be fetched is listed and said; its recipients were read."""
    bench.graph.tenant.permissions = FULL
    arrears = next(m for m in bench.graph.tenant.box(JO[1]).sent if m.subject == "Arrears")
    code = {"code": "ErrorItemNotFound"} if name == "not-found" else {}
    bench.graph.faults = [Fault(name, f"messages/{arrears.id}", times=times, options=code)]
    bench.read(ContentLevel.TEXT)
    assert bench.count(JO[1]) == JOS
    ibans = [row.finding for row in bench.workspace.findings() if row.finding.kind == "iban"]
    reasons = [c.reason for c in bench.workspace.coverage() if not c.outcome.complete]
    reasons = [reason for reason in reasons if "mailbox in Exchange" not in reason]
    if says:
        assert not ibans
        assert says in "".join(reasons)
    else:
        assert len(ibans) == 1
        assert reasons == []


def test_an_id_with_half_a_character_costs_one_text(bench: Bench) -> None:
    """An id that no address can hold costs the text of its message, and no other message."""
    bench.graph.tenant.permissions = FULL
    arrears = next(m for m in bench.graph.tenant.box(JO[1]).sent if m.subject == "Arrears")
    bench.graph.faults = [fault("half", FOREVER, id=arrears.id)]
    bench.read(ContentLevel.TEXT)
    assert bench.count(JO[1]) == JOS
    reasons = "".join(c.reason for c in bench.workspace.coverage() if not c.outcome.complete)
    assert "moved or deleted before its text was fetched" in reasons
