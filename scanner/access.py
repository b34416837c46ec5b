"""The master key of a workspace: where it stands, how it is made and changed, what it opens."""

from __future__ import annotations

import json
import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from scanner import data
from scanner.config import Secret, load
from scanner.crypto import envelope, put
from scanner.crypto.envelope import MasterKey
from scanner.errors import ConfigError, MasterKeyError, ScannerError
from scanner.store import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEY, KEY_FILE = "UNDISCLOSED_KEY", "UNDISCLOSED_KEY_FILE"
"""Environment variables: the key itself, or the file that holds it; for any workspace."""

KEYS_OF_SECRETS = ("file", "env", "keyring")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """What `init` and `rekey` did."""

    key: Mapping[str, str] | None = None
    """Where a new key stands; None where none was made."""

    before: Mapping[str, str] | None = None
    """Where the key before it stands."""

    sealed: bool = False
    """Whether what the workspace held was encrypted, or encrypted anew."""

    config: bool = False
    """Whether the configuration file was written."""


def open_workspace(root: Path, *, create: bool = False, key: Secret | None = None) -> Workspace:
    """Return the opened workspace; its key comes from the environment, `key`, or where it was.

    A workspace that is made now is encrypted where one of the first two names a key. Where `key`
    tells another place than the workspace knows, that one is kept: whoever asks next, without the
    configuration, finds it. Raises `MasterKeyError` that says which key is missing or wrong, and
    what `Workspace` raises.
    """
    environment = _environment()
    opened = _opened(root, create=create, named=environment or key)
    if environment is None and key is not None and opened.master is not None:
        _keep_place(root, opened, opened.master)
    if not opened.vault.settled:
        log.warning("%s: not all of it is encrypted yet; `undisclosed init` goes on with it", root)
    return opened


def _keep_place(root: Path, opened: Workspace, master: MasterKey) -> None:
    """Have the workspace name the place where its key was found, if it names another."""
    if envelope.reference(root / "workspace.key") == dict(master.reference):
        return
    try:
        opened.rewrap(master)
        opened.journal.write("noted where the key stands")
    except BaseException:
        opened.close()
        raise


def _opened(root: Path, *, create: bool = False, named: Secret | None = None) -> Workspace:
    stands = envelope.reference(root / "workspace.key")
    if stands is not None:
        named = named or Secret.model_validate(stands)
    elif not create:
        named = None  # it is plain, and opens without
    return Workspace(root, create=create, key=_reveal(root, named) if named else None)


def parse(text: str) -> Secret | None:
    """Return what `file:PATH`, `env:NAME` or `keyring:SERVICE/USER` stands for, if anything."""
    if not text:
        return None
    kind, _, where = text.partition(":")
    try:
        if kind not in KEYS_OF_SECRETS or not where:
            raise ValueError(text)  # noqa: TRY301 - one message for both
        where = str(Path(where).absolute()) if kind == "file" else where
        return Secret.model_validate({kind: where})
    except (ValueError, ValidationError):
        raise ConfigError(
            f"--key {text}: write file:PATH, env:NAME or keyring:SERVICE/USER"
        ) from None


def init(root: Path, config: Path, key: Secret | None = None) -> Made:
    """Make a workspace with its key, or encrypt one that is there, and write a configuration.

    What exists stays as it is. A workspace whose encryption was interrupted is taken up again.
    Without `key` it is the one that the environment names, else a configuration that is there.
    """
    keys = root / "workspace.key"
    named = key or _environment() or (load(config, {}).key if config.exists() else None)
    if envelope.reference(keys) is not None:
        with _opened(root, named=named) as opened:
            going_on = not opened.vault.settled
            if going_on:
                opened.seal_anew()
                opened.journal.write("encrypted")
        return Made(sealed=going_on, config=_write_config(root, config))
    old, master = keys.exists(), _provided(root, named)
    if old:
        with Workspace(root, create=True) as plain:
            plain.rewrap(master, new_key=True)
    with Workspace(root, create=True, key=master) as opened:
        if old:
            opened.seal_anew()
        opened.journal.write("encrypted")
    return Made(master.reference, sealed=old, config=_write_config(root, config))


def rekey(root: Path, key: Secret | None = None, *, everything: bool = False) -> Made:
    """Put another master key in the place of the one in use; the files stay as they are.

    With `everything`, all that is stored is encrypted anew, under new data keys.
    """
    with _opened(root, named=_environment()) as opened:
        before = envelope.reference(root / "workspace.key")
        if before is None:
            raise MasterKeyError(f"{root}: is not encrypted; `undisclosed init -w {root}` does it")
        if key is None and "file" not in before:
            raise ConfigError(
                f"--key: the key stands in {envelope.place(before)}; say where the new one stands"
            )
        master = _provided(root, key, Path(before["file"]).parent if key is None else None)
        if master == opened.master:
            raise ConfigError(f"--key: {envelope.place(before)} is the key in use; name another")
        opened.rewrap(master, new_key=everything)
        opened.journal.write("changed the key", everything=everything)
    if everything:
        with Workspace(root, key=master) as again:
            again.seal_anew()
    return Made(master.reference, before, sealed=everything)


def created(root: Path, config: Path, made: Made) -> Iterator[str]:
    """Yield what `init` made, in words, and what to do next."""
    key = f"the key in {envelope.place(made.key)}" if made.key else ""
    if key:
        yield f"{root}: encrypted with {key}"
    elif made.sealed:
        yield f"{root}: the rest of it is encrypted now"
    else:
        yield f"{root}: is encrypted already"
    yield f"{config}: {'written' if made.config else 'is there already, and stays as it is'}"
    steps = [
        f"Back up {key}, apart from the workspace: without it nobody can read anything in there, "
        "and nobody can make it anew." if key else "",
        f"Name your mail and your domains in {config}.",
        f"undisclosed scan SOURCE --config {config}",
    ]  # fmt: skip
    for number, step in enumerate(filter(None, steps), start=1):
        yield f"  {number}. {step}"


def changed(root: Path, made: Made) -> Iterator[str]:
    """Yield where the new key stands, in words, and what the old one is still good for."""
    done = "encrypted anew with" if made.sealed else "opens now with"
    new, old = (envelope.place(where) for where in (made.key, made.before) if where)
    yield f"{root}: {done} the key in {new}"
    yield "  1. Back up the new key, apart from the workspace."
    yield (
        f"  2. Copies of the workspace from before open with the key in {old} only: remove that "
        "one when no copy needs it."
    )
    yield "  3. Where a configuration file or a variable names the old key, name the new one there."


def _environment() -> Secret | None:
    """Return the key that the environment names."""
    if os.environ.get(KEY):
        return Secret(env=KEY)
    file = os.environ.get(KEY_FILE)
    return Secret(file=Path(file).absolute()) if file else None


def _reveal(root: Path, secret: Secret) -> MasterKey:
    """Return the key that stands there; raises `MasterKeyError` where it cannot be used."""
    if secret.file is not None:
        _guard(root, secret.file)
    try:
        return MasterKey.parse(secret.reveal(), _reference(secret))
    except ConfigError as error:
        raise MasterKeyError(
            f"{root}: its key cannot be had: {error}; name it with {KEY_FILE}, or restore it from "
            "your copy: without it nothing here can be read"
        ) from error


def _reference(secret: Secret) -> dict[str, str]:
    """Return where a key stands; a file is found from any folder."""
    if secret.file is not None:
        return {"file": str(secret.file.absolute())}
    return {name: str(v) for name in KEYS_OF_SECRETS if (v := getattr(secret, name))}


def _guard(root: Path, file: Path) -> None:
    """Refuse a key that others can read, or that lies with what it opens."""
    if file.resolve().is_relative_to(root.resolve()):
        raise MasterKeyError(
            f"{file}: a key inside the workspace protects nothing; move it elsewhere and name it "
            f"with {KEY_FILE}"
        )
    if os.name != "posix" or not file.exists():
        return
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise MasterKeyError(f"{file}: others can read or change this key; run chmod 600 {file}")
    if mode & stat.S_IRGRP:
        log.warning("%s: its group can read this key; chmod 600 unless that is meant", file)


def _provided(root: Path, secret: Secret | None, folder: Path | None = None) -> MasterKey:
    """Return the key that stands where it was named, put there now where none is.

    Without a name it is a new file among the user's own settings, or in `folder`.
    """
    if secret is None:
        made = MasterKey.new({})
        file = (folder or _settings()) / f"{root.resolve().name}-{made.fingerprint[:8]}.key"
        secret = Secret(file=file)
        _put(secret, made.text)
        return _reveal(root, secret)
    if secret.file is not None and not secret.file.exists():
        _guard(root, secret.file)
        _put(secret, MasterKey.new({}).text)
    elif secret.keyring and not secret.kept():
        _put(secret, MasterKey.new({}).text)
    return _reveal(root, secret)


def _put(secret: Secret, text: str) -> None:
    if secret.file is None:
        secret.keep(text)
        return
    try:
        put(secret.file, f"{text}\n".encode(), new=True)
    except OSError as error:
        raise MasterKeyError(f"{secret.file}: cannot be written: {error.strerror}") from error


def _settings() -> Path:
    """Return where a user's keys are kept: not with the data, nor in what is backed up with it."""
    try:
        base = os.environ.get("APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME")
        return (Path(base) if base else Path.home() / ".config") / "undisclosed" / "keys"
    except RuntimeError:
        raise ConfigError("--key: there is no home folder; say where the key is to stand") from None


def _write_config(root: Path, config: Path) -> bool:
    """Write the commented configuration unless there is one; return whether it was."""
    text = data.read("configuration.toml").replace('"WORKSPACE"', json.dumps(str(root.absolute())))
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        put(config, text.encode(), new=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise ScannerError(f"{config}: cannot be written: {error.strerror}") from error
    return True
