"""The year scanned, and what is right and wrong in what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scanner.config import Config
from scanner.model import ContentLevel, Incident, Severity
from scanner.scan import scan
from scanner.store import Workspace
from tests.docket.mail import Mail, mbox
from tests.docket.replay import ids
from tests.year.benign import benign
from tests.year.exposures import Exposure, exposures
from tests.year.people import OURS, People


@dataclass(frozen=True)
class Year:
    """What should be found, and what was, in order of rank."""

    exposures: Sequence[Exposure]
    incidents: Sequence[Incident]
    messages: int

    def of(self, exposure: Exposure) -> list[Incident]:
        """Return the incidents that hold a message of an exposure."""
        return [i for i in self.incidents if exposure.ids & ids(i)]

    @cached_property
    def found(self) -> list[Exposure]:
        """Exposures of which an incident holds something."""
        return [e for e in self.exposures if self.of(e)]

    @cached_property
    def top(self) -> list[Exposure]:
        """Those among the first N incidents, N being how many exposures there are."""
        first = self.incidents[: len(self.exposures)]
        return [e for e in self.exposures if any(e.ids & ids(i) for i in first)]

    @cached_property
    def joined(self) -> list[Exposure]:
        """Those that are one incident, of just their messages and what these passed on."""
        return [
            e
            for e in self.exposures
            if [ids(i) - {m.id for m in e.before} for i in self.of(e)] == [e.ids]
        ]

    @property
    def countable(self) -> list[Exposure]:
        """Those of visible lists, whose people can be counted."""
        return [e for e in self.exposures if e.people]

    @cached_property
    def counted(self) -> list[Exposure]:
        """Those whose people are exact."""
        return [e for e in self.countable if [i.people_exposed for i in self.of(e)] == [e.people]]

    @cached_property
    def ordinary(self) -> list[Incident]:
        """Incidents of ordinary mail alone."""
        real = {m for e in self.exposures for m in e.ids}
        return [i for i in self.incidents if not real & ids(i)]

    @property
    def alarms(self) -> list[Incident]:
        """Those of ordinary mail that are of medium severity or above."""
        return [i for i in self.ordinary if i.score.severity.rank >= Severity.MEDIUM.rank]


def replay(folder: Path) -> Year:
    """Scan the year, a file for each mailbox, and return what was found."""
    people = People("gwern")
    expected, around = exposures(people), benign(people)
    everything = [m for e in expected for m in (*e.before, *e.mails)] + around
    boxes: dict[str, list[Mail]] = defaultdict(list)
    for mail in everything:
        boxes[_mailbox(mail)].append(mail)
    sources = []
    for box, mails in boxes.items():
        source = folder / f"{box}.mbox"
        source.write_bytes(mbox(mails))
        sources.append(str(source))
    config = Config(internal_domains=OURS, content=ContentLevel.ATTACHMENTS)
    with Workspace(folder / "workspace", create=True) as workspace:
        scan(config, sources, workspace)
        return Year(expected, workspace.incidents(), len(everything))


def _mailbox(mail: Mail) -> str:
    """Return whose mailbox holds it: its sender's, or the first of ours whom it reached."""
    ours = (a for a in (mail.sender, *mail.to, *mail.cc, *mail.bcc) if a.endswith(OURS))
    return next(ours)
