"""One TOML file, the environment and the flags become one frozen configuration."""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from scanner.addresses import normalise
from scanner.errors import ConfigError
from scanner.model import ContentLevel, Severity

DEFAULT_WORKSPACE = Path("undisclosed-workspace")


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


When = Annotated[datetime | date | None, BeforeValidator(_when)]
Domain = Annotated[str, AfterValidator(_domain)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArchiveSource(_Strict):
    """A file or folder of mail."""

    type: Literal["archive"]
    path: Path
    mailbox: str | None = None
    """The mailbox all its messages belong to, where file names and owners do not tell."""


class DetectorChoice(_Strict):
    """Which kinds of personal data are looked for in content."""

    regions: tuple[Literal["uk", "eu", "us"], ...] | None = None
    """Whose numbers; all where it is not given. What people have everywhere stays on."""

    without: tuple[str, ...] = ()
    """Kinds that are off."""

    packs: tuple[Path, ...] = ()
    """Files with kinds and sensitive words of one's own; relative to the configuration file."""


class Config(_Strict):
    """Everything that a scan is asked for."""

    organisation: str = ""
    workspace: Path = DEFAULT_WORKSPACE
    internal_domains: tuple[Domain, ...] = ()
    partner_domains: tuple[Domain, ...] = ()
    content: ContentLevel = ContentLevel.TEXT
    since: When = None
    until: When = None
    fail_on: Severity = Severity.HIGH
    mailbox: str | None = None
    """The mailbox of archives named on the command line, where nothing in them tells."""

    detectors: DetectorChoice = DetectorChoice()
    sources: dict[str, ArchiveSource] = {}

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """From and to, to excluded; an `until` without a time means the end of that day."""
        return _instant(self.since, end=False), _instant(self.until, end=True)

    def fingerprint(self, detectors: str) -> str:
        """Return a hash of all that can change what a scan finds.

        `detectors` tells what the packs hold, and which kinds are on.
        """
        left_out = {"workspace", "fail_on", "organisation", "detectors"}
        body = self.model_dump(mode="json", exclude=left_out) | {"detectors": detectors}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _instant(value: datetime | date | None, *, end: bool) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC) + timedelta(days=end)


def parse_when(text: str) -> datetime | date:
    """Return the day or instant that a flag names; raises `ConfigError` for anything else."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no date; write 2026-03-31 or 2026-03-31T09:00") from None


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
    if path is not None and config.detectors.packs:
        packs = tuple(path.parent / pack for pack in config.detectors.packs)
        chosen = config.detectors.model_copy(update={"packs": packs})
        config = config.model_copy(update={"detectors": chosen})
    since, until = config.window
    if since and until and since >= until:
        raise ConfigError("--since is not before --until: the window holds nothing")
    return config


def _first(error: ValidationError) -> str:
    """Return the first problem as a sentence that names the key."""
    problem = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        table, where = _table(problem["loc"][:-1])
        return f"unknown key {key!r}; the keys {where} are {', '.join(sorted(table.model_fields))}"
    return f"{key}: {problem['msg'].removeprefix('Value error, ')}"


def _table(place: tuple[int | str, ...]) -> tuple[type[BaseModel], str]:
    """Return the table that a place in the file belongs to, and how to speak of it."""
    tables: dict[str, type[BaseModel]] = {"detectors": DetectorChoice, "sources": ArchiveSource}
    if place and place[0] in tables:
        return tables[str(place[0])], f"of [{'.'.join(map(str, place))}]"
    return Config, "at the top"
