"""One TOML file, the environment and the flags become one frozen configuration."""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from scanner.config.channels import Notify
from scanner.config.rules import DetectorChoice, SeverityRules, Triage
from scanner.config.sources import (
    SOURCES,
    ArchiveSource,
    EwsSource,
    GraphCredential,
    GraphSource,
    MailboxChoice,
    Source,
)
from scanner.config.values import (
    Domain,
    Language,
    Mailbox,
    Secret,
    Strict,
    When,
    arguments,
    parse_when,
)
from scanner.errors import ConfigError
from scanner.model import ContentLevel, Severity

__all__ = [
    "ArchiveSource",
    "Config",
    "DetectorChoice",
    "EwsSource",
    "GraphCredential",
    "GraphSource",
    "MailboxChoice",
    "Notify",
    "Secret",
    "SeverityRules",
    "Triage",
    "arguments",
    "instant",
    "load",
    "parse_when",
]

DEFAULT_WORKSPACE = Path("undisclosed-workspace")


class Config(Strict):
    """Everything that a scan is asked for."""

    organisation: str = ""
    workspace: Path = DEFAULT_WORKSPACE
    key: Secret | None = None
    """The encryption key, where it is not where `init` put it."""

    internal_domains: tuple[Domain, ...] = ()
    partner_domains: tuple[Domain, ...] = ()
    content: ContentLevel = ContentLevel.TEXT
    ocr: tuple[Language, ...] = ()
    """Languages in which pictures are read, as Tesseract names them; none where it is not asked."""

    content_audience: Literal["external", "all"] = "external"
    """Whether only what somebody outside was sent has its content looked at."""

    service_mailboxes: tuple[Mailbox, ...] = ()
    """Mailboxes of which everything is looked at, inbound and internal mail too."""

    privacy_contacts: tuple[Mailbox, ...] = ()
    """Who answers for data protection: a report is handed over when it reaches one of them."""

    departments: Path | None = None
    """A table that tells the department of each mailbox; the rates of departments rest on it."""

    directory_hours: float = 24
    """How old what is known of an address book may be before it is read again."""

    since: When = None
    until: When = None
    fail_on: Severity = Severity.HIGH
    mailbox: str | None = None
    """The mailbox of archives named on the command line, where nothing in them tells."""

    triage: Triage = Triage()
    severity: SeverityRules = SeverityRules()
    notify: Notify = Notify()
    detectors: DetectorChoice = DetectorChoice()
    sources: dict[str, Source] = Field(default={})

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """From and to, to excluded; an `until` without a time means the end of that day."""
        return _instant(self.since, end=False), _instant(self.until, end=True)

    def fingerprint(self, detectors: str) -> str:
        """Return a hash of all that can change what a scan finds.

        `detectors` tells what the packs hold, and which kinds are on.
        """
        left_out = {
            "workspace",
            "key",
            "fail_on",
            "organisation",
            "detectors",
            "departments",
            "directory_hours",
            "triage",
        }
        body = self.model_dump(mode="json", exclude=left_out) | {"detectors": detectors}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _instant(value: datetime | date | None, *, end: bool) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC) + timedelta(days=end)


def instant(text: str, *, end: bool = False) -> datetime | None:
    """Return the instant that a flag names, None for an empty one; with `end`, a day's end."""
    return _instant(parse_when(text), end=end) if text else None


def load(path: Path | None, overrides: dict[str, Any]) -> Config:
    """Return the configuration of a file, if any, with what flags and environment say on top.

    Raises `ConfigError` that names the file and the key.
    """
    table: dict[str, Any] = {}
    if path is not None:
        try:
            table = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: no valid TOML: {error}") from error
    given = {key: value for key, value in overrides.items() if value not in (None, (), [], "")}
    try:
        config = Config.model_validate(table | given)
    except ValidationError as error:
        raise ConfigError(f"{path or 'command line'}: {_first(error)}") from error
    if path is not None and config.departments is not None and "departments" not in given:
        beside = path.parent / config.departments
        config = config.model_copy(update={"departments": beside})
    if path is not None and config.detectors.packs:
        packs = tuple(path.parent / pack for pack in config.detectors.packs)
        chosen = config.detectors.model_copy(update={"packs": packs})
        config = config.model_copy(update={"detectors": chosen})
    since, until = config.window
    if config.ocr and config.content is not ContentLevel.ATTACHMENTS:
        raise ConfigError("ocr: pictures are attachments; ask for --content attachments too")
    if since and until and since >= until:
        raise ConfigError("--since is not before --until: the window holds nothing")
    return config


def _first(error: ValidationError) -> str:
    """Return the first problem as a sentence that names the key."""
    problem = error.errors(include_url=False, include_input=False)[0]
    where = problem["loc"]
    if where[:1] == ("sources",):
        where = where[:2] + where[3:]  # the third is the type of the source, no key
    key = ".".join(str(part) for part in where)
    if problem["type"] == "extra_forbidden":
        keys = _keys(problem["loc"][:-1])
        return f"unknown key {key!r}{keys}"
    return f"{key}: {problem['msg'].removeprefix('Value error, ')}"


def _keys(place: tuple[int | str, ...]) -> str:
    """Return which keys the table at a place in the file has."""
    table: type[BaseModel] | None = Config
    where = "at the top"
    if place:
        where = f"of [{'.'.join(map(str, place[:2]))}]"
        table = DetectorChoice if place[0] == "detectors" else None
        if place[0] == "sources" and len(place) == 3:
            table = SOURCES.get(str(place[2]))
    return f"; the keys {where} are {', '.join(sorted(table.model_fields))}" if table else ""
