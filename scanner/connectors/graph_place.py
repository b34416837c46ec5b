"""How far a mail folder is read: the checkpoint's token, by dates and never by the server's."""

from __future__ import annotations

import json
from binascii import b2a_base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OVERLAP = timedelta(hours=48)
"""So much before the newest message is listed again: clients that were offline upload late."""

SECOND = timedelta(seconds=1)
REMEMBERED = 5_000
"""Of more messages within the overlap it is cut short."""

_EMPTY = blake2b(digest_size=6)
"""To be copied: that takes a third of the time of making one."""

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def short(identity: str) -> str:
    """Return eight characters that stand for an immutable id."""
    hashing = _EMPTY.copy()
    hashing.update(identity.encode("utf-8", "surrogatepass"))
    return b2a_base64(hashing.digest(), newline=False).translate(_URL_SAFE).decode("ascii")


def second(at: datetime | None) -> datetime | None:
    """Return a time cut to the second, as filters have it."""
    return at.replace(microsecond=0) if at and at.microsecond else at


@dataclass(slots=True, eq=False)
class Piece:
    """A stretch of time that is still to be read."""

    since: datetime | None
    until: datetime | None
    tied: set[str] = field(default_factory=set)
    """Messages of the second `since` that were read already."""

    def advance(self, identity: str, at: datetime | None) -> None:
        """Take one message as read; they come in the order of their dates."""
        at = second(at)
        if at is not None and (self.since is None or at > self.since):
            self.since, self.tied = at, {identity}
        elif at == self.since or at is None:
            self.tied.add(identity)

    def parts(self, number: int, now: datetime) -> list[Piece]:
        """Return what is left as so many stretches of equal length, one where that is short."""
        end = min(self.until or now, now)
        if self.since is None or end - self.since < timedelta(hours=number):
            return [self]
        step = (end - self.since) / number
        cuts = [second(self.since + step * n) for n in range(1, number)]
        ends = zip([self.since, *cuts], [*cuts, self.until], strict=True)
        parts = [Piece(low, high) for low, high in ends]
        parts[0].tied = set(self.tied)
        return parts


@dataclass(slots=True)
class Place:
    """What is left of a folder, and what was read near its end."""

    pieces: list[Piece]
    start: datetime | None = None
    """Where the next scan begins; all before is read, all from there on that is read is known."""

    newest: datetime | None = None
    recent: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, token: str, since: datetime | None, until: datetime | None) -> Place:
        """Return the place that a token stands for, in a window; the beginning for none."""
        if not token:
            return cls([Piece(second(since), until)])
        body = json.loads(token)
        start = _time(body["start"])
        recent = {
            identity: start + timedelta(seconds=after)
            for identity, after in body["recent"].items()
            if start is not None
        }
        pieces = [Piece(_time(a), _time(b), set(tied)) for a, b, tied in body["pieces"]]
        if not pieces:
            both = [at for at in (start, second(since)) if at is not None]
            pieces = [Piece(max(both, default=None), until)]
        return cls(pieces, start, _time(body["newest"]), recent)

    def token(self) -> str:
        """Return what stands for this place."""
        self._forget()
        start = self.start
        recent = {i: (at - start) // SECOND for i, at in self.recent.items() if start}
        pieces = [
            [_text(piece.since), _text(piece.until), sorted(piece.tied)] for piece in self.pieces
        ]
        body = {
            "start": _text(start), "newest": _text(self.newest),
            "recent": recent, "pieces": pieces,
        }  # fmt: skip
        return json.dumps(body, separators=(",", ":"))

    def known(self, identity: str, piece: Piece) -> bool:
        """Tell whether a message was read before."""
        return identity in self.recent or identity in piece.tied

    def take(self, identity: str, at: datetime | None, piece: Piece, now: datetime) -> None:
        """Take one message as read; `now` is cut to the second."""
        at = second(at)
        piece.advance(identity, at)
        if at is None:
            return
        # A clock that was wrong must not hide what is sent until then.
        dated = min(at, now)
        if self.newest is None or dated > self.newest:
            self.newest = dated
        if at >= self.newest - OVERLAP:
            self.recent[identity] = at
            if len(self.recent) > 4 * REMEMBERED:
                self._forget()

    def replace(self, piece: Piece, parts: Iterable[Piece]) -> None:
        """Put the parts of a piece in its place; none where it is read."""
        at = self.pieces.index(piece)
        self.pieces[at : at + 1] = parts

    def _forget(self) -> None:
        """Keep those that lie in the overlap."""
        if self.newest is None:
            return
        start = max(self.newest - OVERLAP, self.start or self.newest - OVERLAP)
        if len(self.recent) > REMEMBERED:
            latest = sorted(self.recent.values(), reverse=True)
            start = max(start, min(latest[REMEMBERED - 1], self.newest))
        self.start = start
        self.recent = {i: at for i, at in self.recent.items() if at >= start}


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
