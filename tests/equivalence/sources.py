"""A scan of the letters from each kind of source, and what it came to."""

from __future__ import annotations

import mailbox
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanner.config import Config
from scanner.messages import read
from scanner.scan import scan
from scanner.store import Workspace
from tests import fake_ews, fake_graph
from tests.equivalence.forms import to_ews, to_graph, to_mime
from tests.equivalence.letters import OWNER, Letter
from tests.fake_ews.server import PASSWORD, USER
from tests.fake_graph.tenant import Mailbox, Tenant, User

COMPARED = (
    "internet_message_id", "sent_at", "sender", "sender_name", "sent_by", "subject",
    "message_class", "is_draft", "in_reply_to", "thread", "recipients", "attachments",
)  # fmt: skip
"""All columns but ids, the place of the message, and its size, which each source counts its way."""

PAT = "/o=Calder/ou=Exchange/cn=Recipients/cn=pat"


@dataclass
class Outcome:
    """What a scan came to, by `message_key`."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: set[tuple[Any, ...]] = field(default_factory=set)
    incidents: list[tuple[Any, ...]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def _scan(folder: Path, source: dict[str, Any], content: str) -> Outcome:
    config = Config.model_validate(
        {
            "internal_domains": ["calder.example"],
            "content": content,
            "sources": {"mail": source},
        }
    )
    with Workspace(folder / "workspace", create=True) as workspace:
        result = scan(config, ["mail"], workspace)
        directory = result.directory
        found = Outcome()
        for row in read(workspace.parts.paths()).to_pylist():
            row["recipients"] = [
                (r["role"], directory.primary(r["address"]) or r["name"], r["name"])
                for r in row["recipients"]
            ]
            files = row["attachments"]
            row["attachments"] = files and sorted((f["name"], f["media_type"]) for f in files)
            found.rows[row["message_key"]] = {name: row[name] for name in COMPARED}
        found.findings = {
            (f.fingerprint, f.kind, f.part, row.severity, f.confidence, f.count, f.message_key)
            for row in workspace.findings()
            for f in [row.finding]
        }
        found.incidents = [
            (
                incident.score.severity,
                incident.score.low,
                incident.score.high,
                tuple(incident.kinds),
                tuple(sorted(m.message_key for m in incident.messages)),
                incident.people_exposed,
                incident.disclosed_pairs,
                tuple(sorted(incident.markers)),
            )
            for incident in workspace.incidents()
        ]
        found.unread = sorted(
            c.reason.partition(": ")[2] for c in workspace.coverage() if not c.outcome.complete
        )
    return found


def from_mbox(folder: Path, letters: Iterable[Letter], content: str) -> Outcome:
    """Return what an mbox of the letters gives."""
    file = folder / "mail" / OWNER / "Sent.mbox"
    file.parent.mkdir(parents=True)
    box = mailbox.mbox(file)
    for letter in letters:
        box.add(to_mime(letter))
    box.close()
    return _scan(folder, {"type": "archive", "path": str(folder / "mail")}, content)


def from_eml(folder: Path, letters: Iterable[Letter], content: str) -> Outcome:
    """Return what a folder of single messages gives."""
    place = folder / "mail" / OWNER / "Sent"
    place.mkdir(parents=True)
    for letter in letters:
        (place / f"{letter.number:04}.eml").write_bytes(to_mime(letter))
    return _scan(folder, {"type": "archive", "path": str(folder / "mail")}, content)


def from_graph(folder: Path, letters: Iterable[Letter], content: str) -> Outcome:
    """Return what a tenant that holds the letters gives."""
    owner = User(OWNER, "Jo Field", Mailbox(OWNER).put("sentitems", map(to_graph, letters)))
    pat = User("pat.moss@calder.example", "Pat Moss", proxies=[f"X500:{PAT}"])
    pat.mailbox = Mailbox(pat.address)
    permissions = fake_graph.BASIC if content == "none" else fake_graph.FULL
    tenant = Tenant([owner, pat], permissions=permissions)
    ca = fake_graph.PrivateCA.create(folder / "ca")
    os.environ["EQUIVALENCE_SECRET"] = tenant.secret
    with fake_graph.served(fake_graph.FakeGraph(tenant), tls=ca) as url:
        source = {
            "type": "graph",
            "tenant": tenant.tenant_id,
            "client_id": tenant.client_id,
            "credential": {"secret": {"env": "EQUIVALENCE_SECRET"}},
            "authority": f"{url}/{tenant.tenant_id}",
            "graph_url": f"{url}/v1.0",
            "ca_file": str(ca.file),
            "mailboxes": [OWNER],
        }
        return _scan(folder, source, content)


def from_ews(folder: Path, letters: Iterable[Letter], content: str) -> Outcome:
    """Return what an Exchange server that holds the letters gives."""
    box = fake_ews.Box(OWNER, "Jo Field")
    box.sent.put(map(to_ews, letters))
    book = {PAT: fake_ews.Person("Pat Moss", "pat.moss@calder.example")}
    os.environ["EQUIVALENCE_SECRET"] = PASSWORD
    with fake_ews.served(fake_ews.FakeExchange([box], book=book)) as at:
        source = {
            "type": "ews",
            "endpoint": at.url,
            "auth": "basic",
            "username": USER,
            "password": {"env": "EQUIVALENCE_SECRET"},
            "mailboxes": [OWNER],
            "workers": 1,
        }
        return _scan(folder, source, content)


SOURCES: dict[str, Callable[[Path, Iterable[Letter], str], Outcome]] = {
    "mbox": from_mbox,
    "eml": from_eml,
    "graph": from_graph,
    "ews": from_ews,
}
