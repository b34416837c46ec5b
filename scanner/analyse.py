"""From the message store to ranked incidents: one mailbox at a time, joined on candidates only."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scanner import incidents, runners, severity
from scanner.candidates import Partition, Task, examine
from scanner.detectors import OWN_KINDS, aside, kinds, recipients
from scanner.detectors.aftermath import QUOTED_RECIPIENTS, REMEDY_WORDS
from scanner.detectors.base import NEVER
from scanner.detectors.reports import MASS_MAIL, REPORTS
from scanner.escalation import follow
from scanner.model import Finding, Severity
from scanner.severity import KindFactors, Rules
from scanner.store import Analysis, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanner.detectors.base import Keyer, Kind
    from scanner.directory import Directory
    from scanner.model import Incident

WORKERS_FROM_ROWS = 200_000
"""A smaller store is analysed before worker processes have started."""

COUNTS_FROM = 0.6
"""A finding in content makes an incident from this confidence on: a check digit alone has less."""

UNSURE = "a number whose check digit holds, with no word beside it that says what it is"
QUOTED_ONLY = "personal data only in the quoted part of a reply to its one recipient"
OWN_DATA = "a single address or date in the text: most often the recipient's own"


def analyse(
    workspace: Workspace,
    directory: Directory,
    rules: Rules | None = None,
    privacy_contacts: Sequence[str] = (),
) -> Analysis:
    """Return what the workspace's messages and content findings amount to."""
    rules = rules or severity.default_rules()
    content = _content(workspace)
    known = kinds(workspace.meta(OWN_KINDS))
    links, promoting = _links(content)
    contacts = frozenset(map(directory.primary, privacy_contacts))
    shared = Task(
        "", (), directory, _bearing(content, known), _said(content), rules, _aftermath(content),
        promoting, contacts, workspace.vault,
    )  # fmt: skip
    tasks = _tasks(workspace, shared, workspace.parts.mailboxes())
    many = workspace.parts.rows() >= WORKERS_FROM_ROWS
    parts = list(runners.run(examine, tasks, processes=many))
    factors = kind_factors(known)
    audience = {key: n for part in parts for key, n in part.external_audience.items()}
    counted, set_aside = _counted(content, audience, known)
    for part in parts:
        set_aside.update(part.set_aside)
    found, aliases = incidents.build(
        [(part.nodes, part.people) for part in parts],
        counted,
        factors,
        workspace.incident_ids(),
        _spoken(content, audience, known),
        _quoted(content, parts, workspace.keyed.value),
        rules,
        _reach(directory),
    )
    followed = follow(found, [one for part in parts for one in part.said], _met(parts), links)
    found = followed.incidents
    of_incident = {
        key: i.score.severity
        for i in found
        for m in i.messages
        for key in (m.message_key, *m.copies)
    }
    listed = _listed(parts, frozenset(of_incident), set_aside)
    severities = {
        f.fingerprint: severity.of_finding(factors[f.kind])
        if f.confidence >= COUNTS_FROM
        else Severity.LOW
        for group in content.values()
        for f in group
    } | {f.fingerprint: of_incident.get(f.message_key, Severity.LOW) for f in listed}
    ids = {node.message_key: node.internet_message_id for part in parts for node in part.nodes}
    activity = [row for part in parts for row in part.activity]
    trails = [trail.told() for trail in followed.trails]
    return Analysis(listed, severities, ids, found, aliases, activity, set_aside, trails)


def named(
    workspace: Workspace,
    directory: Directory,
    keys: frozenset[str],
    mailboxes: Sequence[str],
    rules: Rules | None = None,
) -> tuple[Incident, str]:
    """Return the event around the stored copies of one message, and why it is no incident by rule.

    A person says that it disclosed something, so its recipients and all findings in its content
    count. What belongs to it is looked for in these mailboxes; nothing is recorded.
    """
    rules = rules or severity.default_rules()
    content, known = _content(workspace), kinds(workspace.meta(OWN_KINDS))
    task = Task(
        "", (), directory, _bearing(content, known), _said(content), rules, _aftermath(content),
        named=keys, vault=workspace.vault,
    )  # fmt: skip
    parts = [examine(one) for one in _tasks(workspace, task, mailboxes)]
    audience = {key: n for part in parts for key, n in part.external_audience.items()}
    counted, _ = _counted(content, audience, known)
    bears = {kind.id for kind in known if kind.ranks_from < NEVER}
    own = [f for key in sorted(keys) for f in content.get(key, ()) if f.kind in bears]
    found, _ = incidents.build(
        [(part.nodes, part.people) for part in parts],
        [f for f in counted if f.message_key not in keys] + own,
        kind_factors(known),
        workspace.incident_ids(),
        _spoken(content, audience, known),
        _quoted(content, parts, workspace.keyed.value),
        rules,
        _reach(directory),
    )
    event = next(
        i for i in found for m in i.messages if not keys.isdisjoint((m.message_key, *m.copies))
    )
    reasons = [reason for part in parts for reason in part.left_out.values()]
    _, apart = _counted({key: content[key] for key in keys & content.keys()}, audience, known)
    return event, "; ".join(dict.fromkeys(filter(None, [*reasons, *apart])))


def _content(workspace: Workspace) -> dict[str, list[Finding]]:
    """Return the findings in content by message."""
    content = defaultdict(list)
    for finding in workspace.content_findings():
        content[finding.message_key].append(finding)
    return content


def _tasks(workspace: Workspace, shared: Task, mailboxes: Sequence[str]) -> list[Task]:
    return [
        replace(shared, mailbox=mailbox, paths=workspace.parts.paths([mailbox]))
        for mailbox in mailboxes
    ]


def _reach(directory: Directory) -> dict[str, int]:
    """Return how many people stand behind each group whose members are counted and not hidden."""
    groups = directory.listing.groups.items()
    return {
        directory.primary(address): group.members
        for address, group in groups
        if group.members is not None and not group.hidden
    }


def _links(
    content: Mapping[str, Sequence[Finding]],
) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Return the pages that reports and mass mails name, and which mass mails name a reported one.

    Pages are keyed hashes, by message key.
    """
    spoken = {kind.id for kind in REPORTS.values()}
    reported: dict[str, frozenset[str]] = {}
    mass: dict[str, frozenset[str]] = {}
    for key, found in content.items():
        for finding in found:
            pages = frozenset(finding.evidence.values)
            if pages and finding.kind in spoken:
                reported[key] = reported.get(key, frozenset()) | pages
            elif finding.kind == MASS_MAIL.id:
                mass[key] = pages
    named = frozenset[str]().union(*reported.values())
    promoting = {key: pages for key, pages in mass.items() if pages & named}
    return reported | promoting, frozenset(promoting)


def _met(parts: Sequence[Partition]) -> dict[str, list[str]]:
    """Return, for each reporter, the keys of the candidates that it was sent."""
    reporters = {s.sender for part in parts for s in part.said if s.role == "report"}
    met: dict[str, list[str]] = defaultdict(list)
    if reporters:
        for part in parts:
            rows = np.flatnonzero(pd.Series(part.people.person, dtype=object).isin(reporters))
            for node, person in zip(
                part.people.node[rows].tolist(), part.people.person[rows].tolist(), strict=True
            ):
                met[person].append(part.nodes[node].message_key)
    return met


def _listed(
    parts: Sequence[Partition], of_incident: frozenset[str], set_aside: Counter[str]
) -> list[Finding]:
    """Return the findings in recipients that count, and count in `set_aside` what does not."""
    listed: list[Finding] = []
    for part in parts:
        listed += part.slips
        for node in part.nodes:
            if node.listed or (node.aside and node.message_key in of_incident):
                listed += [part.findings[k] for k in (node.message_key,) if k in part.findings]
            elif node.aside and node.aside != aside.PAIR:
                set_aside[node.aside] += 1
    return listed


def _bearing(content: Mapping[str, Sequence[Finding]], known: Sequence[Kind]) -> frozenset[str]:
    """Return the messages whose content has findings that may make an incident."""
    never = {kind.id for kind in known if kind.ranks_from >= NEVER}
    return frozenset(key for key, fs in content.items() if any(f.kind not in never for f in fs))


def _said(content: Mapping[str, Sequence[Finding]]) -> dict[str, frozenset[str]]:
    """Return the messages whose text reports an exposure, by kind of report."""
    return {
        name: frozenset(key for key, fs in content.items() if any(f.kind == kind.id for f in fs))
        for name, kind in REPORTS.items()
    }


def _aftermath(content: Mapping[str, Sequence[Finding]]) -> dict[str, frozenset[str]]:
    """Return the keys of messages that quote a header with a list, and of remedies by sort."""
    keys: dict[str, set[str]] = defaultdict(set)
    for key, found in content.items():
        for finding in found:
            if finding.kind == QUOTED_RECIPIENTS.id:
                keys["quoted"].add(key)
            elif finding.kind == REMEDY_WORDS.id:
                keys[finding.evidence.masked].add(key)
    return {name: frozenset(found) for name, found in keys.items()}


def _quoted(
    content: Mapping[str, Sequence[Finding]], parts: Sequence[Partition], keyer: Keyer
) -> dict[str, list[str]]:
    """Return whose addresses of ranked lists stand in a header that a message quotes, by its key.

    Only hashes of the quoted ones are stored: those of the people on the lists tell which they are.
    """
    hashes = {
        key: [value for f in found if f.kind == QUOTED_RECIPIENTS.id for value in f.evidence.values]
        for key, found in content.items()
        if any(f.kind == QUOTED_RECIPIENTS.id for f in found)
    }
    if not hashes:
        return {}
    people: set[str] = set()
    for part in parts:
        listed = np.array([node.listed for node in part.nodes], bool)
        rows = part.people.visible & part.people.outside
        people.update(part.people.person[rows & listed[part.people.node]].tolist())
    known = {keyer(person): person for person in people}
    return {key: [known[v] for v in values if v in known] for key, values in hashes.items()}


def kind_factors(known: Sequence[Kind]) -> dict[str, KindFactors]:
    """Return what each kind brings into a score; a visible list brings its own."""
    return {
        kind.id: KindFactors(kind.title, kind.dpc, kind.ei)
        for kind in known
        if kind.id != recipients.VISIBLE_RECIPIENTS.id
    }


def _counted(
    content: Mapping[str, Sequence[Finding]], audience: Mapping[str, int], known: Sequence[Kind]
) -> tuple[list[Finding], Counter[str]]:
    """Return the content findings that make an incident, and why others do not.

    A single address or birth date in a letter to one person is most often that person's own; a
    number that identifies, several people's data, or more than one reader is not.
    """
    alone = {kind.id: kind.ranks_from for kind in known}
    context = {kind.id for kind in known if kind.context_only or kind.speaks_of_events}
    counted: list[Finding] = []
    aside: Counter[str] = Counter()
    for key, found in content.items():
        readers = audience.get(key, 0)
        if not readers:
            continue
        # What makes no incident alone is no reason either why a message made none.
        bearing = [f for f in found if alone[f.kind] < NEVER]
        if not bearing:
            continue
        found = [f for f in found if f.confidence >= COUNTS_FROM]
        bearing = [f for f in bearing if f.confidence >= COUNTS_FROM]
        if not bearing:
            aside[UNSURE] += 1
            continue
        if readers == 1 and all(f.part == "quoted" for f in bearing):
            aside[QUOTED_ONLY] += 1
            continue
        combined = {"date-of-birth", "postal-address"} <= {f.kind for f in found}
        if combined or any(f.count >= alone[f.kind] for f in bearing):
            counted.extend(f for f in found if f.kind not in context)
        else:
            aside[OWN_DATA] += 1
    return counted, aside


def _spoken(
    content: Mapping[str, Sequence[Finding]], audience: Mapping[str, int], known: Sequence[Kind]
) -> list[Finding]:
    """Return the mentions of sensitive matters that are sure enough to say what a message is about.

    What the one recipient of a reply wrote before, or has, tells that recipient nothing.
    """
    context = {kind.id for kind in known if kind.context_only}
    return [
        f
        for key, found in content.items()
        for f in found
        if f.kind in context
        and f.confidence >= COUNTS_FROM
        and not (f.part == "quoted" and audience.get(key, 0) < 2)
    ]
