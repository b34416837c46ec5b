"""Message keys: a message of a mailbox has the same one at every reading, from any source."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_EMPTY = blake2b(digest_size=16)
"""To be copied: that takes a third of the time of making one."""


class KeyRing:
    """Gives each message of one mailbox its `message_key`, the same at every reading.

    A key is a hash of mailbox, identity (Message-ID, else content) and an ordinal that tells equal
    ones apart. `stored` maps the keys that the store holds for this mailbox to the unit they came
    from. A unit read again from its beginning takes up its own keys in order; one that is read on
    (`resumed`) leaves those of what came before. Neither takes those of another unit.
    """

    def __init__(
        self,
        mailbox: str,
        unit: str,
        stored: Mapping[str, str] | None = None,
        *,
        resumed: bool = False,
    ) -> None:
        self._stored = stored if stored is not None else {}
        self._begun = _EMPTY.copy()
        self._begun.update(f"{mailbox}\x1f".encode("utf-8", "surrogatepass"))
        self._own = None if resumed else unit
        self._taken: set[int] = set()
        self._next: dict[bytes, int] = {}
        """Which ordinal an identity has next, for those that came more than once."""

    def key(self, identity: str) -> tuple[str, bool]:
        """Return the key of the next message with this identity, and whether it is stored."""
        seeding = self._begun.copy()
        seeding.update(identity.encode("utf-8", "surrogatepass"))
        seed = seeding.digest()
        ordinal = self._next.get(seed, 0)
        while True:
            hashing = _EMPTY.copy()
            hashing.update(seed + ordinal.to_bytes(4))
            digest = hashing.digest()
            # Eight bytes of it: very many are kept at a time.
            taken, key = int.from_bytes(digest[:8]), digest.hex()
            ordinal += 1
            owner = self._stored.get(key)
            if taken not in self._taken and (owner is None or owner == self._own):
                self._taken.add(taken)
                if ordinal > 1:
                    self._next[seed] = ordinal
                return key, owner is not None
            self._next[seed] = ordinal
