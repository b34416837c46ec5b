"""Each case scanned amid ordinary mail; what was found, joined, counted, marked and outranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scanner.config import Config
from scanner.model import ContentLevel, Incident
from scanner.scan import scan
from scanner.store import Workspace
from tests.docket.cases import Case, Expected
from tests.docket.mail import OWN, Mail, Town, everyday, mbox


@dataclass(frozen=True)
class Replayed:
    """One case and the incidents that its mailbox gave, in order of rank."""

    case: Case
    ordinary: Sequence[Mail]
    incidents: Sequence[Incident]

    def of(self, expected: Expected) -> list[Incident]:
        """Return the incidents that hold a message of an expected one."""
        return [i for i in self.incidents if expected.messages & ids(i)]

    def rank(self, expected: Expected) -> int:
        """Return where the first of them stands; 0 where there is none."""
        found = [n for n, i in enumerate(self.incidents, start=1) if expected.messages & ids(i)]
        return found[0] if found else 0

    @property
    def false(self) -> list[Incident]:
        """Incidents of ordinary mail alone."""
        own = {m.id for m in self.case.mails}
        return [i for i in self.incidents if not own & ids(i)]


def ids(incident: Incident) -> set[str]:
    """Return the ids of an incident's messages."""
    return {m.internet_message_id.partition("@")[0] for m in incident.messages}


@cache
def _ordinary(seed: int) -> tuple[Mail, ...]:
    return tuple(everyday(Town(f"everyday {seed}")))


def replay(case: Case, folder: Path) -> Replayed:
    """Scan a case with half a year of ordinary mail around it."""
    ordinary = _ordinary(len(case.id) % 4)
    source = folder / f"office@{OWN}.mbox"
    source.write_bytes(mbox([*ordinary, *case.mails]))
    content = ContentLevel.ATTACHMENTS if case.attachments else ContentLevel.TEXT
    config = Config(internal_domains=(OWN,), content=content)
    with Workspace(folder / "workspace", create=True) as workspace:
        scan(config, [str(source)], workspace)
        return Replayed(case, ordinary, workspace.incidents())


def flagged(replayed: Replayed, threshold: int) -> tuple[int, int, int]:
    """Return what a count of visible external addresses alone would do.

    Expected incidents caught, messages flagged in all, and those of them that disclosed.
    """
    disclosing = {i for e in replayed.case.expected for i in e.messages}
    sent = [m for m in (*replayed.case.mails, *replayed.ordinary) if m.sender.endswith(OWN)]
    over = {m.id for m in sent if len(m.external) >= threshold}
    caught = sum(bool(over & expected.messages) for expected in replayed.case.expected)
    return caught, len(over), len(over & disclosing)
