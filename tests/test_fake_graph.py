"""The fake Graph says what Microsoft's documentation and published OpenAPI say Graph says."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fake_graph import (
    BASIC,
    FULL,
    FakeGraph,
    Fault,
    PrivateCA,
    Transport,
    bulk_tenant,
    own_process,
    sample_tenant,
    served,
    small_tenant,
)
from tests.fake_graph.contract import Contract, published
from tests.fake_graph.faults import Answer
from tests.fake_graph.graph import Request, shown
from tests.fake_graph.mail import Message
from tests.fake_graph.tenant import JO, MONDAY, SAM

HOST = "https://graph.microsoft.com"
SENT = "/v1.0/users/jo@calder.example/mailFolders/sentitems/messages"
HEADERS = {"Authorization": "Bearer token-1", "Prefer": 'IdType="ImmutableId"'}

needs_openapi = pytest.mark.skipif(
    not published(), reason="no OpenAPI document beside the checkout"
)


def client(graph: FakeGraph) -> httpx.Client:
    """Return a client of the fake, within the process."""
    return httpx.Client(transport=Transport(graph), base_url=HOST, headers=HEADERS)


def walk(http: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    """Yield all rows of a listing, link by link."""
    while path:
        page = http.get(path).raise_for_status().json()
        yield from page["value"]
        path = page.get("@odata.nextLink", "")


REFUSALS = [
    pytest.param(
        f"{SENT}?$filter=receivedDateTime ge 2026-03-02T00:00:00Z&$orderby=sentDateTime",
        400, "InefficientFilter", id="order not in the filter",
    ),
    pytest.param(
        f"{SENT}?$filter=hasAttachments eq true and sentDateTime ge 2026-03-02T00:00:00Z"
        "&$orderby=sentDateTime",
        400, "InefficientFilter", id="order not first in the filter",
    ),
    pytest.param(f"{SENT}?$top=1001", 400, "ErrorInvalidUrlQuery", id="page too large"),
    pytest.param(f"{SENT}?$filter=sentDateTime", 400, "ErrorInvalidUrlQueryFilter", id="filter"),
    pytest.param(f"{SENT}?$select=size", 400, "RequestBroker--ParseUri", id="no such property"),
    pytest.param(f"{SENT}?$select=body", 403, "ErrorAccessDenied", id="body with ReadBasic"),
    pytest.param(
        f"{SENT}?$expand=singleValueExtendedProperties($filter=id eq 'Integer 0x0E08')",
        403, "ErrorAccessDenied", id="size with ReadBasic",
    ),
    pytest.param(
        "/v1.0/users/ole@calder.example/mailFolders/sentitems/messages",
        404, "MailboxNotEnabledForRESTAPI", id="on premises",
    ),
    pytest.param(
        "/v1.0/users/lost@calder.example/mailFolders/sentitems/messages",
        404, "ResourceNotFound", id="unlicensed",
    ),
    pytest.param(
        "/v1.0/users/nobody@calder.example/mailFolders/sentitems/messages",
        404, "ErrorInvalidUser", id="unknown user",
    ),
    pytest.param("/v1.0/contacts", 403, "Authorization_RequestDenied", id="no consent"),
    pytest.param(
        "/v1.0/users/jo@calder.example/mailFolders/elsewhere", 404, "ErrorItemNotFound", id="folder"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "status", "code"), REFUSALS)
def test_what_graph_refuses_is_refused(path: str, status: int, code: str) -> None:
    """The fake answers a wrong or forbidden request with Graph's own status and code."""
    answer = client(FakeGraph(small_tenant(BASIC))).get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_pages_are_complete_and_in_order() -> None:
    """Links lead through every message of the window once, oldest first where asked for."""
    graph = FakeGraph(small_tenant())
    window = "sentDateTime ge 2026-03-02T10:00:00Z and sentDateTime lt 2026-03-02T22:00:00Z"
    query = f"$select=id,sentDateTime&$filter={window}&$orderby=sentDateTime&$top=5"
    rows = list(walk(client(graph), f"{SENT}?{query}"))
    assert [row["sentDateTime"][11:13] for row in rows] == [f"{h}" for h in range(10, 22)]
    assert len({row["id"] for row in rows}) == 12
    assert len(graph.calls("/messages")) == 3
    assert graph.violations == []


def test_shapes_of_recipients() -> None:
    """Names without address, Exchange names, delegates and derived types are as Graph has them."""
    fields = "$select=subject,sender,from,toRecipients,hasAttachments,internetMessageHeaders"
    rows = {
        row["subject"]: row
        for row in walk(client(FakeGraph(small_tenant(FULL))), f"{SENT}?{fields}")
    }
    assert rows["Names only"]["toRecipients"][0] == {
        "emailAddress": {"name": "Someone without address"}
    }
    assert rows["Old names"]["toRecipients"][1]["emailAddress"]["address"].startswith("/o=")
    boiler = rows["Boiler visit"]
    assert boiler["sender"]["emailAddress"]["address"] == JO[1]
    assert boiler["from"]["emailAddress"]["address"] == "repairs@calder.example"
    assert rows["Viewing day"]["@odata.type"] == "#microsoft.graph.eventMessageRequest"
    assert not rows["With a picture"]["hasAttachments"]
    assert not any("internetMessageHeaders" in row for row in rows.values())


def test_ids_change_unless_immutable_ones_are_asked_for() -> None:
    """The same message has one id with the header and another without; both find it."""
    graph = FakeGraph(small_tenant())
    with client(graph) as http:
        fixed = http.get(f"{SENT}?$top=1&$select=id").json()["value"][0]["id"]
        loose = http.get(f"{SENT}?$top=1&$select=id", headers={"Prefer": ""}).json()["value"][0][
            "id"
        ]
        assert fixed != loose
        for identity in (fixed, loose):
            found = http.get(f"/v1.0/users/jo@calder.example/messages/{identity}?$select=subject")
            assert found.json()["id"] == fixed


def test_text_bodies_and_attachments() -> None:
    """With `Mail.Read` a body comes as text where asked for, attachments by name or as bytes."""
    graph = FakeGraph(small_tenant(FULL))
    with client(graph) as http:
        letter = next(m for m in graph.tenant.box(JO[1]).sent if m.subject == "With a letter")
        message = f"/v1.0/users/jo@calder.example/messages/{letter.id}"
        prefer = {"Prefer": 'IdType="ImmutableId", outlook.body-content-type="text"'}
        body = http.get(f"{message}?$select=body", headers=prefer).json()["body"]
        assert body == {"contentType": "text", "content": "See attached.\n"}
        listed = http.get(f"{message}/attachments?$select=id,name,contentType,size,isInline").json()
        assert [row["name"] for row in listed["value"]] == [
            "letter.pdf",
            "people.csv",
            "forwarded",
            "plan",
        ]
        assert not any("contentBytes" in row for row in listed["value"])
        content = http.get(f"{message}/attachments/{listed['value'][1]['id']}/$value").text
        assert content.startswith("name,iban")
    assert graph.violations == []


def test_extended_properties_come_back_under_another_name() -> None:
    """An extended property's id loses its leading zero, whatever was asked for."""
    expand = "$expand=singleValueExtendedProperties($filter=id eq 'Integer 0x0E08')"
    with client(FakeGraph(small_tenant(FULL))) as http:
        row = http.get(f"{SENT}?$top=1&$select=id&{expand}").json()["value"][0]
    assert row["singleValueExtendedProperties"][0]["id"] == "Integer 0xe08"


def test_directory_pages_and_hidden_members() -> None:
    """Users come page by page; hidden members need their own permission; groups are resolved."""
    graph = FakeGraph(small_tenant(BASIC))
    with client(graph) as http:
        users = list(walk(http, "/v1.0/users?$select=id,mail,userType,proxyAddresses&$top=4"))
        assert len(users) == len(graph.tenant.users)
        groups = {row["displayName"]: row["id"] for row in walk(http, "/v1.0/groups")}
        flat = list(walk(http, f"/v1.0/groups/{groups['Residents']}/transitiveMembers?$top=2"))
        assert len(flat) == 5
        assert http.get(f"/v1.0/groups/{groups['Club']}/transitiveMembers").status_code == 403
        archive = http.get("/beta/users/jo@calder.example/settings/exchange").json()
        old = f"/v1.0/users/{archive['inPlaceArchiveMailboxId']}/mailFolders/sentitems/messages"
        assert http.get(f"{old}?$select=subject").json()["value"][0]["subject"] == "Old"
    assert graph.violations == []


def test_more_than_four_at_a_time_are_throttled() -> None:
    """The fifth request at a time for one mailbox is refused, and the peak is recorded."""
    graph = FakeGraph(small_tenant(), cost=(0.02, 0.0))

    async def ask() -> list[int]:
        async with httpx.AsyncClient(
            transport=Transport(graph), base_url=HOST, headers=HEADERS
        ) as http:
            answers = await asyncio.gather(*(http.get(f"{SENT}?$top=1") for _ in range(5)))
            return sorted(answer.status_code for answer in answers)

    assert asyncio.run(ask()) == [200, 200, 200, 200, 429]
    assert graph.peak[JO[1]] == graph.peak_overall == 5


def test_scope_of_the_app() -> None:
    """A mailbox outside the management scope is denied, one inside is not."""
    tenant = small_tenant()
    tenant.scope = frozenset({SAM[1]})
    with client(FakeGraph(tenant)) as http:
        assert http.get(SENT).json()["error"]["code"] == "ErrorAccessDenied"
        assert http.get(SENT.replace("jo@", "sam@")).status_code == 200


@pytest.mark.parametrize(
    "name", ["throttle", "unavailable", "gateway-timeout", "deny", "not-enabled"]
)
def test_a_fault_comes_as_often_as_told(name: str) -> None:
    """A fault passes the first request, hits the next two, and is over then."""
    graph = FakeGraph(small_tenant(), [Fault(name, times=2, after=1)])
    with client(graph) as http:
        codes = [http.get(f"{SENT}?$top=1").status_code for _ in range(4)]
    assert (codes[0], codes[3]) == (200, 200)
    assert 200 not in codes[1:3]


def test_an_expired_token_stays_expired() -> None:
    """After a 401 the same token is refused for good; another one is taken."""
    graph = FakeGraph(small_tenant(), [Fault("expire", after=1)])
    with client(graph) as http:
        assert [http.get(f"{SENT}?$top=1").status_code for _ in range(3)] == [200, 401, 401]
        assert (
            http.get(f"{SENT}?$top=1", headers={"Authorization": "Bearer token-2"}).status_code
            == 200
        )


def test_faults_of_pages() -> None:
    """Pages can come twice, backwards, empty with a link, torn, or lead to another host."""
    shown = f"{SENT}?$top=3&$select=id&$orderby=sentDateTime"
    for name in ("duplicate", "reorder", "empty", "foreign-link", "broken"):
        with client(FakeGraph(small_tenant(), [Fault(name)])) as http:
            spoilt, whole = http.get(shown), http.get(shown).json()
            if name == "broken":
                with pytest.raises(json.JSONDecodeError):
                    spoilt.json()
                continue
            rows, link = spoilt.json()["value"], spoilt.json()["@odata.nextLink"]
            assert (
                rows
                == {
                    "duplicate": whole["value"] * 2,
                    "reorder": whole["value"][::-1],
                    "empty": [],
                    "foreign-link": whole["value"],
                }[name]
            )
            assert link.startswith("https://elsewhere" if name == "foreign-link" else HOST)
            if name == "empty":
                assert http.get(link).json() == whole


def test_a_connection_breaks_and_an_answer_never_comes() -> None:
    """Within the process a torn body and a silent server are what httpx makes of them."""
    with client(FakeGraph(small_tenant(), [Fault("cut"), Fault("hang")])) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            http.get(SENT)
        with pytest.raises(httpx.ReadTimeout):
            http.get(f"{SENT}?$top=2")
        assert http.get(f"{SENT}?$top=2").status_code == 200


@pytest.mark.parametrize("name", ["huge", "bomb"])
def test_answers_larger_than_any_page(name: str) -> None:
    """An answer can go on and on, sent as it is or packed small."""
    graph = FakeGraph(small_tenant(), [Fault(name, options={"bytes": 64 << 20})])
    with client(graph) as http, http.stream("GET", SENT) as answer:
        assert int(answer.headers["Content-Length"]) < (65 << 20 if name == "huge" else 1 << 20)
        assert sum(map(len, answer.iter_bytes())) == 64 << 20


def test_items_change_between_pages() -> None:
    """What is removed between two pages moves the others up: paging by number loses one."""
    tenant = small_tenant()
    box = tenant.box(JO[1]).sent
    graph = FakeGraph(tenant, [Fault("change", change=lambda: box.pop(0))])
    rows = list(walk(client(graph), f"{SENT}?$top=3&$select=subject&$orderby=sentDateTime"))
    assert [row["subject"] for row in rows[:3]] == [
        "Keys",
        "Your views on our pets policy",
        "Our apology",
    ]
    assert "Arrears" not in {row["subject"] for row in rows}


def test_real_sockets_with_a_private_authority(tmp_path: Path) -> None:
    """Over https a client that trusts the private authority reads, and sees a torn connection."""
    authority = PrivateCA.create(tmp_path / "ca")
    graph = FakeGraph(small_tenant(), [Fault("cut", after=1)])
    trust = ssl.create_default_context(cafile=str(authority.file))
    with served(graph, authority) as url, httpx.Client(verify=trust, headers=HEADERS) as http:
        assert len(list(walk(http, f"{url}{SENT}?$top=1000"))) == 14
        with pytest.raises(httpx.RemoteProtocolError):
            http.get(f"{url}{SENT}")
    with served(graph, authority) as url, pytest.raises(httpx.ConnectError, match="CERTIFICATE"):
        httpx.get(f"{url}{SENT}")


def test_a_process_of_its_own_takes_what_an_answer_costs() -> None:
    """In its own process the fake waits as told and tells what it has seen."""
    arguments = [
        "--tenant",
        "bulk",
        "--mailboxes",
        "2",
        "--messages",
        "1200",
        "--cost",
        "0.05,0.0001",
    ]
    with own_process(arguments) as remote, httpx.Client(headers=HEADERS) as http:
        path = f"{remote.url}/v1.0/users/user0001@calder.example/mailFolders/sentitems/messages"
        answer = http.get(f"{path}?$top=1000&$select=id")
        assert answer.elapsed.total_seconds() > 0.14
        assert len(answer.json()["value"]) == 1000
        state = remote.state()
    assert (state["requests"], state["messages"]) == (1, 1000)
    assert state["peak"] == {"user0001@calder.example": 1}


def test_very_many_messages_answer_windows_as_few_do() -> None:
    """Rendered messages are found by window and order just as stored ones, ids included."""
    graph = FakeGraph(bulk_tenant(1, 5_000))
    path = "/v1.0/users/user0000@calder.example/mailFolders/sentitems/messages"
    window = "sentDateTime ge 2025-07-02T06:00:00Z and sentDateTime lt 2025-07-02T07:00:00Z"
    with client(graph) as http:
        query = f"$filter={window}&$orderby=sentDateTime&$select=id,sentDateTime"
        rows = list(walk(http, f"{path}?{query}&$top=5"))
        assert [row["sentDateTime"][11:16] for row in rows][:2] == ["06:00", "06:05"]
        assert len({row["id"] for row in rows}) == len(rows) == 12
        latest = http.get(f"{path}?$top=1&$select=id").json()["value"][0]
        message = graph.tenant.box("user0000@calder.example").folder("sentitems")
        assert message is not None
        found = message.messages.find(latest["id"])
        assert found is not None
        assert found.sent_at > MONDAY.replace(year=2025, month=7, day=18)
    assert graph.violations == []


def test_the_sample_as_a_tenant() -> None:
    """The sample's mail is there as Graph has it: 994 visible recipients, a Bcc, an invitation."""
    tenant = sample_tenant()
    sent: list[Message] = tenant.box("jo.marsh@calderbrook-homes.example").sent
    assert max(len(message.to) for message in sent) == 994
    assert max(len(message.bcc) for message in sent) == 994
    kinds = {m.kind for user in tenant.users if user.mailbox for m in user.mailbox.sent}
    assert kinds == {"", "eventMessageRequest"}


@pytest.mark.openapi
@needs_openapi
def test_the_contract_sees_what_is_wrong() -> None:
    """A request and an answer that break Microsoft's document are both told."""
    graph = FakeGraph(small_tenant())
    with client(graph) as http:
        http.get(f"{SENT}?$orderby=sentDateTime asc")
        http.get(f"{SENT}?$surprise=1")
        http.post(SENT, json={})
        assert len(graph.violations) == 3
    contract = Contract()
    request = Request("GET", HOST, SENT, {})
    for body in ({"value": [{"id": 5}]}, {"value": [{"sentDateTime": "yesterday"}]}):
        contract.judge(request, shown(body))
    contract.judge(request, shown({"value": [{"id": "5"}]}))
    contract.judge(request, Answer(404, b'{"error": {"code": "NoMessage"}}'))
    assert len(contract.violations) == 3
    assert contract.judged == 4
