"""What follows an exposure, as text shows it: a quoted list, a request to delete, an answer to it.

A forward quotes the header of what it passes on, and with it everybody's address. These are kept as
keyed hashes, so that the list they came from is recognised and no address is stored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from scanner import remedies
from scanner.addresses import comparable, normalise
from scanner.detectors.base import NEVER, ContentDetector, Keyer, Kind
from scanner.model import Evidence, Finding
from scanner.text import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.messages import Document

QUOTED_RECIPIENTS = Kind(
    "quoted-recipients", "Recipients in a quoted header", (1, 1), (0.5, 0.75),
    "To: jane.doe@firm.example; sam@firm.example; ... in a forwarded message",
    nouns=("address in a quoted header", "addresses in a quoted header"),
    needs="three addresses and more behind To or Cc of one quoted header",
    ranks_from=NEVER, speaks_of_events=True,
)  # fmt: skip
REMEDY_WORDS = Kind(
    "remedy-words", "Apologies and requests to delete", (1, 1), (0.25, 0.25),
    "please delete my e-mail of this morning: the addresses were visible",
    nouns=("phrase of a remedy", "phrases of a remedy"),
    needs="a phrase of a remedy in the sender's own words",
    ranks_from=NEVER, speaks_of_events=True,
)  # fmt: skip
DELETED = Kind(
    "deletion-confirmed", "Answers that a message was deleted", (1, 1), (0.25, 0.25),
    "I have deleted your e-mail",
    nouns=("confirmation of deletion", "confirmations of deletion"),
    needs="a phrase of the table, in the sender's own words, that asks, denies and plans nothing",
    ranks_from=NEVER, speaks_of_events=True,
)  # fmt: skip

FEWEST, MOST = 3, 10_000
"""Addresses in a quoted header from which on they are a list, and of which hashes are kept."""

HEADERS = 50
"""Quoted headers with a list that are kept: the outermost, which come first."""

LOOKED_AT = 400_000
"""Characters of a body in which a quoted header is looked for."""

OWN_WORDS = 20_000

FROM = "from:"
"""Begins the value of whom a quoted header names as sender; the values behind it are its list."""

_MARK = r"[ >*\t]{0,20}"
_FIELD = re.compile(
    rf"{_MARK}(?:(?P<sender>from|von|de|da|van|od|fr.n|fra)"
    r"|(?P<list>to|cc|an|kopie|\u00e0|copie|para|aan|a|do|dw|till?|kopia)"
    r"|(?P<other>sent|date|subject|gesendet|datum|betreff|envoy. ?(?:le)?|objet"
    r"|enviad[ao](?: el| em)?|fecha|asunto|assunto|verzonden|onderwerp|inviato|data|oggetto"
    r"|wys.ano|temat|skickat|.mne|sendt|emne))\*? ?:\*?(?:[ \t]|$)",
    re.IGNORECASE,
)
_ANY_FIELD = re.compile(rf"{_MARK}[^\W\d_]{{1,12}}(?:[ -][^\W\d_]{{1,12}})?\*? ?:")
_ADDRESS = re.compile(
    r"[A-Z0-9_+'&%/=#!$*?^{|}~.-]{1,64}@(?:[A-Z0-9-]{1,63}\.){1,8}[A-Z]{2,24}", re.I
)


class QuotedHeader(NamedTuple):
    """The header of one message that a text quotes; addresses in comparable form."""

    sender: str
    """Empty where it names none by address."""

    listed: Sequence[str]
    """The distinct addresses behind To and Cc."""


class Aftermath(ContentDetector):
    """Addresses in quoted headers, the words of apologies and requests to delete, confirmations."""

    id = "aftermath"
    version = 4

    @property
    def kinds(self) -> Sequence[Kind]:
        """All three."""
        return QUOTED_RECIPIENTS, REMEDY_WORDS, DELETED

    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield at most one finding of each kind for a document."""
        for document in documents:
            whole = sum(part.count("@") for part in (*document.plain, *document.html))
            text = document.body()
            if whole >= FEWEST:
                headers = quoted_headers(text[:LOOKED_AT])
                if headers:
                    yield self._quoted(document.message_key, headers, keyer)
            own = self.own_words(text[:OWN_WORDS])
            if not own:
                continue
            remedy = remedies.told(" ".join(own.split()))
            if remedy:
                yield self._phrase(REMEDY_WORDS, document, remedy)
            if remedies.confirmed(own):
                yield self._phrase(DELETED, document, DELETED.nouns[0])

    def _quoted(self, key: str, headers: Sequence[QuotedHeader], keyer: Keyer) -> Finding:
        count = len({address for header in headers for address in header.listed})
        values: list[str] = []
        for header in headers:
            values.append(FROM + (keyer(header.sender) if header.sender else ""))
            values += map(keyer, header.listed[: max(MOST - len(values), 0)])
        return Finding(
            self.id, self.version, QUOTED_RECIPIENTS.id, key, "quoted", 0.8, count,
            Evidence(f"{count} addresses", tuple(values)), f"{count} {QUOTED_RECIPIENTS.nouns[1]}",
        )  # fmt: skip

    def _phrase(self, kind: Kind, document: Document, masked: str) -> Finding:
        return Finding(
            self.id, self.version, kind.id, document.message_key, "body", 0.8, 1,
            Evidence(masked), kind.nouns[0],
        )  # fmt: skip

    @staticmethod
    def own_words(text: str) -> str:
        """Return the new part of a text that may hold a phrase, without what it quotes."""
        if not remedies.hinted(text):
            return ""
        spans = (span for span in split(text) if not (span.quoted or span.aside))
        return "\n".join(text[span.start : span.end] for span in spans)


def quoted_headers(text: str) -> list[QuotedHeader]:
    """Return the headers with a list that a text quotes, the outermost first.

    A line `To: ...` alone is none: beside it stands who sent what was quoted, when or about what.
    """
    found: list[QuotedHeader] = []
    header = _Header()
    for line in text.split("\n"):
        field = _FIELD.match(line) if ":" in line[:48] else None
        if field is not None:
            if field["sender"] and (header.sender or header.listed):
                found += header.told()
                header = _Header()
            if len(found) >= HEADERS:
                return found
            header.begin(field.lastgroup or "")
            header.take(line[field.end() :])
        elif not line.strip(" >\t") or (header.fields and _ANY_FIELD.match(line[:60])):
            # Some programs part the fields by empty lines; a list does not go on behind one.
            header.within = ""
        elif header.within:
            header.take(line)
        elif header.fields:
            found += header.told()
            header = _Header()
    return found + header.told() if len(found) < HEADERS else found


class _Header:
    """A quoted header that is being read."""

    def __init__(self) -> None:
        self.fields: set[str] = set()
        self.within = ""
        self.sender = ""
        self.listed: dict[str, None] = {}

    def begin(self, field: str) -> None:
        """Take in that a field begins."""
        self.fields.add(field)
        self.within = field

    def take(self, text: str) -> None:
        """Take in what a field holds, or how it goes on in the next line."""
        if self.within == "other" or "@" not in text:
            return
        for address in _ADDRESS.findall(text[:200_000]):
            person = comparable(normalise(address.strip(".'")))
            if self.within == "list":
                self.listed[person] = None
            else:
                self.sender = self.sender or person

    def told(self) -> list[QuotedHeader]:
        """Return the header where it is one and holds a list."""
        whole = len(self.fields) > 1 and len(self.listed) >= FEWEST
        return [QuotedHeader(self.sender, list(self.listed))] if whole else []
