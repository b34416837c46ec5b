"""`workspace.key`: the keys of a workspace, in clear or wrapped by a master key of its user's."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from scanner.crypto import KEY_BYTES, NONCE_BYTES, Vault, put
from scanner.errors import MasterKeyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1


@dataclass(frozen=True)
class MasterKey:
    """The key that its user keeps; it wraps those of a workspace, and nothing else."""

    secret: bytes = field(repr=False)
    reference: Mapping[str, str] = field(compare=False)
    """Where it stands: `{"file": ...}`, `{"env": ...}` or `{"keyring": ...}`."""

    @classmethod
    def new(cls, reference: Mapping[str, str]) -> MasterKey:
        """Return a new one that is to stand there."""
        return cls(secrets.token_bytes(KEY_BYTES), reference)

    @classmethod
    def parse(cls, text: str, reference: Mapping[str, str]) -> MasterKey:
        """Return the one that a text holds; raises `MasterKeyError` where it holds none."""
        try:
            secret = bytes.fromhex(text.strip())
        except ValueError:
            secret = b""
        if len(secret) != KEY_BYTES:
            raise MasterKeyError(
                f"{place(reference)}: holds no encryption key; one is {2 * KEY_BYTES} hexadecimal "
                "digits, as `openssl rand -hex 32` prints"
            )
        return cls(secret, reference)

    @property
    def text(self) -> str:
        """What its file, variable or keyring entry holds."""
        return self.secret.hex()

    @property
    def fingerprint(self) -> str:
        """What tells it from others, and nothing about it."""
        return hashlib.blake2b(self.secret, digest_size=8, person=b"undisclosed").hexdigest()


def place(reference: Mapping[str, str]) -> str:
    """Return where a key stands, in words."""
    kind, where = next(iter(reference.items()))
    named = {"env": "the environment variable ", "keyring": "the keyring's entry "}
    return f"{named.get(kind, '')}{where}"


def reference(path: Path) -> dict[str, str] | None:
    """Return where the master key of a sealed workspace stands; None of a plain one, or of none."""
    if not path.exists():
        return None
    envelope = _envelope(path)
    return dict(envelope["key"]) if envelope else None


def load(path: Path, master: MasterKey | None) -> Vault:
    """Return the keys that a file holds; `master` is needed where it is sealed.

    Raises `MasterKeyError` where that is missing or another, `StoreError` for a damaged file.
    """
    envelope = _envelope(path)
    if envelope is None and master is not None:
        raise MasterKeyError(
            f"{path.parent}: is not encrypted, though a key is named; encrypt it with `undisclosed "
            f"init -w {path.parent}`, or name no key"
        )
    if envelope is None:
        return Vault(_plain_key(path))
    stands = place(envelope["key"])
    if master is None:
        raise MasterKeyError(f"{path.parent}: is encrypted; its key stood in {stands}")
    if master.fingerprint != envelope["fingerprint"]:
        raise MasterKeyError(
            f"{path.parent}: was encrypted with another key than that in "
            f"{place(master.reference)} (needs {envelope['fingerprint']}, this is "
            f"{master.fingerprint}); its own stood in {stands}"
        )
    wrapped = base64.b64decode(envelope["wrapped"])
    try:
        body = json.loads(
            AESGCM(master.secret).decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _header(envelope)
            )
        )
    except InvalidTag:
        raise StoreError(f"{path}: damaged, or changed; restore it from a copy") from None
    keys = tuple(map(bytes.fromhex, body["data"]))
    return Vault(bytes.fromhex(body["pseudonyms"]), keys, body["plain"])


def save(path: Path, vault: Vault, master: MasterKey | None, *, new: bool = False) -> None:
    """Write the keys, wrapped where there is a master key: the file is the old or the new one.

    With `new`, what another process wrote meanwhile stays.
    """
    content = _wrapped(vault, master) if master else f"{vault.pseudonyms.hex()}\n".encode()
    with suppress(FileExistsError):
        put(path, content, new=new)


def _wrapped(vault: Vault, master: MasterKey) -> bytes:
    envelope: dict[str, Any] = {
        "format": FORMAT,
        "key": dict(master.reference),
        "fingerprint": master.fingerprint,
    }
    body = {
        "pseudonyms": vault.pseudonyms.hex(),
        "data": [key.hex() for key in vault.data],
        "plain": vault.plain,
    }
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(master.secret).encrypt(nonce, json.dumps(body).encode(), _header(envelope))
    envelope["wrapped"] = base64.b64encode(nonce + sealed).decode()
    return (json.dumps(envelope, indent=1) + "\n").encode()


def _header(envelope: Mapping[str, Any]) -> bytes:
    """Return what stands in clear: it can be read by all, and changed by nobody."""
    return json.dumps([envelope[name] for name in ("format", "key", "fingerprint")]).encode()


def _envelope(path: Path) -> dict[str, Any] | None:
    """Return the sealed form of a key file, None where it is in clear."""
    try:
        text = path.read_text("ascii")
    except (ValueError, OSError) as error:
        raise _no_key(path) from error
    if not text.startswith("{"):
        return None
    try:
        envelope: dict[str, Any] = json.loads(text)
        newer = envelope["format"] > FORMAT
        whole = envelope["key"], envelope["fingerprint"], base64.b64decode(envelope["wrapped"])
    except (ValueError, KeyError, TypeError) as error:
        raise _no_key(path) from error
    if newer or not whole[0]:
        raise StoreError(f"{path}: wrapped by a newer version; upgrade undisclosed")
    return envelope


def _plain_key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (ValueError, OSError) as error:
        raise _no_key(path) from error
    if len(key) != KEY_BYTES:
        raise StoreError(f"{path}: the workspace key is cut short; restore it from a copy")
    return key


def _no_key(path: Path) -> StoreError:
    return StoreError(f"{path}: not a workspace key; restore it from a copy")
