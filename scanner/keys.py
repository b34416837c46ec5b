"""Message keys: a message of a mailbox has the same one at every reading, from any source."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        self._mailbox, self._stored = mailbox, stored or {}
        self._own = None if resumed else unit
        self._next: dict[bytes, int] = {}

    def key(self, identity: str) -> tuple[str, bool]:
        """Return the key of the next message with this identity, and whether it is stored."""
        seed = hashlib.blake2b(
            f"{self._mailbox}\x1f{identity}".encode("utf-8", "surrogatepass"), digest_size=16
        ).digest()
        ordinal = self._next.get(seed, 0)
        while True:
            key = hashlib.blake2b(seed + ordinal.to_bytes(4), digest_size=16).hexdigest()
            ordinal += 1
            owner = self._stored.get(key)
            if owner is None or owner == self._own:
                self._next[seed] = ordinal
                return key, owner is not None
