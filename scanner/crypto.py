"""The workspace's key, and what only its holder can compute: pseudonyms and value hashes."""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import TYPE_CHECKING

from scanner.errors import StoreError
from scanner.model import keyed_hash

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES = 32


def load_or_create_key(path: Path) -> bytes:
    """Return the key in `path`, made at the first call, readable by its owner only.

    Raises `StoreError` where the file holds no key.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (ValueError, OSError) as error:
        raise StoreError(f"{path}: not a workspace key; restore it from a copy") from error
    if len(key) != KEY_BYTES:
        raise StoreError(f"{path}: the workspace key is cut short; restore it from a copy")
    return key


class Keyed:
    """Hashes and pseudonyms under one workspace's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def value(self, text: str) -> str:
        """Return the keyed hash of a matched value, for evidence."""
        return keyed_hash(self._key, "value", text)

    def file(self, content: bytes) -> str:
        """Return the keyed hash of a file's content: tells the same file in two messages."""
        return keyed_hash(self._key, "file", hashlib.sha256(content).hexdigest())

    def seal(self, *parts: str) -> str:
        """Return what proves that these parts, in this order, were written with the key."""
        return keyed_hash(self._key, "seal", *parts)

    def folder(self, text: str) -> str:
        """Return a folder or unit name that does not tell what it stands for."""
        return keyed_hash(self._key, "folder", text)[:16]

    def pseudonym(self, address: str) -> str:
        """Return `person-xxxxxx@domain`: stable within the workspace, telling the domain only."""
        name, _, domain = address.rpartition("@")
        digest = keyed_hash(self._key, "pseudonym", address)[:6]
        return f"person-{digest}@{domain}" if name else f"person-{digest}"
