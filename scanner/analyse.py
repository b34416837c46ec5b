"""From the message store to ranked incidents: one mailbox at a time, joined on candidates only."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import asdict, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import scanner
from scanner import incidents, runners, severity
from scanner.addresses import comparable
from scanner.candidates import Partition, Task, examine, summaries
from scanner.candidates.spoken import followed
from scanner.detectors import OWN_KINDS, aside, kinds, misdirection, recipients
from scanner.detectors.aftermath import FROM, QUOTED_RECIPIENTS, REMEDY_WORDS
from scanner.detectors.base import NEVER
from scanner.detectors.reports import MASS_MAIL, REPORTS
from scanner.escalation import follow
from scanner.incidents import Quoted
from scanner.model import Finding, Incident, Severity
from scanner.severity import KindFactors, Rules
from scanner.store import Analysis, Summary, Workspace, basis

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from scanner.detectors.base import Keyer, Kind
    from scanner.directory import Directory, Listing
    from scanner.store import NamedMessage

VERSION = 3
"""Raised when the same mail comes to something else: workspaces are then examined whole again."""

JUDGING = "judging"
"""Key of `meta`."""

WORKERS_FROM_ROWS = 200_000
"""A smaller store is analysed before worker processes have started."""

COUNTS_FROM = 0.6
"""A finding in content makes an incident from this confidence on: a check digit alone has less."""

UNSURE = "a number whose check digit holds, with no word beside it that says what it is"
QUOTED_ONLY = "personal data only in the quoted part of a reply to its one recipient"
OWN_DATA = "a single address or date in the text: most often the recipient's own"


def judged_by(
    workspace: Workspace, directory: Directory, rules: Rules, privacy_contacts: Sequence[str]
) -> str:
    """Return a hash of what all messages are judged by, and that is none of them.

    Of the address book it holds what concerns all; what it says of single addresses is looked at
    mailbox by mailbox.
    """
    text = json.dumps(
        [
            scanner.__version__,
            VERSION,
            recipients.VERSION,
            misdirection.VERSION,
            sorted(map(directory.primary, privacy_contacts)),
            sorted(directory.internal_domains),
            sorted(directory.internal_addresses),
            sorted(directory.partner_domains),
            workspace.meta(OWN_KINDS),
            repr(rules),
        ]
    )
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def judging(rules: Rules, privacy_contacts: Sequence[str]) -> str:
    """Return what a scan judges by, to be kept beside what it found."""
    return json.dumps({"rules": asdict(rules), "privacy_contacts": list(privacy_contacts)})


def judged_last(workspace: Workspace) -> tuple[Rules, list[str]] | None:
    """Return the rules and the privacy contacts that the last scan went by.

    None where that was a version before format 8, which did not keep them.
    """
    kept = workspace.meta(JUDGING)
    body = json.loads(kept) if kept else {}
    return (severity.rules_of(body["rules"]), body["privacy_contacts"]) if body else None


def analyse(
    workspace: Workspace,
    directory: Directory,
    rules: Rules | None = None,
    privacy_contacts: Sequence[str] = (),
    naming: Sequence[NamedMessage] = (),
) -> Analysis:
    """Return what the workspace's messages and content findings amount to.

    Mailboxes about which nothing is new are not opened, and events among them not worked out again:
    what is kept gives just what examining would. `naming` counts beside what people named before.
    """
    rules = rules or severity.default_rules()
    judged = judged_by(workspace, directory, rules, privacy_contacts)
    content = _content(workspace)
    known, named = kinds(workspace.meta(OWN_KINDS)), workspace.named.by_mailbox(naming)
    links, promoting = _links(content)
    shared = Task(
        "", (), directory, frozenset(), rules=rules, vault=workspace.vault,
        privacy_contacts=frozenset(map(directory.primary, privacy_contacts)),
    )  # fmt: skip
    new, parts = _examined(workspace, judged, shared, content, known, named)
    said = [one for part in parts for one in followed(part.said, promoting)]
    stored = {incident.incident_id: incident for incident in workspace.incidents()}
    factors = kind_factors(known)
    audience = {key: n for part in parts for key, n in part.external_audience.items()}
    counted, set_aside = _counted(content, audience, known, frozenset().union(*named.values()))
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
        [part.digests for part in parts],
        incidents.reusable(stored.values()) if workspace.meta("judged_by") == judged else {},
    )
    reported = follow(found, said, _met(parts), links)
    found = reported.incidents
    of_incident = _of_incidents(found)
    listed = _listed(parts, frozenset(of_incident), set_aside)
    severities = _severities(content, factors)
    severities |= {f.fingerprint: of_incident.get(f.message_key, Severity.LOW) for f in listed}
    return Analysis(
        listed,
        severities,
        {node.message_key: node.internet_message_id for part in parts for node in part.nodes},
        found,
        aliases,
        [row for part in parts for row in part.activity],
        set_aside,
        [trail.told() for trail in reported.trails],
        judged,
        new,
        frozenset(i.incident_id for i in found if stored.get(i.incident_id) == i),
    )


def _of_incidents(found: Sequence[Incident]) -> dict[str, Severity]:
    """Return the severity of the incident that each message belongs to."""
    return {
        key: i.score.severity
        for i in found
        for m in i.messages
        for key in (m.message_key, *m.copies)
    }


def _examined(
    workspace: Workspace,
    judged: str,
    shared: Task,
    content: Mapping[str, Sequence[Finding]],
    known: Sequence[Kind],
    named: Mapping[str, frozenset[str]],
) -> tuple[dict[str, Summary], list[Partition]]:
    """Return the new summaries, and every mailbox's examination, as it is or as it is kept."""
    paths = workspace.parts.by_mailbox()
    bases = {m: basis(judged, paths[m], named.get(m, ())) for m in sorted(paths)}
    held, listing = workspace.summaries.bases(), shared.directory.listing
    due = [
        mailbox
        for mailbox, now in bases.items()
        if mailbox not in held or held[mailbox] != (now, _says(workspace, mailbox, listing))
    ]
    tasks = _tasks(workspace, shared, {m: paths[m] for m in due}, content, known, named)
    many = workspace.parts.rows(set(due)) >= WORKERS_FROM_ROWS
    new: dict[str, Summary] = {}
    fresh: dict[str, Partition] = {}
    for mailbox, (part, body, people, addresses) in zip(
        due, runners.run(summaries.examined, tasks, processes=many), strict=True
    ):
        listed = listing.says_of(part.addresses)
        new[mailbox] = Summary(bases[mailbox], body, people, addresses, listed)
        fresh[mailbox] = part
    return new, [fresh.get(mailbox) or _kept(workspace, mailbox) for mailbox in bases]


def _says(workspace: Workspace, mailbox: str, listing: Listing) -> str:
    """Return what the address book says of the addresses in an examined mailbox, as a hash."""
    if listing.empty:
        return ""
    return listing.says_of(summaries.addresses_of(workspace.summaries.addresses(mailbox)))


def _kept(workspace: Workspace, mailbox: str) -> Partition:
    return summaries.unpacked(*workspace.summaries.get(mailbox))


def _tasks(
    workspace: Workspace,
    shared: Task,
    paths: Mapping[str, Sequence[Path]],
    content: Mapping[str, Sequence[Finding]],
    known: Sequence[Kind],
    named: Mapping[str, frozenset[str]],
) -> list[Task]:
    """Return the tasks of some mailboxes' part files, each with what their content findings say."""
    lies_in = workspace.content_mailboxes()
    of_mailbox: dict[str, dict[str, Sequence[Finding]]] = defaultdict(dict)
    for key, found in content.items():
        of_mailbox[lies_in[key]][key] = found
    return [
        _task(
            replace(shared, mailbox=mailbox, paths=files, named=named.get(mailbox, frozenset())),
            # Before format 6 it was not stored where a finding lies.
            {**of_mailbox[""], **of_mailbox[mailbox]},
            known,
        )
        for mailbox, files in paths.items()
    ]


def _task(task: Task, content: Mapping[str, Sequence[Finding]], known: Sequence[Kind]) -> Task:
    """Return the task of one mailbox with what its content findings say."""
    return replace(
        task,
        content_keys=_bearing(content, known),
        said=_said(content),
        aftermath=_aftermath(content),
        mass=frozenset(k for k, fs in content.items() if any(f.kind == MASS_MAIL.id for f in fs)),
    )


def _severities(
    content: Mapping[str, Sequence[Finding]], factors: Mapping[str, KindFactors]
) -> dict[str, Severity]:
    """Return the severity of each finding in content, by fingerprint."""
    return {
        f.fingerprint: severity.of_finding(factors[f.kind])
        if f.confidence >= COUNTS_FROM
        else Severity.LOW
        for found in content.values()
        for f in found
    }


def named(
    workspace: Workspace,
    directory: Directory,
    keys: frozenset[str],
    mailboxes: Sequence[str],
    rules: Rules,
) -> tuple[Incident, str]:
    """Return the event around the stored copies of one message, and why it is no incident by rule.

    It is what `analyse` makes of them once they are named, as far as these mailboxes hold what
    belongs to it; nothing is recorded.
    """
    content, known = _content(workspace), kinds(workspace.meta(OWN_KINDS))
    task = Task("", (), directory, frozenset(), rules=rules, vault=workspace.vault)
    paths, before = workspace.parts.by_mailbox(), workspace.named.by_mailbox()
    counting = {m: keys | before.get(m, frozenset()) for m in mailboxes}
    files = {m: paths.get(m, []) for m in mailboxes}
    parts = [examine(one) for one in _tasks(workspace, task, files, content, known, counting)]
    audience = {key: n for part in parts for key, n in part.external_audience.items()}
    counted, _ = _counted(content, audience, known, keys.union(*before.values()))
    found, _ = incidents.build(
        [(part.nodes, part.people) for part in parts],
        counted,
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
    nodes = [node for part in parts for node in part.nodes if node.message_key in keys]
    reasons = [node.left_out for node in nodes]
    _, apart = _counted({key: content[key] for key in keys & content.keys()}, audience, known)
    return event, "; ".join(dict.fromkeys(filter(None, [*reasons, *apart])))


def _content(workspace: Workspace) -> dict[str, list[Finding]]:
    """Return the findings in content by message."""
    content = defaultdict(list)
    for finding in workspace.content_findings():
        content[finding.message_key].append(finding)
    return content


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
) -> dict[str, list[Quoted]]:
    """Return the headers with a list that each message quotes, by its key, with whom we know.

    Only hashes of the quoted ones are stored: those of the people on the ranked lists, and on
    outsiders' that would be, tell which they are.
    """
    hashes = {
        key: values
        for key, found in content.items()
        if (
            values := [
                v for f in found if f.kind == QUOTED_RECIPIENTS.id for v in f.evidence.values
            ]
        )
    }
    if not hashes:
        return {}
    people: set[str] = set()
    for part in parts:
        listed = np.array([node.listed or node.theirs for node in part.nodes], bool)
        rows = part.people.visible & part.people.outside
        people.update(part.people.person[rows & listed[part.people.node]].tolist())
    known = {keyer(person): person for person in people}
    theirs = {comparable(n.sender) for part in parts for n in part.nodes if n.theirs}
    senders = {FROM + keyer(sender): sender for sender in theirs} | {FROM: None}
    return {key: list(_headers(values, known, senders)) for key, values in hashes.items()}


def _headers(
    values: Sequence[str], known: Mapping[str, str], senders: Mapping[str, str | None]
) -> Iterator[Quoted]:
    """Yield the headers that a message quotes: whom of them each names, as far as we know them."""
    if not values[0].startswith(FROM):
        # Before version 3 of the detector it was not kept whom a header names as sender.
        values = [FROM, *values]
    starts = [at for at, value in enumerate(values) if value.startswith(FROM)]
    for start, end in pairwise([*starts, len(values)]):
        people = [known[value] for value in values[start + 1 : end] if value in known]
        yield Quoted(senders.get(values[start], ""), people, end - start - 1)


def kind_factors(known: Sequence[Kind]) -> dict[str, KindFactors]:
    """Return what each kind brings into a score; a visible list brings its own."""
    return {
        kind.id: KindFactors(kind.title, kind.dpc, kind.ei)
        for kind in known
        if kind.id != recipients.VISIBLE_RECIPIENTS.id
    }


def _counted(
    content: Mapping[str, Sequence[Finding]],
    audience: Mapping[str, int],
    known: Sequence[Kind],
    named: frozenset[str] = frozenset(),
) -> tuple[list[Finding], Counter[str]]:
    """Return the content findings that make an incident, and why others do not.

    A single address or birth date in a letter to one person is most often that person's own; a
    number that identifies, several people's data, or more than one reader is not. Of a message that
    a person named all count.
    """
    alone = {kind.id: kind.ranks_from for kind in known}
    context = {kind.id for kind in known if kind.context_only or kind.speaks_of_events}
    counted: list[Finding] = []
    aside: Counter[str] = Counter()
    for key, found in content.items():
        if key in named:
            counted.extend(f for f in found if alone[f.kind] < NEVER)
            continue
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
