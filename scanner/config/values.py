"""What configuration values are made of: days, domains, addresses, references to secrets."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    model_validator,
)

from scanner.addresses import normalise
from scanner.errors import ConfigError


class Strict(BaseModel):
    """A table of the configuration: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parse_when(text: str) -> datetime | date:
    """Return the day or instant that a flag names; raises `ConfigError` for anything else."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no date; write 2026-03-31 or 2026-03-31T09:00") from None


def _domain(text: str) -> str:
    name = normalise(f"x@{text.strip().lstrip('@')}").partition("@")[2]
    if "." not in name or " " in name:
        raise ValueError(f"{text!r} is no domain; write it as in example.org")
    return name


def _when(value: object) -> object:
    """Return text as the day or instant that it names; TOML has values of its own for both."""
    if isinstance(value, str):
        try:
            return parse_when(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None
    if value is not None and not isinstance(value, date):
        raise ValueError(f"{value!r} is no date; write 2026-03-31")
    return value


def _mailbox(text: str) -> str:
    address = normalise(text)
    if "@" not in address:
        raise ValueError(f"{text!r} is no address; write it as in complaints@example.org")
    return address


When = Annotated[datetime | date | None, BeforeValidator(_when)]
Domain = Annotated[str, AfterValidator(_domain)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]


Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}(_[A-Za-z]{2,10})?$")]


class Secret(Strict):
    """Where a secret stands: it is never in the configuration file itself."""

    env: str = ""
    file: Path | None = None
    keyring: str = ""
    """`service/user` of the system's keyring; needs the package keyring."""

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if (bool(self.env), bool(self.file), bool(self.keyring)).count(True) != 1:
            raise ValueError('name one of env, file and keyring, as in {env = "GRAPH_SECRET"}')
        return self

    def reveal(self) -> str:
        """Return the secret; raises `ConfigError` that says where it is missing."""
        if self.env:
            value = os.environ.get(self.env, "")
            if not value:
                raise ConfigError(f"the environment variable {self.env} is not set, or empty")
            return value
        if self.file is not None:
            try:
                return self.file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "no text"
                raise ConfigError(f"{self.file}: the secret cannot be read: {reason}") from error
        return self._from_keyring()

    def _from_keyring(self) -> str:
        value = self.kept()
        if not value:
            raise ConfigError(f"the keyring holds no secret {self.keyring}")
        return value

    def kept(self) -> str:
        """Return what the keyring holds under this name, empty where there is nothing."""
        return str(self._ask("get_password") or "")

    def keep(self, value: str) -> None:
        """Put a value into the keyring under this name."""
        self._ask("set_password", value)

    def _ask(self, does: str, *value: str) -> object:
        service, _, user = self.keyring.partition("/")
        try:
            import keyring  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ConfigError(
                f"the secret {self.keyring} is in the keyring, but the package keyring is not "
                "installed: install it, or use env or file"
            ) from error
        try:
            return getattr(keyring, does)(service, user, *value)
        except Exception as error:
            raise ConfigError(
                f"the keyring cannot be asked for {self.keyring} ({type(error).__name__})"
            ) from error


def arguments(model: BaseModel) -> dict[str, Any]:
    """Return each field but `type` as an argument, secrets revealed.

    Raises `ConfigError` that says which secret is missing.
    """
    values = {name: getattr(model, name) for name in type(model).model_fields if name != "type"}
    return {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in values.items()
        if value is not None
    }
