"""What follows an exposure, as text shows it: the list in a quoted header, a request to delete.

A forward quotes the header of what it passes on, and with it everybody's address. These are kept as
keyed hashes, so that the list they came from is recognised and no address is stored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
    needs="three addresses and more behind To or Cc in a quoted header",
    ranks_from=NEVER, speaks_of_events=True,
)  # fmt: skip
REMEDY_WORDS = Kind(
    "remedy-words", "Apologies and requests to delete", (1, 1), (0.25, 0.25),
    "please delete my e-mail of this morning: the addresses were visible",
    nouns=("phrase of a remedy", "phrases of a remedy"),
    needs="a phrase of a remedy in the sender's own words",
    ranks_from=NEVER, speaks_of_events=True,
)  # fmt: skip

FEWEST, MOST = 3, 2_000
"""Addresses in a quoted header from which on they are a list, and of which hashes are kept."""

LOOKED_AT = 400_000
"""Characters of a body in which a quoted header is looked for."""

OWN_WORDS = 20_000

_FIELD = re.compile(
    r"^[ >*\t]{0,20}\*?(?:to|cc|an|kopie|\u00e0|copie|para|aan|a|do|dw)\*? ?:\*?(?=[ \t])(.*)",
    re.IGNORECASE,
)
_ANY_FIELD = re.compile(r"^[ >*\t]{0,20}\*?[^\W\d_]{1,12}(?: [^\W\d_]{1,12})?\*? ?:")
_ADDRESS = re.compile(
    r"[A-Z0-9_+'&%/=#!$*?^{|}~.-]{1,64}@(?:[A-Z0-9-]{1,63}\.){1,8}[A-Z]{2,24}", re.I
)


class Aftermath(ContentDetector):
    """Addresses in quoted headers, and the words of apologies and requests to delete."""

    id = "aftermath"
    version = 2

    @property
    def kinds(self) -> Sequence[Kind]:
        """Both."""
        return QUOTED_RECIPIENTS, REMEDY_WORDS

    def detect(self, documents: Sequence[Document], keyer: Keyer) -> Iterator[Finding]:
        """Yield at most one finding of each kind for a document."""
        for document in documents:
            whole = sum(part.count("@") for part in (*document.plain, *document.html))
            text = document.body()
            if whole >= FEWEST:
                listed = quoted_recipients(text[:LOOKED_AT])
                if len(listed) >= FEWEST:
                    yield self._listed(document.message_key, listed, keyer)
            remedy = self.remedy(text[:OWN_WORDS])
            if remedy:
                yield Finding(
                    self.id, self.version, REMEDY_WORDS.id, document.message_key, "body", 0.8, 1,
                    Evidence(remedy), REMEDY_WORDS.nouns[0],
                )  # fmt: skip

    def _listed(self, key: str, listed: Sequence[str], keyer: Keyer) -> Finding:
        count = len(listed)
        return Finding(
            self.id, self.version, QUOTED_RECIPIENTS.id, key, "quoted", 0.8, count,
            Evidence(f"{count} addresses", tuple(keyer(a) for a in listed[:MOST])),
            f"{count} {QUOTED_RECIPIENTS.nouns[1]}",
        )  # fmt: skip

    @staticmethod
    def remedy(text: str) -> str:
        """Return `delete` or `apology` where the new text says so, else nothing."""
        if not remedies.words().hints.search(text.lower()):
            return ""
        own = " ".join(
            text[span.start : span.end] for span in split(text) if not (span.quoted or span.aside)
        )
        return remedies.told(" ".join(own.split()))


def quoted_recipients(text: str) -> list[str]:
    """Return the distinct addresses behind To and Cc of quoted headers, in comparable form."""
    found: dict[str, None] = {}
    within = False
    for line in text.split("\n"):
        field = _FIELD.match(line) if ":" in line[:30] else None
        if field is not None:
            within = True
        elif within and (not line.strip(" >\t") or _ANY_FIELD.match(line[:60])):
            within = False
        if within and "@" in line:
            for address in _ADDRESS.findall(line[:200_000]):
                found[comparable(normalise(address.strip(".'")))] = None
    return list(found)
