"""The same mail through different connectors gives the same findings and the same incidents."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from scanner.store import Workspace
from tests.fake_graph.serving import ROOT, PrivateCA, own_process, source_file

DOMAIN = "calderbrook-homes.example"
MAILBOXES = [f"{name}@{DOMAIN}" for name in ("jo.marsh", "grace.adeyemi", "dee.okafor")]
"""Of the sample: an mbox, a packed one and Outlook's files, a Maildir."""


def scan(workspace: Path, *arguments: str) -> None:
    """Scan with attachments opened; find something grave."""
    command = [sys.executable, "-m", "scanner", "scan", *arguments, "-w", str(workspace)]
    command += ["--content", "attachments"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr


def found(workspace: Path) -> tuple[set[Any], list[Any]]:
    """Return findings and incidents, without what is a connector's or a key's own."""
    with Workspace(workspace) as opened:
        findings = {
            (f.fingerprint, f.kind, f.part, f.confidence, f.count, f.evidence.masked, f.why)
            for f in (row.finding for row in opened.findings())
        }
        incidents = [
            (
                *(i.kinds, i.markers, i.score, i.people_exposed, i.people_low, i.people_high),
                *(i.disclosed_pairs, i.name_fraction),
                sorted((m.internet_message_id, m.role, m.visible_recipients) for m in i.messages),
            )
            for i in opened.incidents()
        ]
    return findings, incidents


def test_a_tenant_and_its_archive(tmp_path: Path) -> None:
    """Calderbrook's mail read through Graph tells just what its mailboxes on disk tell."""
    for mailbox in MAILBOXES:
        shutil.copytree(ROOT / "sample_data" / "mail" / mailbox, tmp_path / "mail" / mailbox)
    scan(tmp_path / "archive", str(tmp_path / "mail"), "--internal-domain", DOMAIN)
    authority = PrivateCA.create(tmp_path / "ca")
    with own_process(["--tenant", "sample", "--permissions", "full"], authority) as remote:
        chosen: dict[str, Any] = {"folders": ["sent", "inbox", "deleted"], "mailboxes": MAILBOXES}
        config = source_file(tmp_path, remote.url, authority, **chosen)
        scan(tmp_path / "graph", "m365", "--config", str(config))
    archive, graph = found(tmp_path / "archive"), found(tmp_path / "graph")
    assert len(archive[0]) > 10
    assert graph[0] == archive[0]
    assert graph[1] == archive[1]
