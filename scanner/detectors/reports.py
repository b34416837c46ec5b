"""Reports of an exposure: messages that say something was disclosed, or went to the wrong person.

Words only, in the sender's own text: quoted mail and disclaimers speak for somebody else. Beside
them the links that a report names, and those of mass mails, as keyed hashes: so a mail that
promotes what was reported is recognised, and no address of a page is kept.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner import data
from scanner.detectors.base import NEVER, ContentDetector, Keyer, Kind
from scanner.model import Evidence, Finding
from scanner.text import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.messages import Document

EXPOSURE_REPORT = Kind(
    "exposure-report", "Reports of an exposure", (1, 1), (0.25, 0.25),
    "I can see other people's letters in my account",
    nouns=("phrase that reports an exposure", "phrases that report an exposure"),
    needs="a phrase of the table, in the sender's own words",
    ranks_from=NEVER, speaks_of_events=True,
)  # fmt: skip
ASTRAY_REPORT = Kind(
    "wrong-recipient-report", "Answers that a message was not meant for them", (1, 1),
    (0.25, 0.25), "this was not meant for me",
    nouns=("phrase of a wrong recipient", "phrases of a wrong recipient"),
    needs="a phrase of the table, in the sender's own words",
    ranks_from=NEVER, speaks_of_events=True,
)  # fmt: skip
MASS_MAIL = Kind(
    "mass-mail-link", "Links in mass mails", (1, 1), (0.25, 0.25),
    "an invitation to a portal, to 600 people",
    nouns=("page", "pages"),
    needs="a message to fifty people and more that links to a page",
    ranks_from=NEVER, speaks_of_events=True,
)  # fmt: skip
REPORTS = {"exposure": EXPOSURE_REPORT, "astray": ASTRAY_REPORT}

MASS_FROM = 50
"""People on a message from which on it is a mass mail."""

LOOKED_AT = 50_000
"""Characters of a body in which a report is looked for."""

LINKS = 32
SURE = 0.8

_SENTENCE = re.compile(r"[.!?;](?=\s)|\r")
_LINK = re.compile(r"https?://[^\s\"'<>()\[\]]{3,500}", re.IGNORECASE)


@cache
def pattern(kind: str) -> str:
    """Return one RE2 pattern of one kind of report (`exposure`, `astray`), for lower-cased text."""
    table = tomllib.loads(data.read("exposure_reports.toml"))
    return "|".join(f"(?:{one})" for language in table.values() for one in language[kind])


@cache
def _regex(kind: str) -> re.Pattern[str]:
    return re.compile(pattern(kind))


class ExposureReports(ContentDetector):
    """Phrases that report an exposure or a wrong recipient, and the links of mass mails."""

    id = "exposure-reports"
    version = 1

    @property
    def kinds(self) -> Sequence[Kind]:
        """The kinds this detector finds."""
        return (EXPOSURE_REPORT, ASTRAY_REPORT, MASS_MAIL)

    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield a finding for each kind of report and part, and one for a mass mail's links."""
        bodies = [d.body()[:LOOKED_AT] for d in documents]
        for part, texts in (("subject", [d.subject for d in documents]), ("body", bodies)):
            lowered = pa.array([_sentences(text) for text in texts], pa.string())
            for kind in REPORTS:
                # Nearly no text has one, and RE2 looks at a hundred megabytes a second.
                hits = pc.match_substring_regex(lowered, pattern(kind)).to_numpy(
                    zero_copy_only=False
                )
                for at in np.flatnonzero(hits).tolist():
                    count = _own(texts[at], kind, whole=part == "subject")
                    if count:
                        links = _links(documents[at], keyer)
                        yield self._finding(documents[at], REPORTS[kind], part, count, links)
        for document in documents:
            if len(document.people) > MASS_FROM:
                links = _links(document, keyer)
                if links:
                    yield self._finding(document, MASS_MAIL, "body", len(links), links)

    def _finding(
        self, document: Document, kind: Kind, part: str, count: int, links: tuple[str, ...]
    ) -> Finding:
        noun = kind.nouns[count > 1]
        return Finding(
            self.id, self.version, kind.id, document.message_key, part, SURE, count,
            Evidence(f"{count} {noun}", links), f"{count} {noun}",
        )  # fmt: skip


def in_subjects(subjects: pa.ChunkedArray, kind: str) -> np.ndarray:
    """Tell of subjects which report an exposure, or a wrong recipient."""
    found = pc.match_substring_regex(pc.utf8_lower(subjects), pattern(kind))
    return np.array(found.to_numpy(), dtype=bool)


def _sentences(text: str) -> str:
    """Return the text in small letters, a sentence a line: a phrase may run over a line's end."""
    text = text.encode("utf-8", "replace").decode()
    return _SENTENCE.sub("\n", text.lower().replace("\n\n", "\r").replace("\n", " "))


def _own(text: str, kind: str, *, whole: bool) -> int:
    """Return how many phrases of a kind stand in the `whole` text, or in its own new part."""
    parts = (
        [text] if whole else [text[s.start : s.end] for s in split(text) if not s.quoted | s.aside]
    )
    return sum(len(list(_regex(kind).finditer(_sentences(part)))) for part in parts)


def _links(document: Document, keyer: Keyer) -> tuple[str, ...]:
    """Return the keyed hashes of the pages that a message links to: host and path, no query."""
    pages: dict[str, None] = {}
    for text in (*document.plain, *document.html):
        for found in _LINK.finditer(text[:1_000_000]):
            pages[_page(found[0])] = None
            if len(pages) > LINKS:
                break
    return tuple(keyer(page) for page in list(pages)[:LINKS] if page)


def _page(link: str) -> str:
    """Return what tells a page: host and path, without what tells who follows the link."""
    try:
        parts = urlsplit(link.rstrip(".,;:!?"))
    except ValueError:
        return ""
    host = (parts.hostname or "").removeprefix("www.")
    return f"page:{host}{parts.path.rstrip('/').lower()}" if host else ""
