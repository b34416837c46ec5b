"""The keys of a workspace, and what only their holder can do: pseudonyms, hashes, sealing."""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import os
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from scanner.errors import StoreError
from scanner.model import keyed_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY_BYTES = 32
NONCE_BYTES = 12
MAGIC = b"undisclosed-sealed-1\n"
"""What a sealed file begins with; the id of its key follows."""

SUFFIX = ".parquet"


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


class Cipher:
    """Seals and opens under one data key; each place has a key of its own, derived from it.

    A sealed text opens only as the value of its own column and row, a sealed file only under its
    own name: none can be put in another's place.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.number = int.from_bytes(self.derived("id")[:4]) & 0x7FFFFFFF or 1
        """What SQLite keeps to tell which key its state is sealed with."""

        self.id = f"{self.number:08x}"
        self._names = AESSIV(self.derived("names") + self.derived("names, too"))
        self._place: Callable[[str], AESGCM] = lru_cache(lambda at: AESGCM(self.derived(at)))
        # The same few names stand in row after row.
        self.veil: Callable[[str], str] = lru_cache(1 << 16)(self._veil)
        """Seal a name: the same name gives the same text, so that it can be looked up."""

        self.unveil: Callable[[str], str] = lru_cache(1 << 16)(self._unveil)
        """Open a name; raises `ValueError` where it is none."""

    def derived(self, purpose: str) -> bytes:
        """Return the key for one purpose."""
        return hmac.digest(self._key, f"undisclosed\x1f{purpose}".encode(), "sha256")

    def _veil(self, name: str) -> str:
        sealed = self._names.encrypt(name.encode("utf-8", "surrogatepass"), None)
        return base64.b64encode(sealed).decode()

    def _unveil(self, text: str) -> str:
        try:
            return self._names.decrypt(base64.b64decode(text), None).decode(
                "utf-8", "surrogatepass"
            )
        except (InvalidTag, ValueError):
            raise ValueError("not sealed with this key") from None

    def seal(self, text: str, place: str, row: str) -> str:
        """Return a text sealed for one column and row."""
        sealed = self._encrypt(text.encode("utf-8", "surrogatepass"), place, row)
        return base64.b64encode(sealed).decode()

    def open(self, text: str, place: str, row: str) -> str:
        """Return what `seal` was given; raises `ValueError` where it was not for this place."""
        return self._decrypt(base64.b64decode(text), place, row).decode("utf-8", "surrogatepass")

    def seal_file(self, content: bytes, name: str) -> bytes:
        """Return a file's content sealed for its name."""
        return MAGIC + self.id.encode() + self._encrypt(content, "file", name)

    def open_file(self, content: bytes, name: str) -> bytes:
        """Return what `seal_file` was given; raises `ValueError` where it was another's."""
        return self._decrypt(content[len(MAGIC) + len(self.id) :], "file", name)

    def _encrypt(self, plain: bytes, place: str, row: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._place(place).encrypt(nonce, plain, row.encode())

    def _decrypt(self, sealed: bytes, place: str, row: str) -> bytes:
        try:
            return self._place(place).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], row.encode()
            )
        except (InvalidTag, ValueError):
            raise ValueError("not sealed with this key for this place") from None


@dataclass(frozen=True)
class Vault:
    """All keys of one workspace. Pickles with them: hand it over in memory only.

    Without a data key it is that of a plain workspace: what it writes is as it was given.
    """

    pseudonyms: bytes = field(repr=False)
    """What pseudonyms, value hashes and the journal are keyed with; it never changes."""

    data: tuple[bytes, ...] = field(default=(), repr=False)
    """What is written is sealed with the first; the others open what is not sealed anew yet."""

    plain: bool = True
    """Whether what is not sealed is taken for its own: so it is until all of it is sealed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Vault, (self.pseudonyms, self.data, self.plain)

    @classmethod
    def new(cls, *, sealed: bool) -> Vault:
        """Return new keys."""
        keys = (secrets.token_bytes(KEY_BYTES),) if sealed else ()
        return cls(secrets.token_bytes(KEY_BYTES), keys, not sealed)

    @cached_property
    def keyed(self) -> Keyed:
        """Hashes and pseudonyms."""
        return Keyed(self.pseudonyms)

    @cached_property
    def ciphers(self) -> dict[str, Cipher]:
        """Each data key's cipher by its id; the first is that in use."""
        return {cipher.id: cipher for cipher in map(Cipher, self.data)}

    @property
    def current(self) -> Cipher | None:
        """What new content is sealed with."""
        return next(iter(self.ciphers.values()), None)

    @property
    def settled(self) -> bool:
        """Whether all content is sealed with the current key; always so without one."""
        return not self.data or not (self.plain or len(self.data) > 1)

    # -- files -------------------------------------------------------------------------------

    def write(self, path: Path, content: bytes) -> None:
        """Write a file whole or not at all, for its owner only; raises `OSError`."""
        put(path, self.current.seal_file(content, path.name) if self.current else content)

    def read(self, path: Path) -> bytes:
        """Return what `write` was given; raises `OSError`, and `StoreError` for a foreign file."""
        content = path.read_bytes()
        if not content.startswith(MAGIC):
            self._accept_plain(path)
            return content
        key = content[len(MAGIC) : len(MAGIC) + 8].decode("ascii", "replace")
        try:
            return self._cipher(key, path).open_file(content, path.name)
        except ValueError as error:
            raise _damaged(path) from error

    def up_to_date(self, path: Path) -> bool:
        """Tell whether a file that `write` wrote is sealed with the key in use, if there is one."""
        with path.open("rb") as file:
            begins = file.read(len(MAGIC) + 8)
        return self.current is None or begins == MAGIC + self.current.id.encode()

    def written_again(self) -> Vault:
        """Return the keys once all is sealed with the current one."""
        return Vault(self.pseudonyms, self.data[:1], plain=not self.data)

    # -- Parquet -----------------------------------------------------------------------------

    def part_name(self) -> str:
        """Return a name for a new part file: it tells which key opens it."""
        name = secrets.token_hex(16)
        return f"{name}.{self.current.id}{SUFFIX}" if self.current else f"{name}{SUFFIX}"

    def part_up_to_date(self, path: Path) -> bool:
        """Tell by its name whether a part file is sealed with the current key, if there is one."""
        return _key_of(path) == (self.current.id if self.current else "")

    def parquet_sealing(self, path: Path) -> Any:
        """Return what pyarrow writes the part file `path` with; None where it is plain."""
        key = _key_of(path)
        if not key:
            return None
        from pyarrow.parquet import encryption

        # A key for each file: that is how AES-GCM may be used for any number of them.
        return encryption.create_encryption_properties(
            self._cipher(key, path).derived(path.name),
            aad_prefix=path.name.encode(),
            store_aad_prefix=False,
        )

    def parquet_opening(self, path: Path) -> Any:
        """Return what pyarrow reads the part file `path` with; None where it is plain."""
        key = _key_of(path)
        if not key:
            self._accept_plain(path)
            return None
        from pyarrow.parquet import encryption

        return encryption.create_decryption_properties(
            self._cipher(key, path).derived(path.name), aad_prefix=path.name.encode()
        )

    def _cipher(self, key: str, path: Path) -> Cipher:
        try:
            return self.ciphers[key]
        except KeyError:
            raise StoreError(
                f"{path}: sealed with a key that workspace.key does not hold; restore both from "
                "the same copy"
            ) from None

    def _accept_plain(self, path: Path) -> None:
        if not self.plain:
            raise StoreError(f"{path}: not sealed, as all of this workspace is; restore it")


PLAIN = Vault(b"")
"""Of no workspace: what is written with it is plain."""


def _key_of(path: Path) -> str:
    """Return the id of the key that a part file's name tells, empty where it is plain."""
    return Path(path.stem).suffix.lstrip(".")


def _damaged(path: Path) -> StoreError:
    return StoreError(f"{path}: damaged, or another file's content; restore it from a copy")


def put(path: Path, content: bytes | BinaryIO, *, new: bool = False) -> None:
    """Write a file whole or not at all, for its owner only; raises `OSError`.

    What is too large for memory is given as a file, which is copied from its beginning. With `new`,
    what has that name stays as it is: raises `FileExistsError`.

    Where the system can do that it has no name until it is whole: a kill leaves nothing behind.
    """
    private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if not _nameless(draft, content):
            with private_file(draft) as file:
                _fill(file, content)
        if new:
            _name(draft, path)
        else:
            draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _name(draft: Path, path: Path) -> None:
    """Give a file its name, which no other file has."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        # No links on this disk: without them a name is asked for and taken in two steps.
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        draft.rename(path)
    draft.unlink(missing_ok=True)


def _fill(file: BinaryIO, content: bytes | BinaryIO) -> None:
    if isinstance(content, bytes):
        file.write(content)
    else:
        content.seek(0)
        shutil.copyfileobj(content, file, 1024 * 1024)


def _nameless(path: Path, content: bytes | BinaryIO) -> bool:
    """Write a new file that gets its name last; return whether the system can do that."""
    try:
        descriptor = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except (AttributeError, OSError):
        return False
    with os.fdopen(descriptor, "wb") as file:
        _fill(file, content)
        file.flush()
        os.fsync(descriptor)
        os.fchmod(descriptor, 0o600)
        try:
            # With a descriptor of a folder, whichever, the link is followed to the file itself.
            os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)
        except OSError:
            return False
    return True


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write that only its owner may read, whatever the umask is; it is durable."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o600)


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it, that only their owner may enter, whatever the umask is."""
    if folder.is_dir():
        return
    private_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    folder.chmod(0o700)
